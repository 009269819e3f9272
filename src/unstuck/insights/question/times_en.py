"""English words for time."""
# Rules share one signature, and wall-clock time has no zone on purpose (`periods.py` adds it).
# ruff: noqa: ARG001, ARG005, DTZ001, SIM905

from __future__ import annotations

import re
from datetime import datetime, timedelta

from unstuck.insights.plan import Grain
from unstuck.insights.question import times
from unstuck.insights.question.periods import Reader, Span, floor, shift
from unstuck.insights.question.times import FUTURE, Frame, Rule, Time, TimeRole, spans, unsure

UNITS = {
    Grain.HOUR: "hours?|hrs?|h",
    Grain.DAY: "days?|d",
    Grain.WEEK: "weeks?|wks?|w",
    Grain.MONTH: "months?|mos?|mths?",
    Grain.QUARTER: "quarters?|qtrs?",
    Grain.YEAR: "years?|yrs?|y",
}
NUMBERS = {
    word: number
    for number, words in enumerate(
        "zero a|an|one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
    )
    for word in words.split("|")
} | {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100}
MONTH_NAMES = (
    "january|jan,february|feb,march|mar,april|apr,may,june|jun,july|jul,august|aug,september|sept|sep,"
    "october|oct,november|nov,december|dec"
).split(",")
WEEKDAY_NAMES = (
    "monday|mon,tuesday|tues|tue,wednesday|wed,thursday|thurs|thur|thu,friday|fri,saturday|sat,sunday|sun"
).split(",")
ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}

UNIT = "(?P<unit>" + "|".join(sorted("|".join(UNITS.values()).split("|"), key=len, reverse=True)) + ")"
N = r"(?P<n>\d{1,4}|" + "|".join(sorted(NUMBERS, key=len, reverse=True)) + ")"
MONTH = "(?P<month>" + "|".join(sorted("|".join(MONTH_NAMES).split("|"), key=len, reverse=True)) + r")\.?"
WEEKDAY = "(?P<weekday>" + "|".join(sorted("|".join(WEEKDAY_NAMES).split("|"), key=len, reverse=True)) + ")"
DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
YEAR = r"(?P<year>(?:19|20)\d\d)"
LAST = "(?:last|previous|prior|preceding)"


def number(text: str) -> int:
    return int(text) if text.isdigit() else NUMBERS[text]


def unit(text: str) -> Grain:
    return next(grain for grain, pattern in UNITS.items() if re.fullmatch(pattern, text))


def index(names: list[str], text: str) -> int:
    return next(place for place, words in enumerate(names) if text in words.split("|"))


# --- what the patterns mean ---


def this_unit(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.this(unit(match["unit"])))


def last_unit(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.this(unit(match["unit"]), 1))


def in_the_last_unit(match: re.Match[str], reader: Reader) -> Time:
    """ "In the last week" is said of both; "last week" alone is the calendar week."""
    grain = unit(match["unit"])
    return unsure(reader.this(grain, 1), reader.rolling(grain, 1))


def unit_before_last(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.this(unit(match["unit"]), 2))


def rolling(match: re.Match[str], reader: Reader) -> Time | None:
    n = number(match["n"])
    return spans(reader.rolling(unit(match["unit"]), n)) if n else None


def previous_n(match: re.Match[str], reader: Reader) -> Time:
    grain, n = unit(match["unit"]), number(match["n"])
    start = reader.this(grain, n).start
    return unsure(Span(start, reader.instant(floor(reader.wall, grain))), reader.rolling(grain, n))


def one_rolling(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.rolling(unit(match["unit"]), 1))


def business_days(match: re.Match[str], reader: Reader) -> Time | None:
    n = number(match["n"])
    return spans(reader.business_days(n)) if 0 < n < 1000 else None


def units_ago(match: re.Match[str], reader: Reader) -> Time:
    return spans(Span(None, reader.ago(unit(match["unit"]), number(match["n"])), unit(match["unit"]), point=True))


def days_back(days: int) -> times.Meaning:
    return lambda match, reader: spans(reader.this(Grain.DAY, days))


def month(match: re.Match[str], reader: Reader) -> Time:
    return spans(month_span(reader, index(MONTH_NAMES, match["month"]) + 1, match.groupdict().get("year")))


def month_span(reader: Reader, number: int, year: str | int | None) -> Span:
    """A month; without a year the last one that has begun."""
    if year is None:
        year = reader.wall.year - (number > reader.wall.month)
    return reader.period(Grain.MONTH, datetime(int(year), number, 1))


