"""The chance of overstaying, or of missing a deadline: the way to reckon it is chosen by how it would have done here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from unstuck.stalls.curves import Codes, Floats, Nested
from unstuck.stalls.moments import Moments
from unstuck.stalls.scorecard import Cases, Flags, Levels, Scorecard, fit, levels, log_odds, terms_of
from unstuck.tickets.calendars import BusinessCalendar

_DAY = 86_400
_ALL_DAY = ((0, 24 * 60),)
#: The clock that stands still on Saturdays and Sundays.
WEEKDAYS = BusinessCalendar("UTC", (_ALL_DAY,) * 5 + ((), ()))
#: Comparable tickets that are enough to be named as a group.
ENOUGH, ENOUGH_FOR_A_REASON = 20, 5
#: The last part of history, in these steps, on which ways of reckoning are compared.
TRIED, STEPS = 0.25, 2
#: Days after which a case counts half.
HALF_LIVES = (None, 28, 14)
#: With fewer known outcomes than this nothing is compared: the stage's curve has to do.
ENOUGH_KNOWN = 200
_Learning = TypeVar("_Learning", bound=Callable[..., object])


def _one_thread(learning: _Learning) -> _Learning:
    """The matrices are small: on a busy machine several threads for one took ten times as long, waiting for each other."""
    limited: _Learning = threadpool_limits.wrap(limits=1, user_api="blas")(learning)
    return limited


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to reckon."""

    #: `calendar` (every hour counts), `weekdays` (less the days off that were found), or `desk` (its business calendar).
    clock: str
    #: After so many days a case counts half; None: all count alike.
    half_life: int | None
    #: `curve`: by stage, team and category; `scorecard`: everything known; `both`: midway between them.
    method: str


PLAIN = Recipe("calendar", None, "stage")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Whether it turned out late, where that is decided by something else than the end of the wait."""

    #: Since when it is known, in seconds since 1970, and what.
    since: Codes
    late: Flags
    #: Since when it is known whatever it is.
    surely_since: Codes


@dataclass(frozen=True, slots=True)
class Question:
    """Will what is waited for at these moments last beyond `due` (seconds since 1970)?"""

    moments: Moments
    due: Codes
    outcomes: Outcomes | None = None
    #: The desk's own calendar, if one is set.
    calendar: BusinessCalendar | None = None
    #: Its weekdays, as far as history tells.
    weekdays: BusinessCalendar = WEEKDAYS
    _clocks: dict[str, tuple[Floats, Floats, Floats]] = field(init=False, default_factory=dict)

    def cases(self, now: int, recipe: Recipe) -> Cases:
        """The moments as known at `now` on the recipe's clock."""
        moments, until = self.moments, np.minimum(self.moments.end, now)
        start, limit, waited = self._clock(recipe.clock)
        late = until > self.due
        known = (moments.end <= now) | late
        if self.outcomes is not None:
            known, late = self.outcomes.since <= now, self.outcomes.late
        age = np.maximum(now - moments.start, 0) / _DAY
        return Cases(
            lasted=np.maximum(self._ticks(until, recipe.clock) - start, 0),
            limit=limit,
            waited=waited,
            ended=moments.end <= now,
            known=known,
            late=late,
            weight=np.ones(len(moments)) if recipe.half_life is None else 0.5 ** (age / recipe.half_life),
        )

    def surely_known(self, now: int) -> Flags:
        """Moments whose outcome is known at `now` whatever it is."""
        return self.due <= now if self.outcomes is None else self.outcomes.surely_since <= now

    def _clock(self, clock: str) -> tuple[Floats, Floats, Floats]:
        if clock not in self._clocks:
            start = self._ticks(self.moments.start, clock)
            limit, waited = (self._ticks(at, clock) - start for at in (self.due, self.moments.asked))
            self._clocks[clock] = start, np.maximum(limit, 0), waited
        return self._clocks[clock]

    def _ticks(self, at: Codes, clock: str) -> Floats:
        calendar = {"calendar": None, "weekdays": self.weekdays, "desk": self.calendar}[clock]
        return (at if calendar is None else calendar.business_seconds_of(at.astype(np.float64))).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing known about a ticket that makes being late more likely here."""

    #: `team`, `before`, `custom.location`, … and its value for this ticket; pairs are joined by `+`.
    fact: str
    value: str
    #: The share of comparable tickets that were late, and how many there are.
    rate: float
    comparables: int


@dataclass(frozen=True, slots=True)
class Risk:
    """The chance of being late, and what it was reckoned from."""

    chance: float
    #: What the tickets it was compared with have in common: fact and value, the stage first.
    group: tuple[tuple[str, str], ...]
    comparables: int
    rate: float
    #: At most two, the strongest first.
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was learned at one instant."""

    recipe: Recipe
    question: Question
    cases: Cases
    curve: Nested
    chain: tuple[str, ...]
    card: Scorecard | None

    def chances(self, rows: Codes) -> Floats:
        """The chance of being late, for each of the question's rows."""
        by_curve = self.curve.late(rows, self.cases.limit[rows], self.cases.waited[rows])
        if self.card is None or self.recipe.method == "curve":
            return by_curve
        by_card = self.card.late(rows, self.cases)
        if self.recipe.method == "scorecard":
            return by_card
        midway: Floats = 1 / (1 + np.exp(-(log_odds(by_curve) + log_odds(by_card)) / 2))
        return np.where(by_card >= 1, 1.0, midway)

    def risks(self, rows: Codes) -> list[Risk]:
        """The same with group, comparable tickets, their rate and the strongest reasons."""
        chances = self.chances(rows)
        parts = self.card.parts(rows, self.cases) if self.card else np.zeros((len(rows), 1))
        return [self._risk(int(row), float(chances[place]), parts[place]) for place, row in enumerate(rows)]

    def _risk(self, row: int, chance: float, parts: Floats) -> Risk:
        depth, comparables = self.curve.finest(row, ENOUGH)
        at = replace(self.curve, levels=self.curve.levels[: depth + 1])
        names = ("stage", *self.chain[:depth])
        return Risk(
            chance,
            tuple((name, self._word(name, row)) for name in names),
            comparables,
            self._rate(at, row),
            self._reasons(row, parts),
        )

    def _reasons(self, row: int, parts: Floats) -> tuple[Reason, ...]:
        if self.card is None:
            return ()
        reasons: list[Reason] = []
        for place in np.argsort(-parts[1:], kind="stable") + 1:
            term = self.card.terms[place]
            # A pair says again what one of its two has said.
            told = {name for reason in reasons for name in reason.fact.split("+")}
            if parts[place] <= 0 or len(reasons) == 2:
                break
            codes, learned = self.card.curves[place].levels[-1]
            n, words = int(learned.cases[codes[row]]), [self._word(name, row) for name in term]
            if not told & set(term) and all(words) and n >= ENOUGH_FOR_A_REASON:
                value = " + ".join(words)
                reasons.append(Reason("+".join(term), value, self._rate(self.card.curves[place], row), n))
        return tuple(reasons)

    def _rate(self, nested: Nested, row: int) -> float:
        rows = np.array([row])
        return float(nested.late(rows, self.cases.limit[rows], self.cases.waited[rows])[0])

    def _word(self, name: str, row: int) -> str:
        fact = self.question.moments.facts[name]
        return fact.words[fact.codes[row]] or ""


