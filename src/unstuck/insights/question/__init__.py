"""From a manager's words to a plan, with proof that no word was dropped."""

from __future__ import annotations

from unstuck.insights.question.reading import read

__all__ = ["read"]
