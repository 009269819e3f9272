"""A plan in words, in the asker's language: what was computed, not what was asked.

Parts are separated by " · "; what the asker did not say but was assumed is marked as a default.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from unstuck.i18n import Lang, messages, t
from unstuck.insights.metric import Unit
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Filter, Kind, OwnWord, Plan, Window

SEPARATOR = " · "
_MEASURES_IN_SECONDS = ("age", "stage_age", "idle", "lead_time")


def restate(plan: Plan, lang: Lang, *, now: datetime | None = None) -> str:
    """What `plan` computes. With `now`, windows that still run say so."""
    return SEPARATOR.join(part for part in _parts(plan, lang, now) if part)


def changes(before: Plan, after: Plan, lang: Lang, *, now: datetime | None = None) -> str:
    """What a follow-up changed: the parts that were not there before."""
    old = set(_parts(before, lang, now))
    return SEPARATOR.join(part for part in _parts(after, lang, now) if part and part not in old)


def _parts(plan: Plan, lang: Lang, now: datetime | None) -> Iterator[str]:
    if plan.kind is Kind.TICKET:
        yield t("restate.ticket", lang, ticket=plan.ticket)
        return
    if plan.kind in (Kind.DATA_QUALITY, Kind.HELP):
        yield t(f"restate.{plan.kind.value}", lang)
        return
    yield _what(plan, lang)
    yield from _split(plan, lang)
    caps = plan.kind is Kind.WHAT_IF and plan.within is not None
    yield from (condition(f, lang) for f in plan.filters if not (caps and _is_wait(f)))
    if plan.kind is Kind.EXPLAIN:
        return
    yield from _when(plan, lang, now)
    yield from _clock(plan, lang)
    if plan.min_n:
        yield t("restate.min_n", lang, n=plan.min_n)
    for word in plan.own_words:
        on = word.approved_at.astimezone(ZoneInfo(plan.timezone)).date().isoformat()
        yield t("restate.own_word", lang, said=word.said, meant=own_word_name(word, lang), by=word.approved_by, on=on)
    for said, meant in plan.mended:
        yield t("restate.mended", lang, said=said, meant=meant)


def _what(plan: Plan, lang: Lang) -> str:
    name = metric_name(plan.metric, lang)
    if plan.against_metric:
        name = t("restate.against", lang, one=name, other=metric_name(plan.against_metric, lang))
    if plan.variant:
        name += f" ({messages(lang).get(f'restate.variant_{plan.variant}', plan.variant)})"
    if plan.kind is Kind.MAP:
        return t("restate.map", lang)
    if plan.within and plan.kind is not Kind.WHAT_IF:
        name += t("restate.within", lang, length=length(plan.within, lang))
    elif plan.aggregate:
        name += f" ({t(f'restate.aggregate_{plan.aggregate.value}', lang)})"
    if plan.kind is Kind.WHAT_IF:
        return t("restate.what_if", lang, what=_capped(plan, lang) or name)
    if plan.kind in (Kind.LIST, Kind.EXPLAIN):
        return t(f"restate.{plan.kind.value}", lang, metric=name)
    return name


def _capped(plan: Plan, lang: Lang) -> str:
    """The wait that is capped, and at what."""
    if plan.within is None:
        return ""
    waits = [_value(one.field, value, lang) for one in plan.filters for value in one.values if _is_wait(one)]
    names = t("insights.or", lang).join(waits)
    return t("restate.what_if_cap", lang, name=names, length=length(plan.within, lang))


def _is_wait(one: Filter) -> bool:
    return one.field in ("status", "stage", "class")


def metric_name(metric: str | None, lang: Lang) -> str:
    known = METRICS.get(metric or "")
    return known.words[lang][0] if known else (metric or "")


def _split(plan: Plan, lang: Lang) -> Iterator[str]:
    if plan.kind is Kind.WHY:
        yield t("restate.why", lang)
    if plan.kind is Kind.COMPARE:
        yield t("restate.compare", lang)
    if plan.by:
        names = t("insights.and", lang).join(dimension_name(name, lang) for name in plan.by)
        yield t("restate.by", lang, names=names)
    if plan.grain:
        yield t(f"restate.grain_{plan.grain.value}", lang)
    if plan.kind is Kind.TOP or (plan.kind is Kind.LIST and plan.limit):
        side = "top" if plan.descending else "bottom"
        yield t(f"restate.{side}", lang, n=plan.limit) if plan.limit else t(f"restate.{side}_all", lang)


def conditions(plan: Plan, lang: Lang, now: datetime | None) -> Iterator[str]:
    """Of which tickets and what time a picture is."""
    yield from (condition(f, lang) for f in plan.filters)
    yield from _when(plan, lang, now)
    yield from _clock(plan, lang)


def _clock(plan: Plan, lang: Lang) -> Iterator[str]:
    """Which hours lengths of time are told in."""
    metric = METRICS.get(plan.metric or "")
    timed = metric is not None and metric.unit in (Unit.DURATION, Unit.HOURS)
    if timed or plan.kind is Kind.MAP or plan.clock == "business":
        yield t(f"restate.{plan.clock}", lang)


def own_word_name(word: OwnWord, lang: Lang) -> str:
    """What a word of the workspace's own stands for."""
    if word.role == "metric":
        return metric_name(word.field, lang)
    name = dimension_name(word.field, lang)
    return f"{name} {_value(word.field, word.value, lang)}" if word.role == "value" else name


