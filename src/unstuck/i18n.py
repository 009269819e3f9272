"""What people read, in their language. A language is one file in `locales/`."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

Lang = Literal["en", "zh"]
LANGS: tuple[Lang, ...] = get_args(Lang)


def lang_named(name: object, default: Lang = "en") -> Lang:
    """The language of that name, as it was stored or came back from Slack; `default` where there is none."""
    return next((known for known in LANGS if known == name), default)


def t(key: str, lang: Lang, /, **params: object) -> str:
    """The message `section.name` in `lang`, its `{placeholders}` filled from `params`.

    Raises `KeyError` for a key that the language lacks; a test keeps the languages in parity.
    """
    return messages(lang)[key].format(**params)


@cache
def messages(lang: Lang) -> dict[str, str]:
    """All messages of a language: `section.name` to template."""
    text = (files("unstuck") / "locales" / f"{lang}.toml").read_text(encoding="utf-8")
    return dict(_flatten(tomllib.loads(text)))


def _flatten(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            rows += _flatten(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", str(value)))
    return rows


def language_of(text: str) -> Lang:
    """`zh` when the text holds Chinese characters, else `en`: what a reader would answer in."""
    return "zh" if any("\u3400" <= char <= "\u9fff" for char in text) else "en"


#: Units that durations are told in, largest first: name in the locales and seconds.
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
#: From here on the smaller unit is noise: "23 days", not "23 days 4 h".
_WHOLE_FROM = {"day": 10 * 86_400, "minute": 10 * 60}
_PATTERNS: dict[Lang, tuple[str, str, str]] = {
    "en": ("d MMM yyyy", "d MMM yyyy, HH:mm", "EEE, d MMM yyyy"),
    "zh": ("y年M月d日", "y年M月d日 HH:mm", "y年M月d日（EEE）"),
}


def format_duration(seconds: float, lang: Lang) -> str:
    """A duration in the two units that matter: `3 days 4 h`, `3 天 4 小时`; days alone from ten days on."""
    size = abs(seconds)
    sign = "-" if seconds < 0 and size >= 0.5 else ""
    for (name, unit), (smaller, step) in pairwise(_UNITS):
        # 59.7 minutes are told as an hour, so the unit is chosen by the rounded value.
        if _rounded(size, step) < unit:
            continue
        if size >= _WHOLE_FROM.get(name, float("inf")):
            return sign + _count(_rounded(size, unit) // unit, name, lang)
        whole, rest = divmod(_rounded(size, step), unit)
        return sign + _count(whole, name, lang) + (f" {_count(rest // step, smaller, lang)}" if rest else "")
    return sign + _count(_rounded(size, 1), "second", lang)


def format_working(seconds: float, working_day: int, lang: Lang) -> str:
    """Business time, in working days of so many seconds each: `3 working days 2 h`."""
    if working_day >= _UNITS[0][1] or seconds < working_day:
        return format_duration(seconds, lang)
    days, rest = divmod(_rounded(seconds, _UNITS[1][1]), working_day)
    hours = rest // _UNITS[1][1] if days < 10 else 0
    return _count(int(days), "working_day", lang) + (f" {_count(int(hours), 'hour', lang)}" if hours else "")


def format_span(days: int, seconds: int, lang: Lang) -> str:
    """So many working days and so much time beside: `1 working day 4 h`; empty for none."""
    parts = [_count(days, "working_day", lang)] if days else []
    return " ".join([*parts, format_duration(seconds, lang)] if seconds else parts)


def _rounded(value: float, step: int) -> int:
    return int(value / step + 0.5) * step


def _count(n: int, unit: str, lang: Lang) -> str:
    return t(f"duration.{unit}" if n == 1 else f"duration.{unit}s", lang, n=format_number(n, lang))


def format_ago(at: datetime, now: datetime, lang: Lang) -> str:
    """How long ago in the one unit that matters: `3 weeks ago`, `3周前`; `today` within a day."""
    from babel.dates import format_timedelta

    if now - at < timedelta(days=1):
        return t("duration.today", lang)
    return format_timedelta(at - now, granularity="day", add_direction=True, locale=lang)


def format_number(value: float, lang: Lang, decimals: int = 1) -> str:
    """`value` with thousands grouped, rounded to at most `decimals` places: `24,918`, `3.5`."""
    from babel.numbers import format_decimal

    pattern = "#,##0" if decimals == 0 else f"#,##0.{'#' * decimals}"
    return format_decimal(value, format=pattern, locale=lang)


def format_share(value: float, lang: Lang) -> str:
    """A share of one as a percentage: `0.427` is `42.7%`."""
    return f"{format_number(value * 100, lang)}%"


def format_date(day: date, lang: Lang) -> str:
    """`20 May 2016`, `2016年5月20日`."""
    from babel.dates import format_date as babel_date

    return babel_date(day, _PATTERNS[lang][0], locale=lang)


def format_day(day: date, lang: Lang) -> str:
    """The same with its weekday: `Fri, 20 May 2016`, `2016年5月20日（周五）`."""
    from babel.dates import format_date as babel_date

    return babel_date(day, _PATTERNS[lang][2], locale=lang)


def format_instant(at: datetime, timezone: str, lang: Lang) -> str:
    """`at` (aware) on the clock of the IANA zone `timezone`, which is named: `20 May 2016, 12:00 (UTC)`."""
    from babel.dates import format_datetime

    local = at.astimezone(ZoneInfo(timezone))
    return f"{format_datetime(local, _PATTERNS[lang][1], tzinfo=local.tzinfo, locale=lang)} ({timezone})"
