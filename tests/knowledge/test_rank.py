from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knowledge.rank import Candidate, fuse, with_other_language

candidates = st.lists(
    st.builds(
        Candidate,
        number=st.integers(1, 10_000),
        shelf=st.sampled_from(["en", "zh"]),
        cosine=st.none() | st.floats(-1, 1),
        bm25=st.floats(0, 50),
    ),
    max_size=20,
    unique_by=lambda candidate: candidate.number,
)


def nearness(some: list[Candidate], mean: float = 0.0) -> dict[int, float]:
    return {one.number: one.cosine - mean for one in some if one.cosine is not None}


@given(candidates, st.floats(-1, 1))
def test_scores_are_shares_in_descending_order_and_nobody_is_lost(some: list[Candidate], mean: float) -> None:
    ranked = fuse(some, nearness(some, mean), "en")
    scores = [row.score for row in ranked]
    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)
    assert {row.candidate for row in ranked} == set(some)


@given(candidates, st.sampled_from(["en", "zh"]))
def test_the_quota_moves_one_card_and_keeps_scores_in_order(some: list[Candidate], own: str) -> None:
    ranked = fuse(some, nearness(some), own)
    moved = with_other_language(ranked, own)
    assert {row.candidate for row in moved} == {row.candidate for row in ranked}
    assert [row.score for row in moved] == sorted((row.score for row in moved), reverse=True)
    others = [row.candidate for row in ranked if row.candidate.shelf != own]
    if others:
        assert [row.candidate for row in moved].index(others[0]) < 5
    assert [row.candidate for row in moved if row.candidate.shelf == own] == [
        row.candidate for row in ranked if row.candidate.shelf == own
    ]


def test_a_rare_code_beats_a_similar_meaning() -> None:
    alike = Candidate(1, "en", 0.90, 1.0)
    exact = Candidate(2, "en", 0.89, 20.0)
    assert [row.candidate.number for row in fuse([alike, exact], {1: 0.15, 2: 0.14}, "en")] == [2, 1]


def test_without_vectors_words_decide() -> None:
    two = [Candidate(1, "en", None, 2.0), Candidate(2, "en", None, 4.0)]
    assert [row.score for row in fuse(two, {}, "en")] == [1.0, 0.5]


def test_a_card_of_the_other_language_has_to_be_twice_as_near() -> None:
    own, other = Candidate(1, "en", 0.8, 0.0), Candidate(2, "zh", 0.8, 0.0)
    assert [row.candidate.number for row in fuse([own, other], {1: 0.2, 2: 0.3}, "en")] == [1, 2]
    assert [row.candidate.number for row in fuse([own, other], {1: 0.2, 2: 0.5}, "en")] == [2, 1]
