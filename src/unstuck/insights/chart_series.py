"""A result as plain series, for places that draw charts themselves: names, categories, numbers, and nothing else.

What such a chart cannot say honestly (that a value is only known to be larger, that a group has no value at a time)
is left to the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from unstuck.i18n import Lang
from unstuck.insights import chart, chart_forms
from unstuck.insights.plan import Kind, Plan, Result

#: Kinds that are drawn as lines or bars; the others have forms of their own.
PLAIN = frozenset({Kind.TREND, Kind.BREAKDOWN, Kind.TOP, Kind.COMPARE, Kind.BOTTLENECK, Kind.DISTRIBUTION})
MOST_SERIES, MOST_CATEGORIES = 6, 20


@dataclass(frozen=True, slots=True)
class Series:
    """Everything about one chart. Names may be the desk's own."""

    kind: Literal["line", "bar"]
    title: str
    #: What the numbers are, with their unit.
    unit: str
    categories: tuple[str, ...]
    #: Name of each series and its numbers, one a category.
    values: tuple[tuple[str, tuple[float, ...]], ...]


def series(plan: Plan, result: Result, lang: Lang) -> Series | None:
    """`None` where a plain chart would say less than the picture, or something else."""
    heat = plan.kind is Kind.BREAKDOWN and chart_forms.is_heat(plan)
    if plan.kind not in PLAIN or not result.rows or heat:
        return None
    trend = plan.kind is Kind.TREND
    data = chart.points(plan, result, lang) if trend else chart.bars(plan, result, lang)
    if any(datum.get("solid", 1.0) < 1 for datum in data):
        return None
    axis = chart.axis_of(plan, result, lang)
    scale, unit = (100.0, f"{axis.title} (%)") if axis.format == "%" else (1 / axis.unit, axis.title)
    table = _table(data, scale)
    return Series("line" if trend else "bar", chart.title_of(plan, result, lang), unit, *table) if table else None


def _table(
    data: list[dict[str, Any]], scale: float
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[float, ...]], ...]] | None:
    """Categories and series without a gap; `None` when there is one, or too little or too much to draw."""
    # The running bucket of a trend is no fall.
    ordered = sorted(data, key=lambda datum: datum.get("order", 0))
    names = list(dict.fromkeys(f"{d['name']} …" if d.get("partial") else str(d["name"]) for d in ordered))
    cells = {
        (str(d["series"]), f"{d['name']} …" if d.get("partial") else str(d["name"])): round(d["value"] * scale, 2)
        for d in ordered
        if d["value"] is not None
    }
    rows = list(dict.fromkeys(str(d["series"]) for d in data))
    full = all((row, name) in cells for row in rows for name in names)
    if not full or not 2 <= len(names) <= MOST_CATEGORIES or len(rows) > MOST_SERIES:
        return None
    return tuple(names), tuple((row, tuple(cells[row, name] for name in names)) for row in rows)
