"""A language model that proposes plans: what it may say, what is thrown away, and the wire to a real server."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel
from question_desk import NOW, ask, desk

from unstuck.insights.plan import Answer, Plan, Refuse
from unstuck.insights.question.proposals import Proposal, propose
from unstuck.model import open_model
from unstuck.settings import Settings

Schema = TypeVar("Schema", bound=BaseModel)


class ScriptedPlanner:
    """Says what the script says; remembers what it was shown."""

    def __init__(self, *slots: dict[str, str], takes_s: float = 0.0, fails: Exception | None = None) -> None:
        self.timeout_s = 20.0
        self.shown: list[str] = []
        self._slots, self._takes_s, self._fails = slots, takes_s, fails

    def structured(self, system: str, user: str, schema: type[Schema]) -> Schema:
        self.shown.append(system + user)
        time.sleep(self._takes_s)
        if self._fails is not None:
            raise self._fails
        return schema.model_validate({"slots": list(self._slots)})


def slot(kind: str, id: str, words: str) -> dict[str, str]:
    return {"slot": kind, "id": id, "words": words}


def proposed(text: str, model: ScriptedPlanner) -> Plan | None:
    refused = ask(text)
    assert isinstance(refused, Refuse), refused
    found = propose(text, refused, model, lexicon=desk(), now=NOW, timezone="UTC", lang="en")
    return found.plan if isinstance(found, Answer) else None


def test_words_that_the_vocabulary_lacks_are_read_and_told() -> None:
    text = "how many tickets went round in circles last week by team"
    model = ScriptedPlanner(slot("metric", "ping_pong", "went round in circles"))
    plan = proposed(text, model)
    assert plan is not None
    assert (plan.metric, plan.by) == ("ping_pong", ("team",))
    assert plan.window is not None
    assert plan.window.stated
    assert plan.mended == (("went round in circles", "ping-pong"),)


def test_chinese_words_too() -> None:
    plan = proposed("上周各组兜圈子的单有多少", ScriptedPlanner(slot("metric", "ping_pong", "兜圈子")))
    assert plan is not None
    assert (plan.metric, plan.by) == ("ping_pong", ("team",))


@pytest.mark.parametrize(
    "slots",
    [
        (),
        (slot("metric", "profit", "went round in circles"),),  # no such id
        (slot("metric", "ping_pong", "went in circles"),),  # not the question's words
        (slot("metric", "ping_pong", "round in"),),  # leaves words over
        (slot("metric", "ping_pong", "circles last week"),),  # a time is not the model's to read
        (slot("split", "shoe_size", "went round in circles"),),
        (slot("time", "", "went round in circles"),),  # our grammar knows no such time
        tuple(slot("metric", "ping_pong", "went round in circles") for _ in range(9)),  # guessing
    ],
)
def test_what_proves_nothing_leaves_the_refusal(slots: tuple[dict[str, str], ...]) -> None:
    assert proposed("how many tickets went round in circles last week", ScriptedPlanner(*slots)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tickets not exactly frobbed yesterday", "not exactly frobbed"),  # a negation
        ("tickets frobbed more than 3 days last week", "frobbed more than 3 days"),  # a comparison, a number
        ("frobbed Group 70 tickets yesterday", "frobbed Group 70"),  # a name
        ("frob and forecast tickets", "frob and forecast"),  # out of scope
    ],
)
def test_negations_comparisons_numbers_and_names_are_not_the_models(text: str, words: str) -> None:
    refused = ask(text)
    assert isinstance(refused, Refuse)
    model = ScriptedPlanner(slot("metric", "opened", words))
    assert propose(text, refused, model, lexicon=desk(), now=NOW, timezone="UTC", lang="en") is None


def test_two_metrics_that_do_not_go_together_are_no_plan() -> None:
    model = ScriptedPlanner(slot("metric", "rework", "frobbed"), slot("metric", "csat", "gribbled"))
    assert proposed("tickets frobbed gribbled last week", model) is None


def test_a_slow_or_broken_model_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    text = "how many tickets went round in circles last week"
    slow = ScriptedPlanner(slot("metric", "ping_pong", "went round in circles"), takes_s=2)
    slow.timeout_s = 0.05
    assert proposed(text, slow) is None
    with caplog.at_level(logging.WARNING):
        assert proposed(text, ScriptedPlanner(fails=RuntimeError("secret-key-123"))) is None
    assert "secret-key-123" not in caplog.text


def test_the_model_sees_ids_and_the_question_and_no_name_of_the_desk() -> None:
    model = ScriptedPlanner()
    proposed("how many tickets went round in circles last week", model)
    [shown] = model.shown
    assert "ping_pong" in shown
    assert "went round in circles" in shown
    assert not any(name in shown for name in ("Group 70", "Ana Lima", "Caller 2403", "INC", "Location 204"))


def test_the_model_sees_no_personal_data() -> None:
    model = ScriptedPlanner()
    proposed("how many tickets of jane.doe@example.com went round in circles last week", model)
    [shown] = model.shown
    assert "jane.doe" not in shown
    assert "went round in circles" in shown


# --- the wire ---


class _Handler(BaseHTTPRequestHandler):
    said: str = ""
    asked: list[dict[str, Any]] = []  # noqa: RUF012 - one server a test

    def do_POST(self) -> None:
        type(self).asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        message = {"role": "assistant", "content": type(self).said}
        body = {
            "id": "1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }  # fmt: skip
        sent = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def serving(said: str) -> Iterator[tuple[type[_Handler], str]]:
    handler = type("Handler", (_Handler,), {"said": said, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield handler, f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def over_the_wire(said: str) -> tuple[Answer | None, list[dict[str, Any]]]:
    text = "how many tickets went round in circles last week"
    refused = ask(text)
    assert isinstance(refused, Refuse)
    with serving(said) as (handler, url):
        model = open_model(Settings(model="openai:small", model_base_url=url, model_timeout_s=20.0))
        assert model is not None
        found = propose(text, refused, model, lexicon=desk(), now=NOW, timezone="UTC", lang="en")
        return found, handler.asked


def test_over_http_the_reply_is_asked_for_as_a_type_and_proved() -> None:
    said = Proposal.model_validate({"slots": [slot("metric", "ping_pong", "went round in circles")]})
    found, asked = over_the_wire(said.model_dump_json())
    assert found is not None
    assert found.plan.metric == "ping_pong"
    assert asked[0]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("said", ["I think it is ping-pong.", "{", '{"slots": [{"slot": "sql", "words": "drop"}]}', ""])
def test_over_http_what_does_not_fit_the_type_changes_nothing(said: str) -> None:
    assert over_the_wire(said)[0] is None
