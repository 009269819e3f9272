"""Chinese words for time."""
# Rules share one signature, and wall-clock time has no zone on purpose (`periods.py` adds it).
# ruff: noqa: ARG001, ARG005, DTZ001

from __future__ import annotations

import re
from datetime import datetime, timedelta

from unstuck.insights.plan import Grain
from unstuck.insights.question import times
from unstuck.insights.question.periods import Reader, Span, floor, shift
from unstuck.insights.question.times import FUTURE, Frame, Rule, Time, TimeRole, spans, unsure
from unstuck.insights.question.times_en import (
    all_time,
    always,
    day_of,
    days_back,
    fixed_day,
    half_span,
    iso_date,
    iso_month,
    moment_now,
    month_span,
    quarter_span,
    relative,
    weekday_of,
)
from unstuck.insights.question.workdays import days_off

UNITS = {
    Grain.HOUR: "个?(?:小时|钟头)",
    Grain.DAY: "天|日",
    Grain.WEEK: "个?(?:周|星期|礼拜)",
    Grain.MONTH: "个?月",
    Grain.QUARTER: "个?(?:季度|季)",
    Grain.YEAR: "年",
}
DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
WEEKDAYS = {
    "一": 0,
    "二": 1,
    "三": 2,
    "四": 3,
    "五": 4,
    "六": 5,
    "日": 6,
    "天": 6,
    "1": 0,
    "2": 1,
    "3": 2,
    "4": 3,
    "5": 4,
    "6": 5,
}

UNIT = "(?P<unit>" + "|".join(UNITS.values()) + ")"
NUMERAL = "(?:[一二两三四五六七八九]?十[一二三四五六七八九]?|[一二两三四五六七八九]百|[一二两三四五六七八九])"
N = rf"(?P<n>\d{{1,4}}|{NUMERAL})"
MONTH = r"(?P<month>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])月(?:份)?"
DAY = rf"(?P<day>[0-3]?\d|{NUMERAL})[日号]"
YEAR = r"(?:(?P<year>(?:19|20)\d\d)年?)"
WHICH_YEAR = r"(?:(?P<year>(?:19|20)\d\d)年|(?P<rel>今年|本年|去年|前年))"
WEEK = "(?:周|星期|礼拜)"
#: 这周一共 is "this week in all", not "this Monday".
WEEKDAY = f"{WEEK}(?P<weekday>[一二三四五六日天1-6])(?!共|直|定|些|样|般|下)"
BACK = {
    "本": 0,
    "这": 0,
    "这个": 0,
    "当前": 0,
    "当": 0,
    "上": 1,
    "上个": 1,
    "上一": 1,
    "上一个": 1,
    "上上": 2,
    "上上个": 2,
}
THIS = "(?P<back>上上个|上上|上一个|上一|上个|上|本|这个|这|当前|当)"
WANT_UNIT = "(?P<unit>周|星期|礼拜|月份|月|季度|季|年度)"
NOW_WORDS = "目前为止|目前|现在为止|现在|今天为止|今天|今|如今|当前|此刻"


def number(text: str) -> int:
    """12, 十二, 两, 三十."""
    if text.isdigit():
        return int(text)
    if "百" in text:
        return DIGITS[text[0]] * 100
    if "十" in text:
        tens, _, ones = text.partition("十")
        return (DIGITS[tens] if tens else 1) * 10 + (DIGITS[ones] if ones else 0)
    return DIGITS[text]


def unit(text: str) -> Grain:
    text = text.removesuffix("份").removesuffix("度") if text in ("月份", "年度") else text
    return next(grain for grain, pattern in UNITS.items() if re.fullmatch(pattern, text))


def near_unit(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.this(unit(match["unit"]), BACK[match["back"]]))


def near_year(back: int) -> times.Meaning:
    return lambda match, reader: spans(reader.this(Grain.YEAR, back))


def rolling(match: re.Match[str], reader: Reader) -> Time | None:
    n = number(match["n"])
    return spans(reader.rolling(unit(match["unit"]), n)) if n else None


def unclear_n(match: re.Match[str], reader: Reader) -> Time:
    """前三天 may be the three days before today, the last 72 hours or the first three of something."""
    grain, n = unit(match["unit"]), number(match["n"])
    return unsure(
        Span(reader.this(grain, n).start, reader.instant(floor(reader.wall, grain))), reader.rolling(grain, n)
    )


def business_days(match: re.Match[str], reader: Reader) -> Time | None:
    n = number(match["n"])
    return spans(reader.business_days(n)) if 0 < n < 1000 else None


def half_year(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.rolling(Grain.MONTH, 6))


