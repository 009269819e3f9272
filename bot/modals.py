"""Opening modals in time, and what somebody filled into them.

Slack gives three seconds to open one. So an empty one is opened at once, and filled when a worker knows who looks
and what belongs in it. It has a name of ours, the same whenever the request is done again: so it is found although
Slack's answer was lost, and by whoever goes on after a crash. What no window shows is told where it was asked for.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import errands, refusals
from bot.blocks import Drawn, forms
from bot.desk import Desk
from bot.intake import Job
from bot.people import Member
from bot.posting import LINE_BROKEN, Directly, Place, Privately
from unstuck.i18n import Lang, lang_named

log = logging.getLogger("unstuck.bot")

#: A trigger lives three seconds: waiting longer for Slack's answer leads nowhere.
PATIENCE_S = 3
#: Seconds between looks for a view that Slack shows when it has our acknowledgement, or that may have been opened.
APPEARS_WITHIN = (0.05, 0.1, 0.2, 0.4, 0.8)

View = dict[str, Any]
#: Draws the modal for who looks; None: it has told them why there is none.
Draw = Callable[[Member, "InModal"], View | None]
#: Does what a submitted modal says.
Settle = Callable[["Sent", Member, "InModal"], None]


@dataclass(frozen=True, slots=True)
class InModal(Place):
    """A modal that somebody looks at; what is said takes the place of what stood there."""

    client: WebClient
    #: Our name for it.
    name: str
    lang: Lang
    #: Where to tell what no window shows any more.
    elsewhere: Directly | Privately
    #: Whether Slack said that it is there; if not it may come up in a moment, or not at all.
    is_there: bool = False

    def say(self, drawn: Drawn) -> None:
        if not self.show(forms.modal("Unstuck", drawn.blocks, self.lang)):
            self.elsewhere.say(drawn)

    def show(self, view: View) -> bool:
        """`False` when it is not there: closed meanwhile, or it never was."""
        view = view | {"external_id": self.name}
        for pause in (*(() if self.is_there else APPEARS_WITHIN), None):
            try:
                self.client.views_update(external_id=self.name, view=view)
                return True
            except SlackApiError as error:
                if refusals.word(error) != "not_found":
                    raise
            if pause is not None:
                time.sleep(pause)
        return False

    def speaking(self, lang: Lang) -> InModal:
        return replace(self, lang=lang, elsewhere=replace(self.elsewhere, lang=lang))


@dataclass(frozen=True, slots=True)
class Sent:
    """A submitted modal."""

    user: str
    #: The ids it was opened with.
    metadata: dict[str, Any]
    _state: dict[str, dict[str, Any]]

    def get(self, name: str) -> str:
        """What was written or chosen; empty when nothing was."""
        entered = self._state.get(name, {}).get(name, {})
        option = entered.get("selected_option")
        picked = option["value"] if option else None
        names = ("value", "selected_date", "selected_time", "selected_conversation", "selected_user")
        value = picked or next((entered[kind] for kind in names if entered.get(kind)), "")
        return str(value).strip()

    @property
    def lang(self) -> Lang:
        """The language that it was drawn in."""
        return lang_named(self.metadata.get("lang"))

    def ticked(self, name: str) -> frozenset[str]:
        options = self._state.get(name, {}).get(name, {}).get("selected_options") or []
        return frozenset(str(option["value"]) for option in options)


def sent(body: dict[str, Any]) -> Sent:
    """What a `view_submission` brings. Everything in it comes from a client: ids are looked up, rights checked."""
    view = body["view"]
    return Sent(body["user"]["id"], read_metadata(view), view["state"]["values"])


def read_metadata(view: View) -> dict[str, Any]:
    try:
        found = json.loads(view.get("private_metadata") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def open_form(body: dict[str, Any], desk: Desk, draw: Draw) -> None:
    """Open a modal for whoever pressed or chose something; `draw` runs in a worker. Listeners call this after `ack`."""
    place = _window(body, desk)
    problem = _opened(body, place, desk)
    place = replace(place, is_there=problem is None)
    desk.work.take(Job(lambda: _fill(body["user"]["id"], place, draw, desk, problem), place))


def _opened(body: dict[str, Any], place: InModal, desk: Desk) -> Exception | None:
    """Open an empty modal; what kept it from being opened, if anything did.

    That it was is kept with the request, because whoever takes it up later has no trigger.
    """
    request = errands.arrived()
    assert request is not None
    if request.opened is not None:
        return None
    try:
        view = forms.loading() | {"external_id": place.name}
        answer = impatient(desk.client).views_open(trigger_id=body["trigger_id"], view=view)
    except (SlackApiError, *LINE_BROKEN) as error:
        # It may be there all the same: Slack's answer was lost, or an earlier try of this request opened it.
        log.warning("a modal could not be opened: %s", error)
        return error
    request.opened = str(answer["view"]["id"])
    return None


def take_form(ack: Ack, form: Sent, desk: Desk, settle: Settle) -> None:
    """Acknowledge a submission; `settle` runs in a worker, for whoever the desk admits, and tells what came of it."""
    place = _hold(ack, form.user, desk)
    desk.work.take(Job(lambda: _settle(form, place, settle, desk), place))


def _hold(ack: Ack, user: str, desk: Desk) -> InModal:
    """Acknowledge a submission by an empty modal in its place, for what a worker then says there.

    By Slack's id the form itself would be changed when a worker is faster than our acknowledgement, and the empty
    one would come on top.
    """
    place = _window({"user": {"id": user}}, desk)
    ack(response_action="update", view=forms.loading() | {"external_id": place.name})
    return place


def _window(body: dict[str, Any], desk: Desk) -> InModal:
    """The modal of the request under way, there or not."""
    user, url, request = str(body["user"]["id"]), body.get("response_url"), errands.arrived()
    assert request is not None
    elsewhere = desk.privately(str(url), user) if url else desk.directly(user)
    return InModal(desk.client, request.name("window"), desk.deps.settings.lang, elsewhere)


def _fill(user: str, place: InModal, draw: Draw, desk: Desk, problem: Exception | None) -> None:
    member = desk.people.get(user)
    place = place.speaking(desk.lang(member))
    if not desk.admits(member, place) or (view := draw(member, place)) is None:
        return
    if not place.show(view) and problem is not None:
        desk.trouble("form", problem, user)
        place.elsewhere.tell("bot.no_window")


def _settle(form: Sent, place: InModal, settle: Settle, desk: Desk) -> None:
    member = desk.people.get(form.user)
    place = place.speaking(desk.lang(member))
    if desk.admits(member, place):
        settle(form, member, place)


def impatient(client: WebClient) -> WebClient:
    """A client for what Slack waits for: it gives up while there is still time to acknowledge."""
    quick = WebClient(
        client.token,
        base_url=client.base_url,
        timeout=PATIENCE_S,
        retry_handlers=[],
        logger=logging.getLogger("unstuck.slack"),
    )
    quick.proxy = client.proxy
    return quick