def last_month_name(match: re.Match[str], reader: Reader) -> Time:
    """ "Last March": plain when it was last year anyway, else either."""
    near = index(MONTH_NAMES, match["month"]) + 1
    now = reader.wall
    before = month_span(reader, near, now.year - 1)
    return spans(before) if near >= now.month else unsure(month_span(reader, near, now.year), before)


def month_of_year(match: re.Match[str], reader: Reader) -> Time:
    back = {"last": 1, "this": 0}[match["which"]]
    return spans(month_span(reader, index(MONTH_NAMES, match["month"]) + 1, reader.wall.year - back))


def month_day(match: re.Match[str], reader: Reader) -> Time:
    return day_of(reader, index(MONTH_NAMES, match["month"]) + 1, int(match["day"]), match.groupdict().get("year"))


def day_of(reader: Reader, month: int, day: int, year: str | int | None) -> Time:
    """A date; a bare date that is still to come this year is asked back."""
    if year is not None:
        return spans(reader.period(Grain.DAY, datetime(int(year), month, day)))
    wall = datetime(reader.wall.year, month, day) if (month, day) != (2, 29) else _leap(reader.wall.year)
    if wall > reader.wall:
        return unsure(reader.period(Grain.DAY, shift(wall, Grain.YEAR, -1)))
    return spans(reader.period(Grain.DAY, wall))


def _leap(year: int) -> datetime:
    while True:
        try:
            return datetime(year, 2, 29)
        except ValueError:
            year -= 1


def iso_date(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.period(Grain.DAY, datetime(int(match["year"]), int(match["m"]), int(match["day"]))))


def iso_month(match: re.Match[str], reader: Reader) -> Time:
    return spans(month_span(reader, int(match["m"]), match["year"]))


def slashed(match: re.Match[str], reader: Reader) -> Time | None:
    """10/11/2026 is October in one half of the world and November in the other."""
    one, two, year = int(match["one"]), int(match["two"]), match.groupdict().get("year")
    readings = [(month, day) for month, day in {(one, two): 0, (two, one): 0} if month <= 12 and 0 < day <= 31]
    if len(readings) == 1:
        return day_of(reader, *readings[0], year)
    found = [day_of(reader, *reading, year).span for reading in readings]
    return unsure(*(span for span in found if span is not None)) if readings else None


def year(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.period(Grain.YEAR, datetime(int(match["year"]), 1, 1)))


def quarter(match: re.Match[str], reader: Reader) -> Time:
    given = match.groupdict().get("year")
    number = int(match["q"]) if match["q"].isdigit() else ORDINALS[match["q"]]
    return spans(quarter_span(reader, number, given))


def quarter_span(reader: Reader, number: int, year: str | int | None) -> Span:
    """A quarter; without a year the last one that has begun."""
    first = 3 * number - 2
    if year is None:
        year = reader.wall.year - (first > reader.wall.month)
    return reader.period(Grain.QUARTER, datetime(int(year), first, 1))


def half(match: re.Match[str], reader: Reader) -> Time:
    number = int(match["h"]) if match["h"].isdigit() else ORDINALS[match["h"]]
    return spans(half_span(reader, number, match.groupdict().get("year")))


def half_span(reader: Reader, number: int, year: str | int | None) -> Span:
    first = 6 * number - 5
    if year is None:
        year = reader.wall.year - (first > reader.wall.month)
    start = datetime(int(year), first, 1)
    return reader.span(start, shift(start, Grain.MONTH, 6))


def weekday(match: re.Match[str], reader: Reader) -> Time:
    """The last such day that has begun, today included."""
    back = (reader.wall.weekday() - index(WEEKDAY_NAMES, match["weekday"])) % 7
    return spans(reader.this(Grain.DAY, back))


def last_weekday(match: re.Match[str], reader: Reader) -> Time:
    """ "Last Friday" on a Saturday: yesterday or the week before? Early in the week both are one."""
    day = index(WEEKDAY_NAMES, match["weekday"])
    of_last_week = weekday_of(reader, day, 1)
    latest = reader.this(Grain.DAY, (reader.wall.weekday() - day - 1) % 7 + 1)
    return spans(latest) if latest == of_last_week else unsure(latest, of_last_week)


def weekday_of_week(match: re.Match[str], reader: Reader) -> Time:
    return spans(weekday_of(reader, index(WEEKDAY_NAMES, match["weekday"]), int(match["which"] == "last")))


