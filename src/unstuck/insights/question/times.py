"""The closed grammar of time: which words of a question mean which stretch of time (METRICS.md, section 5).

A language is a list of rules (`times_en.py`, `times_zh.py`): a pattern and what it means. Rules come in
two layers: *expressions* stand alone ("last week", 三月), *frames* hold other expressions ("since X",
从X到Y). What no rule explains is not a time; what a rule finds ambiguous is `UNSURE` and asked back.
"""

# Meanings share one signature.
# ruff: noqa: ARG001

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from unstuck.insights.plan import Grain
from unstuck.insights.question.normalise import is_chinese, on_boundary
from unstuck.insights.question.periods import Reader, Span


class TimeRole(StrEnum):
    SPAN = "span"
    #: Two or more readings, or none that could be defended: ask.
    UNSURE = "unsure"
    #: It has not happened yet.
    FUTURE = "future"
    #: Not a window: what to compare with, relative to the window ("the week before", 同比).
    RELATIVE = "relative"


@dataclass(frozen=True, slots=True)
class Time:
    """What a time expression means."""

    role: TimeRole
    span: Span | None = None
    #: The readings of an unsure expression.
    options: tuple[Span, ...] = ()
    #: For `RELATIVE`: how far before the window, None meaning "its own length".
    unit: Grain | None = None
    n: int = 1
    #: Whether a comparison is asked for by the words alone (同比), or only once combined (the week before).
    compares: bool = False


@dataclass(frozen=True, slots=True)
class TimeMatch:
    """`plain[start:end]` is a time expression."""

    start: int
    end: int
    time: Time


