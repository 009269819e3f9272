"""The App Home: what waits for the reader, how they want to be told; for managers the flow, for admins the health.

Lists are turned page by page, so that the Home stays far below Slack's hundred blocks however long they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.blocks.forms import choice, modal, option, ticks, time_of_day
from bot.blocks.shapes import actions, button, context, divider, header, section
from bot.blocks.text import Block, Markup, clip, escape, moment, passage, plain, rich, rich_link, say, words
from unstuck.desk_health import Health, Names
from unstuck.i18n import LANGS, Lang, format_duration, format_number, t
from unstuck.overview import Overview

LANGUAGE, HOURS, TURN, HOURS_FORM = "home_language", "home_hours", "home_turn", "home_hours_form"
#: The choice "as my Slack has it".
AUTOMATIC = "auto"
OWN, FROM, TO, DAYS = "own", "from", "to", "days"
PAGE, SURGES, TROUBLES = 10, 5, 5
MAX_SENTENCE, MAX_NAME = 1500, 60

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A ticket in one of the lists."""

    ticket: str
    title: str | None
    url: str | None
    #: What else there is to say: its stage and wait, or until when it rests.
    stage: str | None = None
    #: Business seconds.
    waited: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pages:
    """Which page of each list is open, from 0."""

    tickets: int = 0
    stalls: int = 0
    snoozes: int = 0

    def __str__(self) -> str:
        return f"{self.tickets},{self.stalls},{self.snoozes}"


def read_pages(value: str) -> Pages:
    """What a button carries; the first pages when it carries something else."""
    if not re.fullmatch(r"\d{1,4},\d{1,4},\d{1,4}", value, re.ASCII):
        return Pages()
    return Pages(*(int(part) for part in value.split(",")))


@dataclass(frozen=True, slots=True)
class Mine:
    """What concerns the reader alone."""

    tickets: Sequence[Line] = ()
    stalls: Sequence[Line] = ()
    snoozes: Sequence[Line] = ()
    #: None: as their Slack has it.
    lang: Lang | None = None
    #: `(from, to, weekdays)`; None: the desk's.
    hours: tuple[str, str, tuple[int, ...]] | None = None


def home(
    mine: Mine, pages: Pages, lang: Lang, *, overview: Overview | None = None, health: Health | None = None
) -> View:
    """The Home of one person."""
    blocks = [header(t("home.title", lang)), section(say("home.intro", lang)), *_settings(mine, lang), divider()]
    blocks += _list(mine.tickets, "tickets", pages, lang)
    blocks += _list(mine.stalls, "stalls", pages, lang)
    blocks += _list(mine.snoozes, "snoozes", pages, lang)
    if overview is not None:
        blocks += [divider(), *_overview(overview, lang)]
    if health is not None:
        blocks += [divider(), *_health(health, lang)]
    blocks += [divider(), section(say("help.answers", lang))]
    blocks += [section(say("help.insights", lang))] if overview is not None else []
    blocks.append(context(say("help.commands", lang)))
    return {"type": "home", "blocks": blocks}


def hours_form(mine: Mine, lang: Lang) -> View:
    """When the reader wants to hear of their tickets."""
    start, end, days = mine.hours or ("09:00", "18:00", (0, 1, 2, 3, 4))
    whose = [("desk", t("home.hours_desk", lang)), (OWN, t("home.hours_own", lang))]
    names = [(str(number), t(f"weekday.{name}", lang)) for number, name in enumerate(WEEKDAYS)]
    blocks = [
        section(say("home.hours_intro", lang)),
        choice(OWN, t("home.hours_whose", lang), whose, initial=OWN if mine.hours else "desk"),
        time_of_day(FROM, t("home.hours_from", lang), start),
        time_of_day(TO, t("home.hours_to", lang), end),
        ticks(DAYS, t("home.hours_days", lang), names, (str(day) for day in days)),
    ]
    submit = t("home.hours_submit", lang)
    return modal(
        t("home.hours_title", lang), blocks, lang, callback_id=HOURS_FORM, submit=submit, metadata={"lang": lang}
    )


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _settings(mine: Mine, lang: Lang) -> Iterator[Block]:
    options = [option(AUTOMATIC, t("home.language_auto", lang))]
    options += [option(one, t(f"home.language_{one}", lang)) for one in LANGS]
    menu: Block = {
        "type": "static_select",
        "action_id": LANGUAGE,
        "placeholder": plain(t("home.language", lang), 150),
        "options": options,
        "initial_option": next(one for one in options if one["value"] == (mine.lang or AUTOMATIC)),
    }
    yield actions([menu, button(t("home.hours", lang), HOURS, "hours")])
    if mine.hours is None:
        yield context(say("home.hours_are_desks", lang))
    else:
        start, end, days = mine.hours
        named = ("、" if lang == "zh" else ", ").join(t(f"weekday.{WEEKDAYS[day]}", lang) for day in days)
        yield context(say("home.hours_are", lang, start=start, end=end, days=named))


