"""The stand-in refuses what Slack refuses, and breaks when told to."""

from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.playground.standin import SlackStandIn


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as standin:
        yield standin


@pytest.fixture
def client(slack: SlackStandIn) -> WebClient:
    return WebClient(
        slack.bot_token, base_url=slack.url, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=2)]
    )


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def test_a_message_is_kept_with_its_metadata(slack: SlackStandIn, client: WebClient) -> None:
    channel = slack.add_channel("support")
    posted = client.chat_postMessage(
        channel=channel, text="hello", metadata={"event_type": "unstuck_nudge", "event_payload": {"key": "k"}}
    )
    [plain] = client.conversations_history(channel=channel)["messages"]
    [full] = client.conversations_history(channel=channel, include_all_metadata=True)["messages"]
    assert "metadata" not in plain
    assert full["metadata"]["event_payload"] == {"key": "k"}
    assert full["ts"] == posted["ts"]


def test_posting_to_a_person_opens_the_direct_conversation(slack: SlackStandIn, client: WebClient) -> None:
    ana = slack.add_user("ana")
    posted = client.chat_postMessage(channel=ana, text="hello")
    assert posted["channel"] == client.conversations_open(users=ana)["channel"]["id"] == slack.direct(ana)


@pytest.mark.filterwarnings("ignore:The top-level `text` argument")
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C404", "text": "x"}, "channel_not_found"),
        ({"channel": "#quiet", "text": "x"}, "not_in_channel"),
        ({"channel": "#support", "text": ""}, "no_text"),
        ({"channel": "#support", "text": "x", "thread_ts": "1.2"}, "invalid_thread_ts"),
        ({"channel": "#support", "text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"channel": "#support", "text": "x", "metadata": {"key": 1}}, "invalid_metadata_format"),
        ({"channel": "#support", "text": "x", "tread_ts": "1.2"}, "invalid_arguments"),
    ],
)
def test_bad_posts_are_refused(slack: SlackStandIn, client: WebClient, arguments: dict[str, Any], error: str) -> None:
    ids = {"#support": slack.add_channel("support"), "#quiet": slack.add_channel("quiet", with_bot=False)}
    arguments["channel"] = ids.get(arguments["channel"], arguments["channel"])
    assert refused(client.chat_postMessage, **arguments) == error
    assert slack.messages() == []


def test_tokens_and_scopes_are_checked(slack: SlackStandIn, client: WebClient) -> None:
    assert refused(WebClient("xoxb-wrong", base_url=slack.url).auth_test) == "invalid_auth"
    assert refused(WebClient(base_url=slack.url).auth_test) == "not_authed"
    assert refused(client.apps_connections_open, app_token=slack.bot_token) == "not_allowed_token_type"
    slack.scopes = frozenset({"users:read"})
    assert refused(client.chat_postMessage, channel="C1", text="x") == "missing_scope"
    slack.revoked = True
    assert refused(client.auth_test) == "token_revoked"


def test_text_without_blocks_takes_the_blocks_off(slack: SlackStandIn, client: WebClient) -> None:
    channel = slack.add_channel("support")
    posted = client.chat_postMessage(channel=channel, text="x", blocks=[{"type": "divider"}])
    client.chat_update(channel=channel, ts=posted["ts"], text="y")
    [message] = slack.messages(channel)
    assert (message.text, message.blocks, message.edited) == ("y", [], True)


def test_nobody_edits_another_persons_message(slack: SlackStandIn, client: WebClient) -> None:
    ana = slack.add_user("ana")
    channel = slack.add_channel("support", [ana])
    theirs = slack.say(channel, ana, "mine", tell=False)
    assert refused(client.chat_update, channel=channel, ts=theirs.ts, text="x") == "cant_update_message"


def test_a_dropped_answer_leaves_the_message_behind(slack: SlackStandIn, client: WebClient) -> None:
    channel = slack.add_channel("support")
    slack.faults.drop_before("chat.postMessage")
    slack.faults.drop_after("chat.postMessage")
    for expected in (0, 1):
        with pytest.raises(OSError, match=r"closed|reset|Remote"):
            client.chat_postMessage(channel=channel, text="x")
        assert len(slack.messages(channel)) == expected


def test_a_rate_limit_is_waited_for(slack: SlackStandIn, client: WebClient) -> None:
    channel = slack.add_channel("support")
    slack.faults.rate_limit("chat.postMessage", retry_after=0)
    client.chat_postMessage(channel=channel, text="x")
    assert len(slack.messages(channel)) == 1


def test_a_file_goes_up_in_three_steps(slack: SlackStandIn, client: WebClient) -> None:
    channel = slack.add_channel("support")
    client.files_upload_v2(channel=channel, content=b"png", filename="chart.png", title="Chart", initial_comment="see")
    [message] = slack.messages(channel)
    assert slack.workspace.files[message.files[0]["id"]]["content"] == b"png"


def test_a_stream_ends_once(slack: SlackStandIn, client: WebClient) -> None:
    ana = slack.add_user("ana")
    root = slack.say(slack.direct(ana), ana, "hi", tell=False)
    started = client.chat_startStream(channel=root.channel, thread_ts=root.ts, markdown_text="one ")
    client.chat_appendStream(channel=root.channel, ts=started["ts"], markdown_text="two")
    client.chat_stopStream(channel=root.channel, ts=started["ts"])
    assert refused(client.chat_appendStream, channel=root.channel, ts=started["ts"], markdown_text="x") == (
        "message_not_in_streaming_state"
    )
    assert slack.messages(root.channel, by_bot=True)[0].text == "one two"


def test_history_is_read_in_pages_newest_first(slack: SlackStandIn, client: WebClient) -> None:
    channel = slack.add_channel("support")
    posted = [client.chat_postMessage(channel=channel, text=str(n))["ts"] for n in range(5)]
    client.chat_postMessage(channel=channel, text="reply", thread_ts=posted[0])
    first = client.conversations_history(channel=channel, limit=3)
    rest = client.conversations_history(channel=channel, limit=3, cursor=first["response_metadata"]["next_cursor"])
    assert [m["ts"] for m in [*first["messages"], *rest["messages"]]] == posted[::-1]
    assert [m["text"] for m in client.conversations_replies(channel=channel, ts=posted[0])["messages"]] == [
        "0",
        "reply",
    ]
