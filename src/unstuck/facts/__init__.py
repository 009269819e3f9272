"""A columnar copy of the history that questions are answered from."""

from unstuck.facts.connect import Facts

__all__ = ["Facts"]
