"""What needs a form on a nudge: pass it on, waiting on somebody, put off until a day, comment, reply to the customer."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, App
from slack_sdk.errors import SlackApiError
from sqlalchemy import delete
from sqlmodel import col

from bot import blocks, refusals
from bot.blocks import forms
from bot.blocks import nudge_forms as drawing
from bot.blocks.nudge_forms import COMMENT, CONFIRM, REASSIGN, REPLY, UNTIL, WAITING
from bot.blocks.nudges import MORE
from bot.blocks.text import clean
from bot.desk import Desk
from bot.modals import InModal, Sent, View, open_form, read_metadata, sent, take_form
from bot.notices import deliver_notices
from bot.people import Member
from bot.posting import LINE_BROKEN, InThread
from bot.roles import Role
from unstuck import desk_people, notices, ticket_actions
from unstuck.connectors import Action, ActionKind
from unstuck.i18n import Lang, format_date, t
from unstuck.notices import Told
from unstuck.nudges import actions, message, rules
from unstuck.nudges.desk import read_desk
from unstuck.nudges.hours import next_decent
from unstuck.ticket_actions import Candidate, Target
from unstuck.tickets.tables import Thread

log = logging.getLogger("unstuck.bot")

#: A reminder is put off for a year at most: what waits longer is another matter.
LONGEST = timedelta(days=366)
#: When to look again unless somebody says another day.
LOOK_AGAIN = timedelta(days=3)
#: How long a reply that was looked at and not sent is kept.
DRAFTS_KEPT = timedelta(days=1)
_DRAFT = "reply:"

Draw = Callable[["Desk", Target, dict[str, Any], Member, Lang], View | blocks.Drawn]
Settle = Callable[[Target, Sent, Member, InModal, Desk], None]


def register(app: App) -> None:
    app.action(MORE)(on_more)
    app.options(drawing.WHO)(on_typing)
    app.view(REASSIGN)(on_reassign)
    app.view(WAITING)(on_waiting)
    app.view(UNTIL)(on_until)
    app.view(COMMENT)(on_comment)
    app.view(REPLY)(on_reply)
    app.view(CONFIRM)(on_confirm)


def on_more(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    """The menu of a nudge, and the day in its list of reminders."""
    ack()
    nudge_id, _, name = str(action["selected_option"]["value"]).partition(":")
    open_nudge_form(body, nudge_id, name, desk)


def open_nudge_form(body: dict[str, Any], nudge_id: str, name: str, desk: Desk) -> None:
    draw = DRAWN.get(name)
    channel = (body.get("channel") or {}).get("id")

    def fill(member: Member, place: InModal) -> View | None:
        target = _target(desk, nudge_id)
        # Ids come back from the client: one of a message elsewhere is not for this reader.
        if draw is None or target is None or target.channel != channel:
            place.tell("bot.nudge_gone")
            return None
        # Unguessable, and made before anything is sent: sent twice, it is done once.
        metadata = {"nudge": target.nudge_id, "lang": place.lang, "key": secrets.token_hex(8)}
        drawn = draw(desk, target, metadata, member, place.lang)
        if isinstance(drawn, blocks.Drawn):
            place.say(drawn)
            return None
        return drawn

    open_form(body, desk, fill)


def _reassign_form(_: Desk, target: Target, metadata: dict[str, Any], __: Member, lang: Lang) -> View:
    return drawing.reassign(target.ticket, metadata, lang, writes=target.may(ActionKind.ASSIGN))


def _comment_form(_: Desk, target: Target, metadata: dict[str, Any], __: Member, lang: Lang) -> View:
    return drawing.comment(target.ticket, metadata, lang, writes=target.may(ActionKind.NOTE))


def _reply_form(_: Desk, target: Target, metadata: dict[str, Any], __: Member, lang: Lang) -> View | blocks.Drawn:
    if not target.may(ActionKind.REPLY):
        return drawing.off("reply", lang)
    return drawing.reply(target.ticket, metadata, lang)


def _waiting_form(desk: Desk, target: Target, metadata: dict[str, Any], member: Member, lang: Lang) -> View:
    day, writes = _ahead(desk, member, LOOK_AGAIN), target.may(ActionKind.NOTE)
    return drawing.waiting(target.ticket, metadata, day, lang, writes=writes)


def _until_form(desk: Desk, target: Target, metadata: dict[str, Any], member: Member, lang: Lang) -> View:
    return drawing.until(target.ticket, metadata, _ahead(desk, member, timedelta(days=1)), lang)


# -- who it can be passed on to


def on_typing(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    """Names of the ticket's own desk, for members only."""
    member = desk.people.get(body["user"]["id"])
    target = _target(desk, str(read_metadata(body["view"]).get("nudge")))
    if target is None or desk.teams is not None or desk.roles.role(member) < Role.MEMBER:
        ack(options=[])
        return
    found = ticket_actions.candidates(desk.deps, target.source_id, str(body.get("value") or ""), forms.MAX_OPTIONS)
    fitting = [
        one for one in found if len(one.recipient) <= forms.MAX_OPTION_VALUE and one.recipient == clean(one.recipient)
    ]
    ack(options=[forms.option(one.recipient, one.name) for one in fitting])


