"""Where an answer comes from and how sure it is, in words: the same in Slack and in the terminal."""

from __future__ import annotations

from datetime import datetime

from knowledge.cards import Answer, Citation
from unstuck.i18n import Lang, format_ago, t


def origin(cited: Citation, lang: Lang, now: datetime) -> str:
    """How old a source is, whose, and how often it worked: "solved 3 weeks ago by Ana Silva · worked 14 times"."""
    kind = "solved" if cited.tickets else "written"
    who = cited.owner or cited.team
    ago = format_ago(cited.created, now, lang) if cited.created is not None else None
    name = "_".join([kind, *(["ago"] if ago else []), *(["by"] if who else [])])
    said = t(f"answers.{name}", lang, ago=ago, who=who) if ago or who else ""
    worked = t("answers.worked", lang, n=cited.tickets) if cited.tickets > 1 else ""
    return " · ".join(part for part in (said, worked) if part)


def how_sure(answer: Answer, lang: Lang) -> str:
    """What the calibration promises for an answer: less than the desk accepts, or about that much, is wrong."""
    accepted = max(1, round(100 * answer.wrong_target))
    return t("answers.sure" if answer.is_clear else "answers.likely", lang, percent=accepted)
