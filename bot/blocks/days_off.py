"""A working day that may well be a day off: asked of an admin, and what they said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.blocks.shapes import Drawn, actions, button, context, section
from bot.blocks.text import Markup, fallback, say
from unstuck.i18n import Lang, format_day, format_share, t
from unstuck.nudges.days_off import of_payload, why

OFF, OPEN = "day_off_closed", "day_off_open"


def proposed(payload: Mapping[str, Any], lang: Lang) -> Drawn:
    """`payload` as `unstuck.nudges.days_off.propose` puts it."""
    one = of_payload(payload)
    told = {
        "day": format_day(one.day, lang),
        "why": why(one, lang, sure=payload["sure"]),
        "share": format_share(round(one.chance, 2), lang),
    }
    value = one.day.isoformat()
    return Drawn(
        fallback(t("days_off.ask", lang, **told)),
        [
            section(say("days_off.ask", lang, **told)),
            actions([button(t("days_off.closed", lang), OFF, value), button(t("days_off.open", lang), OPEN, value)]),
        ],
    )


def settled(payload: Mapping[str, Any], lang: Lang, *, closed: bool, by: Markup) -> Drawn:
    """The same once somebody has said which it is."""
    one = of_payload(payload)
    key = "days_off.is_closed" if closed else "days_off.is_open"
    told = {"day": format_day(one.day, lang), "date": one.day.isoformat()}
    return Drawn(
        fallback(t(key, lang, **told)), [section(say(key, lang, **told)), context(say("days_off.by", lang, by=by))]
    )
