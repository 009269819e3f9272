"""Opening modals in time, and what somebody filled into them.

Slack gives three seconds to open one. So an empty one is opened at once, and filled when a worker knows who looks
and what belongs in it.
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

from bot import errands
from bot.blocks import Drawn, forms
from bot.desk import Desk
from bot.intake import Job
from bot.people import Member
from bot.posting import LINE_BROKEN, Place
from unstuck.i18n import Lang, lang_named

log = logging.getLogger("unstuck.bot")

#: A trigger lives three seconds: waiting longer for Slack's answer leads nowhere.
PATIENCE_S = 3
#: Seconds between looks for a view that Slack shows when it has our acknowledgement.
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
    #: Slack's id of the view; or ours, of one that stands there once Slack has our acknowledgement.
    view_id: str | None
    external_id: str | None
    lang: Lang

    def say(self, drawn: Drawn) -> None:
        self.show(forms.modal("Unstuck", drawn.blocks, self.lang))

    def show(self, view: View) -> None:
        if self.view_id is not None:
            self._update(view_id=self.view_id, view=view)
            return
        for pause in (*APPEARS_WITHIN, None):
            if self._update(external_id=self.external_id, view=view | {"external_id": self.external_id}) or not pause:
                return
            time.sleep(pause)

    def _update(self, **view: Any) -> bool:
        """`False` when it is not there: closed meanwhile, or not there yet."""
        try:
            self.client.views_update(**view)
        except SlackApiError as error:
            if error.response.get("error") != "not_found":
                raise
            return False
        return True


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
    view_id = _opened(body, desk)
    if view_id is not None:
        place = InModal(desk.client, view_id, None, desk.deps.settings.lang)
        desk.work.take(Job(lambda: _fill(body["user"]["id"], place, draw, desk), place))


def _opened(body: dict[str, Any], desk: Desk) -> str | None:
    """Slack's id of the empty modal; kept with the request, because whoever takes it up later has no trigger."""
    request = errands.arrived()
    if request is not None and request.opened is not None:
        return request.opened
    try:
        answer = _impatient(desk.client).views_open(trigger_id=body["trigger_id"], view=forms.loading())
    except (SlackApiError, *LINE_BROKEN) as error:
        # There is nowhere to tell it: without a trigger no window opens. Slack itself shows that nothing came.
        log.warning("a modal could not be opened: %s", error)
        return None
    view_id = str(answer["view"]["id"])
    if request is not None:
        request.opened = view_id
    return view_id


def take_form(ack: Ack, form: Sent, desk: Desk, settle: Settle) -> None:
    """Acknowledge a submission; `settle` runs in a worker, for whoever the desk admits, and tells what came of it."""
    place = _hold(ack, desk)
    desk.work.take(Job(lambda: _settle(form, place, settle, desk), place))


def _hold(ack: Ack, desk: Desk) -> InModal:
    """Acknowledge a submission by an empty modal in its place, for what a worker then says there.

    It has a name of ours: by Slack's id the form itself would be changed when a worker is faster than our
    acknowledgement, and the empty one would come on top.
    """
    request = errands.arrived()
    assert request is not None
    name = request.name("form")
    ack(response_action="update", view=forms.loading() | {"external_id": name})
    return InModal(desk.client, None, name, desk.deps.settings.lang)


def _fill(user: str, place: InModal, draw: Draw, desk: Desk) -> None:
    member = desk.people.get(user)
    place = replace(place, lang=desk.lang(member))
    if desk.admits(member, place) and (view := draw(member, place)) is not None:
        place.show(view)


def _settle(form: Sent, place: InModal, settle: Settle, desk: Desk) -> None:
    member = desk.people.get(form.user)
    place = replace(place, lang=desk.lang(member))
    if desk.admits(member, place):
        settle(form, member, place)


def _impatient(client: WebClient) -> WebClient:
    quick = WebClient(
        client.token,
        base_url=client.base_url,
        timeout=PATIENCE_S,
        retry_handlers=[],
        logger=logging.getLogger("unstuck.slack"),
    )
    quick.proxy = client.proxy
    return quick
