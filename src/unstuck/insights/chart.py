"""A result as a picture: bars for groups, lines for time, in colours that everybody can tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from unstuck.i18n import Lang, t
from unstuck.insights import chart_forms, labels
from unstuck.insights.explain import bin_name
from unstuck.insights.labels import Cell, column_name, key_name, metric_name
from unstuck.insights.plan import Kind, Plan, Result
from unstuck.insights.restate import conditions

if TYPE_CHECKING:
    import altair as alt

#: Slack shows thumbnails about 360 px wide: few marks, large letters.
WIDTH, BAR, SCALE = 520, 26, 2
MOST_BARS = 15
MOST_LINES = 6
FONT = "Noto Sans CJK TC"
#: Okabe and Ito's palette, told apart by all kinds of colour vision.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
INK, PALE_INK, FAINT = "#1D1C1D", "#616061", "#DDDDDD"
#: Letters of a subtitle's line.
LINE = 84
#: Axis units of durations, and from which largest value (seconds) each reads best.
UNITS = (("days", 86400.0, 2 * 86400.0), ("hours", 3600.0, 2 * 3600.0), ("minutes", 60.0, 0.0))
WITHOUT = frozenset({Kind.LIST, Kind.TICKET, Kind.DATA_QUALITY, Kind.EXPLAIN, Kind.HELP})

Datum = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Axis:
    """How values are drawn: divided by `unit`, under `title`."""

    title: str
    unit: float
    format: str


def png(plan: Plan, result: Result, lang: Lang, now: datetime | None = None) -> bytes | None:
    """The picture, or None where one number or a text needs none."""
    chart = draw(plan, result, lang, now)
    if chart is None:
        return None
    import vl_convert

    _register_font()
    return bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=SCALE))


@cache
def _register_font() -> None:
    """Chinese is drawn with a font of ours: a server may have none."""
    import vl_convert

    vl_convert.register_font_directory(str(files("cvttf_NotoSansCJK_Regular")))


def draw(plan: Plan, result: Result, lang: Lang, now: datetime | None = None) -> alt.LayerChart | None:
    """The chart as Altair describes it."""
    if not result.rows or plan.kind in WITHOUT:
        return None
    special = _special(plan, result, lang)
    if special is not None:
        return _styled(special, *_titles(plan, result, lang, now))
    trend = plan.kind is Kind.TREND
    data = points(plan, result, lang) if trend else bars(plan, result, lang)
    if len(data) < 2 and plan.kind is not Kind.BOTTLENECK:
        return None
    axis = axis_of(plan, result, lang)
    for datum in data:
        datum["size"] = float(datum["value"]) / axis.unit
    chart = _lines(data, axis) if trend else _bar_chart(data, axis)
    return _styled(chart, *_titles(plan, result, lang, now))


def _special(plan: Plan, result: Result, lang: Lang) -> alt.LayerChart | None:
    """Kinds that are drawn in a form of their own."""
    if plan.kind is Kind.WHY:
        data = chart_forms.steps(plan, result, lang)
        return _layered(chart_forms.waterfall(data, _why_axis(plan, result, lang), WIDTH, BAR), len(data) * (BAR + 4))
    if plan.kind is Kind.MAP:
        layers, height = chart_forms.moves(result, lang, WIDTH)
        return _layered(layers, height)
    if plan.kind is Kind.BREAKDOWN and chart_forms.is_heat(plan):
        return _layered(chart_forms.heat(plan, result, lang), 7 * (BAR + 4))
    return None


def _why_axis(plan: Plan, result: Result, lang: Lang) -> Axis:
    name = metric_name(plan.metric or "backlog", lang)
    if result.unit == "share":
        return Axis(name, 1.0, "%")
    if result.unit != "seconds":
        return Axis(name, 1.0, ",~f")
    most = max(abs(float(value or 0)) for value in result.rows[0][2:4])
    unit, seconds = _unit(most, plan)
    return Axis(t("axis.unit", lang, name=name, unit=t(f"axis.{unit}", lang)), seconds, ",~f")


def _titles(plan: Plan, result: Result, lang: Lang, now: datetime | None) -> tuple[str, str]:
    """What is drawn, and below it of what time and which tickets."""
    below = labels.SEPARATOR.join(conditions(plan, lang, now))
    return title_of(plan, result, lang).translate(_PAUSES), below.translate(_PAUSES)


#: Our font is made for Taiwan, where these marks stand in the middle of the line: mainland readers would stumble.
_PAUSES = str.maketrans({"，": labels.SEPARATOR, "：": labels.SEPARATOR})


def _value_place(plan: Plan, result: Result) -> int:
    """Which column holds what is drawn; what stands before it names the row."""
    if "excess" in result.columns:
        return result.columns.index("excess")
    if plan.kind is Kind.DISTRIBUTION:
        return 2
    if plan.kind is Kind.COMPARE and plan.against_metric is not None:
        return len(plan.by) or 1
    if plan.kind is Kind.COMPARE and plan.against is not None and not plan.by:
        return 1 if result.columns[0] == "at" else 2
    keys = len(plan.keys) or (1 if isinstance(result.rows[0][0], str) else 0)
    return keys + 1 if plan.kind is Kind.TREND and plan.by else keys


def axis_of(plan: Plan, result: Result, lang: Lang) -> Axis:
    if plan.against_metric is not None:
        return Axis(column_name("tickets", lang), 1.0, ",~f")
    column = result.columns[_value_place(plan, result)]
    name = column_name("count" if column == "n" else column, lang)
    place = _value_place(plan, result)
    values = [abs(float(row[place] or _at_least(row, place, result) or 0)) for row in result.rows]
    if result.unit == "share" or column == "share":
        return Axis(name, 1.0, "%")
    if result.unit != "seconds" or column in labels.COUNTS:
        return Axis(name, 1.0, ",~f")
    if column in labels.TOTALS:
        unit, seconds = "hours", 3600.0
    else:
        unit, seconds = _unit(max(values, default=0.0), plan)
    return Axis(t("axis.unit", lang, name=name, unit=t(f"axis.{unit}", lang)), seconds, ",~f")


def _unit(most: float, plan: Plan) -> tuple[str, float]:
    """In what lengths of time are drawn; a business day has no fixed length."""
    units = UNITS[1:] if plan.clock == "business" else UNITS
    return next((name, seconds) for name, seconds, least in units if most >= least)


def title_of(plan: Plan, result: Result, lang: Lang) -> str:
    if plan.kind in (Kind.MAP, Kind.WHAT_IF):
        return t(f"axis.title_{plan.kind.value}", lang)
    if plan.kind is Kind.WHY:
        return t("axis.title_why", lang, name=metric_name(plan.metric or "backlog", lang))
    if plan.against_metric is not None:
        one, other = metric_name(plan.metric or "backlog", lang), metric_name(plan.against_metric, lang)
        return t("axis.title_against", lang, one=one, other=other.lower() if lang == "en" else other)
    name = metric_name(plan.metric or "backlog", lang)
    keys = [column_name(key, lang) for key in plan.keys]
    if plan.kind is Kind.TREND:
        keys.insert(0, t(f"grain.{result.columns[0]}", lang))
    if plan.metric == "bottleneck" and not keys:
        keys = [column_name(key, lang) for key in result.columns[: _value_place(plan, result)]]
    named = t("insights.and", lang).join(keys if lang == "zh" else [key.lower() for key in keys])
    return t("axis.title", lang, name=name, by=named) if named else name


def bars(plan: Plan, result: Result, lang: Lang) -> list[Datum]:
    """Name, value, what is written beside it, and series of each bar; the first ones where there are many."""
    place = _value_place(plan, result)
    rows = [row for row in result.rows if row[place] is not None or _at_least(row, place, result)][:MOST_BARS]
    if plan.kind is Kind.DISTRIBUTION:
        last = max((number for number, row in enumerate(rows) if any(row[2:])), default=len(rows) - 1)
        rows = rows[: last + 1]  # nothing was that long
        return [_bin(row, plan, result, lang, at) for row in rows for at in range(2, len(result.columns))]
    if _is_paired(plan):
        return [
            _bar(row, plan, result, lang, at, place) for row in rows for at in (place, place + 1) if row[at] is not None
        ]
    return [_bar(row, plan, result, lang, place, place) for row in rows]


def _is_paired(plan: Plan) -> bool:
    """Whether each group has two bars: two stretches of time, or two metrics."""
    two = plan.against is not None or plan.against_metric is not None
    return plan.kind is Kind.COMPARE and two and bool(plan.by)


def _bar(row: tuple[Cell, ...], plan: Plan, result: Result, lang: Lang, at: int, place: int) -> Datum:
    column = result.columns[place]
    paired = _is_paired(plan)
    least = _at_least(row, place, result) if row[at] is None else None
    label = labels.cell(column, row[at] if least is None else least, plan, result, lang)
    return {
        "name": _row_name(row[:place], plan, result, lang),
        "value": row[at] if least is None else least,
        "label": label if least is None else t("sentence.more_than", lang, longest=label),
        "series": column_name(result.columns[at], lang) if paired else "",
        "solid": 1.0 if least is None else 0.45,
    }


def _at_least(row: tuple[Cell, ...], place: int, result: Result) -> float | None:
    """The longest wait seen, where too many still wait to tell a quantile."""
    group = labels.GROUP_JOINT.join(str(key) for key in row[:place])
    for name, params in result.notes:
        found = dict(params)
        if name == "not_reached" and found["group"] == group:
            return float(found["more_than"])
    return None


def _row_name(keys: tuple[Cell, ...], plan: Plan, result: Result, lang: Lang) -> str:
    if plan.kind is Kind.COMPARE and plan.against_metric is not None and not plan.by:
        return metric_name(str(keys[0]), lang)
    if plan.kind is Kind.COMPARE and plan.against is not None and not plan.by:
        return labels.period_name(keys, plan, lang)
    joint = " → " if "to_team" in result.columns else " · "
    return joint.join(key_name(key, lang) for key in keys)


def _bin(row: tuple[Cell, ...], plan: Plan, result: Result, lang: Lang, at: int) -> Datum:
    series = column_name("count" if len(result.columns) == 3 else result.columns[at], lang)
    label = labels.cell("n", row[at], plan, result, lang) if row[at] else ""
    return {"name": bin_name(row, plan, lang), "value": row[at], "label": label, "series": series, "solid": 1.0}


def points(plan: Plan, result: Result, lang: Lang) -> list[Datum]:
    """Points of a trend, those of the largest groups where there are many."""
    place = _value_place(plan, result)
    if plan.against_metric is not None:
        return _points_of_two(plan, result, lang)
    buckets = list(dict.fromkeys(row[0] for row in result.rows))
    partial = _partial(result, buckets)
    kept = _largest(result, place) if plan.by else None
    return [
        {
            "name": labels.bucket_name(str(row[0]), plan, lang),
            "order": buckets.index(row[0]),
            "value": row[place],
            "series": " · ".join(key_name(key, lang) for key in row[1:place]),
            "partial": row[0] in partial,
        }
        for row in result.rows
        if row[place] is not None and (kept is None or row[1:place] in kept)
    ]


def _points_of_two(plan: Plan, result: Result, lang: Lang) -> list[Datum]:
    buckets = [row[0] for row in result.rows]
    partial = _partial(result, buckets)
    return [
        {
            "name": labels.bucket_name(str(row[0]), plan, lang),
            "order": order,
            "value": row[at] or 0,
            "series": column_name(result.columns[at], lang),
            "partial": row[0] in partial,
        }
        for at in (1, 2)
        for order, row in enumerate(result.rows)
    ]


def _partial(result: Result, buckets: list[Cell]) -> set[Cell]:
    """Buckets that hold less time than the others: the last, still running, and the first where the window cuts it."""
    told = {name for name, _ in result.notes}
    ends = (("first_bucket_cut", buckets[0]), ("unfinished", buckets[-1]), ("last_bucket_cut", buckets[-1]))
    return {bucket for name, bucket in ends if name in told}


def _largest(result: Result, place: int) -> set[tuple[Cell, ...]]:
    totals: dict[tuple[Cell, ...], float] = {}
    for row in result.rows:
        totals[row[1:place]] = totals.get(row[1:place], 0.0) + float(row[place] or 0)
    return set(sorted(totals, key=lambda key: -totals[key])[:MOST_LINES])


def _lines(data: list[Datum], axis: Axis) -> alt.LayerChart:
    import altair as alt

    whole = [point for point in data if not point["partial"]]
    names = list(dict.fromkeys(point["name"] for point in sorted(data, key=lambda point: point["order"])))
    every = max(1, -(-len(names) // 8))
    x = alt.X("name:O", sort=names, title=None, axis=alt.Axis(values=names[::every], labelAngle=0, labelOverlap=True))
    y = alt.Y("size:Q", title=axis.title, axis=alt.Axis(format=axis.format, tickCount=5), scale=alt.Scale(zero=True))
    layers: list[alt.Chart] = []
    for rows, dashed in ((whole, False), *((step, True) for step in _dashed(data))):
        base = alt.Chart(_rows(rows)).encode(x=x, y=y, color=_colour(data), order="order:Q")
        layers.append(base.mark_line(strokeWidth=3, strokeJoin="round", strokeDash=[5, 5] if dashed else [1, 0]))
    layers.append(alt.Chart(_rows(whole)).encode(x=x, y=y, color=_colour(data)).mark_circle(size=70, opacity=1))
    hollow = alt.Chart(_rows([point for point in data if point["partial"]])).encode(x=x, y=y, color=_colour(data))
    layers.append(hollow.mark_point(size=70, opacity=1, fill="white"))
    return _layered(layers, 280)


def _dashed(data: list[Datum]) -> list[list[Datum]]:
    """The steps from or to a bucket that is not whole: they are no rise and no fall."""
    orders = sorted({point["order"] for point in data if point["partial"]})
    return [[point for point in data if abs(point["order"] - order) <= 1] for order in orders]


def _rows(data: list[Datum]) -> alt.InlineData:
    import altair as alt

    return alt.InlineData(values=data)


def _layered(layers: list[alt.Chart], height: int) -> alt.LayerChart:
    import altair as alt

    return alt.LayerChart(layer=layers, width=WIDTH, height=height)


def _bar_chart(data: list[Datum], axis: Axis) -> alt.LayerChart:
    import altair as alt

    names = list(dict.fromkeys(datum["name"] for datum in data))
    series = list(dict.fromkeys(datum["series"] for datum in data))
    most = max(abs(datum["size"]) for datum in data) or 1
    # Room at the right for what is written beside the longest bar: about 8 px a letter.
    room = 1 + max(_letters(datum["label"]) for datum in data) * 8 / WIDTH
    base = alt.Chart(_rows(data)).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=300)),
        x=alt.X(
            "size:Q",
            title=axis.title,
            scale=alt.Scale(domainMax=most * room, domainMin=min(0, *(datum["size"] for datum in data))),
            axis=alt.Axis(format=axis.format, tickCount=5),
        ),
        color=_colour(data),
    )
    if len(series) > 1:
        base = base.encode(yOffset=alt.YOffset("series:N", sort=series))
    # A bar that says "more than" is pale: its end is not where the value is.
    bars = base.mark_bar(cornerRadiusEnd=2).encode(opacity=alt.Opacity("solid:Q", scale=None))
    return _layered([bars, *chart_forms.beside(base)], max(2, len(names)) * BAR * max(1, len(series)))


def _wrapped(text: str) -> list[str]:
    """A subtitle in lines that fit the picture, broken between conditions."""
    lines = [""]
    for part in text.split(labels.SEPARATOR):
        longer = labels.SEPARATOR.join(filter(None, (lines[-1], part)))
        if lines[-1] and _letters(longer) > LINE:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines


def _letters(text: str) -> int:
    """Width of a text in Latin letters; Chinese ones are twice as wide."""
    return sum(2 if char > "\u2e80" else 1 for char in text) + 1


def _colour(data: list[Datum]) -> alt.Color:
    import altair as alt

    series = list(dict.fromkeys(datum["series"] for datum in data))
    legend = alt.Legend(title=None, orient="top", labelLimit=200, columns=3) if len(series) > 1 else None
    return alt.Color("series:N", sort=series, scale=alt.Scale(domain=series, range=list(PALETTE)), legend=legend)


def _styled(chart: alt.LayerChart, title: str, subtitle: str) -> alt.LayerChart:
    import altair as alt

    styled: alt.LayerChart = (
        chart.properties(title=alt.TitleParams(title, subtitle=_wrapped(subtitle)), padding=16, background="white")
        .configure(font=FONT)
        .configure_title(
            fontSize=18, anchor="start", frame="group", color=INK, offset=14, fontWeight="normal", subtitleFont=FONT,
            subtitleFontSize=13, subtitleColor=PALE_INK, subtitlePadding=6,
        )
        .configure_axis(
            labelFontSize=13, titleFontSize=13, labelColor=INK, titleColor=INK, gridColor=FAINT, domainColor=FAINT,
            titleFontWeight="normal", tickColor=FAINT,
        )
        .configure_legend(labelFontSize=13, labelColor=INK)
        .configure_view(stroke=None)
    )  # fmt: skip
    return styled
