"""The facts follow the store, whatever happens to tickets, names, files and processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from unstuck.errors import UserError
from unstuck.facts import Facts, connect
from unstuck.facts.relations import PER_TICKET
from unstuck.testing import Databases, a_change, a_ticket, store_changes
from unstuck.tickets.changes import ChangeKind, PersonRecord, StageClass, TeamRecord, TicketChange
from unstuck.tickets.history import TICKET
from unstuck.tickets.store import get_source, open_store, put_people, put_stages, put_teams, reading


@pytest.fixture
def desk(databases: Databases) -> Iterator[Engine]:
    engine = open_store(databases.sqlite())
    store_changes(engine, [change for n in range(20) for change in a_ticket(f"T-{n}", (1, "Open"), team="t1")])
    yield engine
    engine.dispose()


def everything(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    return {name: con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in PER_TICKET}


def facts_of(engine: Engine, directory: Path) -> dict[str, list[tuple[Any, ...]]]:
    with Facts(engine, directory).connect() as con:
        return everything(con)


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


changes_of_a_desk = st.lists(
    st.builds(
        lambda ticket, at, n, values, kind: TicketChange(
            ticket, f"{n}", a_change(at=at).at, kind, values=values, order=n
        ),
        st.sampled_from([f"T-{n}" for n in range(5)]),
        st.integers(0, 50),
        st.integers(0, 1_000),
        st.dictionaries(
            st.sampled_from(["status", "team", "assignee", "priority", "place"]), st.sampled_from(["a", "b", None])
        ),
        st.sampled_from([ChangeKind.UPDATED] * 5 + [ChangeKind.DELETED, ChangeKind.RESTORED]),
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(changes_of_a_desk, min_size=2, max_size=3), st.booleans())
def test_catching_up_gives_the_same_as_starting_over(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, batches: list[list[TicketChange]], advance: bool
) -> None:
    """Late, repeated and out-of-order changes among them."""
    engine = open_store(databases.sqlite())
    kept = Facts(engine, tmp_path_factory.mktemp("kept"))
    for batch in batches:
        store_changes(engine, batch)
        if advance:
            kept.refresh()
        with kept.connect() as con:
            assert everything(con) == facts_of(engine, tmp_path_factory.mktemp("fresh"))
    engine.dispose()


def test_the_snapshot_stays_while_few_tickets_change(desk: Engine, tmp_path: Path) -> None:
    facts_of(desk, tmp_path)
    before = files(tmp_path)
    store_changes(desk, a_ticket("T-3", (5, "Solved")))
    assert len([row for row in facts_of(desk, tmp_path)["stays"] if row[2] == "Solved"]) == 1
    assert files(tmp_path) == before


def test_the_snapshot_moves_on_when_many_have_changed(
    desk: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts_of(desk, tmp_path)
    before = files(tmp_path)
    monkeypatch.setattr(connect, "_MOST_CHANGED", 3)
    store_changes(desk, [change for n in range(4) for change in a_ticket(f"T-{n}", (5, "Solved"))])
    with Facts(desk, tmp_path).connect() as con:
        assert con.execute("SELECT count(*) FROM changed").fetchall() == [(0,)]
        assert con.execute("SELECT count(*) FROM stays WHERE status = 'Solved'").fetchall() == [(4,)]
    after = files(tmp_path)
    assert after != before
    assert len(after) == 2, "the old snapshot is gone"


def test_only_changed_tickets_are_folded_again(desk: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = Facts(desk, tmp_path)
    facts.connect().close()
    folded: list[int] = []
    real = connect.histories

    def counted(connection: Any, tickets: Any) -> Any:
        folded.extend(tickets)
        return real(connection, tickets)

    monkeypatch.setattr(connect, "histories", counted)
    store_changes(desk, a_ticket("T-3", (5, "Solved")))
    for _ in range(3):
        facts.connect().close()
    assert len(folded) == 1


@pytest.mark.parametrize("how", ["directory", "manifest", "snapshot", "garbage", "half a manifest", "other layout"])
def test_the_cache_may_be_lost_or_spoilt_at_any_time(how: str, desk: Engine, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = facts_of(desk, cache)
    manifest, [snapshot] = cache / "current.json", list(cache.glob("snapshot-*"))
    match how:
        case "directory":
            shutil.rmtree(cache)
        case "manifest":
            manifest.unlink()
        case "snapshot":
            snapshot.unlink()
        case "garbage":
            snapshot.write_bytes(os.urandom(50_000))
        case "half a manifest":
            manifest.write_text(manifest.read_text()[:100])
        case "other layout":
            manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"layout": 0}))
    assert facts_of(desk, cache) == expected


def test_an_open_connection_outlives_the_cache(desk: Engine, tmp_path: Path) -> None:
    with Facts(desk, tmp_path / "cache").connect() as con:
        before = everything(con)
        shutil.rmtree(tmp_path / "cache")
        assert everything(con) == before


def test_a_renamed_team_is_noticed(desk: Engine, tmp_path: Path) -> None:
    assert facts_of(desk, tmp_path)["stays"][0][5] == "t1"
    with Session(desk) as session, session.begin():
        put_teams(session, get_source(session, "test", "test"), [TeamRecord("t1", "Billing")])
    assert {row[5] for row in facts_of(desk, tmp_path)["stays"]} == {"Billing"}


def test_a_status_mapped_anew_is_noticed(desk: Engine, tmp_path: Path) -> None:
    facts_of(desk, tmp_path)
    with Session(desk) as session, session.begin():
        mapped = {"Open": ("Work", StageClass.WAIT_VENDOR)}
        put_stages(session, get_source(session, "test", "test"), mapped, "admin")
    found = facts_of(desk, tmp_path)["stays"]
    assert {(row[3], row[4]) for row in found if row[2] == "Open"} == {("Work", "WAIT_VENDOR")}


def test_people_who_touch_no_ticket_cost_no_rebuild(desk: Engine, tmp_path: Path) -> None:
    facts_of(desk, tmp_path)
    before = files(tmp_path)
    with Session(desk) as session, session.begin():
        put_people(session, get_source(session, "test", "test"), [PersonRecord("p9", "New here", "agent")])
    facts_of(desk, tmp_path)
    assert files(tmp_path) == before


def test_an_erased_ticket_is_gone(desk: Engine, tmp_path: Path) -> None:
    facts_of(desk, tmp_path)
    with desk.begin() as connection:
        connection.execute(delete(TICKET).where(TICKET.c.ext_id == "T-3"))
    assert "T-3" not in {row[2] for row in facts_of(desk, tmp_path)["tickets"]}


def test_another_store_in_the_same_home_is_not_mistaken_for_the_first(
    desk: Engine, databases: Databases, tmp_path: Path
) -> None:
    facts_of(desk, tmp_path)
    other = open_store(databases.sqlite())
    store_changes(other, a_ticket("Other"))
    assert [row[2] for row in facts_of(other, tmp_path)["tickets"]] == ["Other"]
    other.dispose()


def test_a_directory_that_cannot_be_made_is_said_in_one_line(desk: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError) as failed:
        Facts(desk, tmp_path / "file" / "cache").connect()
    assert failed.value.key == "facts_not_writable"


def test_many_threads_may_connect_while_tickets_change(desk: Engine, tmp_path: Path) -> None:
    facts = Facts(desk, tmp_path)

    def look(n: int) -> int:
        if n % 5 == 0:
            store_changes(desk, a_ticket(f"N-{n}"))
        if n % 7 == 0:
            facts.refresh()
        with facts.connect() as con:
            [(tickets,)] = con.execute("SELECT count(*) FROM tickets").fetchall()
        return int(tickets)

    with ThreadPoolExecutor(6) as pool:
        seen = list(pool.map(look, range(40)))
    assert all(20 <= tickets <= 28 for tickets in seen)
    with facts.connect() as con:
        assert con.execute("SELECT count(*) FROM tickets").fetchall() == [(28,)]


def _rebuild_for_ever(url: str, directory: str) -> None:
    engine = open_store(url)
    while True:
        facts = Facts(engine, Path(directory))
        facts.clear()
        facts.refresh()


def test_writers_killed_at_random_leave_nothing_half_read(databases: Databases, tmp_path: Path) -> None:
    url = databases.sqlite()
    engine = open_store(url)
    store_changes(engine, [change for n in range(300) for change in a_ticket(f"T-{n}", (1, "Open"))])
    facts = Facts(engine, tmp_path)
    writer = multiprocessing.get_context("spawn").Process(target=_rebuild_for_ever, args=(url, str(tmp_path)))
    writer.start()
    assert writer.pid is not None
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(15):
        with facts.connect() as con:
            assert con.execute("SELECT count(*), count(DISTINCT ticket) FROM stays").fetchall() == [(600, 300)]
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    with facts.connect() as con:
        assert con.execute("SELECT count(*), count(DISTINCT ticket) FROM stays").fetchall() == [(600, 300)]
    _age(tmp_path, hours=2)
    store_changes(engine, a_ticket("T-new"))
    facts.refresh()
    assert {name.split("-")[0] for name in files(tmp_path)} == {"current.json", "snapshot"}
    assert len(files(tmp_path)) == 2, "what killed writers left is cleared away"
    engine.dispose()


def _age(directory: Path, hours: float) -> None:
    for path in directory.iterdir():
        then = path.stat().st_mtime - hours * 3600
        os.utime(path, (then, then))


def test_a_reader_never_waits_for_a_writer(desk: Engine, tmp_path: Path) -> None:
    facts_of(desk, tmp_path)
    with Session(desk) as writing, writing.begin():
        get_source(writing, "other", "test")
        started = time.monotonic()
        facts_of(desk, tmp_path)
        assert time.monotonic() - started < 5
    with reading(desk) as connection:
        assert connection.execute(select(TICKET.c.id)).first() is not None
