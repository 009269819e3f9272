"""How long a manager waits: planning and answering on a large desk, beside the same aggregates written by hand.

    python benchmarks/questions.py --tickets 200000      1.7 million stays
    python benchmarks/questions.py --tickets 1000000     8.5 million stays

Hand-written means: the shortest SQL that gives the same numbers (the value and what stands beside it), in DuckDB on Parquet files of the same relations
and in SQLite with indexes, and the same in pandas on frames that are already in memory (`uv pip install --group
benchmark`). Before it is timed, DuckDB's number is compared with ours. Two threads. Wall seconds; the machine's
load is printed, as it decides them: on a busy machine only the ratios mean anything.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unstuck.errors import UserError
from unstuck.facts import snapshot as snapshots
from unstuck.facts.relations import LEARNED, LIVE, PER_TICKET, create_table, macros
from unstuck.i18n import language_of
from unstuck.insights.ask import told
from unstuck.insights.compile import run
from unstuck.insights.plan import Answer, Plan, Scope
from unstuck.insights.question import read
from unstuck.insights.question.lexicon import Lexicon, build

if TYPE_CHECKING:
    import duckdb

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
DAYS = 730
START, END = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
#: On a busy machine a question may take longer than anybody would wait.
PATIENCE_S = 300.0
OPTIONS = {"memory_limit": "4GB", "threads": 2}
#: Questions that are planned and answered; those that have a hand-written side are in `BY_HAND`.
QUESTIONS = (
    "how many tickets were opened last month",
    "opened last month by team",
    "solved in April by team",
    "weekly trend of solved tickets since January",
    "backlog by team",
    "how big is the backlog of Group 7",
    "weekly backlog since January",
    "median resolution time in April by team",
    "five slowest groups by median resolution time in April",
    "90th percentile of resolution time per week, last 8 weeks",
    "share solved within 2 days in April",
    "total time in status by stage in April",
    "average time waiting for the customer by team in April",
    "where were tickets stuck last month",
    "bottleneck in Group 7 last week",
    "hand-offs from team to team in April",
    "which teams bounce tickets the most",
    "reopen rate by team in April",
    "list the oldest 20 open P1 tickets",
    "tickets not updated for 10 days",
    "opened this month vs last month by priority",
    "distribution of resolution time in April",
    "process map of April",
    "why did resolution time change in April",
    "上个月各组新建多少",
    "现在积压按优先级",
    "4月解决时长的90分位，按组",
    "上个月卡在哪",
    "列出超过30天没解决的P1",
    "4月各环节停留总时长",
)


def make(directory: Path, tickets: int) -> snapshots.Snapshot:
    """A made-up desk: paths of five to twelve stays with waits, hand-offs and reopenings; the newest still open."""
    with snapshots.building(directory) as new:
        con = new.con
        con.execute("SET memory_limit = '6GB'")
        con.execute(f"SET temp_directory = '{directory}/spill'")
        con.execute("SELECT setseed(0.4)")
        con.execute(
            f"""CREATE TEMP TABLE paths AS SELECT i AS ticket, 5 + hash(i) % 8 AS length,
            TIMESTAMP '{NOW - timedelta(days=DAYS):%Y-%m-%d %H:%M:%S}' + to_seconds((i * {DAYS * 86_400 / tickets:.6f})::BIGINT)
            AS created_at FROM range({tickets}) t(i)"""
        )
        con.execute(
            """CREATE TEMP TABLE steps AS SELECT ticket, n AS seq, created_at,
            CASE WHEN n = 0 THEN 'New' WHEN n = length - 1 THEN 'Closed' WHEN n = length - 2 THEN 'Resolved'
              ELSE ['Active', 'Active', 'Awaiting User Info', 'Awaiting Vendor', 'Awaiting Problem', 'Resolved'][(1 + hash(ticket * 31 + n) % 6)::BIGINT]
            END AS status,
            'Group ' || (hash(ticket * 17 + n // 3) % 60) AS team,
            CASE WHEN n > 0 THEN 'Person ' || (hash(ticket * 13 + n // 2) % 300) END AS assignee,
            created_at + to_seconds(sum(CASE WHEN n = 0 THEN 0 ELSE (exp((hash(ticket * 7 + n) % 1000) / 90.0) + hash(ticket + n) % 60)::BIGINT END)
              OVER (PARTITION BY ticket ORDER BY n)::BIGINT) AS start_at
            FROM paths, range(12) r(n) WHERE n < length"""
        )
        classes = "MAP {'New': 'NEW', 'Active': 'ACTIVE', 'Awaiting User Info': 'WAIT_CUSTOMER', 'Awaiting Vendor': 'WAIT_VENDOR', 'Awaiting Problem': 'WAIT_INTERNAL', 'Resolved': 'SOLVED', 'Closed': 'CLOSED'}"
        before = "TIMESTAMP '" + f"{NOW:%Y-%m-%d %H:%M:%S}" + "'"
        con.execute(
            f"""INSERT INTO stays SELECT ticket, row_number() OVER w - 1, status, status, class, team, assignee,
            start_at, lead(start_at) OVER w, lag(status) OVER w, lead(status) OVER w, lag(status) OVER w,
            lead(status) OVER w, lag(class) OVER w, lead(class) OVER w, lag(team) OVER w, lead(team) OVER w,
            lag(team) OVER w, lag(assignee IGNORE NULLS) OVER w, seq = 0,
            row_number() OVER (PARTITION BY ticket, status ORDER BY seq), NULL, NULL
            FROM (SELECT *, {classes}[status] AS class FROM steps WHERE start_at <= {before})
            WINDOW w AS (PARTITION BY ticket ORDER BY seq)"""
        )
        con.execute(
            """INSERT INTO tickets (ticket, source, ext_id, created_at)
            SELECT ticket, 'made up', 'INC' || lpad(ticket::VARCHAR, 7, '0'), created_at FROM paths"""
        )
        con.execute(
            """INSERT INTO fields (ticket, start_at, priority, category, channel) SELECT ticket, created_at,
            (1 + hash(ticket) % 4)::VARCHAR || ' - ' || ['Critical', 'High', 'Moderate', 'Low'][(1 + hash(ticket) % 4)::BIGINT],
            'Category ' || (hash(ticket * 3) % 40), ['Phone', 'Email', 'Self service'][(1 + hash(ticket * 5) % 3)::BIGINT]
            FROM paths"""
        )
        con.execute("INSERT INTO changes SELECT ticket, seq, start_at, 'updated', NULL, 'agent', TRUE FROM stays")
        con.execute("DROP TABLE steps")
        return new.publish("made up", 1, [])


def opened(directory: Path, made: snapshots.Snapshot) -> duckdb.DuckDBPyConnection:
    """A connection as `Facts` gives it: the snapshot's relations, read-only."""
    import duckdb

    con = duckdb.connect(config=OPTIONS)
    snapshots.attach(con, directory, made)
    for relation in (*PER_TICKET, *LEARNED):
        con.execute(f"CREATE VIEW {relation} AS SELECT * FROM snap.{relation}")
    for relation, columns in LIVE.items():
        con.execute(create_table(relation, columns))
    for statement in macros():
        con.execute(statement)
    con.execute("SET TimeZone = 'UTC'")
    return con


# --- the same by hand ---

_WINDOW = "{t} >= TIMESTAMP '2026-04-01' AND {t} < TIMESTAMP '2026-05-01'"
_S = _WINDOW.format(t="start_at")
BY_HAND: dict[str, str] = {
    "opened last month by team": f"SELECT team, count(*) FROM stays WHERE seq = 0 AND {_S} GROUP BY team",
    "solved in April by team": """SELECT team, count(*) FROM (SELECT ticket, min(seq) AS seq FROM stays
        WHERE class IN ('SOLVED', 'CLOSED') GROUP BY ticket) f JOIN stays USING (ticket, seq)
        WHERE """
    + _S
    + " GROUP BY team",
    "backlog by team": """SELECT team, count(*) FROM stays WHERE end_at IS NULL
        AND class NOT IN ('SOLVED', 'CLOSED', 'DROPPED') GROUP BY team""",
    "total time in status by stage in April": """SELECT stage, sum(seconds), sum(seconds) / count(DISTINCT ticket), count(DISTINCT ticket) FROM (
        SELECT stage, ticket, epoch(least(coalesce(end_at, TIMESTAMP '2026-05-20 12:00'), TIMESTAMP '2026-05-01'))
          - epoch(greatest(start_at, TIMESTAMP '2026-04-01')) AS seconds FROM stays
        WHERE start_at < TIMESTAMP '2026-05-01' AND coalesce(end_at, TIMESTAMP '2026-05-20 12:00') > TIMESTAMP '2026-04-01') t
        GROUP BY stage""",
    "hand-offs from team to team in April": f"""SELECT prev_team, team, count(*), count(DISTINCT ticket) FROM stays
        WHERE prev_team <> team AND {_S} GROUP BY prev_team, team""",
    "opened this month vs last month by priority": """SELECT priority,
        count(*) FILTER (WHERE s.start_at >= TIMESTAMP '2026-05-01'),
        count(*) FILTER (WHERE s.start_at < TIMESTAMP '2026-04-20 12:00') FROM stays s JOIN fields f USING (ticket)
        WHERE s.seq = 0 AND s.start_at >= TIMESTAMP '2026-04-01' AND s.start_at < TIMESTAMP '2026-05-20 12:00'
        GROUP BY priority""",
}
#: SQLite has no FILTER on strings of time such as these, but compares ISO texts.
_SQLITE = (("TIMESTAMP ", ""), ("epoch(", "unixepoch("), ("least(", "min("), ("greatest(", "max("))


def sqlite_of(sql: str) -> str:
    for ours, theirs in _SQLITE:
        sql = sql.replace(ours, theirs)
    return sql.replace("'2026-05-20 12:00'", "'2026-05-20 12:00:00'").replace(
        "'2026-04-20 12:00'", "'2026-04-20 12:00:00'"
    )


def in_pandas(question: str, stays: Any, fields: Any) -> dict[Any, Any]:
    """The same number from frames in memory."""
    import pandas as pd

    start, end, now = (pd.Timestamp(at.replace(tzinfo=None)) for at in (START, END, NOW))
    inside = (stays.start_at >= start) & (stays.start_at < end)
    if question == "opened last month by team":
        return dict(stays[(stays.seq == 0) & inside].groupby("team").size())
    if question == "solved in April by team":
        done = stays[stays["class"].isin(["SOLVED", "CLOSED"])]
        first = done.loc[done.groupby("ticket").seq.idxmin()]
        return dict(first[(first.start_at >= start) & (first.start_at < end)].groupby("team").size())
    if question == "backlog by team":
        still = stays.end_at.isna() & ~stays["class"].isin(["SOLVED", "CLOSED", "DROPPED"])
        return dict(stays[still].groupby("team").size())
    if question == "total time in status by stage in April":
        until = stays.end_at.fillna(now)
        touched = stays[(stays.start_at < end) & (until > start)]
        seconds = (until[touched.index].clip(upper=end) - touched.start_at.clip(lower=start)).dt.total_seconds()
        return dict(seconds.groupby(touched.stage).sum())
    if question == "hand-offs from team to team in April":
        moved = stays[inside & stays.prev_team.notna() & (stays.prev_team != stays.team)]
        return dict(moved.groupby(["prev_team", "team"]).size())
    fresh = stays[(stays.seq == 0) & (stays.start_at >= start) & (stays.start_at < now)].merge(fields, on="ticket")
    may = fresh[fresh.start_at >= end].groupby("priority").size()
    april = fresh[fresh.start_at < pd.Timestamp("2026-04-20 12:00")].groupby("priority").size()
    return {name: (may[name], april[name]) for name in may.index}


# --- measuring ---


def timed(work: Callable[[], object], repeat: int) -> list[float]:
    return [wall for wall, _ in both(work, repeat)]


def both(work: Callable[[], object], repeat: int) -> list[tuple[float, float]]:
    """Wall seconds, and processor seconds of all threads, which others on the machine hardly change."""
    took = []
    for _ in range(repeat):
        begun, spent = time.perf_counter(), time.process_time()
        work()
        took.append((time.perf_counter() - begun, time.process_time() - spent))
    return took


def p95(values: Sequence[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def say(step: str, **figures: object) -> None:
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
    print(json.dumps({"step": step, **rounded, "load": round(os.getloadavg()[0], 1)}, ensure_ascii=False))
    sys.stdout.flush()


def plan_of(question: str, lexicon: Lexicon) -> Plan:
    reading = read(question, lexicon=lexicon, now=NOW, timezone="UTC", lang=language_of(question))
    if not isinstance(reading, Answer):
        raise SystemExit(f"not understood: {question}: {reading}")
    return reading.plan


def planning(lexicon: Lexicon, repeat: int) -> None:
    lines = (Path(__file__).parents[1] / "tests/insights/questions.txt").read_text(encoding="utf-8").splitlines()
    asked = [line.partition(" => ")[0] for line in lines if " => " in line] + list(QUESTIONS)

    def one(question: str) -> Callable[[], object]:
        return lambda: read(question, lexicon=lexicon, now=NOW, timezone="UTC", lang=language_of(question))

    for question in asked:
        one(question)()  # words and rules are read when first used
    took = [seconds for question in asked for seconds in timed(one(question), repeat)]
    say(
        "planning",
        questions=len(asked),
        p50_ms=1000 * statistics.median(took),
        p95_ms=1000 * p95(took),
        max_ms=1000 * max(took),
    )


def answering(con: duckdb.DuckDBPyConnection, lexicon: Lexicon, repeat: int) -> dict[str, float]:
    every: list[float] = []
    work: list[float] = []
    best: dict[str, float] = {}
    for question in QUESTIONS:
        lang = language_of(question)

        def answer(question: str = question, lang: Any = lang) -> object:
            plan = plan_of(question, lexicon)
            return told(plan, run(con, plan, Scope(persons=True), NOW, limit_s=PATIENCE_S), lang, NOW)

        answer()
        took = both(answer, repeat)
        walls, spent = [wall for wall, _ in took], [cpu for _, cpu in took]
        every += walls
        work += spent
        best[question] = min(walls)
        say("answer", question=question, best_s=min(walls), worst_s=max(walls), cpu_s=min(spent))
    say("answering", questions=len(QUESTIONS), p50_s=statistics.median(every), p95_s=p95(every), max_s=max(every))
    say("answering, processor time", p50_s=statistics.median(work), p95_s=p95(work), max_s=max(work))
    return best


def rows_of(con: duckdb.DuckDBPyConnection, question: str, lexicon: Lexicon) -> dict[Any, Any]:
    """The compiled answer as keys and values, the way the hand-written ones give it."""
    plan = plan_of(question, lexicon)
    result = run(con, plan, Scope(persons=True), NOW)
    # The change beside a comparison is worked out after the statement.
    until = -1 if plan.against is not None else None
    return _keyed([row[:until] for row in result.rows], len(plan.keys))


def _keyed(rows: Sequence[Sequence[Any]], width: int) -> dict[Any, Any]:
    return {tuple(row[:width]): tuple(round(float(cell)) for cell in row[width:]) for row in rows}


def beside(
    directory: Path,
    con: duckdb.DuckDBPyConnection,
    lexicon: Lexicon,
    best: dict[str, float],
    repeat: int,
    *,
    others: bool,
) -> None:
    """Each aggregate by hand, its numbers compared first."""
    import duckdb

    for relation in ("stays", "fields"):
        con.execute(
            f"COPY (SELECT * EXCLUDE (custom) FROM snap.fields) TO '{directory}/fields.parquet'"
        ) if relation == "fields" else con.execute(f"COPY snap.stays TO '{directory}/stays.parquet'")
    plain = duckdb.connect(config=OPTIONS)
    for relation in ("stays", "fields"):
        plain.execute(f"CREATE VIEW {relation} AS SELECT * FROM '{directory}/{relation}.parquet'")
    ratios = []
    for question, sql in BY_HAND.items():
        compiled = plan_of(question, lexicon)
        ours = rows_of(con, question, lexicon)
        theirs = _keyed(plain.execute(sql).fetchall(), len(compiled.keys))
        if ours != theirs:
            raise SystemExit(f"{question}: {list(ours.items())[:3]} is not {list(theirs.items())[:3]}")
        ours_s, hand = _in_turns(
            lambda plan=compiled: run(con, plan, Scope(persons=True), NOW, limit_s=PATIENCE_S),  # type: ignore[misc]
            lambda sql=sql: plain.execute(sql).fetchall(),  # type: ignore[misc]
            3 * repeat,
        )
        ratios.append(ours_s / hand)
        say("by hand, DuckDB on Parquet", question=question, ours_cpu_s=ours_s, hand_cpu_s=hand, ratio=ours_s / hand)
    say("by hand, DuckDB on Parquet", median_ratio=statistics.median(ratios), max_ratio=max(ratios))
    if others:
        _pandas(directory, best, repeat)
        _sqlite(directory, plain, best, repeat)


def _in_turns(one: Callable[[], object], other: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Least processor seconds of each, taken in turns so that a busy moment meets both."""
    taken = [(both(one, 1)[0][1], both(other, 1)[0][1]) for _ in range(repeat)]
    return min(ours for ours, _ in taken), min(theirs for _, theirs in taken)


def _pandas(directory: Path, best: dict[str, float], repeat: int) -> None:
    try:
        import pandas as pd
    except ImportError:
        say("pandas is not installed")
        return
    import duckdb

    begun = time.perf_counter()
    stays: pd.DataFrame = duckdb.sql(
        f"SELECT ticket, seq, stage, class, team, prev_team, start_at, end_at FROM '{directory}/stays.parquet'"
    ).df()
    fields = duckdb.sql(f"SELECT ticket, priority FROM '{directory}/fields.parquet'").df()
    say("pandas: load the frames", seconds=time.perf_counter() - begun)
    for question in BY_HAND:
        took = min(timed(lambda question=question: in_pandas(question, stays, fields), max(1, repeat // 2)))  # type: ignore[misc]
        say("pandas", question=question, seconds=took, times_ours=took / best[question])


def _sqlite(directory: Path, plain: duckdb.DuckDBPyConnection, best: dict[str, float], repeat: int) -> None:
    base = sqlite3.connect(directory / "plain.db")
    names = "ticket, seq, stage, class, team, prev_team, start_at, end_at"
    base.execute("PRAGMA synchronous = OFF")
    base.execute(f"CREATE TABLE stays ({names})")
    base.execute("CREATE TABLE fields (ticket, priority)")
    listed = names.replace(
        "start_at, end_at", "strftime(start_at, '%Y-%m-%d %H:%M:%S'), strftime(end_at, '%Y-%m-%d %H:%M:%S')"
    )
    for sql, into in (
        (f"SELECT {listed} FROM stays", "(?,?,?,?,?,?,?,?)"),
        ("SELECT ticket, priority FROM fields", "(?,?)"),
    ):
        cursor = plain.execute(sql)
        while rows := cursor.fetchmany(50_000):
            base.executemany(f"INSERT INTO {'stays' if len(into) > 5 else 'fields'} VALUES {into}", rows)
    base.execute("CREATE INDEX by_start ON stays (start_at)")
    base.execute("CREATE INDEX by_ticket ON stays (ticket, seq)")
    base.execute("CREATE INDEX field_of ON fields (ticket)")
    for question, sql in BY_HAND.items():
        took = min(timed(lambda sql=sql: base.execute(sqlite_of(sql)).fetchall(), max(1, repeat // 2)))  # type: ignore[misc]
        say("SQLite", question=question, seconds=took, times_ours=took / best[question])
    base.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-baselines", action="store_true", help="leave out pandas and SQLite")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        directory = Path(passing)
        begun = time.perf_counter()
        made = make(directory, arguments.tickets)
        con = opened(directory, made)
        [(stays,)] = con.execute("SELECT count(*) FROM stays").fetchall()
        say("made", tickets=arguments.tickets, stays=stays, seconds=time.perf_counter() - begun)
        begun = time.perf_counter()
        lexicon = build(con)
        say("lexicon", names=len(lexicon.names), seconds=time.perf_counter() - begun)
        planning(lexicon, arguments.repeat)
        try:
            best = answering(con, lexicon, arguments.repeat)
        except UserError as error:
            raise SystemExit(f"{error.key} {error.params}") from None
        beside(directory, con, lexicon, best, arguments.repeat, others=not arguments.no_baselines)
        con.close()


if __name__ == "__main__":
    main()
