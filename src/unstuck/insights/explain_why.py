"""Why, what if and the map of moves in one sentence each."""

from __future__ import annotations

from unstuck.i18n import Lang, format_number, t
from unstuck.insights.labels import Cell, cell, column_name, key_name, metric_name
from unstuck.insights.plan import Plan, Result

#: Groups named in the sentence.
NAMED = 3


def signed(value: float, column: str, plan: Plan, result: Result, lang: Lang) -> str:
    """A change with its sign, in the unit of its column."""
    sign = "+" if value > 0 else "-" if value < 0 else "±"
    return sign + cell(column, abs(value), plan, result, lang)


def why(plan: Plan, result: Result, lang: Lang) -> str:
    """The change, and the groups that moved most with it, one of each dimension."""
    whole, name = result.rows[0], metric_name(plan.metric or "backlog", lang)
    told = [_moved(row, plan, result, lang) for row in leaders(result)]
    return t(
        "sentence.why",
        lang,
        metric=name,
        value=cell("value_now", whole[3], plan, result, lang),
        before=cell("value_before", whole[2], plan, result, lang),
        change=signed(float(whole[4] or 0), "change", plan, result, lang),
        leaders=("、" if lang == "zh" else ", ").join(told) or t("sentence.unknown", lang),
    )


def leaders(result: Result) -> list[tuple[Cell, ...]]:
    """The largest part of each dimension that goes the way of the whole, the largest first."""
    whole = float(result.rows[0][4] or 0)
    alike = [row for row in result.rows[1:] if row[1] not in (None, "others") and float(row[4] or 0) * whole > 0]
    best: dict[Cell, tuple[Cell, ...]] = {}
    for row in sorted(alike, key=lambda row: -abs(float(row[4] or 0))):
        best.setdefault(row[0], row)
    return list(best.values())[:NAMED]


def _moved(row: tuple[Cell, ...], plan: Plan, result: Result, lang: Lang) -> str:
    change = signed(float(row[4] or 0), "change", plan, result, lang)
    dimension = column_name(str(row[0]), lang)
    lead = dimension.lower() if lang == "en" else dimension
    return t("sentence.why_group", lang, dimension=lead, name=key_name(row[1], lang), change=change)


def flow_map(plan: Plan, result: Result, lang: Lang) -> str:
    """How many moves, and the commonest."""
    if not result.rows:
        return t("sentence.nothing", lang, metric=metric_name("time_in_stage", lang))
    told = [
        t(
            "sentence.map_move",
            lang,
            **{"from": row[0]},
            to=row[1],
            n=format_number(float(row[2] or 0), lang),
            p50=cell("p50", row[3], plan, result, lang),
        )
        for row in result.rows[:NAMED]
    ]
    return t("sentence.map", lang, n=format_number(result.n, lang), leaders=("、" if lang == "zh" else ", ").join(told))


def what_if(plan: Plan, result: Result, lang: Lang) -> str:
    """What the mean would have been, as arithmetic."""
    was, would = result.rows[0][1], result.rows[1][1]
    if was is None or would is None:
        return t("sentence.nothing", lang, metric=metric_name("lead_time", lang))
    return t(
        "sentence.what_if",
        lang,
        metric=metric_name("lead_time", lang).lower() if lang == "en" else metric_name("lead_time", lang),
        value=cell("mean", would, plan, result, lang),
        before=cell("mean", was, plan, result, lang),
        change=signed(float(would) - float(was), "mean", plan, result, lang),
        n=format_number(result.n, lang),
    )
