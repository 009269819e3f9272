"""Thirty pairs that contradict each other, planted among cards that only look as if: most are found, few are wrong."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import knowledge
from knowledge import Card
from knowledge.contradictions import compare
from knowledge.embed import find_embedder
from knowledge.testing import a_card
from knowledge.upkeep import Upkeep
from knowledge.values import values_of

LINES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "contradictions.jsonl").read_text(encoding="utf-8").splitlines()
]
PLANTED = {frozenset((line["id"], line["contradicts"])) for line in LINES if "contradicts" in line}
#: A third of everything was left aside while the rules were written.
ASIDE = {frozenset((line["id"], line["contradicts"])) for line in LINES if "contradicts" in line and "aside" in line}


def a_planted(line: dict[str, Any]) -> Card:
    created = datetime.fromisoformat(line["created"]) if "created" in line else None
    return Card(
        line["id"],
        line["title"],
        line["text"],
        line["steps"],
        line["lang"],
        created=created,
        product=line.get("product"),
    )


def test_thirty_planted_pairs_are_found_with_at_most_five_false_ones(tmp_path: Path) -> None:
    embedder = find_embedder()
    if embedder is None:
        pytest.skip("the built-in models are not here: unstuck model fetch")
    assert (len(PLANTED), len(ASIDE)) == (30, 10)
    assert len(LINES) - 2 * len(PLANTED) >= 150
    base = knowledge.open(f"sqlite:///{tmp_path / 'cards.db'}", tmp_path, embedder=embedder)
    base.learn(map(a_planted, LINES))
    upkeep = Upkeep(base, datetime.fromisoformat("2026-01-01T00:00:00Z"))
    upkeep.find_pairs()
    found = {frozenset((pair.older.id, pair.newer.id)) for pair in upkeep.pairs()}
    assert len(found & PLANTED) >= 27
    assert len(found & ASIDE) >= 9
    assert len(found - PLANTED) <= 5
    base.close()


INSTRUCTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "instructions.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("line", INSTRUCTIONS, ids=lambda line: line["newer"])
def test_what_an_older_and_a_newer_card_tell(line: dict[str, Any]) -> None:
    older, newer = (
        a_card(age, "The same", text="", steps=line[age], created=datetime.fromisoformat(f"{year}-01-01T00:00:00Z"))
        for age, year in (("older", 2023), ("newer", 2025))
    )
    assert (compare(older, newer) is not None) is line["clash"]


ALIKE = [
    ("Turn the relay off and on again.", "Turn on the relay."),
    ("Hold the button for 1 minute.", "Hold the button for 60 seconds."),
    ("Wait five working days.", "Wait 5 working days, then ask the carrier."),
    ("请等待十五分钟。", "请等待15分钟再试。"),
    ("Replace lamp UV-11 every 12 months.", "Replace filter SF-3 every 6 months."),
    ("Do not unplug the reader.", "Leave the reader plugged in."),
    ("升级完成前不要关闭电源。", "保持通电，等待升级完成。"),
    ("Restart the service.", "Clear the cache."),
    ("Open port 443 for web and port 25 for mail.", "Open port 25."),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_two_ways_to_the_same_end_are_no_clash(one: str, other: str) -> None:
    assert compare(a_card("a", steps=one), a_card("b", steps=other)) is None
    assert compare(a_card("b", steps=other), a_card("a", steps=one)) is None


CLASHES = [
    ("opposite", "Enable fast boot.", "Disable fast boot."),
    ("opposite", "Leave the cover on while it dries.", "Leave the cover off while it dries."),
    ("opposite", "请打开省电模式。", "请关闭省电模式。"),
    ("opposite", "可以用酒精擦拭屏幕。", "请勿用酒精擦拭屏幕。"),
    ("value", "Hold the button for 5 seconds.", "Hold the button for twenty seconds."),
    ("value", "把超时时间设为三十秒。", "超时时间设为60秒。"),
    ("value", "Copy it to /etc/acme/a.conf.", "Copy it to /opt/acme/a.conf."),
]


@pytest.mark.parametrize(("kind", "one", "other"), CLASHES)
def test_clashes_whichever_comes_first(kind: str, one: str, other: str) -> None:
    for first, second in ((one, other), (other, one)):
        clash = compare(a_card("a", steps=first), a_card("b", steps=second))
        assert clash is not None
        assert clash.kind == kind


def test_only_the_later_card_can_say_that_the_earlier_way_is_over() -> None:
    old = a_card("a", steps="Send the paper form by fax.", created=datetime.fromisoformat("2024-01-01T00:00:00Z"))
    new = a_card("b", steps="The fax is no longer read.", created=datetime.fromisoformat("2025-01-01T00:00:00Z"))
    clash = compare(new, old)
    assert clash is not None
    assert clash.kind == "obsolete"


@pytest.mark.parametrize(
    ("text", "kind", "amount"),
    [
        ("hold 1.5 minutes", "time", "90"),
        ("长按十五秒", "time", "15"),
        ("一百二十分钟", "time", "7200"),
        ("半小时", "time", "1800"),
        ("set it to 45°C", "temperature", "45"),
        ("端口改为8080", "port", "8080"),
        ("install firmware v4.0.5", "version", "4.0.5"),
        ("order FX-310", "code FX", "310"),
        ("see /etc/acme/x", "path", "/etc/acme/x"),
        ("at https://a.example.com/b?c=1", "address", "https://a.example.com/b?c=1"),
    ],
)
def test_values(text: str, kind: str, amount: str) -> None:
    assert (kind, amount) in [(value.kind, value.amount) for value in values_of(text)]
