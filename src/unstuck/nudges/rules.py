"""The rules of nudging: read from `rules.toml`, overruled by `nudges.toml` in the home directory."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast, get_args

from unstuck.errors import UserError
from unstuck.nudges import reading
from unstuck.nudges.reading import DAYS, RuleError, Section, Spot, span
from unstuck.stalls.clocks import A_DAY, AT_ONCE, Span
from unstuck.stalls.thresholds import Target
from unstuck.stalls.turn import PartyKind

__all__ = [
    "CHOICES", "FILE", "RUNGS", "Choice", "Contract", "Digest", "Hours", "Rule", "Rules", "Rung", "Step", "Trial",
    "load", "parse", "span",
]  # fmt: skip

FILE = "nudges.toml"
Rung = Literal["owner", "team", "lead", "manager"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
#: What a snooze menu may offer.
Choice = Literal["hour", "tomorrow", "workday", "week", "reply"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
#: Lines of a digest that somebody still reads.
DIGEST_LINES = 20
_LISTS = ("target", "person", "rule")


@dataclass(frozen=True, slots=True)
class Hours:
    """When people may be disturbed: `[start, end)` on the given weekdays (0 is Monday), local time."""

    start: time = time(9)
    end: time = time(18)
    days: frozenset[int] = frozenset(range(5))
    #: IANA name; None means the desk's own.
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder and the wait since the step before."""

    to: Rung
    after: Span = AT_ONCE


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    waiting_on: frozenset[PartyKind]
    steps: tuple[Step, ...]
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Digest:
    """Which nudges wait for the next morning's one message a person."""

    enabled: bool = True
    #: Those that have waited less than so many times what counts as late.
    below: float = 1.5
    #: Priorities that never wait for a morning.
    urgent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Contract:
    """What "I'm on it" is worth: when it is asked about, and what becomes of a ticket whose owner is silent."""

    enabled: bool = True
    #: How long an owner has to say that they are still on it, each of the two times.
    answer_within: Span = A_DAY
    #: Whether the ticket goes back to the queue by itself; otherwise that is proposed to the lead.
    hand_back: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """How it is found out whether nudges help."""

    #: Share of stalls about which nobody below a manager hears.
    hold_out: float = 0.0
    #: A rule is proposed for retirement when surely more than this share of its nudges is called false.
    retire_above: float = 0.2


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything an administrator can set about nudges."""

    hours: Hours
    at_least: Span
    quiet: Span
    answer_noticed: Span
    targets: tuple[Target, ...]
    ticket_per_day: int
    person_per_day: int
    cool_down: Span
    mine: Span
    rules: tuple[Rule, ...]
    #: Hours of single people, by e-mail (lower case), Slack id or the ticket system's id.
    people: Mapping[str, Hours] = field(default_factory=dict)
    snoozes: tuple[Choice, ...] = CHOICES
    digest: Digest = Digest()
    contract: Contract = Contract()
    trial: Trial = Trial()
    #: Whether managers hear each morning what may soon be late.
    early: bool = True
    #: Slack channels by team name, over those that the ticket system knows.
    channels: Mapping[str, str] = field(default_factory=dict)

    def rule_for(self, waiting_on: PartyKind) -> Rule | None:
        """The first rule that is on and covers tickets waiting on that party."""
        return next((rule for rule in self.rules if rule.enabled and waiting_on in rule.waiting_on), None)

    def steps_of(self, rule: str) -> tuple[Step, ...]:
        """The ladder of a rule; none when it is gone."""
        return next((one.steps for one in self.rules if one.name == rule), ())

    @property
    def most_at_once(self) -> int:
        """Nudges to one recipient that a sweep may find a place for: messages of their own, and lines of a digest."""
        return self.person_per_day + (DIGEST_LINES if self.digest.enabled else 0)

    def hours_of(self, *names: str | None) -> Hours:
        """When somebody known by these names may be disturbed."""
        named = (self.people.get(name.lower()) for name in names if name)
        return next((hours for hours in named if hours is not None), self.hours)


def load(home: Path) -> Rules:
    """The rules shipped with Unstuck, with those of `<home>/nudges.toml` over them.

    Raises `UserError("nudge_rules_…")` that names the line, what is wrong there and what to write.
    """
    shipped = tomllib.loads((files("unstuck.nudges") / "rules.toml").read_text(encoding="utf-8"))
    path = home / FILE
    if not path.exists():
        return parse(shipped)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("nudge_rules_syntax", file=path, problem=error) from None
    try:
        return parse(_over(shipped, tomllib.loads(text)))
    except RuleError as error:
        line = error.spot.line(text)
        raise UserError(f"nudge_rules_{error.key}", file=path, line=line, **error.params) from None
    except tomllib.TOMLDecodeError as error:
        raise UserError("nudge_rules_syntax", file=path, problem=error) from None


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables are merged name by name; lists (rules, targets, people) are replaced whole."""
    known = [*below, *(name for name in _LISTS if name not in below)]
    for name, value in above.items():
        if name not in known:
            raise RuleError("unknown", Spot(name), name=name, known=", ".join(known))
        if isinstance(below.get(name), dict) and not isinstance(value, dict):
            raise RuleError("value", Spot(name), name=name, value=value, example=f"[{name}]")
    merged = dict(below)
    for name, value in above.items():
        merged[name] = {**below[name], **value} if isinstance(below.get(name), dict) else value
    return merged


