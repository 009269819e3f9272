"""The desk's ticket systems: configured in files, read into the store, checked against it, written back to."""
