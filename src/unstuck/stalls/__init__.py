"""Whose turn it is, what is late, and why we think so. Pure."""
