from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import knowledge
from knowledge import Card, held_out
from knowledge.evaluate import Asked, score_by
from knowledge.remembered import RememberingEmbedder
from knowledge.testing import HashEmbedder, a_card

START = datetime(2026, 1, 1, tzinfo=UTC)


def a_solved(day: int, part: str, steps: str, **values: object) -> Card:
    text = f"Since day {day} it hums at night and nobody in the house can sleep."
    return a_card(f"t{day}", f"The {part} is loud", text=text, steps=steps, created=START + timedelta(day), **values)


def test_the_newest_are_asked_and_what_repeats_them_is_not_known() -> None:
    cards = [
        a_solved(1, "pump", "Let the air out of the pump."),
        a_solved(2, "fan", "Clean the fan with a brush."),
        a_card("old", "The belt is loud", text="It squeaks.", steps="Exchange the belt.", created=START),
        a_solved(8, "lamp", "Exchange the lamp of the hall."),
        a_solved(9, "door", "Grease the hinge of the door."),
        a_card(
            "new", "The belt is loud", text="It squeaks.", steps="Exchange the belt.", created=START + timedelta(10)
        ),
    ]
    exam = held_out.split(list(reversed(cards)), 1)
    assert [card.id for card in exam.asked] == ["new"]
    assert [card.id for card in exam.known] == ["t1", "t2", "t8", "t9"]
    assert exam.left_out == 1


def test_a_small_desk_keeps_most_of_what_it_knows() -> None:
    exam = held_out.split([a_solved(day, f"part{day}", f"Exchange part {day}.") for day in range(9)], 200)
    assert (len(exam.asked), len(exam.known)) == (3, 6)
    assert held_out.split([a_solved(1, "pump", "Vent it.")], 200).asked == []


@pytest.mark.parametrize(
    ("title", "text", "asked"),
    [
        ("The pump is loud", "It hums.", "The pump is loud"),
        ("Help", "The pump hums. It is new.", "Help. The pump hums"),
        ("", "水泵漏水。昨天开始。", "水泵漏水。"),
    ],
)
def test_a_ticket_is_asked_by_its_title_and_more_where_that_is_short(title: str, text: str, asked: str) -> None:
    assert held_out.question_of(a_card(title=title, text=text)) == asked


def test_who_says_the_same_is_found_by_the_steps(tmp_path: Path) -> None:
    base = knowledge.open(f"sqlite:///{tmp_path / 'cards.db'}", tmp_path, embedder=HashEmbedder())
    base.learn(a_solved(n, f"part{n}", f"Exchange spare {n} of the {n}th shelf.") for n in range(30))
    base.learn([a_solved(40, "pump", "Open the red valve and let the air out of the pump.")])
    asked = a_solved(50, "heater", "Let the air out: open the valve of the pump, the red one.")
    assert base.saying_the_same(asked) == ["t40"]
    assert base.saying_the_same(a_solved(51, "sofa", "Send the cushion to the upholsterer.")) == []
    base.close()


def test_figures_by_language() -> None:
    asked = [
        Asked("1", ["a"], True, 0.9, "en"),
        Asked("2", ["b"], True, 0.8, "zh"),
        Asked("3", ["c"], False, 0.1, "zh"),
    ]
    found = score_by("lang", asked, {"1": {"a": 1}, "2": {"a": 1}, "3": {"c": 1}})
    assert list(found) == ["zh", "en"]
    assert (found["en"].right, found["zh"].right) == (1.0, 0.0)
    assert (found["zh"].coverage, found["zh"].wrong, found["zh"].recall_1) == (0.5, 1.0, 0.5)


class Counting(HashEmbedder):
    texts = 0

    def embed_documents(self, texts: object) -> object:  # type: ignore[override]
        self.texts += len(texts)  # type: ignore[arg-type]
        return super().embed_documents(texts)  # type: ignore[arg-type]


def test_vectors_are_kept_from_one_measurement_to_the_next(tmp_path: Path) -> None:
    first = RememberingEmbedder(Counting(), tmp_path / "vectors.db")
    vectors = first.embed_documents(["a pump", "a fan", "a pump"])
    first.close()
    counting = Counting()
    again = RememberingEmbedder(counting, tmp_path / "vectors.db")
    assert np.array_equal(again.embed_documents(["a pump", "a fan", "a pump"]), vectors)
    assert counting.texts == 0
    again.embed_queries(["a pump"])
    assert counting.texts == 1  # a question's vector is another one
    other = RememberingEmbedder(HashEmbedder("other", 32), tmp_path / "vectors.db")
    assert other.embed_documents(["a pump"]).shape == (1, 32)
    again.close()
    other.close()
