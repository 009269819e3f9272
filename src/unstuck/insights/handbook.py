"""docs/metrics.md, written from the metrics themselves.

python -m unstuck.insights.handbook        writes it
"""

from __future__ import annotations

from pathlib import Path

from unstuck.insights.metric import Anchor, Metric
from unstuck.insights.metrics import METRICS

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"

_ANCHORS = {
    Anchor.EVENT: "E: counted by the instant it happened",
    Anchor.OCCUPANCY: "O: time inside the window; quantiles are of visits that started in it (S)",
    Anchor.SPELL: "S: spells that started in the window, by Kaplan-Meier; the rest are still open",
    Anchor.AS_OF: "A: the state at one instant",
}
_HEAD = """\
# Metrics

<!-- Written by `python -m unstuck.insights.handbook` from `src/unstuck/insights/metrics/`. Edit it there. -->

One meaning per word, the same in English and Chinese. A number that is not on this page is not shown.

Windows are half-open, `[start, end)`; "now" can be set with `--as-of`, and nothing after it is seen. Quantiles are
nearest-rank; where spells are still open they come from Kaplan-Meier, and when the curve does not get there the
answer is "more than x, n still waiting". Leaving by being dropped (merged, spam, deleted) is a competing exit:
such a spell counts up to then. Spells that began before the history does are left out and counted in a note.

Priority, product, customer and the other fields of a ticket are those known at "now", never later ones. Every
metric can be split and filtered by them; the further dimensions are listed with each metric.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, _overview(), *(_section(metric) for metric in METRICS.values())])


def _overview() -> str:
    rows = [
        f"| [{one.id}](#{one.id}) | {one.words['en'][0]} | {one.words['zh'][0]} | {one.anchor} | {one.unit} |"
        for one in METRICS.values()
    ]
    return "\n".join(["| id | English | 中文 | anchor | unit |", "|---|---|---|---|---|", *rows, ""])


def _section(metric: Metric) -> str:
    lines = [
        f"## {metric.id}",
        "",
        metric.says["en"],
        "",
        metric.says["zh"],
        "",
        f"- **words**: {', '.join(metric.words['en'])} / {'、'.join(metric.words['zh'])}",
        f"- **anchor**: {_ANCHORS[metric.anchor]}",
        f"- **unit**: {metric.unit}",
        f"- **aggregates**: {', '.join(metric.aggregates)}; the first unless another is asked for",
    ]
    for name, words in metric.variants.items():
        lines.append(f"- **variant {name}**: {', '.join(words['en'])} / {'、'.join(words['zh'])}")
    if metric.dimensions:
        lines.append(f"- **dimensions**: {', '.join(metric.dimensions)}")
    lines += [f"- “{example.text}”" for example in metric.examples]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
