"""Slack on your laptop: a local stand-in for Slack's Web API, and a person who uses it."""
