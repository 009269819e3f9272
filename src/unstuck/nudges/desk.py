"""Everything the sweep must know beside the tickets: rules, calendars, people, and what late means here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from unstuck.nudges import own_hours
from unstuck.nudges.ladder import Situation
from unstuck.nudges.recipients import Directory, Holder, read_directories
from unstuck.nudges.rules import Hours, Rules
from unstuck.nudges.rules import load as load_rules
from unstuck.settings import Settings
from unstuck.stalls import thresholds, visits
from unstuck.stalls.clocks import Calendars
from unstuck.stalls.find import Policy, Stall
from unstuck.stalls.thresholds import Group, Threshold, Thresholds
from unstuck.stalls.turn import Turn
from unstuck.tickets.calendars import BusinessCalendar, load_calendars
from unstuck.tickets.database import reading

if TYPE_CHECKING:
    from unstuck.facts import Facts

NOBODY = Directory()


@dataclass(frozen=True, slots=True)
class Desk:
    """How this desk works, as of one moment."""

    rules: Rules
    #: IANA name: for people whose team has no calendar.
    timezone: str
    calendars: Calendars = field(default_factory=Calendars)
    #: By `Source.id`.
    directories: Mapping[int, Directory] = field(default_factory=dict)
    learned: Mapping[Group, Threshold] = field(default_factory=dict)
    _policies: dict[int, Policy] = field(default_factory=dict)
    _hours: dict[tuple[int, str], Hours] = field(default_factory=dict)

    def having_learned(self, learned: Mapping[Group, Threshold]) -> Desk:
        """The same desk with another idea of what late means."""
        return replace(self, learned=learned, _policies={})

    def differs_in_people_alone(self, other: Desk) -> bool:
        """Whether two desks have the same rules, calendars and idea of late, and know the same bots and teams' names."""
        mine, theirs = (
            (desk.rules, desk.timezone, desk.calendars, desk.learned, desk.directories.keys()) for desk in (self, other)
        )
        return mine == theirs and all(
            (directory.bots, directory.team_names) == (other.directory(source).bots, other.directory(source).team_names)
            for source, directory in self.directories.items()
        )

    def directory(self, source: int) -> Directory:
        return self.directories.get(source, NOBODY)

    def policy(self, source: int) -> Policy:
        """What counts as a stall on tickets of a source."""
        if source not in self._policies:
            directory = self.directory(source)
            self._policies[source] = Policy(
                thresholds=Thresholds(self.learned, self.rules.targets, self.rules.at_least),
                calendars=self.calendars,
                team_names=directory.team_names,
                quiet=self.rules.quiet,
                answer_noticed=self.rules.answer_noticed,
                bots=directory.bots,
            )
        return self._policies[source]

    def hours(self, source: int, recipient: str) -> Hours:
        """When a recipient may be disturbed."""
        if (source, recipient) not in self._hours:
            self._hours[source, recipient] = self._hours_of(source, recipient)
        return self._hours[source, recipient]

    def _hours_of(self, source: int, recipient: str) -> Hours:
        kind, _, ext_id = recipient.partition(":")
        person = self.directory(source).people.get(ext_id) if kind in ("person", "lead") else None
        return self.rules.hours_of(person.email, person.slack_id, ext_id) if person else self.rules.hours

    def calendar(self, source: int, recipient: str, team: str | None) -> BusinessCalendar | None:
        """By which calendar a recipient works: a person by that of their own team, all others by that of the ticket's.

        `team`: the ticket's, as the source calls it.
        """
        kind, _, ext_id = recipient.partition(":")
        person = self.directory(source).people.get(ext_id) if kind in ("person", "lead") else None
        own = person.team if person is not None and person.team else team
        return self.calendars.known(self.policy(source).team_name(own))

    def situation(self, source: int, stall: Stall | Turn | Holder) -> Situation:
        """Where a stall happens."""
        directory = self.directory(source)
        team = self.policy(source).team_name(stall.team)
        return Situation(
            self.rules,
            self.calendars.known(team),
            self.timezone,
            who=lambda rung: directory.who(rung, stall),
            hours_of=lambda recipient: self.hours(source, recipient),
            calendar_of=lambda recipient: self.calendar(source, recipient, stall.team),
        )


def learn(facts: Facts, calendars: Calendars, now: datetime) -> Mapping[Group, Threshold]:
    """What late means here, from the history known at `now`."""
    with facts.connect() as connection:
        return thresholds.learn(visits.read(connection, calendars), now)


def read_desk(connection: Connection, settings: Settings, learned: Mapping[Group, Threshold]) -> Desk:
    """The desk as the store and the rules file have it now. Raises `UserError` on rules that cannot be read."""
    rules = load_rules(settings.directory)
    # What people said themselves goes before what the rules file says about them.
    rules = replace(rules, people={**rules.people, **own_hours.chosen(connection)})
    return Desk(
        rules=rules,
        timezone=settings.timezone,
        calendars=Calendars(load_calendars(connection)),
        directories=read_directories(connection, settings, rules.channels),
        learned=learned,
    )


def open_desk(engine: Engine, facts: Facts, settings: Settings, now: datetime) -> Desk:
    """The desk with thresholds learned from what was known at `now`."""
    with reading(engine) as connection:
        learned = learn(facts, Calendars(load_calendars(connection)), now)
        return read_desk(connection, settings, learned)