def parse(raw: dict[str, Any]) -> Rules:
    """Rules from the tables of a TOML file. Raises `RuleError`."""
    late, caps = (
        _section(raw, "late", "at_least quiet answer_noticed"),
        _section(raw, "caps", "ticket_per_day person_per_day cool_down"),
    )
    hours = _hours(_section(raw, "hours", _HOURS))
    return Rules(
        hours=hours,
        at_least=late.take("at_least", reading.SPAN),
        quiet=late.take("quiet", reading.SPAN),
        answer_noticed=late.take("answer_noticed", reading.SPAN),
        targets=tuple(_target(one.only("stage priority team within")) for one in _list(raw, "target")),
        ticket_per_day=caps.take("ticket_per_day", reading.COUNT),
        person_per_day=caps.take("person_per_day", reading.COUNT),
        cool_down=caps.take("cool_down", reading.SPAN),
        mine=_section(raw, "patience", "mine").take("mine", reading.SPAN),
        rules=tuple(_rule(one.only("name waiting_on steps enabled")) for one in _list(raw, "rule")),
        people=dict(_person(one.only(f"who {_HOURS}"), hours) for one in _list(raw, "person")),
        snoozes=cast("tuple[Choice, ...]", _section(raw, "snooze", "offer").take("offer", reading.some_of(CHOICES))),
        digest=_digest(_section(raw, "digest", "enabled below urgent")),
        contract=_contract(_section(raw, "contract", "enabled answer_within hand_back")),
        trial=_trial(_section(raw, "trial", "hold_out retire_above")),
        early=_section(raw, "early", "enabled").take("enabled", reading.FLAG),
        channels=_channels(Section(raw["channels"], Spot("channels"))),
    )


_HOURS = "from to days timezone"


def _section(raw: dict[str, Any], name: str, known: str) -> Section:
    return Section(raw[name], Spot(name)).only(known)


def _list(raw: dict[str, Any], name: str) -> Iterator[Section]:
    given = raw.get(name, [])
    if not isinstance(given, list):
        raise RuleError("value", Spot(name), name=name, value=given, example=f"[[{name}]]")
    return (Section(table, Spot(name, index)) for index, table in enumerate(given))


def _hours(table: Section, otherwise: Hours | None = None) -> Hours:
    usual = otherwise or Hours()
    given = {name: table.find(name, reading.CLOCK) for name in ("from", "to")}
    start, end = given["from"] or usual.start, given["to"] or usual.end
    if start >= end:
        value = f"{start:%H:%M} – {end:%H:%M}"
        raise RuleError(
            "value", table.spot, name=table.spot.section, value=value, example='from = "09:00", to = "18:00"'
        )
    days = table.find("days", reading.WEEKDAYS)
    zone = table.find("timezone", reading.ZONE) or usual.timezone
    return Hours(start, end, frozenset(DAYS.index(day) for day in days) if days else usual.days, zone)


def _person(table: Section, usual: Hours) -> tuple[str, Hours]:
    return table.take("who", reading.TEXT).lower(), _hours(table, usual)


def _target(table: Section) -> Target:
    named = (table.find(name, reading.TEXT) for name in ("stage", "priority", "team"))
    return Target(table.take("within", reading.SPAN), *named)


def _rule(table: Section) -> Rule:
    return Rule(
        name=table.take("name", reading.WORD),
        waiting_on=frozenset(PartyKind(kind) for kind in table.take("waiting_on", _PARTIES)),
        steps=table.take("steps", _STEPS),
        enabled=table.find("enabled", reading.FLAG) is not False,
    )


def _steps(value: object) -> tuple[Step, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(value)
    return tuple(_step(one) for one in value)


def _step(table: object) -> Step:
    if not isinstance(table, dict) or table.get("to") not in RUNGS or set(table) - {"to", "after"}:
        raise ValueError(table)
    return Step(cast("Rung", table["to"]), span(table.get("after", "0m")))


_PARTIES = reading.some_of(tuple(kind.value for kind in PartyKind))
_STEPS = reading.Kind(_steps, '[{ to = "owner" }, { to = "team", after = "1d" }, { to = "manager", after = "2d" }]')


def _digest(table: Section) -> Digest:
    return Digest(
        table.take("enabled", reading.FLAG),
        table.take("below", reading.TIMES),
        frozenset(priority for priority in table.take("urgent", reading.TEXTS)),
    )


def _contract(table: Section) -> Contract:
    return Contract(
        table.take("enabled", reading.FLAG),
        table.take("answer_within", reading.SPAN),
        table.take("hand_back", reading.FLAG),
    )


def _trial(table: Section) -> Trial:
    return Trial(table.take("hold_out", reading.HOLD_OUT), table.take("retire_above", reading.SHARE))


def _channels(table: Section) -> dict[str, str]:
    return {team: table.take(team, _CHANNEL) for team in table.values}


def _channel(value: object) -> str:
    text = reading.TEXT.read(value)
    if text[0] not in "CGD" or not text.isalnum():
        raise ValueError(value)
    return text


_CHANNEL = reading.Kind(_channel, '"C0123ABCD"')
