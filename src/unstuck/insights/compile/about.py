"""Questions about one ticket, about the data, about a metric."""

from __future__ import annotations

from unstuck.errors import UserError
from unstuck.insights.compile.desk import Desk, metric_of
from unstuck.insights.compile.results import Cell, moment, number
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Plan, Result


def ticket(desk: Desk, plan: Plan) -> Result:
    """The stays of one ticket, the current one last. Raises `UserError` when the asker sees no such ticket."""
    draft = desk.blank(plan)
    name = draft.query.bind(plan.ticket or "", "VARCHAR")
    rows, sql = desk.fetch(
        draft.query,
        f"""SELECT k.ext_id, s.start_at, s.end_at, s.status, s.class, s.team, s.assignee, s.seconds
        FROM {draft.known("tickets")} k JOIN {draft.known("stays")} s ON s.ticket = k.ticket
        WHERE lower(k.ext_id) = lower({name}) ORDER BY k.ticket, s.seq""",
    )
    if not rows:
        raise UserError("no_such_ticket", ticket=plan.ticket)
    listed = tuple((row[0], moment(row[1]), moment(row[2]), *row[3:7], number(row[7])) for row in rows)
    columns = ("ticket", "from", "to", "status", "class", "team", "assignee", "seconds")
    return Result(columns=columns, rows=listed, n=len({row[0] for row in rows}), unit="seconds", sql=sql)


#: What is said about the data: name to SQL over the base relations.
_QUALITY = {
    "tickets": "(SELECT count(DISTINCT ticket) FROM {stays})::VARCHAR",
    "changes": "(SELECT count(*) FROM {changes})::VARCHAR",
    "first_change": "(SELECT strftime(min(happened_at), '%Y-%m-%dT%H:%M:%SZ') FROM {changes})",
    "last_change": "(SELECT strftime(max(happened_at), '%Y-%m-%dT%H:%M:%SZ') FROM {changes})",
    "statuses_without_class": "(SELECT string_agg(DISTINCT status, ', ' ORDER BY status) FROM {stays}"
    " WHERE class IS NULL)",
    "open_without_team": "(SELECT round(avg((team IS NULL)::INTEGER), 4) FROM {stays} WHERE is_open AND end_at IS NULL)"
    "::VARCHAR",
    "open_without_assignee": "(SELECT round(avg((assignee IS NULL)::INTEGER), 4) FROM {stays} WHERE is_open AND end_at"
    " IS NULL)::VARCHAR",
    "without_priority": "(SELECT round(avg((priority IS NULL)::INTEGER), 4) FROM {fields})::VARCHAR",
    "tickets_without_messages": "(SELECT count(DISTINCT ticket) FROM {stays} WHERE ticket NOT IN"
    " (SELECT ticket FROM {messages}))::VARCHAR",
}


def data_quality(desk: Desk, plan: Plan) -> Result:
    """How much there is, up to when, and what is missing of it, as known at "now"."""
    draft = desk.blank(plan)
    known = {name: draft.known(name) for name in ("stays", "changes", "fields", "messages")}
    lines = " UNION ALL ".join(
        f"SELECT {place} AS place, '{name}' AS name, {sql.format(**known)} AS value"
        for place, (name, sql) in enumerate(_QUALITY.items())
    )
    rows, sql = desk.fetch(draft.query, f"SELECT q.name, q.value FROM ({lines}) q ORDER BY q.place")
    listed: list[tuple[Cell, ...]] = [(name, _plain(value)) for name, value in rows]
    return Result(columns=("what", "value"), rows=tuple(listed), n=int(rows[0][1]), unit="text", sql=sql)


def _plain(value: str | None) -> Cell:
    if value is None:
        return None
    try:
        return number(float(value))  # type: ignore[no-any-return]
    except ValueError:
        return value


def definition(desk: Desk, plan: Plan) -> Result:
    """What a metric means, in both languages: the wording is the definition."""
    del desk
    metric = metric_of(plan)
    return Result(
        columns=("metric", "en", "zh"),
        rows=((metric.id, metric.says["en"], metric.says["zh"]),),
        n=1,
        unit="text",
        sql="",
    )


def help_(desk: Desk, plan: Plan) -> Result:
    """Every metric with the word that names it."""
    del desk, plan
    rows = tuple((one.id, one.words["en"][0], one.words["zh"][0]) for one in METRICS.values())
    return Result(columns=("metric", "en", "zh"), rows=rows, n=len(rows), unit="text", sql="")
