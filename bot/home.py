"""The app's own pages: Home with what waits for the reader and how they want to be told, and prompts in an empty chat."""

from __future__ import annotations

import logging
import re
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from slack_bolt import Ack, App

from bot import blocks
from bot.blocks import home as drawing
from bot.blocks.home import HOURS, HOURS_FORM, LANGUAGE, TURN, Line, Mine, Pages
from bot.desk import Desk
from bot.intake import Job, Unasked
from bot.modals import InModal, View, open_form, sent
from bot.people import Member
from bot.roles import Role
from bot.waiting import open_tickets, snoozed, waiting
from unstuck import preferences
from unstuck.desk_health import Health, health
from unstuck.errors import UnstuckError
from unstuck.i18n import LANGS, Lang, t
from unstuck.nudges import own_hours
from unstuck.overview import Overview, overview

log = logging.getLogger("unstuck.bot")

PROMPTS = ("stuck", "open", "help")


def register(app: App) -> None:
    app.event("app_home_opened")(on_opened)
    app.action(LANGUAGE)(on_language)
    app.action(HOURS)(on_hours)
    app.view(HOURS_FORM)(on_hours_chosen)
    app.action(re.compile(rf"^{TURN}_\w+$"))(on_turn)


def on_opened(event: dict[str, Any], desk: Desk) -> None:
    show = _prompt if event.get("tab") == "messages" else _show_first
    desk.work.take(Job(lambda: show(event, desk), Unasked("a page")))


def on_turn(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pages = drawing.read_pages(str(action.get("value")))
    desk.work.take(Job(lambda: _publish(body["user"]["id"], desk, pages), Unasked("a page")))


def on_language(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    chosen = action["selected_option"]["value"]
    lang = chosen if chosen in LANGS else None
    desk.work.take(Job(lambda: _prefer(body["user"]["id"], {"lang": lang}, desk), Unasked("a page")))


def on_hours(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    ack()

    def draw(member: Member, place: InModal) -> View:
        return drawing.hours_form(_chosen(member, desk), place.lang)

    open_form(body, desk, draw)


def on_hours_chosen(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    form = sent(body)
    own = form.get(drawing.OWN) == drawing.OWN
    start, end, days = form.get(drawing.FROM), form.get(drawing.TO), form.ticked(drawing.DAYS)
    if own and not _are_hours(start, end):
        ack(response_action="errors", errors={drawing.TO: t("home.hours_backwards", form.lang)})
    elif own and not days:
        ack(response_action="errors", errors={drawing.DAYS: t("home.hours_no_day", form.lang)})
    else:
        ack()
        hours = {"from": start, "to": end, "days": sorted(int(day) for day in days)} if own else None
        desk.work.take(Job(lambda: _prefer(form.user, {"hours": hours}, desk), Unasked("a page")))


def waiting_for(desk: Desk, member: Member) -> list[blocks.Waiting]:
    """The tickets that wait for `member`, longest first."""
    with desk.deps.sessions() as session:
        return waiting(session, member)


def _show_first(event: dict[str, Any], desk: Desk) -> None:
    _publish(event["user"], desk, Pages())


def _publish(user: str, desk: Desk, pages: Pages) -> None:
    member = desk.people.get(user)
    lang = desk.lang(member)
    role = desk.roles.role(member)
    if role < Role.MEMBER:
        view = {"type": "home", "blocks": blocks.notice("bot.guest", lang).blocks}
    else:
        mine = _mine(member, desk)
        view = drawing.home(mine, pages, lang, overview=_overview(member, desk, lang), health=_health(member, desk))
    desk.client.views_publish(user_id=member.id, view=view)


def _prefer(user: str, news: dict[str, Any], desk: Desk) -> None:
    """Keep what somebody chose, and show their Home in its light."""
    member = desk.people.get(user)
    if desk.roles.role(member) < Role.MEMBER:
        return
    if news.get("hours"):
        zone = member.timezone if member.timezone in available_timezones() else desk.deps.settings.timezone
        news["hours"] |= {"timezone": str(ZoneInfo(zone))}
    # By e-mail a ticket system's people are recognised.
    key = preferences.PERSON + member.id
    preferences.put(desk.deps.sessions, key, news | {"email": member.email}, member.id, desk.deps.clock.now())
    _publish(user, desk, Pages())


def _mine(member: Member, desk: Desk) -> Mine:
    now = desk.deps.clock.now()
    with desk.deps.sessions() as session:
        tickets = open_tickets(session, member)
        stalls = [Line(w.ticket, w.title, w.url, w.stage, w.waited) for w in waiting(session, member)]
        snoozes = snoozed(session, member, now)
    chosen = _chosen(member, desk)
    return Mine(tickets, stalls, snoozes, chosen.lang, chosen.hours)


def _chosen(member: Member, desk: Desk) -> Mine:
    """What the person set for themselves."""
    value = preferences.find(desk.deps.sessions, preferences.PERSON + member.id)
    hours = own_hours.hours_of(value)
    kept = (f"{hours.start:%H:%M}", f"{hours.end:%H:%M}", tuple(sorted(hours.days))) if hours else None
    return Mine(lang=preferences.lang_of(desk.deps.sessions, member.id), hours=kept)


def _overview(member: Member, desk: Desk, lang: Lang) -> Overview | None:
    """For those who may ask managers' questions. What cannot be counted leaves the rest of the page standing."""
    scope = desk.roles.scope(member)
    try:
        return overview(desk.deps, scope, lang) if scope is not None else None
    except UnstuckError as error:
        log.warning("no overview on the Home: %s", error)
        return None


def _health(member: Member, desk: Desk) -> Health | None:
    """For admins; for managers while no admins are named."""
    try:
        # What is wrong with the desk as a whole is not for a workspace that sees some of its teams.
        return health(desk.deps) if desk.roles.administers(member) and desk.teams is None else None
    except UnstuckError as error:
        log.warning("no health on the Home: %s", error)
        return None


def _are_hours(start: str, end: str) -> bool:
    try:
        return time.fromisoformat(start) < time.fromisoformat(end)
    except ValueError:
        return False


def _prompt(event: dict[str, Any], desk: Desk) -> None:
    member = desk.people.get(event["user"])
    lang = desk.lang(member)
    desk.client.assistant_threads_setSuggestedPrompts(
        channel_id=event["channel"], prompts=[_worded(name, lang) for name in PROMPTS]
    )


def _worded(name: str, lang: Lang) -> dict[str, str]:
    return {"title": t(f"bot.prompt_{name}", lang), "message": t(f"bot.prompt_{name}_text", lang)}
