"""Modals, shortcuts, the Home and links, as the stand-in plays them: as strict as Slack."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.playground.app_side import Ack
from bot.playground.calls import Json
from bot.playground.standin import SlackStandIn
from bot.playground.validator import problems
from bot.playground.views import BadAnswer, NotFilledIn
from unstuck.clock import FrozenClock

NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)


@dataclass
class Recorded:
    """An app that keeps what it is sent and answers what it was told to."""

    sent: list[Json] = field(default_factory=list)
    answers: list[Json] = field(default_factory=list)

    def send(self, _kind: str, payload: Json, _retry: tuple[int, str] | None = None) -> Ack:
        self.sent.append(payload)
        return Ack(200, self.answers.pop(0) if self.answers else {}, 0.0)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
def app() -> Recorded:
    return Recorded()


@pytest.fixture
def slack(clock: FrozenClock, app: Recorded) -> Iterator[SlackStandIn]:
    with SlackStandIn(clock=clock) as standin:
        standin.connect(app)
        standin.shortcuts = {"save": "message", "ask": "global"}
        standin.unfurl_domains = ["desk.example"]
        standin.scopes |= {"links:read", "links:write"}
        yield standin


@pytest.fixture
def client(slack: SlackStandIn) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.url, retry_handlers=[])


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def words(name: str, **more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "words", **more}
    return {"type": "input", "block_id": name, "label": plain(name), "element": element}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain("Form"), "submit": plain("Send"), "blocks": list(blocks), **more}


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def trigger(slack: SlackStandIn, app: Recorded, user: str) -> str:
    slack.global_shortcut(user, "ask")
    return str(app.sent[-1]["trigger_id"])


def opened(slack: SlackStandIn, app: Recorded, client: WebClient, view: Json) -> str:
    """A new person who looks at `view`."""
    user = slack.add_user("ana")
    client.views_open(trigger_id=trigger(slack, app, user), view=view)
    return user


def test_a_trigger_opens_one_view_within_three_seconds(
    slack: SlackStandIn, app: Recorded, client: WebClient, clock: FrozenClock
) -> None:
    ana = slack.add_user("ana")
    first, second = trigger(slack, app, ana), trigger(slack, app, ana)
    assert client.views_open(trigger_id=first, view=modal())["view"]["root_view_id"]
    assert refused(client.views_open, trigger_id=first, view=modal()) == "exchanged_trigger_id"
    clock.tick(timedelta(seconds=4))
    assert refused(client.views_open, trigger_id=second, view=modal()) == "expired_trigger_id"
    assert refused(client.views_open, trigger_id="1.2.3", view=modal()) == "invalid_trigger_id"


def test_a_bad_view_does_not_use_the_trigger_up(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    ana = slack.add_user("ana")
    given = trigger(slack, app, ana)
    assert refused(client.views_open, trigger_id=given, view=modal(title=plain("x" * 25))) == "invalid_arguments"
    assert refused(client.views_open, trigger_id=given, view=modal(private_metadata="x" * 3001)) == "invalid_arguments"
    client.views_open(trigger_id=given, view=modal(private_metadata="x" * 3000))
    assert slack.modal(ana)


def test_three_views_lie_on_each_other_and_no_more(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    button = {"type": "button", "text": plain("More"), "action_id": "more"}
    view = modal({"type": "actions", "elements": [button]})
    ana = opened(slack, app, client, view)
    for _ in range(2):
        slack.press_modal(ana, "more")
        client.views_push(trigger_id=app.sent[-1]["trigger_id"], view=view)
    slack.press_modal(ana, "more")
    assert refused(client.views_push, trigger_id=app.sent[-1]["trigger_id"], view=view) == "push_limit_reached"
    top = slack.modal(ana)
    assert top
    assert top.previous_id != top.root_id
    outside = trigger(slack, app, ana)
    assert refused(client.views_push, trigger_id=outside, view=view) == "not_found"


def test_a_submission_carries_everything_that_was_filled_in(
    slack: SlackStandIn, app: Recorded, client: WebClient
) -> None:
    options = [{"text": plain(name), "value": name} for name in ("red", "blue")]
    select = {"type": "static_select", "action_id": "pick", "options": options, "initial_option": options[0]}
    colour = {"type": "section", "block_id": "colour", "text": plain("Colour"), "accessory": select}
    day = {
        "type": "input",
        "block_id": "day",
        "label": plain("Day"),
        "element": {"type": "datepicker", "action_id": "d"},
    }
    ana = opened(slack, app, client, modal(words("why"), colour, day, private_metadata="n:7", callback_id="form"))
    assert slack.submit(ana, {"why": "because", "day": "2026-02-03"}).ok
    sent = app.sent[-1]
    assert (sent["type"], sent["view"]["private_metadata"], sent["view"]["callback_id"]) == (
        "view_submission",
        "n:7",
        "form",
    )
    values = sent["view"]["state"]["values"]
    assert values["why"]["words"] == {"type": "plain_text_input", "value": "because"}
    assert values["colour"]["pick"]["selected_option"]["value"] == "red"
    assert values["day"]["d"]["selected_date"] == "2026-02-03"
    assert slack.modal(ana) is None


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({}, ""),
        ({"max_length": 3}, "four"),
        ({"min_length": 3}, "ab"),
        ({"type": "email_text_input"}, "nobody"),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5"),
        ({"type": "datepicker"}, "tomorrow"),
    ],
)
def test_slacks_window_sends_nothing_that_is_not_filled_in(
    slack: SlackStandIn, app: Recorded, client: WebClient, element: Json, value: str
) -> None:
    ana = opened(slack, app, client, modal(words("w", **element)))
    before = len(app.sent)
    with pytest.raises(NotFilledIn):
        slack.submit(ana, {"w": value})
    assert len(app.sent) == before


def test_errors_are_shown_and_the_form_stays(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    ana = opened(slack, app, client, modal(words("w")))
    app.answers = [{"response_action": "errors", "errors": {"w": "No such ticket."}}]
    slack.submit(ana, {"w": "X-1"})
    view = slack.modal(ana)
    assert view
    assert view.errors == {"w": "No such ticket."}
    assert view.state["w"]["words"]["value"] == "X-1"


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"elsewhere": "x"}},
        {"response_action": "errors", "errors": {"w": ""}},
        {"response_action": "update", "view": {"type": "home", "blocks": []}},
        {"response_action": "clear", "text": "x"},
        {"response_action": "close"},
        {"text": "thanks"},
    ],
)
def test_an_answer_that_slack_does_not_take_is_an_error(
    slack: SlackStandIn, app: Recorded, client: WebClient, answer: Json
) -> None:
    ana = opened(slack, app, client, modal(words("w")))
    app.answers = [answer]
    with pytest.raises(BadAnswer):
        slack.submit(ana, {"w": "x"})
    assert slack.modal(ana)


def test_an_answer_updates_pushes_or_clears(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    ana = opened(slack, app, client, modal(words("w")))
    app.answers = [
        {"response_action": "push", "view": modal(words("sure"))},
        {"response_action": "update", "view": modal(words("really"))},
        {"response_action": "clear"},
    ]
    slack.submit(ana, {"w": "x"})
    slack.submit(ana, {"sure": "yes"})
    view = slack.modal(ana)
    assert view
    assert list(view.state) == ["really"]
    assert len(slack.workspace.stacks[ana]) == 2
    slack.submit(ana, {"really": "yes"})
    assert slack.modal(ana) is None


def test_what_was_filled_in_outlives_an_update_with_the_same_ids(
    slack: SlackStandIn, app: Recorded, client: WebClient
) -> None:
    ana = opened(slack, app, client, modal(words("kept"), words("gone")))
    slack.fill(ana, {"kept": "still here", "gone": "no more"})
    view = slack.modal(ana)
    assert view
    client.views_update(view_id=view.id, hash=view.hash, view=modal(words("kept"), words("new")))
    assert refused(client.views_update, view_id=view.id, hash=view.hash, view=modal()) == "hash_conflict"
    changed = slack.modal(ana)
    assert changed
    assert {block: s["words"]["value"] for block, s in changed.state.items()} == {"kept": "still here", "new": None}


def test_closing_is_told_only_to_those_who_asked(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    quiet = opened(slack, app, client, modal())
    before = len(app.sent)
    assert slack.close(quiet) == []
    assert len(app.sent) == before
    told = opened(slack, app, client, modal(notify_on_close=True, private_metadata="n:1"))
    view = slack.modal(told)
    assert view
    [ack] = slack.close(told)
    assert ack.ok
    assert (app.sent[-1]["type"], app.sent[-1]["is_cleared"]) == ("view_closed", False)
    assert app.sent[-1]["view"]["private_metadata"] == "n:1"
    assert refused(client.views_update, view_id=view.id, view=modal()) == "not_found"


def test_external_ids_name_one_view(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    opened(slack, app, client, modal(external_id="mine"))
    given = trigger(slack, app, slack.add_user("ben"))
    assert refused(client.views_open, trigger_id=given, view=modal(external_id="mine")) == "duplicate_external_id"
    assert client.views_update(external_id="mine", view=modal(external_id="mine"))["ok"]


def test_a_search_offers_options_and_only_those_can_be_chosen(
    slack: SlackStandIn, app: Recorded, client: WebClient
) -> None:
    who = {"type": "external_select", "action_id": "who", "min_query_length": 0}
    ana = opened(slack, app, client, modal({"type": "input", "block_id": "b", "label": plain("Who"), "element": who}))
    app.answers = [{"options": [{"text": plain("Mei"), "value": "person:7"}]}]
    assert len(slack.suggest(ana, "who", "me")) == 1
    assert (app.sent[-1]["type"], app.sent[-1]["value"]) == ("block_suggestion", "me")
    with pytest.raises(LookupError):
        slack.fill(ana, {"who": "person:8"})
    slack.submit(ana, {"who": "person:7"})
    chosen = app.sent[-1]["view"]["state"]["values"]["b"]["who"]["selected_option"]
    assert chosen["value"] == "person:7"


def test_too_many_options_are_not_shown(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    who = {"type": "external_select", "action_id": "who"}
    ana = opened(slack, app, client, modal({"type": "input", "block_id": "b", "label": plain("Who"), "element": who}))
    app.answers = [{"options": [{"text": plain("x"), "value": str(n)} for n in range(101)]}]
    with pytest.raises(BadAnswer):
        slack.suggest(ana, "who", "x")


def test_a_message_shortcut_brings_the_message(slack: SlackStandIn, app: Recorded) -> None:
    ana = slack.add_user("ana")
    channel = slack.add_channel("support", [ana], private=True)
    said = slack.say(channel, ana, "why?", tell=False)
    slack.message_shortcut(ana, said, "save")
    sent = app.sent[-1]
    assert (sent["type"], sent["message"]["text"], sent["channel"]["name"]) == (
        "message_action",
        "why?",
        "privategroup",
    )
    assert sent["response_url"]
    with pytest.raises(LookupError):
        slack.message_shortcut(ana, said, "ask")


def test_the_home_is_pressed_and_redrawn(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    ana = slack.add_user("ana")
    button = {"type": "button", "text": plain("Next"), "action_id": "next", "value": "2"}
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
    first = client.views_publish(user_id=ana, view=home)["view"]
    slack.press_home(ana, "next")
    sent = app.sent[-1]
    assert sent["container"] == {"type": "view", "view_id": first["id"]}
    assert sent["actions"][0]["value"] == "2"
    assert "response_url" not in sent
    client.views_publish(user_id=ana, view=home, hash=first["hash"])
    assert refused(client.views_publish, user_id=ana, view=home, hash=first["hash"]) == "hash_conflict"
    # A press on the Home opens a modal like any other.
    client.views_open(trigger_id=sent["trigger_id"], view=modal())
    assert slack.modal(ana)


def test_links_of_our_domains_are_told_and_previewed(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    ana = slack.add_user("ana")
    channel = slack.add_channel("support", [ana])
    url = "https://eu.desk.example/t/7"
    said = slack.say(channel, ana, f"see <{url}> and https://other.example/t/8")
    event = app.sent[-1]["event"]
    assert (event["type"], event["links"]) == ("link_shared", [{"url": url, "domain": "desk.example"}])
    blocks = [{"type": "section", "text": plain("Ticket 7")}]
    elsewhere = {"https://other.example/t/8": {"blocks": blocks}}
    assert refused(client.chat_unfurl, channel=channel, ts=said.ts, unfurls=elsewhere) == "cannot_unfurl_url"
    broken = {url: {"blocks": [{"type": "section"}]}}
    assert refused(client.chat_unfurl, channel=channel, ts=said.ts, unfurls=broken) == "cannot_parse_attachment"
    assert refused(client.chat_unfurl, channel=channel, ts="1.2", unfurls=broken) == "cannot_find_message"
    client.chat_unfurl(channel=channel, ts=said.ts, unfurls={url: {"blocks": blocks}})
    assert "Ticket 7" in slack.messages(channel)[0].all_text()


def test_a_link_being_typed_is_previewed_by_its_own_id(slack: SlackStandIn, app: Recorded, client: WebClient) -> None:
    ana = slack.add_user("ana")
    url = "https://desk.example/t/7"
    unfurl_id = slack.compose(ana, f"look: {url}")
    event = app.sent[-1]["event"]
    assert unfurl_id
    assert (event["channel"], event["source"]) == ("COMPOSER", "composer")
    preview = {url: {"blocks": [{"type": "divider"}]}}
    assert refused(client.chat_unfurl, unfurl_id=unfurl_id, source="conversations_history", unfurls=preview) == (
        "cannot_find_message"
    )
    client.chat_unfurl(unfurl_id=unfurl_id, source="composer", unfurls=preview)
    assert slack.workspace.links[unfurl_id].unfurls == preview


def test_without_the_scope_nobody_hears_of_links(slack: SlackStandIn, app: Recorded) -> None:
    slack.scopes -= {"links:read"}
    ana = slack.add_user("ana")
    slack.say(slack.add_channel("support", [ana]), ana, "https://desk.example/t/7")
    assert [sent["event"]["type"] for sent in app.sent] == ["message"]


CHART: Json = {
    "type": "bar",
    "series": [{"name": "Open", "data": [{"label": "Mon", "value": 3}, {"label": "Tue", "value": 4}]}],
    "axis_config": {"categories": ["Mon", "Tue"]},
}


@pytest.mark.parametrize(
    ("block", "taken"),
    [
        ({"title": "Backlog", "chart": CHART}, True),
        ({"title": "Share", "chart": {"type": "pie", "segments": [{"label": "a", "value": 1}]}}, True),
        ({"title": "x" * 51, "chart": CHART}, False),
        ({"title": "Backlog", "chart": CHART | {"axis_config": {"categories": ["Mon"]}}}, False),
        ({"title": "Backlog", "chart": CHART | {"series": CHART["series"] * 2}}, False),
        ({"title": "Backlog", "chart": {"type": "radar"}}, False),
    ],
)
def test_charts_keep_slacks_rules(block: Json, taken: bool) -> None:
    assert (problems([{"type": "data_visualization", **block}]) == []) is taken


def test_a_message_holds_two_charts_and_no_more() -> None:
    chart = {"type": "data_visualization", "title": "Backlog", "chart": CHART}
    assert problems([chart, chart]) == []
    assert problems([chart] * 3)