def weekday_of(reader: Reader, day: int, weeks_back: int) -> Span:
    monday = floor(reader.wall, Grain.WEEK) - timedelta(weeks=weeks_back)
    return reader.period(Grain.DAY, monday + timedelta(days=day))


def week_of(inner: list[Time], reader: Reader) -> Time | None:
    span = inner[0].span
    if span is None or span.start is None or span.unit is not Grain.DAY:
        return None
    return spans(reader.period(Grain.WEEK, span.start.astimezone(reader.zone).replace(tzinfo=None)))


def iso_week(match: re.Match[str], reader: Reader) -> Time:
    week = int(match["week"])
    given = match.groupdict().get("year")
    this_year, this_week, _ = reader.wall.isocalendar()
    chosen = int(given) if given else this_year - (week > this_week)
    return spans(reader.period(Grain.WEEK, datetime.fromisocalendar(chosen, week, 1)))


def weekend(match: re.Match[str], reader: Reader) -> Time:
    monday = floor(reader.wall, Grain.WEEK) - timedelta(weeks=int(match["which"] == "last"))
    return spans(reader.span(monday + timedelta(days=5), monday + timedelta(days=7)))


def past_weekend(match: re.Match[str], reader: Reader) -> Time:
    """The last weekend that is over; asked while one runs, either could be meant."""
    monday = floor(reader.wall, Grain.WEEK)
    span = reader.span(monday - timedelta(days=2), monday)
    if reader.wall.weekday() >= 5:
        return unsure(reader.span(monday + timedelta(days=5), monday + timedelta(days=7)), span)
    return spans(span)


def unit_to_date(match: re.Match[str], reader: Reader) -> Time:
    letters = {"w": Grain.WEEK, "m": Grain.MONTH, "q": Grain.QUARTER, "y": Grain.YEAR}
    word = match["unit"]
    grain = letters[word[0]] if word.endswith("td") else unit(word)
    return spans(reader.to_now(reader.this(grain)))


#: Parts of a day as people use them; the restatement shows the hours.
DAY_PARTS = {"morning": (0, 12), "afternoon": (12, 18), "evening": (18, 24)}


def day_part(match: re.Match[str], reader: Reader) -> Time:
    start = reader.today - timedelta(days=int(match["day"] == "yesterday"))
    first, last = DAY_PARTS[match["part"]]
    return spans(reader.span(start + timedelta(hours=first), start + timedelta(hours=last)))


def clock_time(match: re.Match[str], reader: Reader) -> Time | None:
    """ "After 5pm yesterday", "today before noon", "since 9am"."""
    groups = match.groupdict()
    back = {"yesterday": 1, "today": 0, None: 0}[groups.get("day")]
    day = reader.today - timedelta(days=back)
    at = day + _clock(groups)
    match groups["side"]:
        case "since":
            return spans(Span(reader.instant(at), reader.now)) if reader.instant(at) < reader.now else unsure()
        case "after":
            return spans(reader.span(at, day + timedelta(days=1)))
        case _:
            return spans(reader.span(day, at))


def _clock(groups: dict[str, str | None]) -> timedelta:
    if groups.get("noon"):
        return timedelta(hours=12)
    hour, minute, half = int(groups["hour"] or 0), int(groups.get("minute") or 0), groups.get("half")
    if hour > (12 if half else 24) or minute > 59:
        raise ValueError("no such time of day")
    return timedelta(hours=hour % 12 + 12 * (half == "pm") if half else hour, minutes=minute)


def date_with_day_part(match: re.Match[str], reader: Reader) -> Time:
    return unsure()


def relative(unit_name: Grain | None, n: int = 1, *, compares: bool = False) -> times.Meaning:
    return lambda match, reader: Time(TimeRole.RELATIVE, unit=unit_name, n=n, compares=compares)


def unit_before(match: re.Match[str], reader: Reader) -> Time:
    return Time(TimeRole.RELATIVE, unit=unit(match["unit"]))


def all_time(match: re.Match[str], reader: Reader) -> Time:
    return spans(Span(None, reader.now))


def moment_now(match: re.Match[str], reader: Reader) -> Time:
    return spans(Span(None, reader.now, point=True))


def month_range(match: re.Match[str], reader: Reader) -> Time:
    """ "3 - 10 May": the first day borrows the month of the second."""
    number = index(MONTH_NAMES, match["month"]) + 1
    first = day_of(reader, number, int(match["first"]), match["year"])
    last = day_of(reader, number, int(match["day"]), match["year"])
    if first.span is None or last.span is None:
        return unsure()
    return times.between([first, last], reader) or unsure()


