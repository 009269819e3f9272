"""Numbers of a ticket that questions put a threshold on: age, waiting time, hand-offs, replies."""

from __future__ import annotations

from collections.abc import Callable

from unstuck.errors import UsageError
from unstuck.insights.compile.draft import DONE, Draft
from unstuck.insights.compile.events import handoff_events, last_done


def measure(draft: Draft, name: str) -> tuple[str, str]:
    """Join for rows `r`, and the SQL of the number. Raises `UsageError` on an unknown one."""
    if name not in _MEASURES:
        raise UsageError("no_such_filter", field=name)
    return _MEASURES[name](draft)


def _age(draft: Draft) -> tuple[str, str]:
    """Since creation, at the row's own instant."""
    born = f"SELECT ticket, start_at AS since FROM {draft.known('stays')} WHERE seq = 0"
    return f"LEFT JOIN ({born}) m_age ON m_age.ticket = r.ticket", _since("m_age", _at(draft))


def _stage_age(draft: Draft) -> tuple[str, str]:
    """Since the visit to the stage began in which the ticket is at the latest instant asked about."""
    at = draft.at(draft.instant)
    stays = draft.known("stays")
    visits = f"""SELECT v.ticket, min(v.start_at) AS since FROM {stays} v
    JOIN {stays} c ON c.ticket = v.ticket AND v.stage IS NOT DISTINCT FROM c.stage AND v.visit = c.visit
    WHERE c.start_at <= {at} AND coalesce(c.end_at > {at}, TRUE) GROUP BY v.ticket"""
    return f"LEFT JOIN ({visits}) m_stage_age ON m_stage_age.ticket = r.ticket", _since("m_stage_age", at)


def _idle(draft: Draft) -> tuple[str, str]:
    at = draft.at(draft.instant)
    latest = f"""SELECT ticket, max(happened_at) AS since FROM {draft.known("changes")}
    WHERE activity AND happened_at <= {at} GROUP BY ticket"""
    return f"LEFT JOIN ({latest}) m_idle ON m_idle.ticket = r.ticket", _since("m_idle", at)


def _still_open(draft: Draft) -> tuple[str, str]:
    """1 for a ticket that is open at "now"."""
    now = f"SELECT ticket FROM {draft.known('stays')} WHERE is_open AND end_at IS NULL"
    return f"LEFT JOIN ({now}) m_still_open ON m_still_open.ticket = r.ticket", "(m_still_open.ticket IS NOT NULL)::INT"


def _lead_time(draft: Draft) -> tuple[str, str]:
    """Creation to the last time it was solved; nothing for a ticket that never was."""
    stays, done = draft.known("stays"), last_done(draft)
    taken = f"""SELECT d.ticket, coalesce(sum(s.seconds), 0) AS seconds FROM {done} d
    LEFT JOIN {stays} s ON s.ticket = d.ticket AND s.seq < d.seq GROUP BY d.ticket"""
    return f"LEFT JOIN ({taken}) m_lead_time ON m_lead_time.ticket = r.ticket", "m_lead_time.seconds"


def _count(name: str, rows: Callable[[Draft], str]) -> Callable[[Draft], tuple[str, str]]:
    """How often something had happened by the latest instant asked about."""

    def counted(draft: Draft) -> tuple[str, str]:
        counts = f"""SELECT x.ticket, count(*) AS times FROM ({rows(draft)}) x
        WHERE x.happened_at <= {draft.at(draft.instant)} GROUP BY x.ticket"""
        return f"LEFT JOIN ({counts}) m_{name} ON m_{name}.ticket = r.ticket", f"coalesce(m_{name}.times, 0)"

    return counted


def _handoffs(draft: Draft) -> str:
    return f"SELECT ticket, happened_at FROM {handoff_events(draft)}"


def _reopens(draft: Draft) -> str:
    return f"""SELECT s.ticket, s.start_at AS happened_at FROM {draft.known("stays")} s
    WHERE s.is_open AND s.prev_class IN {DONE}"""


def _agent_replies(draft: Draft) -> str:
    return f"""SELECT m.ticket, m.happened_at FROM {draft.known("messages")} m
    WHERE m.public AND m.author_kind = 'agent'"""


def _at(draft: Draft) -> str:
    """An as-of row has its own instant; of other tickets the age is that at "now"."""
    return "r.happened_at" if draft.metric.anchor == "A" else draft.at(draft.now)


def _since(join: str, at: str) -> str:
    return f"(epoch_us({at}) - epoch_us({join}.since)) / 1e6"


_MEASURES: dict[str, Callable[[Draft], tuple[str, str]]] = {
    "age": _age,
    "stage_age": _stage_age,
    "idle": _idle,
    "still_open": _still_open,
    "lead_time": _lead_time,
    "handoffs": _count("handoffs", _handoffs),
    "reopens": _count("reopens", _reopens),
    "agent_replies": _count("agent_replies", _agent_replies),
}
