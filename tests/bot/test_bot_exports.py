"""Files of an answer's rows, answers computed again, and words that managers teach."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.playground.validator import problems
from bot.playground.workspace import Message
from bot.testing import START, small_desk
from unstuck.testing import a_ticket, store_changes


@pytest.fixture
def boss(slack: SlackStandIn) -> str:
    return slack.add_user("boss", email="boss@desk.example")


@pytest.fixture
def ana(slack: SlackStandIn) -> str:
    return slack.add_user("ana", email="ana@desk.example")


@pytest.fixture
def support(slack: SlackStandIn, ana: str, boss: str) -> str:
    return slack.add_channel("support", [ana, boss])


@pytest.fixture
def managed(slack: SlackStandIn, boss: str, tmp_path: Path) -> Iterator[Running]:
    with small_desk(tmp_path, slack, managers="boss@desk.example") as deps, running(deps, slack) as bot:
        yield bot


def ask(bot: Running, user: str, text: str, channel: str) -> Message:
    bot.slack.mention(channel, user, text)
    bot.settle()
    found = [m for m in bot.slack.messages(channel, by_bot=True) if m.blocks and m.ephemeral_to is None]
    assert problems(found[-1].blocks) == []
    return found[-1]


def press(bot: Running, user: str, message: Message, action: str) -> None:
    assert bot.slack.press(user, message, action).ok
    bot.settle()


def files(bot: Running, ending: str) -> list[bytes]:
    stored = bot.slack.workspace.files.values()
    return [file["content"] for file in stored if file["name"].endswith(ending)]


def whispered(bot: Running, user: str) -> str:
    return "\n".join(m.all_text() for m in bot.slack.messages() if m.ephemeral_to == user)


def test_rows_come_as_files_that_hold_every_ticket_and_no_formula(managed: Running, boss: str, support: str) -> None:
    wild = [
        a_ticket(f"=W-{n}", (1.0, "Waiting for Parts"), start=START, team="+1+1", assignee="ana", title="x")
        for n in range(60)
    ]
    store_changes(managed.deps.engine, [change for changes in wild for change in changes])
    answer = ask(managed, boss, "list all open tickets", support)
    for action in ("insight_save_csv", "insight_save_xlsx"):
        press(managed, boss, answer, action)
    [text], [book] = files(managed, ".csv"), files(managed, ".xlsx")
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert len(rows) > 60
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    sheet = load_workbook(io.BytesIO(book)).worksheets[0]
    assert sheet.max_row == len(rows)
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}


def test_somebody_who_may_see_no_numbers_gets_no_file(managed: Running, boss: str, ana: str, support: str) -> None:
    answer = ask(managed, boss, "backlog by team", support)
    press(managed, ana, answer, "insight_save_csv")
    assert files(managed, ".csv") == []
    assert "for managers" in whispered(managed, ana)


def test_an_answer_is_computed_again_at_its_time(managed: Running, boss: str, support: str) -> None:
    answer = ask(managed, boss, "backlog by team", support)
    number = answer.all_text().split("answer ")[1].split()[0].strip("·")
    assert managed.slack.command(boss, "/unstuck", f"replay {number}").ok
    managed.settle()
    assert "the same numbers" in whispered(managed, boss)
    assert managed.slack.command(boss, "/unstuck", "replay 999999").ok
    managed.settle()
    assert "999999" in whispered(managed, boss)


def test_a_manager_teaches_a_word_that_was_not_known(managed: Running, boss: str, ana: str, support: str) -> None:
    refused = ask(managed, boss, "backlog of fixers by priority", support)
    press(managed, ana, refused, "alias_teach")
    assert "for managers" in whispered(managed, ana)
    press(managed, boss, refused, "alias_teach")
    assert "/unstuck alias fixers" in whispered(managed, boss)
    assert managed.slack.command(ana, "/unstuck", "alias fixers = Billing").ok
    assert managed.slack.command(boss, "/unstuck", "alias fixers = Repairs").ok
    managed.settle()
    answer = ask(managed, boss, "backlog of fixers by priority", support)
    assert "“fixers” = team Repairs, set by boss on" in answer.all_text()
    assert managed.slack.command(boss, "/unstuck", "alias remove fixers").ok
    managed.settle()
    assert "not" in ask(managed, boss, "backlog of fixers by priority", support).all_text()
