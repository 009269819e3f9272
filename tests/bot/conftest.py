"""A small desk behind the real app, and Slack's stand-in in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import knowledge
from bot.playground.run import Running, pointing_at, running
from bot.playground.standin import SlackStandIn
from knowledge.cards import Card
from knowledge.testing import HashEmbedder
from unstuck import deps as wiring
from unstuck.deps import Deps
from unstuck.settings import Settings

CARDS = [
    Card(
        "T-1",
        "Dishwasher stops with E24",
        "The dishwasher stops and blinks E24.",
        "Clean the filter and the drain pump.",
    ),
    Card("T-2", "Refund not received", "The customer waits for a refund.", "Refunds take five days; send the receipt."),
    Card("T-3", "App shows a blank page", "After the update the app is blank.", "Clear the cache and sign in again."),
    Card("T-4", "扫地机器人充不上电", "扫地机器人放回充电座后不充电。", "擦干净充电触点，重启机器人。", lang="zh"),
    Card("T-5", "退款一直没到账", "客户说退款没有到账。", "退款五个工作日到账，请发送回执。", lang="zh"),
    Card("T-6", "Internal: master key", "Where is the master key?", "In the safe.", visibility="internal"),
]


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as standin:
        yield standin


@pytest.fixture
def deps(slack: SlackStandIn, tmp_path: Path) -> Iterator[Deps]:
    built = wiring.build(Settings(home=tmp_path / "home", **pointing_at(slack)))
    base = knowledge.open(built.engine, tmp_path / "knowledge", embedder=HashEmbedder())
    base.learn(CARDS)
    # What `deps` would open by itself, with an embedder that needs no model.
    vars(built)["knowledge"] = base
    yield built
    built.close()


@pytest.fixture
def bot(deps: Deps, slack: SlackStandIn) -> Iterator[Running]:
    with running(deps, slack) as app:
        yield app