def units_ago(match: re.Match[str], reader: Reader) -> Time | None:
    grain = unit(match["unit"])
    if match["unit"] == "月":  # 三月前 is before March; three months ago is 三个月前
        return None
    return spans(Span(None, reader.ago(grain, number(match["n"])), grain, point=True))


def _year(match: re.Match[str], reader: Reader) -> int | None:
    groups = match.groupdict()
    if groups.get("year"):
        return int(groups["year"] or 0)
    back = {"今年": 0, "本年": 0, "去年": 1, "前年": 2}.get(groups.get("rel") or "")
    return None if back is None else reader.wall.year - back


def month(match: re.Match[str], reader: Reader) -> Time:
    return spans(month_span(reader, number(match["month"]), _year(match, reader)))


def month_day(match: re.Match[str], reader: Reader) -> Time:
    return day_of(reader, number(match["month"]), number(match["day"]), _year(match, reader))


def day_of_near_month(match: re.Match[str], reader: Reader) -> Time:
    start = shift(floor(reader.wall, Grain.MONTH), Grain.MONTH, -BACK[match["back"]])
    return spans(reader.period(Grain.DAY, start.replace(day=number(match["day"]))))


def bare_day(match: re.Match[str], reader: Reader) -> Time:
    """10号 is of this month once it has come; before that, ask."""
    start, day = floor(reader.wall, Grain.MONTH), int(match["day"])
    if day <= reader.wall.day:
        return spans(reader.period(Grain.DAY, start.replace(day=day)))
    return unsure(reader.period(Grain.DAY, shift(start, Grain.MONTH, -1).replace(day=day)))


def slashed(match: re.Match[str], reader: Reader) -> Time:
    """Chinese dates are month first."""
    return day_of(reader, int(match["m"]), int(match["d"]), None)


def days_of_month(match: re.Match[str], reader: Reader) -> Time:
    """5月3日到10日: the second day borrows month and year of the first."""
    year, month_number = _year(match, reader), number(match["month"])
    first = day_of(reader, month_number, number(match["day"]), year)
    last = day_of(reader, month_number, number(match["last"]), year)
    if first.span is None or last.span is None:
        return unsure()
    return times.between([first, last], reader) or unsure()


def months_of_year(match: re.Match[str], reader: Reader) -> Time | None:
    """3到5月, 去年三至五月."""
    year = _year(match, reader)
    last = month_span(reader, number(match["month"]), year)
    first_month = number(match["first"])
    if first_month >= number(match["month"]) and year is None:
        return unsure()
    first = month_span(reader, first_month, last.start.astimezone(reader.zone).year if last.start else None)
    return times.between([spans(first), spans(last)], reader)


def year(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.period(Grain.YEAR, datetime(int(match["year"]), 1, 1)))


def quarter(match: re.Match[str], reader: Reader) -> Time:
    return spans(quarter_span(reader, number(match["q"]), _year(match, reader)))


def half(match: re.Match[str], reader: Reader) -> Time:
    return spans(half_span(reader, {"上": 1, "下": 2}[match["h"]], _year(match, reader)))


THIRDS = {"上旬": (1, 11), "中旬": (11, 21), "下旬": (21, None)}


def third(match: re.Match[str], reader: Reader) -> Time:
    """The ten-day thirds of a month, 上旬 中旬 下旬."""
    groups = match.groupdict()
    if groups.get("month"):
        start = month_span(reader, number(match["month"]), _year(match, reader)).start
        assert start is not None
        wall = start.astimezone(reader.zone).replace(tzinfo=None)
    else:
        wall = shift(floor(reader.wall, Grain.MONTH), Grain.MONTH, -BACK[match["back"]])
    first, last = THIRDS[match["third"]]
    end = shift(wall, Grain.MONTH, 1) if last is None else wall.replace(day=last)
    return spans(reader.span(wall.replace(day=first), end))


def weekday(match: re.Match[str], reader: Reader) -> Time:
    back = (reader.wall.weekday() - WEEKDAYS[match["weekday"]]) % 7
    return spans(reader.this(Grain.DAY, back))


def weekday_of_week(match: re.Match[str], reader: Reader) -> Time:
    return spans(weekday_of(reader, WEEKDAYS[match["weekday"]], BACK[match["back"]]))


def weekend(match: re.Match[str], reader: Reader) -> Time:
    monday = floor(reader.wall, Grain.WEEK) - timedelta(weeks=BACK[match["back"]])
    return spans(reader.span(monday + timedelta(days=5), monday + timedelta(days=7)))


