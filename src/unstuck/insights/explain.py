"""The answer in one sentence, what must be known with it, and what a metric means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from unstuck.clock import parse_instant
from unstuck.i18n import Lang, format_date, format_number, format_share, t
from unstuck.insights import explain_why, labels
from unstuck.insights.explain_why import signed
from unstuck.insights.labels import GROUP_JOINT, Cell, cell, column_name, key_name, metric_name
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Kind, Plan, Result

#: Groups named in a sentence; the table has the rest.
NAMED = 3
#: Aggregates that go without saying.
SILENT = frozenset({"count", "sum"})

#: Notes that the sentence itself tells.
IN_THE_SENTENCE = frozenset({"change"})

Row = Sequence[Cell]


def sentence(plan: Plan, result: Result, lang: Lang) -> str:
    """The answer first: the number with its unit, how many are finished and open, and where it is defined."""
    if plan.metric == "bottleneck" and plan.kind not in (Kind.EXPLAIN, Kind.LIST):
        said = _bottleneck(plan, result, lang)
    else:
        said = _SENTENCES[_kind(plan, result)](plan, result, lang)
    if plan.kind in (Kind.TICKET, Kind.DATA_QUALITY, Kind.EXPLAIN, Kind.HELP, Kind.LIST):
        return said
    return said + (" " if lang == "en" else "") + t("sentence.pointer", lang, id=plan.metric or "backlog")


def definition(metric: str, lang: Lang) -> str:
    """What a metric means, in a sentence that can be checked. Raises `KeyError` on an unknown one."""
    return t("sentence.definition", lang, metric=metric_name(metric, lang), says=METRICS[metric].says[lang])


def notes(plan: Plan, result: Result, lang: Lang) -> tuple[str, ...]:
    """What the reader must know, a sentence each."""
    return tuple(_note(name, dict(params), plan, lang) for name, params in result.notes if name not in IN_THE_SENTENCE)


def _kind(plan: Plan, result: Result) -> Kind:
    """Values and comparisons that came back split are told like breakdowns."""
    if plan.kind is Kind.VALUE and result.rows and isinstance(result.rows[0][0], str):
        return Kind.BREAKDOWN
    if plan.kind is Kind.COMPARE and plan.against is None and plan.against_metric is None:
        return Kind.BREAKDOWN
    return plan.kind


def _name(plan: Plan, lang: Lang) -> str:
    return metric_name(plan.metric or "backlog", lang)


def _aggregate(result: Result, lang: Lang, place: int) -> str:
    """`, median` after the metric's name, where it does not go without saying."""
    name = result.columns[place]
    if name in METRICS or name in SILENT:
        return ""
    return f", {column_name(name, lang).lower()}" if lang == "en" else f"（{column_name(name, lang)}）"


def _value(plan: Plan, result: Result, lang: Lang) -> str:
    name = _name(plan, lang)
    if not result.rows:
        return t("sentence.nothing", lang, metric=name)
    row, column = result.rows[0], result.columns[0]
    counts = {"n": format_number(result.n, lang), "n_open": format_number(result.n_open or 0, lang)}
    if result.n_open is None:
        aggregate = _aggregate(result, lang, 0)
        if row[0] is None:
            return t("sentence.nothing", lang, metric=name)
        return t("sentence.value", lang, metric=name + aggregate, value=cell(column, row[0], plan, result, lang))
    if column == "share":
        said, limit = cell(column, row[0], plan, result, lang), labels.length(plan.within or 0, plan, lang)
        return t("sentence.of_spells", lang, metric=name, limit=limit, value=said, **counts)
    aggregate = column_name(column, lang).lower()
    if row[0] is not None:
        said = cell(column, row[0], plan, result, lang)
        return t("sentence.spells", lang, metric=name, aggregate=aggregate, value=said, **counts)
    longest = _longest(result)
    if longest is None:
        return t("sentence.nothing", lang, metric=name)
    waited = labels.length(longest, plan, lang)
    return t("sentence.unreached", lang, metric=name, aggregate=aggregate, longest=waited, **counts)


def _longest(result: Result) -> float | None:
    for name, params in result.notes:
        if name == "not_reached":
            return float(dict(params)["more_than"])
    return None


