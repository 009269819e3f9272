"""Why a nudge came: whose turn, why late, which rule, and how to change it. Seen by whoever asked."""

from __future__ import annotations

from collections.abc import Sequence

from bot.blocks.nudges import MAX_REASON, evidence, waits
from bot.blocks.shapes import Drawn, context, section
from bot.blocks.text import Markup, clip, fallback, say
from unstuck.i18n import Lang, format_number, format_span, format_working, t
from unstuck.nudges.rules import FILE, RUNGS, Step
from unstuck.nudges.view import NudgeView


def why(view: NudgeView, steps: Sequence[Step], lang: Lang) -> Drawn:
    """`steps`: the rungs of the rule that asked for the nudge; none when the rule is gone."""
    blocks = [
        section(say("bot.why_turn", lang, waits=waits(view, lang))),
        *evidence(view, lang),
        section(say("bot.why_late", lang, reason=clip(view.reason, MAX_REASON))),
        context(_group(view, lang)),
        section(say("bot.why_rule", lang, rule=view.rule, steps=_ladder(steps, lang), who=view.recipient_name)),
        context(say("bot.why_change", lang, file=FILE)),
    ]
    return Drawn(fallback(t("bot.why_title", lang, ticket=clip(view.ticket, 60))), blocks)


def _group(view: NudgeView, lang: Lang) -> Markup:
    threshold = format_working(view.threshold, view.working_day, lang)
    if view.compared_by in ("fixed", "answered"):
        return say("bot.why_no_group", lang, threshold=threshold)
    group = t("nudges.and", lang).join(t(f"nudges.by_{name}", lang) for name in view.compared_by.split("+"))
    n = format_number(view.comparables, lang)
    return say("bot.why_group", lang, n=n, group=group, threshold=threshold)


def _ladder(steps: Sequence[Step], lang: Lang) -> str:
    return t("bot.why_then", lang).join(_step(step, lang) for step in steps) or "…"


def _step(step: Step, lang: Lang) -> str:
    who = t(f"nudges.step_{RUNGS.index(step.to)}", lang)
    wait = format_span(step.after.days, step.after.seconds, lang)
    return t("bot.why_step", lang, who=who, wait=wait) if wait else t("bot.why_step_first", lang, who=who)