def unit_to_date(match: re.Match[str], reader: Reader) -> Time:
    return spans(reader.to_now(reader.this(unit(match["unit"]))))


#: Parts of a day as people use them; the restatement shows the hours.
DAY_PARTS = {"早上": (0, 12), "早晨": (0, 12), "上午": (0, 12), "下午": (12, 18), "晚上": (18, 24)}
DAYS = {"今天": 0, "今日": 0, "昨天": 1, "昨日": 1, "前天": 2}
DAY_WORD = "(?P<day>今天|今日|昨天|昨日|前天)"


def day_part(match: re.Match[str], reader: Reader) -> Time:
    start = reader.today - timedelta(days=DAYS[match["day"]])
    first, last = DAY_PARTS[match["part"]]
    return spans(reader.span(start + timedelta(hours=first), start + timedelta(hours=last)))


def clock_time(match: re.Match[str], reader: Reader) -> Time | None:
    """昨天下午5点后, 今天9点以前, 昨天14:30之后."""
    day = reader.today - timedelta(days=DAYS[match["day"]] if match["day"] else 0)
    hour = number(match["hour"])
    if match["part"] in ("下午", "晚上") and hour < 12:
        hour += 12
    minute = 30 if match["half"] else int(match["minute"] or 0)
    if hour > 24 or minute > 59:
        return None
    at = day + timedelta(hours=hour, minutes=minute)
    if match["side"].endswith("前"):
        return spans(reader.span(day, at))
    return spans(reader.span(at, day + timedelta(days=1)))


def week_of(inner: list[Time], reader: Reader) -> Time | None:
    span = inner[0].span
    if span is None or span.start is None or span.unit is not Grain.DAY:
        return None
    return spans(reader.period(Grain.WEEK, span.start.astimezone(reader.zone).replace(tzinfo=None)))


def iso_week(match: re.Match[str], reader: Reader) -> Time:
    week = number(match["week"])
    this_year, this_week, _ = reader.wall.isocalendar()
    chosen = _year(match, reader) or this_year - (week > this_week)
    return spans(reader.period(Grain.WEEK, datetime.fromisocalendar(chosen, week, 1)))


def end_of_near(match: re.Match[str], reader: Reader) -> Time:
    """月底 (this month's), 上月底, 去年底: the instant at which the period ends."""
    span = reader.this(unit(match["unit"]), BACK[match["back"]] if match["back"] else 0)
    return spans(Span(None, span.end if match["edge"] in ("底", "末") else span.start or span.end, point=True))


def end_of_year(match: re.Match[str], reader: Reader) -> Time:
    year = _year(match, reader)
    assert year is not None
    span = reader.period(Grain.YEAR, datetime(year, 1, 1))
    return spans(Span(None, span.end if match["edge"] in ("底", "末") else span.start or span.end, point=True))


#: Public holidays as people say them, and as the `holidays` package calls them in Chinese.
HOLIDAYS = {
    "国庆": "国庆",
    "十一": "国庆",
    "春节": "春节",
    "过年": "春节",
    "五一": "劳动",
    "劳动节": "劳动",
    "清明": "清明",
    "端午": "端午",
    "中秋": "中秋",
    "元旦": "元旦",
}


def holiday(match: re.Match[str], reader: Reader) -> Time:
    """The days off of the last such holiday that has begun, or of the year said."""
    year = _year(match, reader)
    for chosen in [year] if year else [reader.wall.year, reader.wall.year - 1]:
        days = days_off(HOLIDAYS[match["name"]], chosen)
        if days is not None and (year or days[0] <= reader.wall.date()):
            first, last = (datetime(day.year, day.month, day.day) for day in days)
            return spans(reader.span(first, last + timedelta(days=1)))
    return unsure()


def _short_day_part(match: re.Match[str], reader: Reader) -> Time:
    if match["part"] == "早":
        return spans(reader.span(reader.today, reader.today + timedelta(hours=12)))
    return unsure()


def _rule(pattern: str, meaning: times.Meaning) -> Rule:
    return Rule(re.compile(pattern), meaning)


_Y = rf"(?:{WHICH_YEAR}的?)?"
_UNTIL_NOW = f"(?:至今|迄今|以来|到(?:{NOW_WORDS})|截至(?:{NOW_WORDS})|截止(?:{NOW_WORDS})|到(?:{NOW_WORDS})为止)"

