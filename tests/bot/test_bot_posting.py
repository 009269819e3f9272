"""A message arrives once, whatever the line does."""

import pytest
from slack_sdk.errors import SlackApiError

from bot.blocks import Drawn
from bot.clients import web_client
from bot.playground.run import pointing_at
from bot.playground.standin import SlackStandIn
from bot.posting import InThread, Privately, post_once
from unstuck.errors import UserError
from unstuck.settings import Settings

HELLO = Drawn("hello", [{"type": "divider"}])


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.posting.PAUSES", (0.0, 0.0, 0.0))


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "status", "rate_limit"])
@pytest.mark.parametrize("in_thread", [True, False])
@pytest.mark.parametrize("times", [1, 3])
def test_a_message_arrives_once_over_a_bad_line(slack: SlackStandIn, fault: str, in_thread: bool, times: int) -> None:
    ana = slack.add_user("ana")
    channel = slack.add_channel("support", [ana])
    root = slack.say(channel, ana, "hi", tell=False).ts if in_thread else None
    client = web_client(Settings(**pointing_at(slack)))
    arguments = {"retry_after": 0} if fault == "rate_limit" else {}
    getattr(slack.faults, fault)("chat.postMessage", times=times, **arguments)
    ts = post_once(client, channel, HELLO, thread_ts=root)
    assert [m.ts for m in slack.messages(channel, by_bot=True)] == [ts]


def test_looking_for_it_survives_a_bad_line_too(slack: SlackStandIn) -> None:
    channel = slack.add_channel("support")
    slack.faults.drop_after("chat.postMessage")
    slack.faults.drop_before("conversations.history", times=2)
    post_once(web_client(Settings(**pointing_at(slack))), channel, HELLO)
    assert len(slack.messages(channel)) == 1


def test_a_refusal_is_not_tried_again(slack: SlackStandIn) -> None:
    client = web_client(Settings(**pointing_at(slack)))
    with pytest.raises(SlackApiError):
        post_once(client, "C404", HELLO)
    assert len(slack.calls("chat.postMessage")) == 1


def test_people_see_an_id_and_never_the_error(slack: SlackStandIn, caplog: pytest.LogCaptureFixture) -> None:
    channel = slack.add_channel("support")
    place = InThread(web_client(Settings(**pointing_at(slack))), channel, None, "zh")
    place.failed(ValueError("password=hunter2"))
    [message] = slack.messages(channel)
    assert "错误编号" in message.text
    assert "hunter2" not in message.all_text()
    assert "hunter2" in caplog.text


def test_a_users_own_mistake_is_named_with_its_remedy(slack: SlackStandIn) -> None:
    channel = slack.add_channel("support")
    place = InThread(web_client(Settings(**pointing_at(slack))), channel, None, "en")
    place.failed(UserError("bad_lang", value="<!channel>"))
    [message] = slack.messages(channel)
    assert "en and zh" in message.text
    assert "<!channel>" not in message.all_text()


def test_a_failure_that_cannot_be_told_is_logged(slack: SlackStandIn, caplog: pytest.LogCaptureFixture) -> None:
    InThread(web_client(Settings(**pointing_at(slack))), "C404", None, "en").failed(ValueError("x"))
    assert "could not tell the person" in caplog.text


def test_a_used_up_response_url_is_an_error(slack: SlackStandIn) -> None:
    with pytest.raises(OSError, match="404"):
        Privately(f"{slack.base}/response/R404", "en").say(HELLO)
