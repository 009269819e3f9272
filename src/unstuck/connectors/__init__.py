"""The contract: a ticket system is one file here, an object with three methods.

`describe` says who we are there and what its words mean, `changes` tells what happened, `write` does one thing.
A connector knows no store, no Slack and no other connector. It speaks HTTP through `http.Http` alone, which keeps
it on the configured host. Third parties add theirs through the entry-point group `unstuck.connectors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol

import httpx
from pydantic import SecretStr

from unstuck.tickets.changes import PersonRecord, StageClass, TeamRecord, TicketChange

__all__ = [
    "Action", "ActionKind", "Capabilities", "Connection", "Connector", "Description", "Page", "Signature", "Since",
    "StatusRecord", "Tickets", "Written",
]  # fmt: skip


class ActionKind(StrEnum):
    """What can be written back."""

    #: Something only agents see.
    NOTE = "note"
    #: Something the customer sees.
    REPLY = "reply"
    ASSIGN = "assign"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that somebody explicitly told Unstuck to do in the ticket system."""

    #: Unguessable and unique; the same key again is the same action.
    key: str
    #: `TicketChange.ticket`.
    ticket: str
    kind: ActionKind
    #: The text, the source's id of the person (empty: nobody), or the status.
    value: str
    #: Who wants it, by name: said in what is written.
    by: str


@dataclass(frozen=True, slots=True)
class Written:
    """What became of an action, read back from the ticket system."""

    #: `already`: it was so before, for example because an earlier attempt got through.
    state: Literal["done", "already"]


@dataclass(frozen=True, slots=True)
class Signature:
    """How a ticket system signs its webhooks: HMAC with the secret over some of what it sends."""

    #: Header with the signature, and what stands in it before the digest.
    header: str
    prefix: str = ""
    #: `secret`: the system cannot sign; the header holds the secret itself.
    digest: Literal["sha256", "sha1", "secret"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    #: Header with the moment of signing (seconds since 1970, or ISO 8601); empty where the system sends none.
    timestamp: str = ""
    between: str = ""
    #: Header with a random word, where the system sends one.
    nonce: str = ""
    #: What is signed, in order: `method`, `url`, `timestamp`, `between`, `nonce`, `secret`, `body`. What is not sent
    #: counts as empty.
    signs: Sequence[str] = ("timestamp", "between", "body")
    #: Otherwise no HMAC but a plain hash: then the secret is part of what is signed.
    keyed: bool = True
    #: Header that names the delivery; empty where there is none: then the body's hash does.
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a ticket system can do, whoever asks."""

    #: What people call it.
    title: str
    #: `told`: deletions come as changes. `swept`: only asking for each ticket finds them.
    deletes: Literal["told", "swept"]
    writes: frozenset[ActionKind]
    #: Whether a token alone does not do: the system wants to know whose it is.
    asks_user: bool = False
    #: Whether `Description.tickets` counts deleted and merged tickets, too.
    counts_all: bool = False
    #: Requests a minute that it allows; `None` where it sets no limit.
    per_minute: float | None = None
    #: What to answer a webhook with that only asks whether the address is ours, from the secret and its body; `None`:
    #: it is an ordinary one.
    greeting: Callable[[bytes, bytes], Mapping[str, str] | None] | None = None
    signature: Signature = Signature("X-Unstuck-Signature", "sha256=", timestamp="X-Unstuck-Timestamp", between=".")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where one ticket system is and how we may talk to it."""

    #: The source's name in the store.
    name: str
    url: str
    token: SecretStr
    #: User that the token belongs to, where the system asks for one.
    user: str | None = None
    #: What the connector itself understands: `team`, `feedback_field`, …
    options: Mapping[str, Any] = field(default_factory=dict)
    #: Certificates of a private authority. There is no way to accept any certificate.
    ca_file: str | None = None
    #: Send the token over unencrypted HTTP to a host other than this machine.
    plain_http: bool = False
    #: Requests a minute, where the admin wants fewer than the system allows.
    per_minute: float | None = None
    timeout_s: float = 30.0
    #: Tries of one read, and the first wait between them.
    attempts: int = 5
    first_wait_s: float = 0.5


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """A status as the ticket system knows it now."""

    #: What stays when it is renamed.
    id: str
    #: `values["status"]` of changes.
    name: str
    #: What the system itself says it means; `None`: it does not say.
    stage_class: StageClass | None = None
    #: Whether it means that on every desk; otherwise only on most.
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Description:
    """What a ticket system says about itself and about us."""

    #: Who the token belongs to.
    account: str
    statuses: Sequence[StatusRecord] = ()
    teams: Sequence[TeamRecord] = ()
    people: Sequence[PersonRecord] = ()
    #: Tickets that we can see; `None` where it does not say.
    tickets: int | None = None


@dataclass(frozen=True, slots=True)
class Tickets:
    """These tickets only, by `TicketChange.ticket`."""

    ids: Sequence[str]
    #: Their whole histories; otherwise only how they stand.
    whole: bool = False


#: A cursor of an earlier page; `None` for all from the start; or just some tickets.
Since = str | Tickets | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some changes, and where to go on once they are stored."""

    changes: Sequence[TicketChange] = ()
    #: Complete up to here. `None` when reading `Tickets`.
    cursor: str | None = None
    people: Sequence[PersonRecord] = ()
    teams: Sequence[TeamRecord] = ()
    #: How tickets stand now, as the system shows them; `None`: it does not know (any more) of such a ticket.
    standing: Mapping[str, Mapping[str, str | None] | None] = field(default_factory=dict)
    #: About how many more of its rows follow this page; `None` where the system does not say.
    left: int | None = None
    #: How many of its rows went into this page: the unit of `left`.
    rows: int = 0


class Connector(Protocol):
    """One ticket system. All methods raise `ConnectorError`s only."""

    capabilities: ClassVar[Capabilities]

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None: ...

    def describe(self) -> Description:
        """Test the token; say what is there. Raises `Unauthorized` when the token is refused."""

    def changes(self, since: Since) -> Iterator[Page]:
        """What happened after a cursor, oldest first, some of it again. Every change's id is the same each time."""

    def write(self, action: Action) -> Written:
        """Do it, unless it has been done; read back that it took effect.

        Raises `Refused` when the system would not, and `Unavailable` when nobody knows: calling again is safe.
        """