def dimension_name(name: str, lang: Lang) -> str:
    """What people call a dimension; custom fields have only their own name."""
    return messages(lang).get(f"dimension.{name}", name.removeprefix("custom."))


def condition(item: Filter, lang: Lang) -> str:
    """One filter in words."""
    name = dimension_name(item.field, lang)
    if item.field == "still_open":
        return name
    if item.number is not None:
        seconds = item.field in _MEASURES_IN_SECONDS
        amount = length(item.number, lang) if seconds else f"{item.number:g}"
        return t(f"restate.{item.op.value}", lang, name=name, amount=amount)
    values = t("insights.or", lang).join(_value(item.field, value, lang) for value in item.values)
    return t(f"restate.{item.op.value}", lang, name=name, values=values)


def _value(field: str, value: str, lang: Lang) -> str:
    return messages(lang).get(f"{field}.{value}", value)


def length(seconds: float, lang: Lang) -> str:
    """A length of time in its largest even unit."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            n = int(seconds // size)
            return t(f"restate.{unit}" if n == 1 else f"restate.{unit}s", lang, n=n)
    return t("restate.minutes", lang, n=f"{seconds / 60:g}")


def _when(plan: Plan, lang: Lang, now: datetime | None) -> Iterator[str]:
    zone = ZoneInfo(plan.timezone)
    metric = METRICS.get(plan.metric or "")
    if plan.window is not None:
        text = window_words(plan.window, plan.timezone, lang, now)
        if metric is not None and metric.anchor.value == "A" and plan.kind is not Kind.TREND:
            text = t("restate.at", lang, at=_stamp(plan.window.end, zone), zone=plan.timezone)
        yield text if plan.window.stated else t("restate.default", lang, what=text)
        if plan.against is not None:
            against = window_words(_same_elapsed(plan.window, plan.against, now), plan.timezone, lang, now)
            if metric is not None and metric.anchor.value == "A":
                against = t("restate.at", lang, at=_stamp(plan.against.end, zone), zone=plan.timezone)
            yield t("restate.versus", lang, what=against)
    elif plan.at is not None:
        yield t("restate.at", lang, at=_stamp(plan.at, zone), zone=plan.timezone)
    elif now is not None:
        yield t("restate.now", lang, at=_stamp(now, zone), zone=plan.timezone)


def _same_elapsed(window: Window, against: Window, now: datetime | None) -> Window:
    """What a running window is compared with: the same elapsed part of the other."""
    if now is None or window.end <= now or window.start is None or against.start is None:
        return against
    end = min(against.end, against.start + max(now - window.start, timedelta()))
    return against.model_copy(update={"end": end})


def window_words(window: Window, timezone: str, lang: Lang, now: datetime | None) -> str:
    """The half-open window in the reader's time zone; midnight bounds are shown as days, the last one included."""
    zone = ZoneInfo(timezone)
    running = "_running" if now is not None and window.end > now else ""
    end = _stamp(window.end, zone)
    if window.start is None:
        return t(f"restate.until{running}", lang, end=end, zone=timezone)
    return t(f"restate.window{running}", lang, start=_stamp(window.start, zone), end=end, zone=timezone)


def _stamp(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
