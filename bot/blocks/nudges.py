"""One message about one stalled ticket: what waits, on whom, since when, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.blocks.nudge_forms import MENU
from bot.blocks.shapes import Drawn, actions, button, context, section
from bot.blocks.text import (
    Block,
    Markup,
    clip,
    escape,
    fallback,
    link,
    moment,
    person,
    plain,
    rich,
    rich_link,
    say,
    words,
)
from unstuck.i18n import Lang, format_share, format_working, t
from unstuck.nudges.contract import HAND_OVER, STILL
from unstuck.nudges.rules import CHOICES
from unstuck.nudges.view import Evidence, NudgeView

MINE, SNOOZE, FALSE_ALARM, WHY, MORE = (
    "nudge_mine", "nudge_snooze", "nudge_false_alarm", "nudge_why", "nudge_more",
)  # fmt: skip
#: Of the ownership contract: the ticket goes back to the queue.
GIVE_BACK = "nudge_give_back"
#: What the first button says to an owner, or a lead, who is asked.
_MINE = {STILL: "contract.still_mine", HAND_OVER: "contract.hand_over_mine"}
#: A choice of the snooze menu that opens a form.
UNTIL = "until"
#: What the snooze menu offers: words in the locales, `nudge_snooze_<choice>`.
SNOOZES = CHOICES
MAX_TITLE, MAX_REASON, MAX_SMALL, MAX_NAME, MAX_EVIDENCE, MAX_LABEL = 200, 500, 250, 80, 4, 75


def nudge(view: NudgeView, lang: Lang, discussed: Sequence[str] = ()) -> Drawn:
    """The message while the ticket stalls; redrawn without buttons once that is over (`view.outcome`).

    `discussed`: links to threads about the ticket.
    """
    if view.outcome is not None:
        return nudge_done(view, lang)
    blocks = [
        _headline(view),
        *_question(view, lang),
        section(waits(view, lang)),
        _reason(view),
        *_risk(view, lang),
        *evidence(view, lang),
    ]
    blocks += [*_hint(view, lang), *_discussed(discussed, lang), _buttons(view, lang), context(_heard_by(view, lang))]
    if view.note:
        blocks.append(context(escape(clip(view.note, MAX_SMALL))))
    return Drawn(fallback(_summary(view, lang), view.title or ""), blocks)


def nudge_done(view: NudgeView, lang: Lang) -> Drawn:
    """What is left of a nudge: the ticket, struck through, and how it ended."""
    name = words(f"{clip(view.ticket, 60)} {clip(view.title or '', MAX_TITLE)}".strip(), strike=True)
    title = rich({"type": "rich_text_section", "elements": [name]})
    end = ended(view, lang)
    return Drawn(fallback(view.ticket, t(f"bot.nudge_{view.outcome}_short", lang)), [title, context(end)])


def _headline(view: NudgeView) -> Block:
    parts = [rich_link(view.url, clip(view.ticket, 60) or "?")]
    if view.title:
        parts.append(words(f"  {clip(view.title, MAX_TITLE)}", bold=True))
    return rich({"type": "rich_text_section", "elements": parts})


def _question(view: NudgeView, lang: Lang) -> Iterator[Block]:
    """What the message asks beside telling, if anything."""
    if view.ask:
        promised = moment(view.promised_at, lang) if view.promised_at else "…"
        yield section(say(f"contract.{view.ask}", lang, who=clip(view.party or "…", MAX_NAME), promised=promised))


def _summary(view: NudgeView, lang: Lang) -> str:
    return t("bot.nudge_summary", lang, ticket=clip(view.ticket, 60), waited=_waited(view, lang))


def waits(view: NudgeView, lang: Lang) -> Markup:
    """Whose turn it is and for how long, in one sentence."""
    key = f"bot.nudge_waits_{view.waiting_on}" + ("" if view.party else "_unnamed")
    return say(
        key,
        lang,
        party=clip(view.party or "", MAX_NAME),
        stage=clip(view.stage, MAX_NAME),
        waited=_waited(view, lang),
        usual=format_working(view.threshold, view.working_day, lang),
        since=moment(view.still_since, lang),
    )


def _waited(view: NudgeView, lang: Lang) -> str:
    return format_working(view.waited, view.working_day, lang)


def _reason(view: NudgeView) -> Block:
    facts = [clip(fact, 80) for fact in (view.priority, view.customer) if fact]
    sentence = " · ".join([clip(view.reason, MAX_REASON) or "…", *facts])
    return rich({"type": "rich_text_section", "elements": [words(sentence)]})


def _risk(view: NudgeView, lang: Lang) -> Iterator[Block]:
    """How likely it misses its deadline, and the two facts that say so."""
    if view.risk is not None:
        risk, key = view.risk, "overstay" if view.risk.what == "overstay" else "miss"
        chance, due = format_share(round(risk.chance, 2), lang), moment(risk.due, lang)
        told = say(f"bot.nudge_risk_{key}", lang, chance=chance, due=due, field=clip(risk.what, 80))
        yield context(told, *(escape(clip(reason, MAX_SMALL)) for reason in risk.reasons))


def evidence(view: NudgeView, lang: Lang) -> Iterator[Block]:
    if view.evidence:
        yield context(*(_fact(fact, lang) for fact in view.evidence[:MAX_EVIDENCE]))


def _fact(fact: Evidence, lang: Lang) -> Markup:
    known = "_by" if fact.who else ""
    return say(
        f"bot.evidence_{fact.kind}{known}",
        lang,
        at=moment(fact.at, lang),
        who=clip(fact.who or "", 60),
        what=clip(fact.what or "", MAX_NAME),
    )


def _hint(view: NudgeView, lang: Lang) -> Iterator[Block]:
    if view.hint_title:
        yield section(say("bot.nudge_hint", lang, title=link(view.hint_url, clip(view.hint_title, MAX_TITLE))))


def _discussed(urls: Sequence[str], lang: Lang) -> Iterator[Block]:
    if urls:
        named = [link(url, t("linking.thread", lang, n=n)) for n, url in enumerate(urls, start=1)]
        yield context(say("linking.discussed", lang, links=Markup(" · ".join(named))))


def _buttons(view: NudgeView, lang: Lang) -> Block:
    value = str(view.nudge_id)
    menu: Block = {
        "type": "static_select",
        "action_id": SNOOZE,
        "placeholder": plain(t("bot.nudge_snooze", lang), MAX_LABEL),
        "options": [_snooze(choice, value, lang) for choice in (*view.snoozes, UNTIL)],
    }
    mine = button(t(_MINE.get(view.ask or "", "bot.nudge_mine"), lang), MINE, value, style="primary")
    back = [button(t(f"contract.{view.ask}_back", lang), GIVE_BACK, value)] if view.ask else []
    wrong = button(t("bot.nudge_false_alarm", lang), FALSE_ALARM, value)
    more: Block = {"type": "overflow", "action_id": MORE, "options": [_more(name, value, lang) for name in MENU]}
    return actions([mine, *back, menu, wrong, button(t("bot.nudge_why", lang), WHY, value), more])


def _snooze(choice: str, nudge_id: str, lang: Lang) -> Block:
    return {"text": plain(t(f"bot.nudge_snooze_{choice}", lang), MAX_LABEL), "value": f"{nudge_id}:{choice}"}


def _more(name: str, nudge_id: str, lang: Lang) -> Block:
    return {"text": plain(t(f"nudge_forms.{name}_menu", lang), MAX_LABEL), "value": f"{nudge_id}:{name}"}


def _heard_by(view: NudgeView, lang: Lang) -> Markup:
    return say("bot.nudge_heard_by", lang, who=clip(view.recipient_name, MAX_NAME))


def ended(view: NudgeView, lang: Lang) -> Markup:
    by = person(view.outcome_by) if view.outcome_by else Markup("")
    if view.outcome == "snoozed" and view.snoozed_until is not None:
        key = "bot.nudge_snoozed_reply" if view.until_reply else "bot.nudge_snoozed"
        return say(key, lang, by=by, until=moment(view.snoozed_until, lang))
    return say(f"bot.nudge_{view.outcome}_done", lang, by=by)