def always(time: Time) -> times.Meaning:
    return lambda match, reader: time


def black_friday(match: re.Match[str], reader: Reader) -> Time:
    given = match.groupdict().get("year")
    chosen = int(given) if given else reader.wall.year
    day = _black_friday(chosen)
    if not given and day > reader.wall:
        day = _black_friday(chosen - 1)
    extra = 3 if match["name"].startswith("cyber") else 0
    return spans(reader.period(Grain.DAY, day + timedelta(days=extra)))


def _black_friday(year: int) -> datetime:
    first = datetime(year, 11, 1)
    thanksgiving = first + timedelta(days=(3 - first.weekday()) % 7 + 21)
    return thanksgiving + timedelta(days=1)


def fixed_day(month: int, day: int) -> times.Meaning:
    def meaning(match: re.Match[str], reader: Reader) -> Time:
        given = match.groupdict().get("year")
        chosen = int(given) if given else reader.wall.year - (datetime(reader.wall.year, month, day) > reader.wall)
        return spans(reader.period(Grain.DAY, datetime(chosen, month, day)))

    return meaning


def _last_or(match: re.Match[str], reader: Reader) -> Time:
    grain = unit(match["unit"] or match["unit2"])
    return spans(reader.this(grain, 1))


def _quarter(match: re.Match[str], reader: Reader) -> Time:
    return spans(quarter_span(reader, int(match["q"] or match["q2"]), match["year"] or match["y2"]))


def _week(match: re.Match[str], reader: Reader) -> Time:
    week, given = int(match["week"] or match["w2"]), match["year"] or match["y2"]
    this_year, this_week, _ = reader.wall.isocalendar()
    chosen = int(given) if given else this_year - (week > this_week)
    return spans(reader.period(Grain.WEEK, datetime.fromisocalendar(chosen, week, 1)))


def _to_date(match: re.Match[str], reader: Reader) -> Time:
    grain = unit(match["unit"] or match["u2"] or match["u3"] or match["u4"])
    return spans(reader.to_now(reader.this(grain)))


def _rule(pattern: str, meaning: times.Meaning) -> Rule:
    return Rule(re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])"), meaning)


_FIRST = r"(?P<first>[0-3]?\d)(?:st|nd|rd|th)?"
_OF_YEAR = rf"(?:,? (?:of |in )?{YEAR})?"
_CLOCK = r"(?:(?P<noon>noon)|(?P<hour>\d{1,2})(?::(?P<minute>\d\d))? ?(?P<half>am|pm)?)"
_CLOCK_SURE = r"(?:(?P<noon>noon)|(?P<hour>\d{1,2})(?::(?P<minute>\d\d) ?(?P<half>am|pm)?| ?(?P<half2>am|pm)))"
_FEW = "(?:a |the )?(?:few|couple of|couple|several|some|handful of)"