RULES: list[Rule] = [
    # Behind "compared with" it is the one before the other stretch; alone it may be two things.
    _rule(
        "(?<=[比跟和与较])前(?:一|1)?个?(?P<unit>天|周|星期|月|季度|年)",
        lambda m, r: Time(TimeRole.RELATIVE, unit=unit(m["unit"])),
    ),
    _rule(
        "现在|目前|当前|此刻|眼下|这会儿|当下|此时|现阶段|截至目前|截止目前|到目前为止|截至现在|到现在为止", moment_now
    ),
    _rule("今天|今日|当天|今儿", days_back(0)),
    _rule("昨天|昨日|昨儿", days_back(1)),
    _rule("前天|前日", days_back(2)),
    _rule("大前天", days_back(3)),
    _rule(
        f"明天|明日|后天|明年|后年|明儿|下下?(?:个|一|一个)?(?:周|星期|礼拜|月|季度|季)[一二三四五六日天]?|(?:未来|接下来|今后|往后)(?:的)?(?:{N}{UNIT})?",
        always(FUTURE),
    ),
    _rule(f"{THIS}{WANT_UNIT}", near_unit),
    _rule("今年|本年度?|当年", near_year(0)),
    _rule("去年|上一?年度?", near_year(1)),
    _rule("前年", near_year(2)),
    _rule(f"(?:在|于)?(?:最近|过去|近)的?(?:这)?{N}{UNIT}(?:内|里|以来|来|之内|间|中)?", rolling),
    _rule(f"前{N}{UNIT}", unclear_n),
    _rule(f"(?:这|上){N}{UNIT}", unclear_n),
    _rule("(?:最近|过去|近)(?:的)?半年", half_year),
    _rule(f"(?:最近|过去|近|上|前)的?{N}个?工作日(?:内|里)?", business_days),
    _rule(f"{N}{UNIT}(?:之前|以前|前)", units_ago),
    _rule("半年(?:之前|以前|前)", lambda m, r: spans(Span(None, r.ago(Grain.MONTH, 6), Grain.MONTH, point=True))),
    _rule(f"{_Y}{MONTH}", month),
    _rule(f"{_Y}{MONTH}{DAY}", month_day),
    _rule(rf"{_Y}{MONTH}{DAY}(?:到|至|-|~)(?P<last>[0-3]?\d|{NUMERAL})[日号]", days_of_month),
    _rule(rf"{_Y}(?P<first>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])(?:到|至|-|~){MONTH}", months_of_year),
    _rule(f"(?P<back>上上个?|上个?|本|这个?|当)月的?{DAY}", day_of_near_month),
    _rule(r"(?P<year>(?:19|20)\d\d)[-/.年](?P<m>[01]?\d)[-/.月](?P<day>[0-3]?\d)", iso_date),
    _rule(r"(?P<year>(?:19|20)\d\d)[-/](?P<m>[01]?\d)", iso_month),
    _rule(r"(?P<m>1[0-2]|0?[1-9])/(?P<d>[0-3]?\d)", slashed),
    _rule(YEAR.replace("年?", "年"), year),
    _rule(rf"{_Y}第?(?P<q>[一二三四1-4])(?:个)?季度?", quarter),
    _rule(rf"{_Y}q(?P<q>[1-4])", quarter),
    _rule(rf"{_Y}(?P<h>上|下)半年", half),
    _rule(f"{_Y}{MONTH}的?(?P<third>上旬|中旬|下旬)", third),
    _rule("(?P<back>上上个|上上|上个|上|本|这个|这|当)月的?(?P<third>上旬|中旬|下旬)", third),
    _rule(f"(?:{_Y}{MONTH}|(?:上|本|这)个?月)的?(?:第[一二三四五1-5]个?|最后一个?)(?:周|星期)", always(unsure())),
    _rule(r"(?<![月\d十])(?P<day>[0-3]?\d)号", bare_day),
    _rule(WEEKDAY, weekday),
    _rule(f"(?P<back>上上个|上上|上个|上|本|这个|这){WEEKDAY}", weekday_of_week),
    _rule("(?P<back>上上个|上上|上个|上|本|这个|这)(?:周|星期|礼拜)末", weekend),
    _rule("周末", always(unsure())),
    _rule(rf"{_Y}第(?P<week>\d{{1,2}}|{NUMERAL})周", iso_week),
    _rule(f"(?P<unit>周|月|季|年)初{_UNTIL_NOW}", unit_to_date),
    _rule(f"自?(?:本|这|这个|今|当)(?P<unit>周|星期|月|季度|季|年){_UNTIL_NOW}", unit_to_date),
    _rule(f"(?:今天|今日)(?:到(?:{NOW_WORDS})|截至(?:{NOW_WORDS}))", lambda m, r: spans(r.to_now(r.this(Grain.DAY)))),
    _rule(
        "(?P<unit>年|月|周|季)(?:内)?至今|(?P<u2>年|月)累计",
        lambda m, r: spans(r.to_now(r.this(unit(m["unit"] or m["u2"])))),
    ),
    _rule("(?P<back>上上个?|上个?|本|这个?|当)?(?P<unit>月|季|周|年)(?P<edge>底|末|初)", end_of_near),
    _rule(f"{WHICH_YEAR}(?P<edge>底|末|初)", end_of_year),
    _rule(f"{DAY_WORD}的?(?P<part>早上|早晨|上午|下午|晚上)", day_part),
    _rule("(?P<day>今)(?P<part>早|晚)|昨晚|昨夜|昨天夜里|凌晨", _short_day_part),
    _rule(
        rf"{DAY_WORD}?的?(?P<part>早上|上午|中午|下午|晚上)?(?P<hour>\d{{1,2}}|{NUMERAL})(?:点钟?|时|:)(?:(?P<half>半)|(?P<minute>[0-5]\d)分?)?(?P<side>之后|以后|后|之前|以前|前)",
        clock_time,
    ),
    _rule("有史以来|一直以来|所有时间|全部时间|历史上|全部历史|有记录以来|从头到现在", all_time),
    _rule(
        "(?:最近|过去|近|这|前)?的?(?:几|数|好几)(?:天|个?月|周|个?星期|年|个?小时|个?工作日)(?:前|内|里)?|最近|近期|近来|近日|这几天|前几天|这阵子|前阵子|这段时间|这些天|前段时间|这些日子|不久前|刚才|半个月|半年",
        always(unsure()),
    ),
    _rule("上一?个?(?:周期|期|阶段|次)|之前|以前|后来|以后|当时", always(unsure())),
    _rule("(?:去年|上年)(?:的)?(?:同期|同时期|同一时期|同月|同周)|同期|较去年同期", relative(Grain.YEAR)),
    _rule("上个?月(?:的)?同期", relative(Grain.MONTH)),
    _rule("上个?(?:周|星期)(?:的)?同期", relative(Grain.WEEK)),
    _rule("同比", relative(Grain.YEAR, compares=True)),
    _rule("环比", relative(None, compares=True)),
    _rule(
        "(?:再)?(?:往前|前)(?:推|移|一)?一?个?(?P<unit>天|周|星期|月|季度|年)|(?:再)?前一个?(?P<u2>天|周|星期|月|季度|年)",
        lambda m, r: Time(TimeRole.RELATIVE, unit=unit(m["unit"] or m["u2"])),
    ),
    _rule("(?:再)?(?:往前一期|前一期|前一个周期)", relative(None)),
    _rule(rf"{_Y}双(?:十一|11)", fixed_day(11, 11)),
    _rule(rf"{_Y}双(?:十二|12)", fixed_day(12, 12)),
    _rule(rf"{_Y}618", fixed_day(6, 18)),
    _rule(
        rf"{_Y}(?P<name>国庆|春节|过年|五一|劳动节|清明|端午|中秋|元旦)(?:节)?(?:期间|假期|放假期间|长假|那几天|当天)?",
        holiday,
    ),
    _rule(rf"{_Y}(?P<name>十一)(?:期间|假期|长假)", holiday),
]


