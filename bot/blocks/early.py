"""A manager's morning: what may soon be late, where tickets pile up, what nobody owns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from bot.blocks.shapes import Drawn, context, fitting, section
from bot.blocks.text import Block, Markup, clip, fallback, link, moment, say
from unstuck.clock import parse_instant
from unstuck.i18n import Lang, format_number, format_share, t
from unstuck.nudges.at_risk import reason_words
from unstuck.stalls.risk import Reason

#: Surges and tickets of each kind that are named.
MOST, MAX_LENGTH = 8, 9_000
#: Facts about persons, which are nothing for a channel.
PERSONAL = frozenset({"assignee", "customer"})


def early(news: Mapping[str, Any], lang: Lang, *, alone: bool) -> Drawn:
    """`news` as `unstuck.nudges.early.gather` has it. `alone`: one person reads it, not a channel."""
    blocks = [*_surges(news["surges"], lang)]
    blocks += _risks(news, lang, alone=alone)
    for name in ("unowned", "orphaned"):
        blocks += _nobodys(name, news, lang)
    shown = chain(*fitting(([block] for block in blocks), MAX_LENGTH))
    counts = {name: format_number(news[f"{name}_n"], lang) for name in ("at_risk", "unowned", "orphaned")}
    return Drawn(
        fallback(t("early.summary", lang, surges=len(news["surges"]), **counts)),
        [section(say("early.title", lang)), *shown],
    )


def _surges(found: Sequence[Mapping[str, Any]], lang: Lang) -> Iterator[Block]:
    for one in found[:MOST]:
        since = moment(parse_instant(one["since"]), lang)
        usual = format_number(one["usual"], lang)
        stage, n = clip(one["stage"], 80), format_number(one["entered"], lang)
        yield section(say("early.surge", lang, stage=stage, n=n, since=since, usual=usual))


def _risks(news: Mapping[str, Any], lang: Lang, *, alone: bool) -> Iterator[Block]:
    if not news["at_risk"]:
        return
    yield section(say("early.at_risk", lang, n=format_number(news["at_risk_n"], lang)))
    for one in news["at_risk"][:MOST]:
        what = t("risk.overstay", lang) if one["what"] == "overstay" else t("risk.miss", lang, field=one["what"])
        line = say(
            "early.risk",
            lang,
            ticket=link(one["url"], clip(one["ticket"], 60) or "?"),
            stage=clip(one["stage"], 80),
            chance=format_share(round(one["chance"], 2), lang),
            what=clip(what, 80),
            due=moment(parse_instant(one["due"]), lang),
        )
        reasons = (Reason(**reason) for reason in one["reasons"])
        told = [one for one in reasons if alone or not PERSONAL & set(one.fact.split("+"))]
        yield context(line, *(say("early.because", lang, reason=reason_words(reason, lang)) for reason in told))


def _nobodys(name: str, news: Mapping[str, Any], lang: Lang) -> Iterator[Block]:
    if news[name]:
        named = [
            say("early.one", lang, ticket=link(one["url"], clip(one["ticket"], 60) or "?"), since=_since(one, lang))
            for one in news[name][:MOST]
        ]
        yield section(say(f"early.{name}", lang, n=format_number(news[f"{name}_n"], lang)))
        yield context(*named)


def _since(one: Mapping[str, Any], lang: Lang) -> Markup:
    return moment(parse_instant(one["since"]), lang)