def _keys(plan: Plan) -> int:
    """How many columns of a row name its group."""
    return len(plan.keys) or 1


def _leaders(rows: Sequence[Row], plan: Plan, result: Result, lang: Lang, place: int) -> str:
    """The first groups with their values: `Group 9 218, Group 20 96 and 4 more`."""
    column = result.columns[place]
    told = [
        t(
            "sentence.leader",
            lang,
            name=_group(row[:place], lang),
            value=_or_more(row, place, column, plan, result, lang),
        )
        for row in rows[:NAMED]
    ]
    said = ("、" if lang == "zh" else ", ").join(told)
    return t("sentence.more", lang, leaders=said, n=len(rows) - NAMED) if len(rows) > NAMED else said


def _largest_first(rows: Sequence[Row], place: int) -> list[Row]:
    """Whatever the table is ordered by, the sentence names the largest; a group without a name last."""
    return sorted(rows, key=lambda row: (row[place - 1] is None, -float(row[place] or 0)))


def _or_more(row: Row, place: int, column: str, plan: Plan, result: Result, lang: Lang) -> str:
    """A value, or "more than" where too many still wait to tell."""
    if row[place] is not None:
        return cell(column, row[place], plan, result, lang)
    group = GROUP_JOINT.join(str(key) for key in row[:place])
    for name, params in result.notes:
        found = dict(params)
        if name == "not_reached" and found["group"] == group:
            return t("sentence.more_than", lang, longest=labels.length(float(found["more_than"]), plan, lang))
    return t("sentence.unknown", lang)


def _group(keys: Row, lang: Lang) -> str:
    return " → ".join(key_name(key, lang) for key in keys)


def _breakdown(plan: Plan, result: Result, lang: Lang) -> str:
    if not result.rows:
        return t("sentence.nothing", lang, metric=_name(plan, lang))
    place = _keys(plan)
    by = ("、" if lang == "zh" else " and ").join(column_name(name, lang) for name in result.columns[:place])
    told = _leaders(_largest_first(result.rows, place), plan, result, lang, place)
    aggregate = _aggregate(result, lang, place)
    return t("sentence.split", lang, metric=_name(plan, lang), aggregate=aggregate, by=by.lower(), leaders=told)


def _top(plan: Plan, result: Result, lang: Lang) -> str:
    if not result.rows:
        return t("sentence.nothing", lang, metric=_name(plan, lang))
    place = _keys(plan)
    told = _leaders(result.rows, plan, result, lang, place)
    key = "sentence.leaders" if plan.descending else "sentence.trailers"
    return t(key, lang, metric=_name(plan, lang), aggregate=_aggregate(result, lang, place), leaders=told)


def _trend(plan: Plan, result: Result, lang: Lang) -> str:
    name, place = _name(plan, lang), 1 + len(plan.by)
    running = any(found in ("unfinished", "last_bucket_cut") for found, _ in result.notes)
    buckets = list(dict.fromkeys(row[0] for row in result.rows))
    whole = buckets[:-1] if running and len(buckets) > 1 else buckets
    if not whole:
        return t("sentence.nothing", lang, metric=name)
    if plan.against_metric is not None:
        return _trend_of_two(plan, result, whole[-1], lang)
    if plan.by:
        last = [row for row in result.rows if row[0] == whole[-1]]
        return _breakdown(
            plan, result.model_copy(update={"rows": _without_bucket(last), "columns": result.columns[1:]}), lang
        )
    told = [cell(result.columns[place], row[place], plan, result, lang) for row in result.rows if row[0] in whole[-2:]]
    label = labels.bucket_name(str(whole[-1]), plan, lang)
    grain = t(f"grain.{result.columns[0]}", lang)
    params = {"metric": name, "aggregate": _aggregate(result, lang, place), "grain": grain, "label": label}
    if len(told) < 2:
        return t("sentence.trend_one", lang, value=told[-1], **params)
    return t("sentence.trend", lang, value=told[-1], before=told[0], **params)


