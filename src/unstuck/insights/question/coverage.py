"""The proof: every content word is bound to something in the plan, or it is named back to the asker."""

from __future__ import annotations

from unstuck.insights.question.draft import Draft
from unstuck.insights.question.meaning import Role, Word


def unexplained(draft: Draft) -> list[Word]:
    """Content words that no rule bound; operators that hang in the air are among them."""
    return [word for word in draft.left() if not _is_lead_in(draft, word)]


def _is_lead_in(draft: Draft, word: Word) -> bool:
    """ "And", "what about", 呢 open or close a sentence and ask for nothing by themselves."""
    return word.is_a(Role.CUE, "and") and draft.previous is not None
