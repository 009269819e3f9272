"""Who hears about a stall, when, and exactly once."""
