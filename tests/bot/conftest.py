"""The real app over a small desk, and Slack's stand-in in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.testing import small_desk


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as standin:
        yield standin


@pytest.fixture(scope="session")
def running_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One app for all tests: opening a desk takes a second, and each test brings its own people and channels."""
    with (
        SlackStandIn() as standin,
        small_desk(tmp_path_factory.mktemp("desk"), standin) as deps,
        running(deps, standin) as app,
    ):
        yield app


@pytest.fixture
def bot(running_bot: Running) -> Running:
    running_bot.slack.duplicates = 0
    running_bot.slack.mention_first = True
    return running_bot