RULES: list[Rule] = [
    _rule(
        "(?:right )?now|current|currently|at the moment|at present|presently|as of now|as we speak|as of today",
        moment_now,
    ),
    _rule("today", days_back(0)),
    _rule("yesterday(?:'s)?|yesterdays", days_back(1)),
    _rule("(?:the )?day before yesterday", days_back(2)),
    _rule("tomorrow|(?:the )?(?:next|coming|upcoming|following) (?:" + N + " )?" + UNIT, always(FUTURE)),
    _rule(f"(?:this|the current|current) {UNIT}(?:'s)?", this_unit),
    _rule(f"{LAST} {UNIT}(?:'s)?|the (?:previous|prior) {UNIT.replace('unit', 'unit2')}", _last_or),
    _rule(f"(?:in|over|during|for|within) the last {UNIT}", in_the_last_unit),
    _rule(f"(?:the )?{UNIT} before last", unit_before_last),
    _rule(
        f"(?:in |over |during |for |within )?(?:the |these |our )?(?:last|past|trailing|rolling) {N}[ -]?{UNIT}",
        rolling,
    ),
    _rule(f"(?:the )?(?:previous|prior|preceding) {N} {UNIT}", previous_n),
    _rule(f"(?:in |over |during |for |within )?(?:the )?(?:past|trailing) {UNIT}", one_rolling),
    _rule(
        f"(?:in |over |during |for )?(?:the )?(?:last|past|previous) {N} (?:business|working|work) days?", business_days
    ),
    _rule(f"{N} {UNIT} (?:ago|earlier|back)", units_ago),
    _rule(MONTH + _OF_YEAR, month),
    _rule(f"(?:the )?month of {MONTH}{_OF_YEAR}", month),
    _rule(f"last {MONTH}", last_month_name),
    _rule(f"{MONTH} (?:of )?(?P<which>last|this) year", month_of_year),
    _rule(f"{MONTH} (?:the )?{DAY}{_OF_YEAR}", month_day),
    _rule(f"(?:the )?{DAY} (?:of )?{MONTH}{_OF_YEAR}", month_day),
    _rule(
        rf"(?:the )?{_FIRST} ?(?:-|to|until|through) ?(?:the )?{DAY} (?:of )?{MONTH}{_OF_YEAR}",
        month_range,
    ),
    _rule(
        rf"{MONTH} (?P<first>[0-3]?\d)(?:st|nd|rd|th)? ?(?:-|to|until|through) ?(?:the )?{DAY}{_OF_YEAR}", month_range
    ),
    _rule(
        rf"between (?:the )?(?P<first>[0-3]?\d)(?:st|nd|rd|th)? and (?:the )?{DAY} (?:of )?{MONTH}{_OF_YEAR}",
        month_range,
    ),
    _rule(rf"{YEAR}[-/.](?P<m>[01]?\d)[-/.](?P<day>[0-3]?\d)", iso_date),
    _rule(rf"{YEAR}[-/](?P<m>[01]?\d)", iso_month),
    _rule(rf"(?P<one>[0-3]?\d)[-/.](?P<two>[0-3]?\d)[-/.]{YEAR}", slashed),
    _rule(r"(?P<one>[0-3]?\d)/(?P<two>[0-3]?\d)", slashed),
    _rule(f"(?:the )?(?:year )?{YEAR}", year),
    _rule(rf"(?:the )?q(?P<q>[1-4]){_OF_YEAR}|{YEAR.replace('year', 'y2')} ?q(?P<q2>[1-4])", _quarter),
    _rule(f"(?:the )?(?P<q>first|second|third|fourth|1st|2nd|3rd|4th) quarter{_OF_YEAR}", quarter),
    _rule(f"h(?P<h>[12]){_OF_YEAR}", half),
    _rule(f"(?:the )?(?P<h>first|second|1st|2nd) half of {YEAR}", half),
    _rule("(?:the )?(?P<h>first|second|1st|2nd) half of the year", half),
    _rule(f"(?:on )?{WEEKDAY}", weekday),
    _rule(f"(?:on )?last {WEEKDAY}", last_weekday),
    _rule(f"(?:on )?{WEEKDAY} (?:of )?(?P<which>last|this) week", weekday_of_week),
    _rule(f"(?P<which>last|this) week's {WEEKDAY}", weekday_of_week),
    _rule(f"next {WEEKDAY}", always(FUTURE)),
    _rule(
        rf"(?:calendar )?week (?P<week>[1-5]?\d){_OF_YEAR}|{YEAR.replace('year', 'y2')}-?w(?P<w2>[0-5]?\d)",
        _week,
    ),
    _rule("(?:on |over |at )?(?:the )?(?P<which>last|this) weekend", weekend),
    _rule("(?:on|over|at|during) the weekend|(?:on |over |at |during )?the past weekend", past_weekend),
    _rule(r"(?P<unit>[wmqy]td)", unit_to_date),
    _rule(
        rf"{UNIT} to date|this {UNIT.replace('unit', 'u2')} (?:so far|to date|until now|up to now)"
        rf"|so far this {UNIT.replace('unit', 'u3')}"
        rf"|(?:since|from) (?:the )?(?:beginning|start) of (?:the|this) {UNIT.replace('unit', 'u4')}",
        _to_date,
    ),
    _rule("so far today|today so far", lambda m, r: spans(r.to_now(r.this(Grain.DAY)))),
    _rule(r"(?P<day>this|today|yesterday) (?P<part>morning|afternoon|evening)", day_part),
    _rule("last night|tonight|overnight", always(unsure())),
    _rule(rf"(?P<day>yesterday|today) (?P<side>after|before|since) {_CLOCK}", clock_time),
    _rule(rf"(?P<side>after|before|since) {_CLOCK} (?P<day>yesterday|today)", clock_time),
    _rule(
        r"(?P<side>since|after|before) (?:(?P<noon>noon)|(?P<hour>\d{1,2})(?::(?P<minute>\d\d))? ?(?P<half>am|pm))",
        clock_time,
    ),
    _rule(r"(?P<side>since|after|before) (?P<hour>\d{1,2}):(?P<minute>\d\d)", clock_time),
    _rule(
        "(?:of )?all time|ever|since (?:the )?(?:beginning|start|forever|day one)",
        all_time,
    ),
    _rule(
        "recently|lately|of late|these days|nowadays|recent|the other day|a while|"
        f"(?:in |over |for )?(?:the )?(?:last|past|previous)? ?{_FEW} {UNIT}(?: ago)?",
        always(unsure()),
    ),
    _rule(
        f"(?:the )?(?:first|second|third|fourth|last) week (?:of|in) (?:{MONTH}|(?:this|last) month){_OF_YEAR}",
        always(unsure()),
    ),
    _rule(f"(?:early|mid|late)[- ]{MONTH}{_OF_YEAR}|(?:early|late) (?:this|last) {UNIT}", always(unsure())),
    _rule("(?:the )?last (?:period|time)|last period|so far|to date|up to now|soon|later", always(unsure())),
    _rule(
        f"(?:the )?(?:same|corresponding) (?:period|time|{UNIT}) "
        f"(?:of |in )?(?:last|the previous|a) year(?: (?:earlier|ago|before))?",
        relative(Grain.YEAR),
    ),
    _rule("year (?:over|on) year|yoy|y/y", relative(Grain.YEAR, compares=True)),
    _rule("month (?:over|on) month|mom|m/m", relative(Grain.MONTH, compares=True)),
    _rule("week (?:over|on) week|wow|w/w", relative(Grain.WEEK, compares=True)),
    _rule("quarter (?:over|on) quarter|qoq", relative(Grain.QUARTER, compares=True)),
    _rule(
        "(?:the )?(?:previous|prior|preceding) (?:period|one)|(?:the )?period before(?: that| it)?"
        "|(?:the )?time before",
        relative(None),
    ),
    _rule(f"(?:the )?(?:one )?{UNIT} (?:before(?! (?:last|yesterday))(?: (?:that|it))?|prior|earlier)", unit_before),
    _rule(f"(?P<name>black friday|cyber monday){_OF_YEAR}", black_friday),
    _rule(f"(?:on )?christmas day{_OF_YEAR}", fixed_day(12, 25)),
    _rule(f"(?:on )?(?:new year's day|new years day){_OF_YEAR}", fixed_day(1, 1)),
    _rule(f"(?:over |at |during )?(?:christmas|easter|thanksgiving|the holidays|new year){_OF_YEAR}", always(unsure())),
]


