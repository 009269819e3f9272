"""The manifest asks for what the code uses: no event unheard, no method without its scope, nothing too much."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.blocks.insights import CHOOSE
from bot.playground.calls import METHODS
from bot.playground.run import Running
from unstuck.cli import app

BOT = Path(str(files("bot")))
MANIFEST = json.loads((BOT / "manifest.json").read_text(encoding="utf-8"))
SCOPES = set(MANIFEST["oauth_config"]["scopes"]["bot"])
EVENTS = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
#: What Slack demands for an event to be delivered.
EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "app_home_opened": None,
    "user_change": "users:read",
    "link_shared": "links:read",
    "app_uninstalled": None,
    "tokens_revoked": None,
}
#: Has no method and no event: commands, shortcuts and modals themselves.
ALONE = {"commands"}
#: The same method for private channels and direct conversations needs its own.
ALSO = {"channels:read": {"groups:read", "im:read"}}


def sources() -> str:
    ours = [path for path in BOT.rglob("*.py") if "playground" not in path.relative_to(BOT).parts]
    return "\n".join(path.read_text(encoding="utf-8") for path in ours)


def called() -> set[str]:
    """Web API methods that the code calls through the SDK."""
    known = {name.replace(".", "_"): name for name in METHODS}
    names = set(re.findall(r"client\.(\w+)\(", sources()))
    found = {known[name] for name in names if name in known}
    if "files_upload_v2" in names:
        found |= {"files.getUploadURLExternal", "files.completeUploadExternal"}
    return found


def test_every_method_that_the_code_calls_is_known_to_the_stand_in() -> None:
    sdk_only = {"files_upload_v2", "is_connected"}
    names = set(re.findall(r"client\.([a-z]+_\w+)\(", sources())) - sdk_only
    assert {name for name in names if name not in {m.replace(".", "_") for m in METHODS}} == set()


def test_scopes_are_what_is_needed_and_no_more() -> None:
    needed = {scope for name in called() if (scope := METHODS[name].scope) is not None}
    needed |= {scope for event in EVENTS if (scope := EVENT_SCOPES[event]) is not None}
    needed |= {more for scope in needed for more in ALSO.get(scope, ())}
    assert needed | ALONE == SCOPES


def test_the_code_listens_to_the_events_it_subscribes_to(bot: Running) -> None:
    heard = set(re.findall(r"app\.event\(\"(\w+)\"\)", sources()))
    assert heard == {event.split(".")[0] for event in EVENTS}


def test_commands_and_actions_have_listeners(bot: Running) -> None:
    [command] = MANIFEST["features"]["slash_commands"]
    ana = bot.slack.add_user("ana")
    assert bot.slack.command(ana, command["command"], "help").ok
    assert not bot.slack.command(ana, "/other", "help").ok
    assert CHOOSE == "insight_choose"


def test_shortcuts_have_listeners(bot: Running) -> None:
    ana = bot.slack.add_user("ana")
    message = bot.slack.say(bot.slack.add_channel("support", [ana]), ana, "hello", tell=False)
    shortcuts = MANIFEST["features"]["shortcuts"]
    for shortcut in shortcuts:
        name = shortcut["callback_id"]
        of_message = shortcut["type"] == "message"
        ack = bot.slack.message_shortcut(ana, message, name) if of_message else bot.slack.global_shortcut(ana, name)
        assert ack.ok, name
        bot.settle()
    assert len(re.findall(r"app\.shortcut\(", sources())) == len(shortcuts)


def test_every_form_that_can_be_sent_has_a_listener() -> None:
    heard = set(re.findall(r"app\.view\((?:\w+\.)?([A-Z_]+)\)", sources()))
    drawn = set(re.findall(r"(?:callback_id=|_form\(\s*)([A-Z][A-Z_]+)", sources()))
    assert heard == drawn


def test_the_manifest_keeps_slacks_limits() -> None:
    shown, features = MANIFEST["display_information"], MANIFEST["features"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 174 < len(shown["long_description"]) <= 4000
    assert len(features["agent_view"]["agent_description"]) <= 300
    assert len(features["agent_view"]["suggested_prompts"]) <= 4
    assert len(features["shortcuts"]) <= 10
    assert all(len(shortcut["name"]) <= 24 for shortcut in features["shortcuts"])
    assert all(len(shortcut["description"]) <= 150 for shortcut in features["shortcuts"])
    assert all(set(prompt) == {"title", "message"} for prompt in features["agent_view"]["suggested_prompts"])


@pytest.mark.parametrize(("options", "socket"), [([], True), (["--url", "https://bot.desk.example/"], False)])
def test_the_manifest_is_printed_for_either_mode(options: list[str], socket: bool) -> None:
    printed = CliRunner().invoke(app, ["slack", "manifest", *options])
    manifest = json.loads(printed.output)
    assert manifest["settings"]["socket_mode_enabled"] is socket
    address = manifest["settings"]["event_subscriptions"].get("request_url")
    assert address == (None if socket else "https://bot.desk.example/slack/events")


def test_the_printed_manifest_names_the_hosts_of_connected_ticket_systems(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    for number in range(7):
        text = f'system = "zammad"\nurl = "https://desk{number}.example/"\ntoken = "t"\n'
        (sources / f"desk{number}.toml").write_text(text, encoding="utf-8")
    (sources / "here.toml").write_text('system = "rt"\nurl = "http://localhost:8080"\ntoken = "t"\n', encoding="utf-8")
    printed = CliRunner().invoke(app, ["slack", "manifest", "--home", str(tmp_path)])
    domains = json.loads(printed.output)["features"]["unfurl_domains"]
    assert domains == [f"desk{number}.example" for number in range(5)]
    bare = CliRunner().invoke(app, ["slack", "manifest", "--home", str(tmp_path / "new")])
    assert "unfurl_domains" not in json.loads(bare.output)["features"]
    assert not (tmp_path / "new").exists()
