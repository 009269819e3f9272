"""Who is meant by a rung of the ladder, what people call them, and where in Slack they can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Table, select
from sqlmodel import SQLModel

from unstuck.nudges.rules import Rung, load
from unstuck.settings import Settings
from unstuck.stalls.find import Stall
from unstuck.stalls.turn import Turn
from unstuck.tickets import tables  # noqa: F401 - declares the tables that are looked up below

PERSON: Table = SQLModel.metadata.tables["person"]
TEAM: Table = SQLModel.metadata.tables["team"]
MANAGER, ADMIN = "manager", "admin"


@dataclass(frozen=True, slots=True)
class Someone:
    """A person as the source and Slack know them."""

    name: str
    email: str | None = None
    slack_id: str | None = None
    #: The source's id of the team that they belong to.
    team: str | None = None
    #: Gone or away: passed over.
    active: bool = True
    kind: str = "unknown"


@dataclass(frozen=True, slots=True)
class Group:
    """A team as the source and Slack know it."""

    name: str
    slack_channel: str | None = None
    #: The source's id of its lead.
    lead: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A place in Slack to try: one of user, email and channel is set."""

    user: str | None = None
    email: str | None = None
    channel: str | None = None
    #: Somebody else's than the recipient's, who could not be reached.
    instead: bool = False


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a ticket."""

    team: str | None
    assignee: str | None


@dataclass(frozen=True, slots=True)
class Directory:
    """People (customers left out) and teams of one source, by its ids; managers by Slack id or e-mail."""

    people: Mapping[str, Someone] = field(default_factory=dict)
    teams: Mapping[str, Group] = field(default_factory=dict)
    managers: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    #: Slack channel for nudges that reach nobody else.
    channel: str | None = None

    @property
    def bots(self) -> frozenset[str]:
        return frozenset(ext_id for ext_id, person in self.people.items() if person.kind == "bot")

    @property
    def team_names(self) -> dict[str, str]:
        return {ext_id: team.name for ext_id, team in self.teams.items()}

    def who(self, rung: Rung, stall: Stall | Turn | Holder) -> str | None:
        """The recipient on a rung; None when there is nobody, or they are gone."""
        match rung:
            case "owner":
                return f"person:{stall.assignee}" if stall.assignee and self._is_here(stall.assignee) else None
            case "team":
                return f"team:{stall.team}" if stall.team else None
            case "lead":
                lead = self._lead(stall.team)
                return f"lead:{lead}" if lead and lead != stall.assignee else None
            case "manager":
                return MANAGER

    def moved_since(self, before: Directory) -> tuple[set[str], set[str]]:
        """People who are here and were not, or the other way round, or who changed teams; and teams for whom somebody else stands now."""
        people = {ext_id for ext_id in {*self.people, *before.people} if self._stands(ext_id) != before._stands(ext_id)}
        teams = {ext_id for ext_id in {*self.teams, *before.teams} if self._lead(ext_id) != before._lead(ext_id)}
        return people, teams

    def name(self, recipient: str) -> str:
        """What people call a recipient; the managers have no name of their own."""
        kind, _, ext_id = recipient.partition(":")
        found = self.teams.get(ext_id) if kind == "team" else self.people.get(ext_id)
        return found.name if found else ext_id or kind

    def any_name(self, ext_id: str) -> str:
        """The name behind an id that may be a person's or a team's."""
        found = self.people.get(ext_id) or self.teams.get(ext_id)
        return found.name if found else ext_id

    def addresses(self, recipient: str, team: str | None) -> Iterator[Address]:
        """Where to try, best first: the recipient, then the rungs above, then the channel for all."""
        kind, _, ext_id = recipient.partition(":")
        rungs = (
            self._person(ext_id) if kind in ("person", "lead") else (),
            self._channel(ext_id if kind == "team" else team) if kind in ("person", "team") else (),
            self._person(self._lead(team)) if kind in ("person", "team") else (),
            _named_ones(self.admins) if kind == ADMIN else (),
            _named_ones([ext_id] if kind == MANAGER and ext_id else self.managers),
            (Address(channel=self.channel),) if self.channel else (),
        )
        own = {"person": 0, "lead": 0, "team": 1, ADMIN: 3}.get(kind, 4)
        for number, addresses in enumerate(rungs):
            yield from (replace(address, instead=number != own) for address in addresses)

    def _channel(self, team: str | None) -> Iterator[Address]:
        group = self.teams.get(team) if team else None
        if group and group.slack_channel:
            yield Address(channel=group.slack_channel)

    def _person(self, ext_id: str | None) -> Iterator[Address]:
        person = self.people.get(ext_id) if ext_id else None
        if person is None or not person.active:
            return
        if person.slack_id:
            yield Address(user=person.slack_id)
        elif person.email:
            yield Address(email=person.email)

    def _lead(self, team: str | None) -> str | None:
        group = self.teams.get(team) if team else None
        return group.lead if group and group.lead and self._is_here(group.lead) else None

    def _stands(self, ext_id: str) -> tuple[bool, str | None]:
        person = self.people.get(ext_id)
        return self._is_here(ext_id), person.team if person else None

    def _is_here(self, ext_id: str) -> bool:
        person = self.people.get(ext_id)
        return person is None or person.active


def read_directories(
    connection: Connection, settings: Settings, channels: Mapping[str, str] = {}
) -> dict[int, Directory]:
    """The directory of each source; `channels` of teams, by name, overrule the teams' own."""
    people: dict[int, dict[str, Someone]] = {}
    columns = (
        PERSON.c[name] for name in ("source_id", "ext_id", "name", "email", "slack_id", "team", "active", "kind")
    )
    for source, ext_id, *rest in connection.execute(select(*columns).where(PERSON.c.kind != "customer")):
        people.setdefault(source, {})[ext_id] = Someone(*rest)
    teams: dict[int, dict[str, Group]] = {}
    columns = (TEAM.c[name] for name in ("source_id", "ext_id", "name", "slack_channel", "lead"))
    for source, ext_id, name, channel, lead in connection.execute(select(*columns)):
        teams.setdefault(source, {})[ext_id] = Group(name, channels.get(name, channel), lead)
    told, admins, channel = _named(settings.managers), _named(settings.admins), settings.nudge_channel
    sources = {*people, *teams, *connection.execute(select(SQLModel.metadata.tables["source"].c.id)).scalars()}
    return {
        source: Directory(people.get(source, {}), teams.get(source, {}), told, admins, channel) for source in sources
    }


def directory_of(connection: Connection, settings: Settings, source_id: int | None) -> Directory:
    """The directory of one source; without a source, the managers and the channel for all."""
    every = read_directories(connection, settings, load(settings.directory).channels)
    known = every.get(source_id) if source_id is not None else next(iter(every.values()), None)
    told, admins = _named(settings.managers), _named(settings.admins)
    return known or Directory(managers=told, admins=admins, channel=settings.nudge_channel)


def _named_ones(people: Iterable[str]) -> Iterator[Address]:
    for one in people:
        yield Address(email=one) if "@" in one else Address(user=one)


def _named(managers: str) -> tuple[str, ...]:
    # User groups (S…) are not people one can write to.
    return tuple(one for word in managers.split(",") if (one := word.strip()) and not one.startswith("S"))
