"""“Link to ticket” in a message's menu: what is told in the thread counts for the ticket, and its nudges show it."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App

from bot.blocks import linking
from bot.desk import Desk
from bot.modals import InModal, Sent, View, open_form, sent, take_form
from bot.people import Member
from bot.saving import permalink
from unstuck import discussions
from unstuck.i18n import t
from unstuck.tickets.tables import Ticket

LINK_THIS = "link_ticket"


def register(app: App) -> None:
    app.shortcut(LINK_THIS)(on_link_this)
    app.view(linking.LINK)(on_linked)


def on_link_this(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    ack()

    def draw(_: Member, place: InModal) -> View:
        message, channel = body["message"], body["channel"]["id"]
        root = str(message.get("thread_ts") or message["ts"])
        with desk.deps.sessions() as session:
            known = discussions.ticket_of(session, channel, root)
            ticket = session.get(Ticket, known) if known is not None else None
            name = ticket.ext_id if ticket is not None else None
        return linking.form(name, {"channel": channel, "thread": root, "lang": place.lang}, place.lang)

    open_form(body, desk, draw)


def on_linked(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    form = sent(body)
    with desk.deps.sessions() as session:
        ticket_id = discussions.find_ticket(session, form.get(linking.TICKET), desk.teams)
    if ticket_id is None:
        ack(response_action="errors", errors={linking.TICKET: t("linking.no_such", form.lang)})
        return
    take_form(ack, form, desk, lambda form, member, place: _link(ticket_id, form, member, place, desk))


def _link(ticket_id: int, form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    where = str(form.metadata.get("channel")), str(form.metadata.get("thread"))
    url = permalink(desk, *where)
    with desk.deps.sessions.begin() as session:
        there = discussions.Place(*where, url)
        discussions.link(session, ticket_id, there, member.id, desk.deps.clock.now())
    place.tell("linking.linked", ticket=form.get(linking.TICKET))