def _trend_of_two(plan: Plan, result: Result, bucket: Cell, lang: Lang) -> str:
    row = next(row for row in result.rows if row[0] == bucket)
    one, other = (
        t("sentence.leader", lang, name=metric_name(name, lang), value=cell(name, value, plan, result, lang))
        for name, value in zip(result.columns[1:], row[1:], strict=True)
    )
    label = labels.bucket_name(str(bucket), plan, lang)
    return t("sentence.trend_two", lang, one=one, other=other, grain=t(f"grain.{result.columns[0]}", lang), label=label)


def _without_bucket(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(tuple(row[1:]) for row in rows)


def _compare(plan: Plan, result: Result, lang: Lang) -> str:
    name = _name(plan, lang)
    if plan.against_metric is not None and plan.by:
        return _against_split(plan, result, lang)
    if plan.against_metric is not None:
        one, other = (
            t("sentence.leader", lang, name=metric_name(str(row[0]), lang), value=cell("n", row[1], plan, result, lang))
            for row in result.rows
        )
        return t("sentence.against", lang, one=one, other=other)
    if plan.by:
        return _compare_split(plan, result, lang)
    place = 1 if result.columns[0] == "at" else 2
    column, aggregate = result.columns[place], _aggregate(result, lang, place)
    now, then = (cell(column, row[place], plan, result, lang) for row in result.rows[:2])
    change = next((dict(params) for found, params in result.notes if found == "change"), None)
    params = {"metric": name, "aggregate": aggregate, "value": now, "before": then}
    if change is None:
        return t("sentence.compare_unknown", lang, **params)
    return t("sentence.compare", lang, change=_change(change, column, plan, result, lang), **params)


def _against_split(plan: Plan, result: Result, lang: Lang) -> str:
    """Two metrics side by side for each group."""
    place = len(plan.by)
    told = [
        t("sentence.side_by_side", lang, name=_group(row[:place], lang), one=row[place], other=row[place + 1])
        for row in result.rows[:NAMED]
    ]
    one, other = (metric_name(name, lang) for name in result.columns[place:])
    leaders = ("；" if lang == "zh" else "; ").join(told)
    return t("sentence.against_split", lang, one=one, other=other, leaders=leaders)


def _change(change: dict[str, str | int | float], column: str, plan: Plan, result: Result, lang: Lang) -> str:
    said = signed(float(change["change"]), column, plan, result, lang)
    share = change.get("share")
    return said if share is None else f"{said}, {'+' if float(share) > 0 else ''}{format_share(float(share), lang)}"


def _compare_split(plan: Plan, result: Result, lang: Lang) -> str:
    place = len(plan.by)
    column = result.columns[place]
    told = [
        t(
            "sentence.moved",
            lang,
            name=_group(row[:place], lang),
            value=cell(column, row[place], plan, result, lang),
            before=cell(column, row[place + 1], plan, result, lang),
            change=signed(float(row[place + 2] or 0), column, plan, result, lang),
        )
        for row in result.rows[:NAMED]
        if row[place + 2] is not None
    ]
    if not told:
        return t("sentence.nothing", lang, metric=_name(plan, lang))
    said = ("；" if lang == "zh" else "; ").join(told)
    return t("sentence.compare_split", lang, metric=_name(plan, lang), leaders=said)


def _bottleneck(plan: Plan, result: Result, lang: Lang) -> str:
    place = result.columns.index("excess")
    stuck = [row for row in result.rows if row[place]]
    if not stuck:
        return t("sentence.not_stuck", lang)
    first, rest = stuck[0], stuck[1:NAMED]
    told = ("、" if lang == "zh" else ", ").join(
        t("sentence.leader", lang, name=_group(row[:place], lang), value=cell("excess", row[place], plan, result, lang))
        for row in rest
    )
    return t(
        "sentence.bottleneck",
        lang,
        name=_group(first[:place], lang),
        excess=cell("excess", first[place], plan, result, lang),
        waiting=cell("waiting_now", first[place + 2], plan, result, lang),
        rest=t("sentence.bottleneck_rest", lang, leaders=told) if told else "",
    )


def _list(plan: Plan, result: Result, lang: Lang) -> str:
    if not result.rows:
        return t("sentence.list_none", lang)
    first, column = result.rows[0], result.columns[-1]
    value = cell(column, first[-1], plan, result, lang)
    n = format_number(result.n, lang)
    return t("sentence.list", lang, n=n, first=first[0], column=column_name(column, lang).lower(), value=value)


def _ticket(plan: Plan, result: Result, lang: Lang) -> str:
    last = result.rows[-1]
    return t(
        "sentence.ticket",
        lang,
        ticket=last[0],
        status=last[3],
        team=last[5] or t("sentence.no_team", lang),
        assignee=last[6] or t("sentence.no_assignee", lang),
        since=labels.moment(str(last[1]), plan, lang),
        **{"class": last[4]},
    )


def _data(plan: Plan, result: Result, lang: Lang) -> str:
    found = {str(row[0]): row[1] for row in result.rows}
    last = found["last_change"]
    return t(
        "sentence.data",
        lang,
        tickets=format_number(float(found["tickets"] or 0), lang),
        changes=format_number(float(found["changes"] or 0), lang),
        last=labels.moment(str(last), plan, lang) if last else t("sentence.unknown", lang),
    )


def _spread(plan: Plan, result: Result, lang: Lang) -> str:
    name = _name(plan, lang)
    most = max(result.rows, key=lambda row: float(row[2] or 0), default=None)
    if most is None or not most[2]:
        return t("sentence.nothing", lang, metric=name)
    share = format_share(float(most[2]) / max(result.n, 1), lang)
    key = "sentence.spread_as_of" if result.n_open is None else "sentence.spread"
    n, n_open = format_number(result.n, lang), format_number(result.n_open or 0, lang)
    return t(key, lang, metric=name, share=share, n=n, n_open=n_open, bin=bin_name(most, plan, lang))


def bin_name(row: Row, plan: Plan, lang: Lang) -> str:
    """The bounds of a bin of durations."""
    left, right = row[0], row[1]
    start = labels.length(float(left or 0), plan, lang) if left else "0"
    if right is None:
        return t("column.last_bin", lang, **{"from": start})
    return t("column.bin", lang, to=labels.length(float(right), plan, lang), **{"from": start})


def _explain(plan: Plan, result: Result, lang: Lang) -> str:
    del result
    return definition(plan.metric or "backlog", lang)


def _help(plan: Plan, result: Result, lang: Lang) -> str:
    del plan
    return ("、" if lang == "zh" else ", ").join(str(row[1 if lang == "en" else 2]) for row in result.rows)


_SENTENCES: dict[Kind, Callable[[Plan, Result, Lang], str]] = {
    Kind.VALUE: _value,
    Kind.BREAKDOWN: _breakdown,
    Kind.TOP: _top,
    Kind.TREND: _trend,
    Kind.DISTRIBUTION: _spread,
    Kind.LIST: _list,
    Kind.COMPARE: _compare,
    Kind.BOTTLENECK: _bottleneck,
    Kind.WHY: explain_why.why,
    Kind.MAP: explain_why.flow_map,
    Kind.WHAT_IF: explain_why.what_if,
    Kind.EXPLAIN: _explain,
    Kind.DATA_QUALITY: _data,
    Kind.HELP: _help,
    Kind.TICKET: _ticket,
}


def _note(name: str, params: dict[str, str | int | float], plan: Plan, lang: Lang) -> str:
    told: dict[str, object] = dict(params)
    for key in ("start", "end"):
        if key in params:
            told[key] = labels.moment(str(params[key]), plan, lang)
    if "bucket" in params:
        told["bucket"] = format_date(parse_instant(str(params["bucket"])).date(), lang)
    if "more_than" in params:
        told["more_than"] = labels.length(float(params["more_than"]), plan, lang)
        told["group"] = _noted_group(str(params["group"]), plan, lang) or _name(plan, lang)
    return t(f"note.{name}", lang, **told)


def _noted_group(group: str, plan: Plan, lang: Lang) -> str:
    """A row as notes call it, its instants on the reader's clock."""
    cells = tuple(group.split(GROUP_JOINT)) if group else ()
    instants = tuple(text for text in cells if text.endswith("Z") and text[:1].isdigit())
    names = [key_name(text, lang) for text in cells if text not in instants]
    if plan.kind is Kind.TREND:
        names = [*(labels.bucket_name(text, plan, lang) for text in instants), *names]
    elif instants:
        names.insert(0, labels.period_name(instants, plan, lang))
    return GROUP_JOINT.join(names)
