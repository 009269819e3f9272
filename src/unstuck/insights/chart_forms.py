"""Charts of a form of their own: the waterfall of a change, the heat map of a week, the map of moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any

from unstuck.i18n import Lang, format_number, t
from unstuck.insights import labels
from unstuck.insights.compile.dimensions import WEEKDAYS
from unstuck.insights.explain_why import signed
from unstuck.insights.labels import Cell, column_name, key_name
from unstuck.insights.plan import Plan, Result

if TYPE_CHECKING:
    import altair as alt

    from unstuck.insights.chart import Axis

#: Steps of a waterfall; what is smaller is summed up.
MOST_STEPS = 8
#: Moves drawn on a map; the table has the rest.
MOST_ARCS = 22
UP, DOWN, WHOLE = "#D55E00", "#0072B2", "#767676"
INK = "#1D1C1D"
#: Points of an arc; a stage's row and the width of its box on the map, in pixels.
SMOOTH, ROW, BOX = 24, 46, 190
#: Arcs that bear their number, and hours that the legend names.
MOST_COUNTS, WAITS = 8, (1, 4, 24, 72, 168, 720)

Datum = dict[str, Any]


def steps(plan: Plan, result: Result, lang: Lang) -> list[Datum]:
    """The waterfall of one dimension, from before to now: of stages where there are any, else what moved most."""
    whole, parts = result.rows[0], _one_dimension(result)
    before, now = float(whole[2] or 0), float(whole[3] or 0)
    shown = parts[:MOST_STEPS]
    rest = (now - before) - sum(float(row[4] or 0) for row in shown)
    changes = [(key_name(row[1], lang), float(row[4] or 0)) for row in shown]
    if abs(rest) > 1e-9 * max(abs(now), abs(before), 1):
        changes.append((column_name("others", lang), rest))
    data = [_step(column_name("value_before", lang), 0.0, before, WHOLE, plan, result, lang)]
    level = before
    for name, change in changes:
        data.append(_step(name, level, level + change, UP if change > 0 else DOWN, plan, result, lang))
        level += change
    data.append(_step(column_name("value_now", lang), 0.0, now, WHOLE, plan, result, lang))
    for place, datum in enumerate(data):
        datum["order"] = place
    return data


def _one_dimension(result: Result) -> list[tuple[Cell, ...]]:
    rows = [row for row in result.rows[1:] if row[1] != "others" and row[4]]
    if not rows:
        return []
    wanted = (
        "stage" if any(row[0] == "stage" for row in rows) else max(rows, key=lambda row: abs(float(row[4] or 0)))[0]
    )
    return [row for row in rows if row[0] == wanted]


def _step(name: str, start: float, end: float, colour: str, plan: Plan, result: Result, lang: Lang) -> Datum:
    whole = colour == WHOLE
    label = (
        labels.cell("value_now", end, plan, result, lang)
        if whole
        else signed(end - start, "change", plan, result, lang)
    )
    return {"name": name, "from": start, "to": end, "label": label, "colour": colour, "right": max(start, end)}


def waterfall(data: list[Datum], axis: Axis, width: int, bar: int) -> list[alt.Chart]:
    import altair as alt

    for datum in data:
        for name in ("from", "to", "right"):
            datum[name] /= axis.unit
    most = max(datum["right"] for datum in data) or 1
    least = min(0.0, *(min(datum["from"], datum["to"]) for datum in data))
    room = 1 + max(len(datum["label"]) for datum in data) * 9 / width
    y = alt.Y("name:N", sort=[datum["name"] for datum in data], title=None, axis=alt.Axis(labelLimit=300))
    scale = alt.Scale(domainMin=least, domainMax=most * room)
    x = alt.X("from:Q", title=axis.title, scale=scale, axis=alt.Axis(format=axis.format, tickCount=5))
    base = alt.Chart(alt.InlineData(values=data)).encode(y=y)
    bars = base.mark_bar(cornerRadius=2, size=bar * 0.7).encode(x=x, x2="to:Q", color=alt.Color("colour:N", scale=None))
    return [bars, *beside(base.encode(x=alt.X("right:Q", scale=scale)))]


def beside(base: alt.Chart) -> list[alt.Chart]:
    """What is written right of a bar, with a white edge so that no grid line crosses it."""
    import altair as alt

    told = base.encode(text="label:N")
    halo = told.mark_text(align="left", dx=5, fontSize=13, stroke="white", strokeWidth=5)
    return [
        halo.encode(color=alt.value("white")),
        told.mark_text(align="left", dx=5, fontSize=13).encode(color=alt.value(INK)),
    ]


def is_heat(plan: Plan) -> bool:
    return sorted(plan.by) == ["hour", "weekday"]


def heat(plan: Plan, result: Result, lang: Lang) -> list[alt.Chart]:
    """Weekdays down, hours across; the darker the more."""
    import altair as alt

    day, hour = plan.by.index("weekday"), plan.by.index("hour")
    found = {(str(row[day]), int(str(row[hour])[:2])): float(row[2] or 0) for row in result.rows if None not in row[:2]}
    days = {name: key_name(name, lang) for name in WEEKDAYS}
    data = [
        {"day": days[name], "hour": f"{clock:02d}", "value": found.get((name, clock), 0.0)}
        for name in WEEKDAYS
        for clock in range(24)
    ]
    cells = alt.Chart(alt.InlineData(values=data)).mark_rect(stroke="white", strokeWidth=1.5)
    return [
        cells.encode(
            x=alt.X("hour:O", title=column_name("hour", lang), axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("day:N", sort=list(days.values()), title=None),
            color=alt.Color(
                "value:Q",
                scale=alt.Scale(scheme="blues", domainMin=0),
                legend=alt.Legend(
                    title=column_name(result.columns[2], lang), tickCount=4, labelFontSize=13, titleFontSize=13
                ),
            ),
        )
    ]


def moves(result: Result, lang: Lang, width: int) -> tuple[list[alt.Chart], int]:
    """Stages down the middle; moves forward as arcs at the right, moves back at the left. And its height.

    The width of an arc says how many tickets moved, its colour how long they usually waited before.
    """
    import altair as alt

    rows = result.rows[:MOST_ARCS]
    moved = {str(name) for row in rows for name in row[:2]}
    order = {name: place for place, name in enumerate(name for name in result.order if name in moved)}
    arcs = [_Arc(row, order, rows, width) for row in rows]
    half = width / 2
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-half, half], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-0.6, len(order) - 0.4], reverse=True, nice=False))
    points = [arc.point(number, step) for number, arc in enumerate(arcs) for step in range(SMOOTH + 1)]
    longest = max(arc.wait for arc in arcs)
    legend = alt.Legend(
        title=t("axis.wait_before", lang), titleFontSize=13, labelFontSize=13, titleLimit=240, orient="bottom",
        gradientLength=240, values=[hours for hours in WAITS if hours <= longest] or [0],
    )  # fmt: skip
    colour = alt.Color("wait:Q", scale=alt.Scale(scheme="viridis", reverse=True, type="symlog"), legend=legend)
    lines = alt.Chart(alt.InlineData(values=points)).mark_line(opacity=0.8, strokeCap="round")
    thick = alt.StrokeWidth("width:Q", scale=None)
    lines = lines.encode(x=x, y=y, order="step:Q", detail="number:N", color=colour, strokeWidth=thick)
    named = alt.Chart(alt.InlineData(values=[{"x": 0, "y": at, "name": name} for name, at in order.items()]))
    boxes = named.mark_rect(fill="white", stroke=WHOLE, cornerRadius=4, width=BOX, height=26).encode(x=x, y=y)
    text = named.mark_text(fontSize=13, limit=BOX - 10, color=INK).encode(x=x, y=y, text="name:N")
    return [lines, boxes, text, *_counts(arcs, x, y, lang)], len(order) * ROW + 10


@dataclass(frozen=True, slots=True)
class _Arc:
    """One move, drawn as half an ellipse from stage to stage; x in pixels from the middle, y in rows."""

    row: tuple[Cell, ...]
    order: Mapping[str, int]
    rows: Sequence[tuple[Cell, ...]]
    space: int

    @property
    def ends(self) -> tuple[int, int]:
        return self.order[str(self.row[0])], self.order[str(self.row[1])]

    @property
    def n(self) -> float:
        return float(self.row[2] or 0)

    @property
    def wait(self) -> float:
        """Hours."""
        return float(self.row[3] or 0) / 3600

    def point(self, number: int, step: int) -> Datum:
        start, end = self.ends
        width = 1.5 + 11 * self.n / max(float(row[2] or 0) for row in self.rows)
        x, y = self.at(step / SMOOTH)
        # Moves forward leave a little below the middle of their box, moves back a little above.
        shift = 0.12 if end > start else -0.12
        return {"number": number, "step": step, "width": width, "wait": self.wait, "x": x, "y": y + shift}

    def at(self, share: float) -> tuple[float, float]:
        start, end = self.ends
        side = 1 if end > start else -1
        room = self.space / 2 - BOX / 2 - 45
        bulge = 22 + (room - 22) * abs(end - start) / max(len(self.order) - 1, 1)
        return side * (BOX / 2 + bulge * sin(pi * share)), (start + end) / 2 - (end - start) / 2 * cos(pi * share)


def _counts(arcs: list[_Arc], x: alt.X, y: alt.Y, lang: Lang) -> list[alt.Chart]:
    """How many, on the broadest arcs, with a white edge so that lines do not cross the figures."""
    import altair as alt

    told = []
    for arc in sorted(arcs, key=lambda arc: -arc.n)[:MOST_COUNTS]:
        across, down = arc.at(0.5)
        told.append({"x": across, "y": down, "label": format_number(arc.n, lang)})
    base = alt.Chart(alt.InlineData(values=told)).encode(x=x, y=y, text="label:N")
    halo = base.mark_text(fontSize=12, stroke="white", strokeWidth=5, color="white")
    return [halo, base.mark_text(fontSize=12, color=INK)]
