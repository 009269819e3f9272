"""How to behave in a channel: when to speak, to whom first, from which sources. An admin says so in `/unstuck channel`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from sqlmodel import select

from bot.blocks import manners as drawing
from bot.blocks.manners import ALONE, BOTS, DRAFTS, HOW, MODE, SOURCES, Chosen
from bot.channels import look_at
from bot.desk import Desk
from bot.modals import InModal, Sent, View, impatient, open_form, sent, take_form
from bot.people import Member
from bot.posting import LINE_BROKEN
from bot.roles import Role
from knowledge.filters import EVERYTHING, Filter
from unstuck import preferences
from unstuck.i18n import t
from unstuck.tickets.tables import Source

Mode = Literal["mention", "draft", "auto"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Manners:
    """What holds in one channel. Unless an admin says otherwise the bot speaks when it is spoken to."""

    #: `mention`: only when named. `draft`: drafts answers for the agents. `auto`: answers by itself what it is sure of.
    mode: Mode = "mention"
    #: Whoever asked sees the answer first and shares it.
    alone_first: bool = False
    #: Whether other apps' messages are taken up.
    bots: bool = False
    #: Channel that drafts go to; without one they go to whoever wrote.
    drafts: str | None = None
    #: Sources whose resolutions are not used here.
    without: frozenset[str] = frozenset()

    @property
    def only(self) -> Filter:
        return Filter(without=self.without) if self.without else EVERYTHING


def register(app: App) -> None:
    app.view(HOW)(on_saved)


def of(desk: Desk, channel: str) -> Manners:
    """What an admin set for a channel."""
    kept = preferences.find(desk.deps.sessions, preferences.CHANNEL + channel)
    mode: Mode = next((one for one in MODES if one == kept.get("mode")), "mention")
    without = frozenset(str(name) for name in kept.get("without", []))
    return Manners(mode, bool(kept.get("alone")), bool(kept.get("bots")), kept.get("drafts"), without)


def may_change(desk: Desk, member: Member) -> bool:
    """Admins; managers while no admins are named; every full member while neither is."""
    settings = desk.deps.settings
    needed = Role.ADMIN if settings.admins else Role.MANAGER if settings.managers else Role.MEMBER
    return desk.roles.role(member) >= needed


def open_channel(command: dict[str, Any], desk: Desk) -> None:
    """`/unstuck channel`. Its trigger lives three seconds, so the form opens before a worker has time."""
    channel = str(command["channel_id"])
    body = {name: command[name] for name in ("trigger_id", "response_url")} | {"user": {"id": command["user_id"]}}

    def draw(member: Member, place: InModal) -> View | None:
        if not may_change(desk, member):
            place.tell("manners.admins_only")
        elif look_at(desk.client, channel).is_direct:
            place.tell("manners.in_a_channel")
        else:
            return drawing.form(_chosen(of(desk, channel), desk), channel, place.lang)
        return None

    open_form(body, desk, draw)


def on_saved(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    form = sent(body)
    if _is_shared(impatient(desk.client), form.get(DRAFTS)):
        ack(response_action="errors", errors={DRAFTS: t("manners.no_such_channel", form.lang)})
        return
    take_form(ack, form, desk, lambda form, member, place: _save(form, member, place, desk))


def _is_shared(client: WebClient, channel: str) -> bool:
    """Whether outsiders read a channel; where Slack does not say in time, whoever saves the form asks again."""
    try:
        return bool(channel) and look_at(client, channel).is_shared
    except (SlackApiError, *LINE_BROKEN):
        return False


def _save(form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    channel, drafts = str(form.metadata.get("channel")), form.get(DRAFTS)
    if not may_change(desk, member):
        place.tell("manners.admins_only")
        return
    if drafts and look_at(desk.client, drafts).is_shared:
        place.tell("manners.no_such_channel")
        return
    ticked, used = form.ticked(ALONE), form.ticked(SOURCES)
    # None ticked, or no list to tick in: nothing is left out.
    without = sorted(set(_sources(desk)) - used) if used else []
    news = {
        "mode": form.get(MODE) if form.get(MODE) in MODES else None,
        "alone": (ALONE in ticked) or None,
        "bots": (BOTS in ticked) or None,
        "drafts": drafts or None,
        "without": without or None,
    }
    preferences.put(desk.deps.sessions, preferences.CHANNEL + channel, news, member.id, desk.deps.clock.now())
    place.tell("manners.saved")


def _chosen(manners: Manners, desk: Desk) -> Chosen:
    names = _sources(desk)
    used = tuple(name for name in names if name not in manners.without)
    return Chosen(manners.mode, manners.alone_first, manners.bots, manners.drafts, names, used)


def _sources(desk: Desk) -> tuple[str, ...]:
    """All of them; a workspace that sees some teams only is not told which systems there are."""
    if desk.teams is not None:
        return ()
    with desk.deps.sessions() as session:
        return tuple(session.exec(select(Source.name).order_by(Source.name)))
