"""What solved such a ticket before: one line on a nudge, only where the knowledge base would answer at all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from knowledge.cards import PUBLIC, Citation, Question
from knowledge.errors import KnowledgeError
from unstuck.nudges.message import Problem

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")

#: `(problem, whether one person alone reads it)`.
Hint = Callable[[Problem, bool], Citation | None]


def no_hint(problem: Problem, alone: bool) -> Citation | None:  # noqa: ARG001 - for desks that show none
    return None


def in_knowledge(deps: Deps) -> Hint:
    """Hints from the desk's knowledge base; a base that cannot be asked never keeps a nudge back."""

    def find(problem: Problem, alone: bool) -> Citation | None:
        visible = frozenset({PUBLIC, "internal"} if alone else {PUBLIC})
        try:
            # The ticket's own card, from before it was reopened, is what did not help.
            return deps.knowledge.cite(Question(problem.text, visible=visible, tried=frozenset({problem.ticket})))
        except KnowledgeError as error:
            log.warning("no hint for %s: %s", problem.ticket, error)
            return None

    return find
