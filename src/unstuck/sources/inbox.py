"""Webhooks: checked, kept, followed. What one says is never taken for the truth; it only says that there is news.

A body is kept until a pull that began after it arrived has ended, so a kill in between loses no news.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from unstuck.clock import Clock
from unstuck.connectors import Signature
from unstuck.connectors.registry import connector_of
from unstuck.connectors.updates import moment as moment_of
from unstuck.errors import Malformed
from unstuck.sources.config import SourceConfig
from unstuck.sources.pull import Sessions, engine_of
from unstuck.sources.turns import turns
from unstuck.tickets.database import reading
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Delivery

ROW = table_of(Delivery)
#: A signed moment further away than this is a replay.
WINDOW = timedelta(minutes=5)
#: Some systems send before they have committed: what is read too soon is not there yet.
SETTLED_AFTER = timedelta(seconds=2)

Verdict = Literal["taken", "known", "unsigned", "stale"]


@dataclass(frozen=True, slots=True)
class Post:
    """A webhook's request."""

    #: By lower-case name.
    headers: Mapping[str, str]
    body: bytes
    #: Where it was sent to.
    url: str = ""


def take(config: SourceConfig, sessions: Sessions, clock: Clock, post: Post) -> Verdict:
    """Check a webhook and keep it. Raises `UserError` when the secret's variable is not set."""
    signature = connector_of(config.system).capabilities.signature
    secret = config.hook_secret()
    post = replace(post, url=config.webhook_url or post.url)
    if secret is None or not is_signed(signature, secret.get_secret_value().encode(), post):
        return "unsigned"
    if not _is_recent(signature, post, clock.now()):
        return "stale"
    row = Delivery(source=config.name, key=_key(signature, post), body=post.body, received_at=clock.now())
    try:
        with turns.urgent(), sessions.begin() as session:
            session.add(row)
    except IntegrityError:
        return "known"
    return "taken"


def greeting(config: SourceConfig, post: Post) -> Mapping[str, str] | None:
    """What to answer a webhook with that only asks whether the address is ours; `None`: it is an ordinary one.

    Who can ask knows the secret: the question is encrypted with it. Raises `UserError` when its variable is not set.
    """
    asked, secret = connector_of(config.system).capabilities.greeting, config.hook_secret()
    return asked(secret.get_secret_value().encode(), post.body) if asked and secret else None


def is_signed(signature: Signature, secret: bytes, post: Post) -> bool:
    """Whether the signature over the bytes as they came is right, compared in constant time."""
    given = post.headers.get(signature.header.lower(), "")
    if signature.digest == "secret":
        return hmac.compare_digest(signature.prefix.encode() + secret, given.encode())
    moment = _header(post, signature.timestamp)
    parts = {
        "method": b"POST", "url": post.url.encode(), "timestamp": moment.encode(),
        "between": signature.between.encode() if moment else b"", "nonce": _header(post, signature.nonce).encode(),
        "secret": secret, "body": post.body,
    }  # fmt: skip
    signed = b"".join(parts[name] for name in signature.signs)
    hashed = hmac.new(secret, signed, signature.digest) if signature.keyed else hashlib.new(signature.digest, signed)
    digest = hashed.digest()
    told = digest.hex() if signature.encoding == "hex" else base64.b64encode(digest).decode()
    return hmac.compare_digest((signature.prefix + told).encode(), given.encode())


def _header(post: Post, name: str) -> str:
    return post.headers.get(name.lower(), "") if name else ""


def _is_recent(signature: Signature, post: Post, now: datetime) -> bool:
    if not signature.timestamp:
        return True
    try:
        at = moment_of(_header(post, signature.timestamp))
    except Malformed:
        return False
    return abs(now - at) <= WINDOW


def _key(signature: Signature, post: Post) -> str:
    named = _header(post, signature.delivery)
    return named[:200] or hashlib.sha256(post.body).hexdigest()


def due(sessions: Sessions, clock: Clock) -> dict[str, int]:
    """Sources with news that has settled, and the last piece of it: a pull that begins now brings it."""
    settled = ROW.c.received_at <= clock.now() - SETTLED_AFTER
    with reading(engine_of(sessions)) as connection:
        rows = connection.execute(select(ROW.c.source, ROW.c.id).where(settled).order_by(ROW.c.id)).all()
    return {str(source): int(number) for source, number in rows}


def drop(sessions: Sessions, source: str, last: int) -> None:
    """Forget what a pull has brought in."""
    with sessions.begin() as session:
        session.execute(delete(ROW).where(ROW.c.source == source, ROW.c.id <= last))