def _frame(before: str, after: str, meaning: times.FrameMeaning, between: str | None = None) -> Frame:
    return Frame(re.compile(before), None if between is None else re.compile(between), re.compile(after), meaning)


FRAMES: list[Frame] = [
    _frame("自从|自|从|打从|打", f" ?(?:开始|起|{_UNTIL_NOW})?", times.since),
    _frame("(?:自从|自|从)?", f" ?(?:开始|起|{_UNTIL_NOW})(?:到(?:{NOW_WORDS}))?", times.since),
    _frame("", "(?:之后|以后|过后)", times.after),
    _frame("在?", "(?:之前|以前)", times.before),
    _frame("(?:截至|截止|截止到|截至到|直到|到)", "(?:为止|之前)?", times.until),
    _frame("(?:在|从|自)?", "(?:之间|期间|为止|间)?", times.between, between=" ?(?:到|至|-|~) ?"),
    _frame("(?:在)?", "(?:之间|期间)", times.between, between=" ?(?:和|与) ?"),
    _frame("", "的?(?:底|末|月底|月末)", times.last_moment),
    _frame("", "的?(?:初|月初)", times.first_moment),
    _frame("", "(?:那一?周|所在的?那?一?周|当周|那个?星期|那个?礼拜)", week_of),
    _frame("", f"(?:{_UNTIL_NOW})", times.to_date),
]
