"""Slack: events in, blocks out. No SQL, no prompts, no HTTP clients of its own."""