# -- submissions


def on_reassign(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    _settle(ack, body, desk, _reassign)


def _reassign(target: Target, form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    """Written back where that is on; in any case they hear of it, and the reminder counts as theirs."""
    chosen = ticket_actions.candidate(desk.deps, target.source_id, form.get(drawing.WHO))
    if chosen is None:
        place.tell("nudge_forms.nobody")
        return
    state = "kept"
    if chosen.recipient.startswith("person:") and target.may(ActionKind.ASSIGN):
        state = _write(desk, target, form, ActionKind.ASSIGN, chosen.recipient.partition(":")[2], member)
    now, taker = desk.deps.clock.now(), _in_slack(chosen, desk) or member.id
    payload = {"ticket": target.ticket, "title": target.title, "url": target.url, "by": member.id}
    team = chosen.recipient.partition(":")[2] if chosen.recipient.startswith("team:") else None
    with desk.deps.sessions.begin() as session:
        actions.mine(session, target.nudge_id, taker, now)
        told = Told(f"passed:{_key(form)}", "passed_on", payload, chosen.recipient, target.source_id, team)
        notices.put(session, told, now)
    _redraw(target, desk)
    deliver_notices(desk.deps, desk.client)
    place.tell(f"nudge_forms.reassigned_{state}", name=chosen.name)


def _in_slack(chosen: Candidate, desk: Desk) -> str | None:
    """Their Slack id, where it is known or their e-mail address is. Raises while Slack is away."""
    if chosen.slack_id or not chosen.email:
        return chosen.slack_id
    try:
        return str(desk.client.users_lookupByEmail(email=chosen.email)["user"]["id"])
    except SlackApiError as error:
        if refusals.is_passing(error):
            raise
        log.info("somebody is not known in Slack: %s", error)
        return None


def on_waiting(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    if _good_day(ack, body, desk):
        _settle(ack, body, desk, _waiting)


def _waiting(target: Target, form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    """An internal note where that is on; the reminder rests until the day, or until the customer writes."""
    party, what, day = form.get(drawing.ON), form.get(drawing.FOR), date.fromisoformat(form.get(drawing.DAY))
    if party not in drawing.PARTIES:
        return
    until = _morning(day, member, desk)
    state = "kept"
    if target.may(ActionKind.NOTE):
        shown = format_date(day, place.lang)
        note = t(f"nudge_forms.note_{party}", place.lang, what=what, day=shown)
        state = _write(desk, target, form, ActionKind.NOTE, note, member)
    with desk.deps.sessions.begin() as session:
        now = desk.deps.clock.now()
        actions.snooze(session, target.nudge_id, member.id, now, until, or_reply=party == "customer")
    _redraw(target, desk)
    _in_thread(target, drawing.said(f"waits_{party}", member.id, what, place.lang), place.lang, desk)
    place.tell(f"nudge_forms.waiting_{state}", day=format_date(day, place.lang))


def on_until(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    if _good_day(ack, body, desk):
        _settle(ack, body, desk, _until)


def _until(target: Target, form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    day = date.fromisoformat(form.get(drawing.DAY))
    with desk.deps.sessions.begin() as session:
        now = desk.deps.clock.now()
        actions.snooze(session, target.nudge_id, member.id, now, _morning(day, member, desk))
    _redraw(target, desk)
    place.tell("nudge_forms.until_done", day=format_date(day, place.lang))


def on_comment(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    _settle(ack, body, desk, _comment)


def _comment(target: Target, form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    """An internal note where that is on; else it stands in Slack, below the reminder."""
    text, state = form.get(drawing.WORDS), "kept"
    if target.may(ActionKind.NOTE):
        state = _write(desk, target, form, ActionKind.NOTE, text, member)
    else:
        _in_thread(target, drawing.said("commented", member.id, text, place.lang), place.lang, desk)
    place.tell(f"nudge_forms.comment_{state}")


def on_reply(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    """Not sent yet: shown as the customer will read it, on top of the form, so that "back" changes it."""
    form = sent(body)
    target = _target(desk, str(form.metadata.get("nudge")))
    lang = form.lang
    member = desk.people.get(form.user)
    if target is None or not target.may(ActionKind.REPLY) or desk.roles.role(member) < Role.MEMBER:
        ack(response_action="errors", errors={drawing.WORDS: t("nudge_forms.reply_off", lang)})
        return
    # A key of its own for each text that is looked at: what is sent is what was shown.
    key = secrets.token_hex(8)
    action = _action(target, ActionKind.REPLY, form.get(drawing.WORDS), key, member, desk)
    with desk.deps.sessions.begin() as session:
        # What nobody sent is nobody's to keep.
        stale = col(Thread.key).startswith(_DRAFT), col(Thread.updated_at) < desk.deps.clock.now() - DRAFTS_KEPT
        session.execute(delete(Thread).where(*stale))
        draft = {"text": action.value, "user": member.id, "nudge": target.nudge_id}
        session.add(Thread(key=_DRAFT + key, plan=draft, updated_at=desk.deps.clock.now()))
    metadata = form.metadata | {"key": key}
    ack(
        response_action="push",
        view=drawing.confirm(target.ticket, ticket_actions.as_read(action), metadata, lang),
    )


def on_confirm(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    _settle(ack, body, desk, _send)


def _send(target: Target, form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    """What was shown, once. The words stay with the ticket system; of the draft nothing is left."""
    with desk.deps.sessions() as session:
        row = session.get(Thread, _DRAFT + _key(form))
        draft = dict(row.plan) if row is not None else {}
    if draft.get("user") != member.id or draft.get("nudge") != target.nudge_id:
        place.tell("bot.expired")
        return
    state = _write(desk, target, form, ActionKind.REPLY, str(draft["text"]), member)
    # Last: killed before, it is done again under the same key, which is once.
    with desk.deps.sessions.begin() as session:
        session.execute(delete(Thread).where(col(Thread.key) == _DRAFT + _key(form)))
    place.tell(f"nudge_forms.reply_{state}")


# -- what they share


def _settle(ack: Ack, body: dict[str, Any], desk: Desk, settle: Settle) -> None:
    take_form(ack, sent(body), desk, lambda form, member, place: _run(form, member, place, desk, settle))


def _run(form: Sent, member: Member, place: InModal, desk: Desk, settle: Settle) -> None:
    target = _target(desk, str(form.metadata.get("nudge")))
    if target is None:
        place.tell("bot.nudge_gone")
    else:
        settle(target, form, member, place, desk)


def _target(desk: Desk, nudge_id: str) -> Target | None:
    return ticket_actions.find(desk.deps, int(nudge_id)) if nudge_id.isascii() and nudge_id.isdecimal() else None


def _key(form: Sent) -> str:
    return str(form.metadata.get("key"))


def _write(desk: Desk, target: Target, form: Sent, kind: ActionKind, value: str, member: Member) -> str:
    return ticket_actions.write(desk.deps, target, _action(target, kind, value, _key(form), member, desk))


def _action(target: Target, kind: ActionKind, value: str, key: str, member: Member, desk: Desk) -> Action:
    with desk.deps.sessions() as session:
        known = desk_people.find(session, member.id, member.email)
    # What cannot be seen is not sent: the preview of a reply shows every character of it.
    return Action(key, target.ticket, kind, clean(value), known.name if known else member.email or member.id)


def _good_day(ack: Ack, body: dict[str, Any], desk: Desk) -> bool:
    """Whether the day of a form lies ahead; if not, the form says so."""
    form = sent(body)
    today = desk.deps.clock.now().date()
    try:
        good = today <= date.fromisoformat(form.get(drawing.DAY)) <= today + LONGEST
    except ValueError:
        good = False
    if not good:
        ack(response_action="errors", errors={drawing.DAY: t("nudge_forms.bad_day", form.lang)})
    return good


def _ahead(desk: Desk, member: Member, ahead: timedelta) -> date:
    return (desk.deps.clock.now().astimezone(ZoneInfo(member.timezone)) + ahead).date()


def _morning(day: date, member: Member, desk: Desk) -> datetime:
    """The first decent hour of a day, or after it, on the clock of whoever chose it."""
    hours = rules.load(desk.deps.settings.directory).hours_of(member.email, member.id)
    begin = datetime.combine(day, time(0), ZoneInfo(member.timezone))
    at = next_decent(begin.astimezone(ZoneInfo("UTC")), hours, None, member.timezone)
    return max(at, desk.deps.clock.now() + timedelta(minutes=1))


def _redraw(target: Target, desk: Desk) -> None:
    """Show at once how the reminder stands; what fails here the next delivery does."""
    if target.channel is None or target.ts is None:
        return
    lang = desk.deps.settings.lang
    with desk.deps.sessions() as session:
        place = read_desk(session.connection(), desk.deps.settings, {})
        view = message.view(session.connection(), target.nudge_id, place, lang)
    drawn = blocks.nudge_done(view, lang)
    try:
        desk.client.chat_update(channel=target.channel, ts=target.ts, text=drawn.text, blocks=drawn.blocks)
    except (SlackApiError, *LINE_BROKEN) as error:
        log.warning("nudge %s could not be redrawn at once: %s", target.nudge_id, error)


def _in_thread(target: Target, drawn: blocks.Drawn, lang: Lang, desk: Desk) -> None:
    if target.channel is not None:
        InThread(desk.client, target.channel, target.ts, lang).say(drawn)


DRAWN: dict[str, Draw] = {
    "reassign": _reassign_form,
    "waiting": _waiting_form,
    "until": _until_form,
    "comment": _comment_form,
    "reply": _reply_form,
}
