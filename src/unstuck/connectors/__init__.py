"""One file a ticket system, one shared contract."""