def _frame(before: str, after: str, meaning: times.FrameMeaning, between: str | None = None) -> Frame:
    return Frame(
        re.compile(rf"(?:(?<![a-z0-9])(?:{before}) )" if before else ""),
        None if between is None else re.compile(rf" ?(?:{between}) ?"),
        re.compile(rf"(?: (?:{after}))" if after else ""),
        meaning,
    )


FRAMES: list[Frame] = [
    _frame("since|starting|starting from|beginning|ever since", "", times.since),
    _frame("from", "", times.of_or_since),
    _frame(
        "from|since", "on|onward|onwards|until now|to now|till now|to date|up to now|to today|until today", times.since
    ),
    _frame("after|later than|following", "", times.after),
    _frame("before|prior to|earlier than", "", times.before),
    _frame(
        "until|till|through|up to|up until|up to and including|to the end of|until the end of|by the end of",
        "",
        times.until,
    ),
    _frame("between", "", times.between, between="and|to|-"),
    _frame("from", "", times.between, between="to|until|till|through|thru|up to|-"),
    _frame("", "", times.between, between="to|through|thru|until|till|-"),
    _frame("(?:the )?(?:start|beginning|first day) of|(?:the )?(?:start|beginning) of the", "", times.first_moment),
    _frame(
        "(?:at |by |as of )?(?:the )?(?:end|close|last day) of|(?:the )?end of the|as at the end of|end",
        "",
        times.last_moment,
    ),
    _frame("(?:in |during )?(?:the )?week (?:of|commencing|starting|beginning|containing|with)", "", week_of),
    _frame("", "so far|to date|until now|up to now", times.to_date),
    _frame("so far in|so far", "", times.to_date),
    _frame("as of|as at|at the end of|by end of|at end of", "", times.last_moment),
]
