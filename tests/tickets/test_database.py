"""Opening the store: its tables, and every way in which a person can be told why it does not open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlmodel import SQLModel

from unstuck.errors import UserError
from unstuck.i18n import LANGS, t
from unstuck.tickets import database, tables
from unstuck.tickets.database import HEAD, alembic_config, find_store, open_store, reading


def refusal(url: str) -> UserError:
    with pytest.raises(UserError) as caught:
        open_store(url)
    for lang in LANGS:
        assert "\n" not in t(f"errors.{caught.value.key}", lang, **caught.value.params)
    return caught.value


def test_migrations_make_the_tables_that_the_models_describe(bare_database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    assert tables.Ticket.__tablename__ in SQLModel.metadata.tables
    engine = open_store(bare_database_url)
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_head_is_the_newest_migration() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD


def test_opening_again_changes_nothing(bare_database_url: str) -> None:
    open_store(bare_database_url).dispose()
    engine = open_store(bare_database_url)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
    engine.dispose()


def test_many_may_open_a_new_store_at_once(bare_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for engine in pool.map(open_store, [bare_database_url] * 4):
            engine.dispose()


def test_a_newer_schema_is_refused(database_url: str) -> None:
    engine = open_store(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    error = refusal(database_url)
    assert (error.key, error.params["found"]) == ("store_newer", "9999")
    with pytest.raises(UserError, match="store_newer"):
        find_store(database_url)


def test_finding_a_store_creates_none(tmp_path: Path) -> None:
    assert find_store(f"sqlite:///{tmp_path}/home/unstuck.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_locked_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    url = f"sqlite:///{tmp_path}/unstuck.db"
    holder = sqlite3.connect(tmp_path / "unstuck.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert refusal(url).key == "store_locked"
    holder.close()


def test_a_home_that_cannot_be_written_is_named() -> None:
    error = refusal("sqlite:////proc/unstuck/unstuck.db")
    assert (error.key, error.params["where"]) == ("store_read_only", "/proc/unstuck/unstuck.db")


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("I am no directory")
    assert refusal(f"sqlite:///{tmp_path}/home/unstuck.db").key == "store_read_only"


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "unstuck.db").write_text("Dear diary, " * 1000)
    assert refusal(f"sqlite:///{tmp_path}/unstuck.db").key == "store_damaged"


def test_a_dead_server_is_named_without_its_password() -> None:
    error = refusal("postgresql://ann:secret@127.0.0.1:9/desk")
    assert error.key == "store_unreachable"
    assert "secret" not in str(error)


@pytest.mark.parametrize("url", ["nonsense", "oracle9i://host/db", ""])
def test_a_url_that_is_none_is_named(url: str) -> None:
    assert refusal(url).key == "store_bad_url"


@pytest.fixture
def locked_role(postgres_server: str, tmp_path: Path) -> Iterator[str]:
    """A server URL of a user whose password must be right."""
    url = make_url(postgres_server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        hba = Path(str(connection.execute(text("SHOW hba_file")).scalar()))
        before = hba.read_text()
        connection.execute(text("CREATE ROLE ann LOGIN PASSWORD 'right'"))
        hba.write_text("local all ann scram-sha-256\nhost all ann all scram-sha-256\n" + before)
        connection.execute(text("SELECT pg_reload_conf()"))
        yield url.set(username="ann", password="wrong").render_as_string(hide_password=False)
        hba.write_text(before)
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("DROP ROLE ann"))
    engine.dispose()


def test_a_wrong_password_is_named_without_it(locked_role: str) -> None:
    error = refusal(locked_role)
    assert error.key == "store_password"
    assert "wrong" not in str(error)


def test_a_database_that_is_not_there_is_named(postgres_server: str) -> None:
    url = make_url(postgres_server).set(drivername="postgresql+psycopg", database="nowhere")
    assert refusal(url.render_as_string(hide_password=False)).key == "store_no_database"


def test_readers_are_not_held_up_by_a_writer(database_url: str) -> None:
    engine = open_store(database_url)
    with engine.begin() as writer:
        writer.execute(text("INSERT INTO source (name, kind) VALUES ('desk', 'test')"))
        with reading(engine) as reader:
            assert reader.execute(text("SELECT count(*) FROM source")).scalar() == 0
    engine.dispose()


def test_writers_wait_their_turn_instead_of_failing(database_url: str) -> None:
    engine = open_store(database_url)

    def read_then_write(place: int) -> None:
        with engine.begin() as connection:
            connection.execute(text("SELECT count(*) FROM source")).scalar()
            connection.execute(
                text("INSERT INTO source (name, kind) VALUES (:name, 'test')"), {"name": f"desk {place}"}
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read_then_write, range(20)))
    with reading(engine) as reader:
        assert reader.execute(text("SELECT count(*) FROM source")).scalar() == 20
    engine.dispose()
