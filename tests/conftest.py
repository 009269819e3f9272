"""Fixtures that every part's tests share: real databases of both kinds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine

from unstuck.testing import Databases, postgres
from unstuck.tickets.store import open_store

REPOSITORY = Path(__file__).parents[1]

# How long an example takes says more about the machine than about the code.
settings.register_profile("unstuck", deadline=None)
settings.load_profile("unstuck")


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    # Not below pytest's own directory: the next pytest to start closes that to the server's user. And a
    # short path: PostgreSQL's socket lies in it, and socket names end at 107 characters.
    with tempfile.TemporaryDirectory(prefix="unstuck-pg-") as directory, postgres(Path(directory)) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on: each of the two."""
    return str(request.param)


@pytest.fixture
def database_url(database: str, databases: Databases, request: pytest.FixtureRequest) -> str:
    """A fresh store with its tables, on SQLite and on a real PostgreSQL server."""
    if database == "sqlite":
        return databases.sqlite()
    databases.server = request.getfixturevalue("postgres_server")
    return databases.postgresql()


@pytest.fixture
def bare_database_url(database: str, databases: Databases, request: pytest.FixtureRequest) -> str:
    """A fresh database without tables, on SQLite and on a real PostgreSQL server."""
    if database == "sqlite":
        return databases.sqlite(migrated=False)
    databases.server = request.getfixturevalue("postgres_server")
    return databases.postgresql(migrated=False)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An open store, on SQLite and on a real PostgreSQL server."""
    store = open_store(database_url)
    yield store
    store.dispose()
