"""Every modal and Home that the bot can draw is one that Slack takes, whatever stands in it, in both languages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import blocks
from bot.blocks import asking, feedback, forms, home, linking, manners, nudge_forms, resolution
from bot.blocks.home import Line, Mine, Pages
from bot.blocks.links import preview
from bot.blocks.manners import Chosen
from bot.blocks.nudge_forms import MENU, PARTIES
from bot.blocks.resolution import Draft
from bot.playground.validator import problems, view_problems
from bot.testing import HOSTILE, live
from knowledge.fate import REASONS
from unstuck.desk_health import Connected, Health, Names
from unstuck.i18n import LANGS, Lang, t
from unstuck.insights.chart_series import Series
from unstuck.nudges.surges import Surge
from unstuck.overview import Overview, Week
from unstuck.ticket_links import Linked

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
texts = st.sampled_from(HOSTILE) | st.text(max_size=200)
urls = st.none() | st.sampled_from(["https://desk.example/t/1?a=1&b=2", "javascript:alert(1)", "https://a|b>c"])
every_lang = pytest.mark.parametrize("lang", LANGS)
thorough = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
IDS = {"nudge": 7, "lang": "en", "key": "0" * 16}
lines = st.builds(
    Line, texts, st.none() | texts, urls, st.none() | texts, st.none() | st.integers(0, 10**8), st.none() | st.just(AT)
)
lists = st.lists(lines, max_size=30) | st.builds(lambda line: [line] * 500, lines)
pages = st.builds(Pages, *(st.integers(0, 9999) for _ in range(3)))
names = st.builds(lambda shown, n: Names(tuple(shown), n), st.lists(texts, max_size=10), st.integers(0, 500))
healths = st.builds(
    Health,
    st.lists(st.builds(Connected, texts, texts, st.none() | st.just(AT)), max_size=40).map(tuple),
    names,
    names,
    st.lists(st.tuples(texts, st.booleans()), max_size=30).map(tuple),
    st.integers(0, 999),
    st.integers(0, 999),
)
surges = st.builds(Surge, texts, st.just(AT), st.integers(0, 10**6), st.floats(0, 10**6), st.just(0.001))
weeks = st.lists(st.builds(Week, texts, texts, texts), max_size=5).map(tuple)
overviews = st.builds(Overview, texts, texts, weeks, st.lists(surges, max_size=9).map(tuple))
own_hours = st.none() | st.just(("09:00", "17:30", (0, 1, 2, 3, 4, 5, 6))) | st.just(("00:00", "23:59", ()))


def check_modal(view: dict[str, object]) -> None:
    assert view_problems(view, "modal") == []
    assert live(view) == []


@every_lang
@thorough
@given(
    tickets=lists, stalls=lists, snoozes=lists, page=pages, hours=own_hours,
    overview=st.none() | overviews, health=st.none() | healths,
)  # fmt: skip
def test_every_home_is_valid(
    tickets: list[Line], stalls: list[Line], snoozes: list[Line], page: Pages,
    hours: tuple[str, str, tuple[int, ...]] | None, overview: Overview | None, health: Health | None, lang: Lang,
) -> None:  # fmt: skip
    mine = Mine(tickets, stalls, snoozes, lang, hours)
    view = home.home(mine, page, lang, overview=overview, health=health)
    assert view_problems(view, "home") == []
    assert live(view) == []
    check_modal(home.hours_form(mine, lang))


@given(first=st.integers(0, 9999), second=st.integers(0, 9999), third=st.integers(0, 9999))
def test_a_page_is_read_back_from_its_button(first: int, second: int, third: int) -> None:
    there = Pages(first, second, third)
    assert home.read_pages(str(there)) == there


@given(value=texts)
def test_made_up_pages_are_the_first(value: str) -> None:
    assert home.read_pages(value) == Pages()


@every_lang
def test_five_hundred_tickets_are_all_reached_page_by_page(lang: Lang) -> None:
    tickets = [Line(f"T-{number}!", "title", None) for number in range(500)]
    page, seen = Pages(), set[str]()
    for _ in range(60):
        view = home.home(Mine(tickets=tickets), page, lang)
        seen |= set(re.findall(r"T-\d+!", str(view)))
        on = [
            e for block in view["blocks"] for e in block.get("elements", []) if e.get("action_id", "").endswith("_on")
        ]
        if not on:
            break
        page = home.read_pages(on[0]["value"])
    assert len(seen) == 500


@every_lang
@thorough
@given(words=st.lists(texts, min_size=4, max_size=4), url=urls)
def test_every_form_is_valid(words: list[str], url: str | None, lang: Lang) -> None:
    for view in (
        asking.form(lang),
        forms.loading(),
        resolution.form(Draft(*words), {"channel": "C1", "thread": "1.2"}, lang),
        linking.form(words[0], {"channel": "C1", "thread": "1.2", "lang": lang}, lang),
        nudge_forms.reassign(words[0], IDS, lang, writes=True),
        nudge_forms.waiting(words[0], IDS, date(2026, 2, 3), lang, writes=False),
        nudge_forms.until(words[0], IDS, date(2026, 2, 3), lang),
        nudge_forms.comment(words[0], IDS, lang, writes=False),
        nudge_forms.reply(words[0], IDS, lang, start=words[1]),
        nudge_forms.confirm(words[0], words[1], IDS, lang),
        *(feedback.comment_form(reason, "1,2,3", lang) for reason in REASONS),
    ):
        check_modal(view)
    for drawn in (
        asking.asked(words[0], lang),
        resolution.saved(words[0], url, lang, waits=True),
        nudge_forms.passed_on({"ticket": words[0], "title": words[1], "by": "U0000001"}, lang),
        *(nudge_forms.said(f"waits_{party}", "U0000001", words[2], lang) for party in PARTIES),
        *(nudge_forms.off(kind, lang) for kind in ("reply", "comment", "reassign", "waiting")),
    ):
        assert problems(drawn.blocks) == []
        assert live(drawn.blocks) == []
        # A modal shows what a place says; then the same words must be valid there.
        check_modal(forms.modal("Unstuck", drawn.blocks, lang))


@every_lang
@given(kind=st.sampled_from(["feedback", "passed_on"]), words=texts, alone=st.booleans())
def test_letters_are_valid(kind: str, words: str, alone: bool, lang: Lang) -> None:
    payload = {
        "reason": "wrong", "by": "U0000001", "title": words, "url": None, "public": True, "card": words[:50],
        "question": words, "comment": words, "ticket": words,
    }  # fmt: skip
    drawn = blocks.notice_of(kind, payload, lang, alone=alone)
    assert problems(drawn.blocks) == []
    assert live(drawn.blocks) == []


charts = st.builds(
    lambda kind, title, unit, names, rows: Series(
        kind, title, unit, tuple(names), tuple((name, tuple(values[: len(names)])) for name, values in rows)
    ),
    st.sampled_from(["line", "bar"]),
    texts,
    texts,
    st.lists(texts, min_size=2, max_size=20),
    st.lists(st.tuples(texts, st.lists(st.floats(), min_size=20, max_size=20)), min_size=1, max_size=6),
)


@every_lang
@thorough
@given(
    columns=st.lists(texts, max_size=12),
    rows=st.lists(st.lists(texts, max_size=12), max_size=300),
    number=st.none() | st.floats(),
    chart=st.none() | charts,
    words=texts,
)
def test_native_tables_and_charts_are_valid(
    columns: list[str], rows: list[list[str]], number: float | None, chart: Series | None, words: str, lang: Lang
) -> None:
    cells = tuple(tuple([*row, *[""] * len(columns)][: len(columns)]) for row in rows)
    numbers = tuple(tuple(number for _ in row) for row in cells)
    finding = blocks.Finding(words, words, tuple(columns), cells, len(rows), (words,), numbers, chart)
    for drawn in (blocks.native(finding, lang), blocks.insight(finding, lang)):
        assert problems(drawn.blocks) == []
        assert live(drawn.blocks) == []


@every_lang
@thorough
@given(words=st.lists(texts, min_size=5, max_size=5), sources=st.lists(texts, max_size=20, unique=True), url=urls)
def test_manners_and_previews_are_valid(words: list[str], sources: list[str], url: str | None, lang: Lang) -> None:
    check_modal(manners.form(Chosen("draft", True, False, "C1", sources, sources[:3]), "C1", lang))
    assert problems(manners.draft(words[0], url, lang)) == []
    for whole in (True, False):
        found = Linked(words[0], words[1], url, words[2], "ACTIVE", words[3], words[4], AT, "t1", None)
        shown = preview(found, lang, whole=whole)["blocks"]
        assert problems(shown) == []
        assert live(shown) == []


@every_lang
def test_titles_and_buttons_of_windows_are_never_cut(lang: Lang) -> None:
    """Slack shows 24 characters; an ellipsis in a title is a sentence that somebody wrote too long."""
    for view in (
        asking.form(lang),
        resolution.form(Draft(), {}, lang),
        linking.form(None, {}, lang),
        home.hours_form(Mine(), lang),
        nudge_forms.reassign("T", IDS, lang, writes=True),
        nudge_forms.waiting("T", IDS, date(2026, 2, 3), lang, writes=True),
        nudge_forms.until("T", IDS, date(2026, 2, 3), lang),
        nudge_forms.comment("T", IDS, lang, writes=True),
        nudge_forms.reply("T", IDS, lang),
        nudge_forms.confirm("T", "text", IDS, lang),
        feedback.comment_form("wrong", "1", lang),
        manners.form(Chosen(), "C1", lang),
    ):
        for part in ("title", "submit", "close"):
            assert "…" not in view[part]["text"]
    assert all(t(f"nudge_forms.{name}_menu", lang) for name in MENU)