@dataclass(slots=True)
class Learner:
    """Learns forecasts for one question at any instant; groups are reckoned once."""

    question: Question
    _terms: list[tuple[str, ...]] = field(init=False)
    _chain: tuple[str, ...] = field(init=False)
    _groups: Levels = field(init=False)

    def __post_init__(self) -> None:
        facts = self.question.moments.facts
        who = "team" if "team" in facts else "assignee"
        self._chain = tuple(name for name in (who, "category") if name in facts)
        self._terms = terms_of(self.question.moments)
        chains = [self._chain[:depth] for depth in range(len(self._chain) + 1)]
        self._groups = levels(self.question.moments, [*self._terms, *(one for one in chains if one not in self._terms)])

    @_one_thread
    def learn(self, rows: Codes, now: int, recipe: Recipe) -> Forecast:
        """A forecast from rows, with what was known about them at `now`."""
        cases = self.question.cases(now, recipe)
        chain = self._chain if recipe.method != "stage" else ()
        [curve] = self._groups.nested([chain], rows, cases)
        # Reasons are the scorecard's, whatever the chance is reckoned by.
        plain = recipe.method == "stage"
        card = None if plain else fit(self._terms, self._groups, rows, self.question.moments.ticket, cases)
        return Forecast(recipe, self.question, cases, curve, chain, card)

    @_one_thread
    def choose(self, rows: Codes, now: int) -> Recipe:
        """The recipe that would have done best on the last part of what was known at `now`.

        Each is learned from what was known when that part began, and asked about the part's moments: by
        their mean log loss. Only moments whose time was up by `now` are asked about: of the others one
        knows the quick ones.
        """
        surely = rows[self.question.surely_known(now)[rows]]
        if len(surely) < ENOUGH_KNOWN:
            return PLAIN
        losses: dict[Recipe, list[Floats]] = {}
        began = self.question.moments.start
        edges = np.quantile(began[surely], np.linspace(1 - TRIED, 1, STEPS + 1))
        late = self.question.cases(now, PLAIN).late
        for low, high in pairwise(edges):
            before, then = rows[began[rows] < low], surely[(began[surely] >= low) & (began[surely] <= high)]
            for forecast in self._forecasts(before, int(low)):
                chances = np.clip(forecast.chances(then), 1e-4, 1 - 1e-4)
                losses.setdefault(forecast.recipe, []).append(-np.log(np.where(late[then], chances, 1 - chances)))
        means = {recipe: float(np.concatenate(parts).mean()) for recipe, parts in losses.items()}
        return min(means, key=lambda recipe: means[recipe])

    def _forecasts(self, rows: Codes, now: int) -> Iterator[Forecast]:
        """What each recipe would have said; the same scorecard serves two methods."""
        if not len(rows):
            return
        yield self.learn(rows, now, PLAIN)
        for clock in ("calendar", "weekdays", *(["desk"] if self.question.calendar else [])):
            for half_life in HALF_LIVES:
                full = self.learn(rows, now, Recipe(clock, half_life, "both"))
                yield full
                yield replace(full, recipe=replace(full.recipe, method="scorecard"))
                yield replace(full, recipe=replace(full.recipe, method="curve"))