def _list(lines: Sequence[Line], name: str, pages: Pages, lang: Lang) -> Iterator[Block]:
    last = max(0, (len(lines) - 1) // PAGE)
    page = min(getattr(pages, name), last)
    yield header(t(f"home.{name}", lang, n=len(lines)))
    if not lines:
        yield section(say(f"home.no_{name}", lang))
        return
    items = [_item(line, lang) for line in lines[page * PAGE : (page + 1) * PAGE]]
    yield rich({"type": "rich_text_list", "style": "bullet", "elements": items})
    if last:
        yield from _pager(name, pages, page, last, lang)


def _pager(name: str, pages: Pages, page: int, last: int, lang: Lang) -> Iterator[Block]:
    turns = []
    for step, label in ((-1, "home.earlier"), (1, "home.later")):
        if 0 <= page + step <= last:
            there = replace(pages, **{name: page + step})
            turns.append(button(t(label, lang), f"{TURN}_{name}_{'back' if step < 0 else 'on'}", str(there)))
    yield actions(turns)
    yield context(say("home.page", lang, page=page + 1, pages=last + 1))


def _item(line: Line, lang: Lang) -> Block:
    parts = [rich_link(line.url, clip(line.ticket, MAX_NAME) or "?")]
    told = f"  {clip(line.title, 120)}" if line.title else ""
    if line.stage and line.waited is not None:
        told += "  " + t("home.item", lang, stage=clip(line.stage, MAX_NAME), waited=format_duration(line.waited, lang))
    elif line.stage:
        told += f"  {clip(line.stage, MAX_NAME)}"
    parts += [words(told)] if told else []
    if line.until is not None:
        shape = "{date_short_pretty} {time}"
        date: Block = {"type": "date", "timestamp": int(line.until.timestamp()), "format": shape, "fallback": "…"}
        parts += [words("  → "), date]
    return {"type": "rich_text_section", "elements": parts}


def _overview(found: Overview, lang: Lang) -> Iterator[Block]:
    yield header(t("home.stuck", lang))
    yield from passage(clip(found.stuck, MAX_SENTENCE) or "…")
    yield context(say("bot.counted", lang, what=found.restatement))
    yield header(t("home.surges", lang))
    if not found.surges:
        yield section(say("home.no_surges", lang))
    for one in found.surges[:SURGES]:
        usual = format_number(one.usual, lang)
        line = say("home.surge", lang, stage=clip(one.stage, MAX_NAME), n=one.entered, usual=usual)
        yield section(Markup(f"{line} {say('home.surge_since', lang, at=moment(one.since, lang))}"))
    if found.weeks:
        yield header(t("home.weeks", lang))
        told = [t("home.week", lang, label=w.label, opened=w.opened, solved=w.solved) for w in found.weeks]
        items = [{"type": "rich_text_section", "elements": [words(clip(line, 200))]} for line in told]
        yield rich({"type": "rich_text_list", "style": "bullet", "elements": items})


def _health(found: Health, lang: Lang) -> Iterator[Block]:
    yield header(t("home.health", lang))
    lines = [_connected(one.name, one.system, one.read_at, lang) for one in found.connected[:PAGE]]
    yield section(Markup("\n".join(lines or [say("home.no_sources", lang)])))
    if len(found.connected) > PAGE:
        yield context(say("bot.more_rows", lang, n=len(found.connected) - PAGE))
    yield section(_named("unmapped", found.unmapped, lang))
    yield section(_named("silent", found.silent, lang))
    rules = "、" if lang == "zh" else ", "
    named = rules.join(name if on else t("home.rule_off", lang, name=name) for name, on in found.rules[:PAGE])
    yield section(say("home.rules", lang, rules=named or "–"))
    is_well = not (found.failed_messages or found.refused_writes or found.troubles)
    key = "home.no_trouble" if is_well else "home.trouble"
    yield section(say(key, lang, messages=found.failed_messages, writes=found.refused_writes))
    for one in found.troubles[:TROUBLES]:
        word, kind = clip(one.word, MAX_NAME), clip(one.kind, MAX_NAME)
        yield context(say("doctor.trouble", lang, kind=kind, word=word, times=one.times, place=one.place or "–"))


def _connected(name: str, system: str, read_at: datetime | None, lang: Lang) -> Markup:
    if read_at is None:
        return say("home.never_read", lang, name=name, system=system)
    return say("home.read", lang, name=name, system=system, at=moment(read_at, lang))


def _named(key: str, names: Names, lang: Lang) -> Markup:
    if not names.n:
        return say(f"home.no_{key}", lang)
    listed = ("、" if lang == "zh" else ", ").join(clip(name, MAX_NAME) for name in names.shown)
    return say(f"home.{key}", lang, n=names.n, names=escape(clip(listed, 1000)))
