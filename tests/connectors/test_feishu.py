"""The Feishu service desk beside the contract: a documented ticket, windows of time, codes under a 200, its signature."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import standin
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from flask import Flask
from standin_feishu import FeishuStandIn
from test_payloads import keys

from bot import hooks
from unstuck import deps as building
from unstuck import errors, settings
from unstuck.connectors.feishu import Feishu
from unstuck.connectors.sealed import greeting
from unstuck.sources import config, inbox
from unstuck.testing import NOON
from unstuck.tickets.changes import TicketChange

PAYLOAD = json.loads((Path(__file__).parent / "feishu" / "ticket.json").read_text(encoding="utf-8"))["payload"]
TICKET = PAYLOAD["ticket"]["ticket_id"]


@pytest.fixture
def feishu() -> Iterator[FeishuStandIn]:
    with FeishuStandIn().serving() as serving:
        assert isinstance(serving, FeishuStandIn)
        yield serving


@pytest.fixture
def told(feishu: FeishuStandIn) -> list[TicketChange]:
    feishu.tickets, feishu.messages = {TICKET: PAYLOAD["ticket"]}, {TICKET: PAYLOAD["messages"]}
    options = {**feishu.options, "team_field": "小组"}
    return [change for page in Feishu(feishu.connection(options=options)).changes(None) for change in page.changes]


def test_a_ticket_is_told_as_it_stands(told: list[TicketChange]) -> None:
    created, seen = told[0].values, told[1].values
    assert (created["status"], created["title"], created["description"]) == ("待响应", "灯不亮了", "灯不亮了\n型号 L-7")
    assert (seen["status"], seen["assignee"], seen["team"], seen["priority"]) == ("已解决", "ou_2", "维修", "高")


def test_comments_are_internal_and_rich_text_is_read(told: list[TicketChange]) -> None:
    words = [
        (change.message.body, change.message.public, change.message.author_kind) for change in told if change.message
    ]
    assert words == [("请问订单号？\n说明", True, "agent"), ("Ask the vendor", False, "agent")]


def test_the_score_is_of_three(told: list[TicketChange]) -> None:
    (rated,) = [change for change in told if change.feedback]
    assert rated.feedback is not None
    assert (rated.feedback.score, rated.feedback.scale_max, rated.actor) == (3, 3, "ou_9")


def test_many_tickets_are_read_window_by_window(feishu: FeishuStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unstuck.connectors.feishu.WINDOW", 10)
    for number in range(1, 41):
        feishu.happen(str(number), NOON + number * timedelta(hours=1), "create", f"Case {number}")
    cursors, seen = [], []
    for page in Feishu(feishu.connection()).changes(None):
        cursors.append(page.cursor)
        seen += [change.ticket for change in page.changes if change.change_id.endswith(":created")]
    assert sorted(map(int, seen)) == list(range(1, 41))
    moved = [cursor for cursor in cursors if cursor is not None]
    assert moved == sorted(moved)
    assert len(set(moved)) > 3


def test_what_is_missing_is_said(feishu: FeishuStandIn) -> None:
    for wrong in ({"options": {}}, {"user": None}):
        with pytest.raises(errors.UsageError):
            Feishu(feishu.connection(**wrong))


@pytest.mark.parametrize(
    ("code", "error"),
    [(99991663, errors.Unauthorized), (99991400, errors.RateLimited), (155001, errors.ConnectorError)],
)
def test_codes_under_a_200_are_errors(feishu: FeishuStandIn, code: int, error: type[Exception]) -> None:
    said = standin.status(200, json.dumps({"code": code, "msg": "no"}), "application/json")
    feishu.faults = [standin.fine(), said]
    with pytest.raises(error):
        list(Feishu(feishu.connection()).changes(None))


def test_it_signs_with_a_plain_hash_over_the_key() -> None:
    body = b'{"encrypt": "x"}'
    digest = hashlib.sha256(b"1768392000" + b"n0nce" + b"key" + body).hexdigest()
    headers = {"x-lark-signature": digest, "x-lark-request-timestamp": "1768392000", "x-lark-request-nonce": "n0nce"}
    signature = Feishu.capabilities.signature
    assert inbox.is_signed(signature, b"key", inbox.Post(headers, body))
    assert not inbox.is_signed(signature, b"other", inbox.Post(headers, body))
    assert not inbox.is_signed(signature, b"key", inbox.Post({**headers, "x-lark-request-nonce": "m"}, body))


def encrypted(key: bytes, said: dict[str, str]) -> bytes:
    """As the documentation encrypts: the start vector, then AES-256-CBC under the key's hash."""
    padding = PKCS7(128).padder()
    padded = padding.update(json.dumps(said).encode()) + padding.finalize()
    sealed = Cipher(algorithms.AES(hashlib.sha256(key).digest()), modes.CBC(b"0123456789abcdef")).encryptor()
    raw = b"0123456789abcdef" + sealed.update(padded) + sealed.finalize()
    return json.dumps({"encrypt": base64.b64encode(raw).decode()}).encode()


def test_the_challenge_is_answered_to_whoever_knows_the_key() -> None:
    question = encrypted(b"key", {"type": "url_verification", "challenge": "ajls384k", "token": "x"})
    assert greeting(b"key", question) == {"challenge": "ajls384k"}
    assert greeting(b"other", question) is None
    assert greeting(b"key", encrypted(b"key", {"type": "event_callback"})) is None
    for body in (b"", b"[]", b'{"encrypt": 7}', b'{"encrypt": "AAAA"}', b'{"challenge": "plain"}'):
        assert greeting(b"key", body) is None


def test_the_challenge_is_answered_over_http(tmp_path: Path) -> None:
    path = config.path_of(tmp_path, "desk")
    path.parent.mkdir()
    path.write_text('system = "feishu"\nurl = "https://x.example"\ntoken = "a:b"\n[webhook]\nsecret = "key"\n')
    site, built = Flask("site"), building.build(settings.load(home=tmp_path))
    hooks.mount(site, built)
    question = encrypted(b"key", {"type": "url_verification", "challenge": "ajls384k", "token": "x"})
    answer = site.test_client().post("/hooks/desk", data=question)
    built.close()
    assert (answer.status_code, answer.get_json()) == (200, {"challenge": "ajls384k"})


def test_the_stand_in_answers_with_nothing_that_feishu_lacks(feishu: FeishuStandIn) -> None:
    for does, value in (("create", "Lamp"), ("assign", "1"), ("note", "Hm"), ("reply", "Hello")):
        feishu.happen("1", NOON, does, value)
    assert keys(feishu.tickets["1"]) <= keys(PAYLOAD["ticket"])
    assert keys(feishu.messages["1"]) <= keys(PAYLOAD["messages"])
