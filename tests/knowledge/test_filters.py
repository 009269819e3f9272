from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

import knowledge
from knowledge import Filter, KnowledgeBase, Question
from knowledge.filters import products_named
from knowledge.testing import HashEmbedder, a_card


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("my x200 is loud", ("X200",)),
        ("Ｘ２００ 噪音大", ("X200",)),
        ("x200 pro is loud", ("X200 Pro",)),
        ("X200 beside an X200   PRO", ("X200 Pro", "X200")),
        ("the X2000 and the MX200", ()),
        ("智能音箱没声音", ("智能音箱",)),
    ],
)
def test_products_are_named_whole(text: str, named: tuple[str, ...]) -> None:
    assert products_named(text, ["X200", "X200 Pro", "智能音箱", ""]) == named


@pytest.fixture
def base(engine: Engine, tmp_path: Path) -> Iterator[KnowledgeBase]:
    opened = knowledge.open(engine, tmp_path / "knowledge", embedder=HashEmbedder())
    products = ("X200", "X200 Pro", None)
    opened.learn(
        a_card(
            f"{product}-{year}-{n}",
            f"The fan of unit {n} is loud",
            steps=f"Clean fan {n} with brush {year}.",
            product=product,
            created=datetime(year, 6, 1, tzinfo=UTC) if year else None,
        )
        for product in products
        for year in (0, 2020, 2024)
        for n in range(12)
    )
    yield opened
    opened.close()


def found(base: KnowledgeBase, only: Filter) -> list[str]:
    return [hit.id.rsplit("-", 1)[0] for hit in base.search("the fan is loud", 200, only=only)]


def test_only_one_product_is_searched_however_it_is_written(base: KnowledgeBase) -> None:
    assert set(found(base, Filter(product="ｘ200  PRO"))) == {"X200 Pro-0", "X200 Pro-2020", "X200 Pro-2024"}
    assert len(found(base, Filter(product="x200"))) == 36
    assert found(base, Filter(product="X300")) == []


def test_what_is_too_old_or_of_unknown_age_is_left_out(base: KnowledgeBase) -> None:
    since = datetime(2021, 1, 1, tzinfo=UTC)
    assert set(found(base, Filter(since=since))) == {"X200-2024", "X200 Pro-2024", "None-2024"}
    assert set(found(base, Filter("X200", since))) == {"X200-2024"}


def test_an_answer_comes_from_what_is_wanted_alone(base: KnowledgeBase) -> None:
    only = Filter("X200 Pro", datetime(2021, 1, 1, tzinfo=UTC))
    answer = base.ask(Question("The fan of unit 7 is loud", only=only))
    assert answer.nearest
    assert {hit.card.product for hit in answer.nearest} == {"X200 Pro"}
    assert base.ask(Question("The fan of unit 7 is loud", only=Filter("X300"))).reason == "nothing_known"


def test_products_come_from_the_cards(base: KnowledgeBase) -> None:
    assert base.products_in("The x200 pro hums") == ("X200 Pro",)
