"""What the metrics say of themselves: complete in both languages, computable, and the page written from them."""

from __future__ import annotations

import pytest

from unstuck.i18n import LANGS
from unstuck.insights import handbook
from unstuck.insights.compile.chosen import ROWS
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Kind


def test_docs_metrics_is_up_to_date() -> None:
    assert handbook.PAGE.read_text(encoding="utf-8") == handbook.page(), "run: python -m unstuck.insights.handbook"


def test_only_metrics_that_can_be_computed_are_listed() -> None:
    assert set(METRICS) == {*ROWS, "bottleneck"}


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_told_in_every_language(name: str) -> None:
    metric = METRICS[name]
    for lang in LANGS:
        assert metric.says[lang].strip()
        assert metric.words[lang]
        assert all(words[lang] for words in metric.variants.values())
        assert any(example.lang == lang for example in metric.examples)
    assert metric.aggregates
    for example in metric.examples:
        assert example.plan["metric"] == name
        assert example.plan.get("variant") in (None, *metric.variants)
        assert example.plan.get("kind") in (None, *Kind)


@pytest.mark.parametrize("lang", LANGS)
def test_a_word_names_one_metric(lang: str) -> None:
    owners: dict[str, str] = {}
    for metric in METRICS.values():
        for word in metric.words[lang]:
            assert owners.setdefault(word.lower(), metric.id) == metric.id, word