Meaning = Callable[[re.Match[str], Reader], Time | None]
FrameMeaning = Callable[[list[Time], Reader], Time | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and what it means; None from `meaning` is "not a time after all" (30 February)."""

    pattern: re.Pattern[str]
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Frame:
    """Words around one or two expressions: `("from", "to", "")` frames the expressions between them."""

    before: re.Pattern[str]
    between: re.Pattern[str] | None
    after: re.Pattern[str]
    meaning: FrameMeaning


def spans(span: Span) -> Time:
    return Time(TimeRole.SPAN, span)


def unsure(*options: Span) -> Time:
    return Time(TimeRole.UNSURE, options=options)


FUTURE = Time(TimeRole.FUTURE)


def find(plain: str, reader: Reader) -> list[TimeMatch]:
    """All time expressions in `plain`, also those inside longer ones; the lattice prefers the longest."""
    from unstuck.insights.question import times_en, times_zh

    found: dict[tuple[int, int], Time] = {}
    languages = [times_en] if not any(map(is_chinese, plain)) else [times_zh, times_en]
    for language in languages:
        _add(found, _expressions(plain, reader, language.RULES))
    for language in languages * 2:  # a frame may hold a frame: "since the start of April"
        _add(found, _framed(plain, reader, language.FRAMES, found))
    return [TimeMatch(start, end, _checked(time, reader)) for (start, end), time in found.items()]


def _add(found: dict[tuple[int, int], Time], new: Iterable[tuple[int, int, Time]]) -> None:
    for start, end, time in new:
        found.setdefault((start, end), time)


def _expressions(plain: str, reader: Reader, rules: Iterable[Rule]) -> Iterable[tuple[int, int, Time]]:
    for rule in rules:
        for match in rule.pattern.finditer(plain):
            if match.end() > match.start() and on_boundary(plain, match.start(), match.end()):
                time = _meaning(rule, match, reader)
                if time is not None:
                    yield match.start(), match.end(), time


def _meaning(rule: Rule, match: re.Match[str], reader: Reader) -> Time | None:
    try:
        return rule.meaning(match, reader)
    except (ValueError, OverflowError):  # no such day, or a number beyond any calendar
        return None


def _framed(
    plain: str, reader: Reader, frames: Iterable[Frame], found: dict[tuple[int, int], Time]
) -> list[tuple[int, int, Time]]:
    new: list[tuple[int, int, Time]] = []
    for frame in frames:
        for (start, end), time in list(found.items()):
            if frame.between is None:
                new += _close(plain, reader, frame, start, end, [time])
                continue
            gap = frame.between.match(plain, end)
            if gap is None:
                continue
            for (start2, end2), time2 in list(found.items()):
                if start2 == gap.end():
                    new += _close(plain, reader, frame, start, end2, [time, time2])
    return new


def _close(
    plain: str, reader: Reader, frame: Frame, start: int, end: int, inner: list[Time]
) -> list[tuple[int, int, Time]]:
    head = _before(frame.before, plain, start)
    tail = frame.after.match(plain, end)
    if head is None or tail is None or not on_boundary(plain, head, tail.end()):
        return []
    if any(time.role in (TimeRole.UNSURE, TimeRole.FUTURE) for time in inner):
        hard = next(time for time in inner if time.role in (TimeRole.UNSURE, TimeRole.FUTURE))
        return [(head, tail.end(), replace(hard, options=()))]
    try:
        time = frame.meaning(inner, reader)
    except (ValueError, OverflowError):
        return []
    return [] if time is None else [(head, tail.end(), time)]


def _before(pattern: re.Pattern[str], plain: str, end: int) -> int | None:
    """Where `pattern`, which must end exactly at `end`, begins."""
    for match in pattern.finditer(plain, max(0, end - 40), end):
        if match.end() == end:
            return match.start()
    return end if pattern.match("") else None


def _checked(time: Time, reader: Reader) -> Time:
    """A window that lies wholly ahead is the future, whatever its words."""
    span = time.span
    if time.role is TimeRole.SPAN and span is not None and span.start is not None and span.start > reader.now:
        return FUTURE
    return time


# --- what frames mean, in any language ---


def since(times: list[Time], reader: Reader) -> Time | None:
    span = times[0].span
    if span is None:
        return None
    return spans(Span(span.end if span.point else span.start, reader.now))


def of_or_since(times: list[Time], reader: Reader) -> Time | None:
    """ "Tickets from last week": those of that week, or all since then? A period that still runs is both."""
    span = times[0].span
    if span is None or span.point or span.start is None or span.end > reader.now:
        return since(times, reader)
    return unsure(span, Span(span.start, reader.now))


def after(times: list[Time], reader: Reader) -> Time | None:
    span = times[0].span
    return None if span is None else spans(Span(span.end, max(span.end, reader.now)))


def before(times: list[Time], reader: Reader) -> Time | None:
    span = times[0].span
    if span is None:
        return None
    return spans(Span(None, span.end if span.point or span.start is None else span.start))


def until(times: list[Time], reader: Reader) -> Time | None:
    """Up to and including: "until March" ends with March."""
    span = times[0].span
    return None if span is None else spans(Span(None, min(span.end, reader.now)))


def between(times: list[Time], reader: Reader) -> Time | None:
    """Both ends included, as people mean "from March to May"; instants bound exactly."""
    first, last = times[0].span, times[1].span
    if first is None or last is None:
        return None
    start = first.end if first.point else first.start
    if start is None or start >= last.end:
        return unsure()
    return spans(Span(start, last.end))


def first_moment(times: list[Time], reader: Reader) -> Time | None:
    """The instant at which a period begins: "the start of April"."""
    span = times[0].span
    if span is None or span.start is None:
        return None
    return spans(Span(None, span.start, point=True))


def last_moment(times: list[Time], reader: Reader) -> Time | None:
    """The instant at which a period ends, or now while it runs."""
    span = times[0].span
    return None if span is None or span.point else spans(Span(None, span.end, point=True))


def to_date(times: list[Time], reader: Reader) -> Time | None:
    span = times[0].span
    if span is None or span.start is None or not span.start <= reader.now:
        return None
    return spans(Span(span.start, reader.now))
