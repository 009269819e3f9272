"""Tickets as people write them, and the card that the rules make of each."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from knowledge.resolutions import card_of
from knowledge.solved import Said, Solved

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)
CASES = tomllib.loads((Path(__file__).parent / "conversations.toml").read_text(encoding="utf-8"))["case"]
FIELDS = ("environment", "cause", "outcome", "verified_by", "valid_until")


def ticket(case: dict[str, Any]) -> Solved:
    said = [
        Said(f"m{n}", NOON + timedelta(hours=n), "agent" if who == "note" else who, who != "note", body)
        for n, (who, body) in enumerate(case["said"])
    ]
    given = {key: case[key] for key in ("title", "description", "resolution", "owner") if key in case}
    return Solved(id="desk/T-1", solved_at=NOON, messages=said, **given)


def expected(case: dict[str, Any]) -> dict[str, Any]:
    card = dict.fromkeys(FIELDS, "") | {"verified_by": None, "valid_until": None}
    card |= {name: value for name, value in case["card"].items() if name in FIELDS}
    if card["valid_until"] is not None:
        # To the end of that day.
        card["valid_until"] = datetime.combine(card["valid_until"], time(), UTC) + timedelta(days=1)
    return card


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_conversation_becomes_a_card(case: dict[str, Any]) -> None:
    card = card_of(ticket(case))
    assert card is not None
    assert {name: getattr(card, name) for name in FIELDS} == expected(case)
    for part in case["card"]["steps_hold"]:
        assert part in card.steps
    whole = "\n".join([card.title, card.text, card.steps, card.environment, card.cause, card.outcome])
    assert not any(part in whole for part in case.get("never", []))


def test_both_languages_have_twenty_cases() -> None:
    chinese = [case for case in CASES if case["name"].startswith("中文")]
    assert min(len(chinese), len(CASES) - len(chinese)) >= 20
