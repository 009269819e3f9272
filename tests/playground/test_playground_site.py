"""Only its own page talks to the playground, a person sees what is theirs, and nothing in it runs as script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.playground.feed import Feed
from bot.playground.opening import Open
from bot.playground.standin import SlackStandIn
from bot.playground.typed import carried, without_bot
from bot.playground.workspace import BOT_USER
from unstuck.i18n import LANGS, messages

PAGE = Path(str(files("bot.playground"))) / "page"
SCRIPTS = "\n".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.js"))


@pytest.fixture
def web(playground: Open) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=playground.url, trust_env=False) as client:
        yield client


@pytest.fixture
def people(web: httpx.Client) -> dict[str, str]:
    """The first person of each part."""
    given = web.get("/api/start").json()["people"]
    return {one["part"]: one["user"] for one in reversed(given)}


def do(web: httpx.Client, what: str, **body: Any) -> dict[str, Any]:
    return dict(web.post(f"/api/do/{what}", json=body).json())


def seen(playground: Open, user: str) -> list[dict[str, Any]]:
    return Feed(playground.slack.workspace).since(user, 0)[1]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:3010"}, 200),
        ({"Host": "desk.attacker.example"}, 403),
        ({"Host": "desk.attacker.example:3010"}, 403),
        ({"Host": "127.0.0.1.attacker.example"}, 403),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_only_its_own_page_is_answered(web: httpx.Client, headers: dict[str, str], status: int) -> None:
    assert web.get("/api/start", headers=headers).status_code == status


def test_a_foreign_form_cannot_act(web: httpx.Client, people: dict[str, str]) -> None:
    body = {"user": people["agent"], "tab": "home"}
    assert web.post("/api/do/open", data=body).status_code == 415
    assert web.post("/api/do/open", content=json.dumps(body), headers={"Content-Type": "text/plain"}).status_code == 415
    assert web.post("/api/do/open", json=body, headers={"Origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/page/style.css", "/api/start", "/nothing", "/file/F1"])
def test_every_answer_forbids_scripts_that_are_not_ours(web: httpx.Client, path: str) -> None:
    policy = web.get(path).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["..%2Fsite.py", "%2E%2E/site.py", "site.py", "/etc/passwd", "none.js"])
def test_no_file_but_the_pages_own_is_served(web: httpx.Client, name: str) -> None:
    assert web.get(f"/page/{name}").status_code in (404, 308)
    assert "from __future__" not in web.get(f"/page/{name}", follow_redirects=True).text


def test_an_uploaded_page_is_no_page_of_ours(playground: Open, web: httpx.Client) -> None:
    stored = playground.slack.workspace.files
    stored["F-HTML"] = {"id": "F-HTML", "name": "x.png", "content": b"<script>alert(1)</script>"}
    stored["F-PNG"] = {"id": "F-PNG", "name": "x.html", "content": b"\x89PNG\r\n\x1a\n"}
    page, picture = web.get("/file/F-HTML"), web.get("/file/F-PNG")
    assert page.headers["Content-Type"] == "application/octet-stream"
    assert page.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert picture.headers["Content-Type"] == "image/png"


def test_the_page_never_sets_html() -> None:
    assert SCRIPTS
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", SCRIPTS
    )
    assert "<script>" not in (PAGE / "index.html").read_text(encoding="utf-8")


def test_the_pages_words_are_those_of_the_locales() -> None:
    used = set(re.findall(r"""\bt\(\s*"(\w+)\"""", SCRIPTS))
    used |= set(re.findall(r"""\? "(\w+)" : "(?:\w+)", \{ n""", SCRIPTS))
    patterns = [pattern.replace("${", "").split("}")[0] for pattern in re.findall(r"\bt\(`(\w+_)\$\{", SCRIPTS)]
    for lang in LANGS:
        known = {key.removeprefix("playground.") for key in messages(lang) if key.startswith("playground.")}
        assert used <= known
        unused = {key for key in known - used if not any(key.startswith(p) for p in patterns)}
        # Two are the command line's, two are chosen by number.
        assert unused <= {"open", "closing", "reply", "replies"}


def test_a_question_in_a_channel_is_answered_in_its_thread(
    playground: Open, web: httpx.Client, people: dict[str, str]
) -> None:
    support = "C0SUPPORT1"
    assert do(web, "say", user=people["agent"], channel=support, text="@unstuck why does it blink E24?")["ok"]
    slack = playground.slack
    [answer] = slack.wait_for(lambda: slack.messages(support, by_bot=True))
    assert answer.thread_ts
    assert "drain pump filter" in answer.all_text()


