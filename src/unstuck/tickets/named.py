"""Which ticket a text is about: the one whose number or address it names."""

from __future__ import annotations

import re

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from unstuck.tickets.history import TICKET

_ADDRESS = re.compile(r"https?://[^\s<>|\"]+")
#: What can be a ticket's number: letters and digits, at least one of these, such as INC0010023 or SUP-12.
_NUMBER = re.compile(r"(?<![\w.-])(?=[\w-]*\d)[A-Za-z0-9][A-Za-z0-9_-]{2,39}(?![\w-])", re.ASCII)
#: Digits alone are a ticket's number only where the text says so.
_SAID_TO_BE = re.compile(
    r"(?:#|\b(?:ticket|case|issue|request)(?: no\.?)? ?#?|工单号?|单号|编号)[ :：]?(\d{1,18})(?![A-Za-z0-9_-])",
    re.IGNORECASE,
)
#: A pasted log names hundreds of things.
_MOST = 50


def ticket_named(session: Session, text: str) -> int | None:
    """`Ticket.id` of the one known ticket that `text` names; `None` where it names none, or more than one."""
    numbers = [found for found in _NUMBER.findall(text) if not found.isdecimal()]
    numbers += _SAID_TO_BE.findall(text)
    addresses = [found.rstrip(".,;)!?。，；）") for found in _ADDRESS.findall(text)]
    if not numbers and not addresses:
        return None
    is_named = or_(TICKET.c.ext_id.in_(numbers[:_MOST]), TICKET.c.url.in_(addresses[:_MOST]))
    found = session.execute(select(TICKET.c.id).where(is_named).limit(2)).scalars().all()
    return found[0] if len(found) == 1 else None
