"""A manager's answer told: Slack's own table and chart where Slack takes them, a plain table and a picture elsewhere."""

from __future__ import annotations

import logging

from slack_sdk.errors import SlackApiError, SlackRequestError

from bot import blocks, refusals
from bot.blocks.exports import with_buttons
from bot.desk import Desk
from bot.posting import LINE_BROKEN, InThread, Place, upload_once
from bot.work import thinking
from unstuck.i18n import t
from unstuck.insights import ask
from unstuck.insights.ask import Told
from unstuck.insights.labels import SEPARATOR
from unstuck.insights.plan import Plan

log = logging.getLogger("unstuck.bot")


def tell(desk: Desk, plan: Plan, told: Told, place: Place) -> None:
    """The answer with its table, its buttons and its chart."""
    found = _finding(plan, told, place)
    if _say(found, told.number, place) and found.chart is not None:
        return
    with thinking:
        picture = ask.picture(plan, told, place.lang)
    if picture is not None and isinstance(place, InThread):
        _show_chart(desk, picture, told.sentence, place)


def _finding(plan: Plan, told: Told, place: Place) -> blocks.Finding:
    said = told.restatement
    if told.number is not None:
        said += SEPARATOR + t("bot.answer_number", place.lang, number=told.number)
    numbers = tuple(tuple(_number(cell) for cell in row) for row in told.result.rows)
    chart = ask.series(plan, told, place.lang)
    return blocks.Finding(told.sentence, said, told.columns, told.rows, told.n_rows, told.notes, numbers, chart)


def _say(found: blocks.Finding, number: int | None, place: Place) -> bool:
    """Tell it in Slack's own table and chart; `False` when it took a plain table because Slack refused them."""
    # There is nothing to save of an answer without rows.
    number = number if found.rows else None
    plainly = with_buttons(blocks.insight(found, place.lang), number, place.lang)
    if not isinstance(place, InThread):
        place.say(plainly)
        return False
    try:
        place.say(with_buttons(blocks.native(found, place.lang), number, place.lang))
    except SlackApiError as error:
        if refusals.word(error) not in refusals.BLOCKS:
            raise
        log.info("native blocks are refused in %s: %s", place.channel, refusals.word(error))
        place.say(plainly)
        return False
    return True


def _number(cell: object) -> float | None:
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else None


def _show_chart(desk: Desk, picture: bytes, alt: str, place: InThread) -> None:
    """The chart as a file below the answer. Without it nothing is missing: the table says the same."""
    try:
        upload_once(place, picture, "chart", ".png", title=t("bot.chart", place.lang), alt=alt)
    except (SlackApiError, SlackRequestError, *LINE_BROKEN) as error:
        log.warning("the chart could not be uploaded: %s", error)
        desk.trouble("chart", error, place.channel)
