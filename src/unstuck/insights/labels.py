"""What the cells and columns of a result are called in the reader's language."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from unstuck.clock import parse_instant
from unstuck.i18n import Lang, format_date, format_duration, format_instant, format_number, format_share, messages, t
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Aggregate, Grain, Plan, Result

Cell = str | int | float | bool | None

AGGREGATES = tuple(aggregate.value for aggregate in Aggregate)
#: Columns that count, whatever the unit of the answer.
COUNTS = frozenset(
    {"n", "n_open", "tickets", "times", "waiting_now", "in_minus_out", "visits", "responses", "solved", "opened"}
    | {"reopened", "dropped", "business_days", "n_before", "n_now"}
)
SHARES = frozenset({"share", "good_share", "response_rate"})
#: Totals over many tickets: days would hide that it is working time that was lost.
TOTALS = frozenset({"sum", "excess", "occupancy", "active", "open"})
#: Between the cells by which a note calls a row.
GROUP_JOINT = " · "
#: Between the parts of a restatement or a subtitle.
SEPARATOR = " · "
#: Columns whose cells are words of ours, not of the desk.
NAMES = frozenset({"dimension", "case"})
DAY = 86_400
INSTANTS = frozenset({"created_at", "at", "from", "to"})


def metric_name(metric: str, lang: Lang) -> str:
    """The metric's first word; in English with a capital."""
    word = METRICS[metric].words[lang][0]
    return word[:1].upper() + word[1:] if lang == "en" else word


def column_name(name: str, lang: Lang) -> str:
    """A column's heading. Custom fields keep the name that the desk gave them."""
    if name in METRICS:
        return metric_name(name, lang)
    if name.startswith("custom."):
        return name.removeprefix("custom.")
    if name.endswith("_before") and f"column.{name}" not in messages(lang):
        return t("column.before", lang, name=column_name(name.removesuffix("_before"), lang))
    return messages(lang).get(f"column.{name}", name)


def column_names(result: Result, lang: Lang) -> tuple[str, ...]:
    """All headings of a result. What was counted has finished only where something could still be open."""
    names = (("tickets" if name == "n" and "n_open" not in result.columns else name) for name in result.columns)
    return tuple(column_name(name, lang) for name in names)


def key_name(value: Cell, lang: Lang) -> str:
    """A group's name."""
    if value is None:
        return t("column.unknown", lang)
    if value == "others":
        return t("column.others", lang)
    return messages(lang).get(f"weekday.{value}", str(value))


def bucket_name(label: str, plan: Plan, lang: Lang) -> str:
    """A bucket of a trend, on the wall clock of the plan's zone."""
    local = parse_instant(label).astimezone(ZoneInfo(plan.timezone))
    if plan.grain is Grain.HOUR:
        return local.strftime("%m-%d %H:%M")
    if plan.grain is Grain.MONTH:
        return local.strftime("%Y-%m")
    if plan.grain is Grain.QUARTER:
        return f"{local.year} Q{(local.month + 2) // 3}"
    return str(local.year) if plan.grain is Grain.YEAR else format_date(local.date(), lang)


def cell(name: str, value: Cell, plan: Plan, result: Result, lang: Lang) -> str:
    """One cell as people read it. `name` is its column's."""
    if value is None:
        return t("sentence.unknown", lang)
    if isinstance(value, str):
        return _text(name, value, plan, lang)
    if name in SHARES or (result.unit == "share" and name not in COUNTS and not _is_duration(name, result)):
        return format_share(float(value), lang)
    if name in COUNTS or not _is_duration(name, result):
        return format_number(float(value), lang, 2)
    if name in TOTALS:
        return t("sentence.hours", lang, n=format_number(float(value) / 3600, lang, 0))
    return length(float(value), plan, lang)


def length(seconds: float, plan: Plan, lang: Lang) -> str:
    """A length of time on the plan's clock. A business day has no fixed length, so its hours are told."""
    if plan.clock == "business" and abs(seconds) >= DAY:
        return t("sentence.hours", lang, n=format_number(seconds / 3600, lang, 0))
    return format_duration(seconds, lang)


def _text(name: str, value: str, plan: Plan, lang: Lang) -> str:
    if name in NAMES:
        return column_name(value, lang)
    if name in INSTANTS and value.endswith("Z"):
        return format_instant(parse_instant(value), plan.timezone, lang)
    if plan.grain is not None and name == plan.grain.value:
        return bucket_name(value, plan, lang)
    return key_name(value, lang)


def _is_duration(name: str, result: Result) -> bool:
    if name in COUNTS or name in SHARES:
        return False
    return result.unit == "seconds" or name in TOTALS


def period_name(bounds: tuple[Cell, ...], plan: Plan, lang: Lang) -> str:
    """An instant or a period `[start, end)`; whole days are told by the first and last of them."""
    zone = ZoneInfo(plan.timezone)
    told = [parse_instant(str(bound)).astimezone(zone) if bound else None for bound in bounds]
    if any(at is not None and at.time() != time() for at in told):
        return " – ".join(moment(str(bound), plan, lang).split(" (")[0] if bound else "…" for bound in bounds)
    *first, last = told
    days = [*first, last - timedelta(days=1) if last is not None else None]
    return " – ".join("…" if at is None else format_date(at.date(), lang) for at in dict.fromkeys(days))


def moment(text: str, plan: Plan, lang: Lang) -> str:
    """An ISO instant on the reader's clock."""
    at: datetime = parse_instant(text)
    return format_instant(at, plan.timezone, lang)
