"""Whatever words come in, every message is valid Block Kit and no foreign word is live."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import blocks
from bot.blocks.nudges import SNOOZES, UNTIL
from bot.blocks.text import Markup, clip, escape, link, split
from bot.playground.validator import problems
from bot.testing import HOSTILE, live
from knowledge.cards import Answer, Card, Citation, Hit
from unstuck.i18n import LANGS, Lang
from unstuck.nudges.view import Evidence, NudgeView

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
texts = st.sampled_from(HOSTILE) | st.text(max_size=400)
urls = st.none() | st.sampled_from(
    ["https://desk.example/t/1?a=1&b=2", "javascript:alert(1)", "https://a|b>c", "http://["]
)
every_lang = pytest.mark.parametrize("lang", LANGS)
thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(drawn: blocks.Drawn) -> None:
    assert problems(drawn.blocks) == []
    assert 0 < len(drawn.text) <= 8000
    assert "<" not in drawn.text
    assert live(drawn.blocks) == []


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    text = st.builds(lambda a, b: f"{a}\n\n{b}", texts, texts)
    maybe = st.none() | texts
    whence = {"created": st.none() | st.just(AT), "owner": maybe, "team": maybe, "tickets": st.integers(0, 10**6)}
    citation = st.builds(Citation, texts, texts, urls, texts, **whence)
    card = st.builds(Card, texts, texts, texts, url=urls)
    hit = st.builds(Hit, texts, texts, st.floats(0, 1), st.integers(1, 9), card)
    return Answer(
        answered=True,
        confidence=draw(st.floats(0, 1)),
        text=draw(text),
        citations=tuple(draw(st.lists(citation, max_size=8))),
        reason=draw(st.none() | st.sampled_from(["model_timeout", "model_cut_off"])),
        nearest=tuple(draw(st.lists(hit, max_size=8))),
        people=tuple(draw(st.lists(texts, max_size=8))),
    )


@st.composite
def views(draw: st.DrawFn) -> NudgeView:
    evidence = st.builds(
        Evidence,
        st.sampled_from(["stay", "message", "activity", "skipped"]),
        st.just(AT),
        st.none() | texts,
        st.none() | texts,
    )
    optional = st.none() | texts
    return NudgeView(
        nudge_id=draw(st.integers(1, 2**62)),
        key="k",
        ticket=draw(texts),
        title=draw(optional),
        url=draw(urls),
        stage=draw(texts),
        waiting_on=draw(st.sampled_from(["agent", "team", "nobody", "internal", "vendor", "approval", "customer"])),
        party=draw(optional),
        waited=draw(st.integers(0, 10**9)),
        threshold=draw(st.integers(0, 10**9)),
        still_since=AT,
        priority=draw(optional),
        customer=draw(optional),
        comparables=draw(st.integers(0, 10**6)),
        compared_by=draw(st.sampled_from(["stage", "fixed"])),
        reason=draw(texts),
        evidence=tuple(draw(st.lists(evidence, max_size=12))),
        rule=draw(texts),
        step=0,
        recipient="person:1",
        recipient_name=draw(texts),
        note=draw(optional),
        hint_title=draw(optional),
        hint_url=draw(urls),
        outcome=draw(st.sampled_from([None, None, "mine", "snoozed", "false_alarm", "moved", "withdrawn"])),
        outcome_by=draw(st.sampled_from([None, "U123", "<!channel>"])),
        snoozed_until=draw(st.sampled_from([None, AT])),
    )


@every_lang
@thorough
@given(found=answers())
def test_answers_are_valid(found: Answer, lang: Lang) -> None:
    messages = blocks.answer(found, lang, AT)
    assert len(messages) <= 4
    for drawn in messages:
        check(drawn)
    check(blocks.dont_know(found, lang))


@every_lang
@thorough
@given(view=views())
def test_nudges_are_valid(view: NudgeView, lang: Lang) -> None:
    drawn = blocks.nudge(view, lang)
    check(drawn)
    pressable = [b for b in drawn.blocks if b["type"] == "actions"]
    assert bool(pressable) == (view.outcome is None)


@every_lang
@thorough
@given(
    sentence=texts,
    restatement=texts,
    columns=st.lists(texts, max_size=30),
    rows=st.integers(0, 500),
    cell=texts,
    notes=st.lists(texts, max_size=20),
)
def test_insights_are_valid(
    sentence: str, restatement: str, columns: list[str], rows: int, cell: str, notes: list[str], lang: Lang
) -> None:
    table = tuple((cell,) * len(columns) for _ in range(rows))
    finding = blocks.Finding(sentence, restatement, tuple(columns), table, rows, tuple(notes))
    check(blocks.insight(finding, lang))


@every_lang
@thorough
@given(prompt=texts, labels=st.lists(texts, max_size=30), unexplained=st.lists(texts, max_size=30))
def test_questions_back_and_refusals_are_valid(
    prompt: str, labels: list[str], unexplained: list[str], lang: Lang
) -> None:
    check(blocks.ask(prompt, labels, "0" * 32, lang))
    check(blocks.chosen(prompt, labels[0] if labels else "", lang))
    check(blocks.refuse(prompt, unexplained, labels, "0" * 32, lang))


@every_lang
@thorough
@given(
    lines=st.lists(st.builds(blocks.Waiting, texts, st.none() | texts, urls, texts, st.integers(0, 10**8)), max_size=60)
)
def test_lists_are_valid(lines: list[blocks.Waiting], lang: Lang) -> None:
    check(blocks.waiting_list(lines, lang))
    check(blocks.help_(lang))


@every_lang
@given(word=texts)
def test_notices_escape_their_values(word: str, lang: Lang) -> None:
    check(blocks.notice("bot.unknown_command", lang, word=word))


@given(text=st.text(max_size=3000), limit=st.integers(20, 500))
def test_splitting_loses_nothing_but_space(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    visible = re.sub(r"[\s\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", "", text)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", visible)


def test_splitting_prefers_paragraphs_then_sentences() -> None:
    assert split("First part.\n\nSecond part is here.", 25) == ["First part.", "Second part is here."]
    assert split("第一步先断电。第二步拆下滤网。", 10) == ["第一步先断电。", "第二步拆下滤网。"]


def test_clipping_shows_that_something_is_missing() -> None:
    assert clip("short", 10) == "short"
    assert clip("one two three four", 12) == "one two…"


def test_links_go_to_the_web_only() -> None:
    assert link("https://desk.example/?a=1&b=2", "T-1") == "<https://desk.example/?a=1&amp;b=2|T-1>"
    assert link("javascript:alert(1)", "<b>") == "&lt;b&gt;"
    assert isinstance(escape("x"), Markup)


@every_lang
def test_a_nudge_offers_every_snooze(lang: Lang) -> None:
    view = NudgeView(
        7, "k", "T-7", "Pump stops", "https://desk.example/7", "In Progress", "agent", "Ana", 90_000, 30_000, AT,
        "P1", "ACME", 40, "stage", "Longer than 9 of 10.", (), "late", 0, "person:ana", "Ana",
    )  # fmt: skip
    [row] = [b for b in blocks.nudge(view, lang).blocks if b["type"] == "actions"]
    assert [o["value"] for o in row["elements"][1]["options"]] == [f"7:{choice}" for choice in (*SNOOZES, UNTIL)]