def test_everybody_sees_what_is_theirs(playground: Open, web: httpx.Client, people: dict[str, str]) -> None:
    agent, manager = people["agent"], people["manager"]
    direct = do(web, "open", user=agent, tab="messages")["channel"]
    do(web, "say", user=agent, channel=direct, text="my secret question")
    do(web, "command", user=agent, channel="C0SUPPORT1", name="/unstuck", text="help")
    slack = playground.slack
    slack.wait_for(lambda: [m for m in slack.messages("C0SUPPORT1") if m.ephemeral_to == agent])
    mine, others = json.dumps(seen(playground, agent)), json.dumps(seen(playground, manager))
    assert "my secret question" in mine
    assert "my secret question" not in others
    assert direct not in others
    assert '"ephemeral": true' in mine
    assert '"ephemeral": true' not in others


def test_the_stream_begins_with_everything_and_goes_on(playground: Open, people: dict[str, str]) -> None:
    feed = Feed(playground.slack.workspace)
    stream = feed.stream(people["guest"], 0)
    first = next(stream)
    version, things = first.split("\n")[0].removeprefix("id: "), json.loads(first.split("data: ")[1])
    assert {"user", "channel"} <= {thing["kind"] for thing in things}
    playground.slack.say("C0PARTNER1", people["guest"], "hello <b>you</b>", tell=False)
    said = json.loads(next(stream).split("data: ")[1])
    assert [thing["text"] for thing in said if thing["kind"] == "message"] == ["hello <b>you</b>"]
    feed.stop()
    assert next(stream, None) is None
    again = feed.since(people["guest"], int(version))[1]
    assert [thing["text"] for thing in again if thing["kind"] == "message"] == ["hello <b>you</b>"]


def test_home_is_drawn_for_who_opens_it(playground: Open, web: httpx.Client, people: dict[str, str]) -> None:
    assert do(web, "open", user=people["admin"], tab="home")["taken"]
    playground.slack.wait_for(lambda: playground.slack.home(people["admin"]))
    [home] = [thing for thing in seen(playground, people["admin"]) if thing["kind"] == "home"]
    assert home["view"]["blocks"]
    assert not [thing for thing in seen(playground, people["agent"]) if thing["kind"] == "home"]


def test_a_language_that_is_changed_holds_at_once(playground: Open, web: httpx.Client, people: dict[str, str]) -> None:
    slack, lead = playground.slack, people["admin"]
    for lang, words in (("zh", "我的工单"), ("en", "My tickets")):
        assert do(web, "language", user=lead, lang=lang)["taken"]
        assert do(web, "open", user=lead, tab="home")["taken"]
        slack.wait_for(lambda words=words: words in json.dumps(slack.home(lead), ensure_ascii=False))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("say", {"channel": "C0SUPPORT1", "text": "  "}),
        ("say", {"channel": "C-NONE", "text": "hello"}),
        ("press", {"channel": "C0SUPPORT1", "ts": "1.1", "action_id": "x"}),
        ("press_home", {"action_id": "none"}),
        ("submit", {}),
        ("suggest", {"action_id": "x"}),
        ("language", {"lang": "fr"}),
        ("skip", {"minutes": -5}),
        ("skip", {"minutes": "soon"}),
        ("global_shortcut", {"callback_id": "none"}),
        ("open", {"user": BOT_USER, "tab": "home"}),
        ("open", {"user": "U-NONE", "tab": "home"}),
    ],
)
def test_what_cannot_be_done_is_refused(
    web: httpx.Client, people: dict[str, str], what: str, body: dict[str, Any]
) -> None:
    answer = web.post(f"/api/do/{what}", json={"user": people["agent"], **body})
    assert answer.status_code == 400
    assert answer.json()["ok"] is False


def test_nobody_writes_where_they_are_not(playground: Open, web: httpx.Client, people: dict[str, str]) -> None:
    teams = [c for c in playground.slack.workspace.channels.values() if people["guest"] not in c.members]
    assert teams
    assert do(web, "say", user=people["guest"], channel=teams[0].id, text="let me in")["ok"] is False


def test_time_passes_on_demand(playground: Open, web: httpx.Client, people: dict[str, str]) -> None:
    before = playground.slack.workspace.clock.now()
    assert do(web, "skip", user=people["agent"], minutes=60)["ok"]
    assert 3600 <= (playground.slack.workspace.clock.now() - before).total_seconds() < 3660


def test_what_is_typed_pings_by_name_alone() -> None:
    with SlackStandIn() as slack:
        ana = slack.add_user("Ana Costa")
        support = slack.add_channel("support", [ana])
        typed = carried("@unstuck ask @Ana.Costa in #support: <!channel> & a@b.c @nobody", slack.workspace)
        link = carried("see https://desk.example/t/1?a=1&b=@unstuck#support now", slack.workspace)
    assert typed == f"<@{BOT_USER}> ask <@{ana}> in <#{support}|support>: &lt;!channel&gt; &amp; a@b.c @nobody"
    assert link == "see <https://desk.example/t/1?a=1&amp;b=@unstuck#support> now"
    assert without_bot(f"<@{BOT_USER}> why?") == ("why?", True)
    assert without_bot("why?\nno") == ("why?\nno", False)
