"""Unstuck: a Slack bot that keeps after-sales support moving."""

__version__ = "0.1.0"
