"""Which stalls nobody hears about, so that it shows whether nudges help: a fixed share, by a hash. Pure."""

from __future__ import annotations

import hashlib

from unstuck.nudges.recipients import MANAGER
from unstuck.nudges.told import base


def is_held_out(ticket: int, occasion: str, recipient: str, share: float) -> bool:
    """Whether a nudge is held back: the same answer for every rung of one ticket's standing still, but for managers.

    What is escalated to a manager is never held back.
    """
    if share <= 0 or recipient == MANAGER:
        return False
    drawn = hashlib.sha256(f"{ticket}:{base(occasion)}".encode()).digest()[:8]
    return int.from_bytes(drawn) / 2**64 < share
