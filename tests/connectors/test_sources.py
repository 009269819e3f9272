"""Pulling into the store, checking it, configuring: over a stand-in of Redmine, on both databases where it matters."""

from __future__ import annotations

import contextlib
import json
import random
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session
from standin_redmine import RedmineStandIn

from unstuck import deps, settings
from unstuck.cli import main
from unstuck.connectors import Tickets
from unstuck.errors import UsageError, UserError
from unstuck.sources import config as configured
from unstuck.sources.config import SourceConfig
from unstuck.sources.pull import Pull, Pulled
from unstuck.sources.reconcile import Reconciled, reconcile
from unstuck.testing import NOON, FrozenClock
from unstuck.tickets.store import reading

HOUR = timedelta(hours=1)


@pytest.fixture
def redmine() -> Iterator[RedmineStandIn]:
    with RedmineStandIn().serving() as serving:
        assert isinstance(serving, RedmineStandIn)
        for number in range(1, 41):
            at = NOON + number * timedelta(minutes=1)
            serving.happen(str(number), at, "create", f"Case {number}")
            serving.happen(str(number), at, "reply", "Hello")
        yield serving


class Desk:
    """A store that reads the stand-in."""

    def __init__(self, engine: Engine, redmine: RedmineStandIn) -> None:
        self.engine, self.redmine = engine, redmine
        self.clock = FrozenClock(NOON + 2 * HOUR)
        self.config = SourceConfig("desk", Path("desk.toml"), "redmine", redmine.url, redmine.connection().token)

    def reading(self) -> Pull:
        return Pull(self.config, self.config.open(), sessionmaker(self.engine, class_=Session), self.clock)

    def pull(self) -> Pulled:
        return self.reading().run()

    def check(self) -> Reconciled:
        return reconcile(self.reading(), random.Random(1), sample=5)

    def one(self, query: str) -> Any:
        with reading(self.engine) as connection:
            return connection.execute(text(query)).scalar()


@pytest.fixture
def desk(engine: Engine, redmine: RedmineStandIn) -> Desk:
    return Desk(engine, redmine)


def test_a_pull_brings_everything_and_the_next_one_what_is_new(desk: Desk) -> None:
    first = desk.pull()
    assert first.new_changes == 80
    assert desk.pull().new_changes == 0
    desk.redmine.happen("3", NOON + 2 * HOUR, "status", "In Progress")
    again = desk.pull()
    assert again.new_changes == 1
    assert again.cursor != first.cursor
    assert desk.one("SELECT status FROM ticket WHERE ext_id = '3'") == "In Progress"
    assert desk.one("SELECT name FROM team") == "Repairs"


def test_two_that_read_at_once_meet_at_the_cursor(desk: Desk) -> None:
    slow, quick = desk.reading(), desk.reading()
    pages = slow.connector.changes(slow._begin())
    first = next(pages)
    quick.run()
    from unstuck.sources import pull

    with pytest.raises(pull._Overtaken):
        slow.put(first, before=None)
    pages.close()  # type: ignore[attr-defined]
    assert desk.one("SELECT count(*) FROM change") == 80


def test_a_number_that_is_given_out_again_is_another_ticket(desk: Desk) -> None:
    desk.pull()
    desk.redmine.happen("40", NOON + HOUR, "delete")
    desk.redmine.happen("40", NOON + 2 * HOUR, "create", "Quite another case")
    desk.pull()
    assert desk.one("SELECT title FROM ticket WHERE ext_id = '40'") == "Case 40"
    assert desk.one("SELECT deleted_at FROM ticket WHERE ext_id = '40'") is not None
    assert desk.one("SELECT title FROM ticket WHERE ext_id = '40@2026-01-14T14:00:00Z'") == "Quite another case"
    assert desk.pull().new_changes == 0


def test_a_check_finds_nothing_where_nothing_was_missed(desk: Desk) -> None:
    desk.pull()
    found = desk.check()
    assert found.is_complete
    assert (found.there, found.here, found.compared, found.sampled) == (40, 40, 40, 5)


def test_a_check_finds_what_the_pull_missed_and_stores_it(desk: Desk) -> None:
    desk.pull()
    desk.redmine.happen("7", NOON + HOUR, "status", "Resolved")
    # As if the change had come to light long after its time.
    desk.redmine.issues["7"]["updated_on"] = "2026-01-14T12:07:00Z"
    assert desk.pull().new_changes == 0
    found = desk.check()
    assert (found.missed, found.mended) == (1, [])
    assert desk.one("SELECT status FROM ticket WHERE ext_id = '7'") == "Resolved"
    assert desk.check().is_complete


def test_a_check_mends_what_no_change_tells(desk: Desk) -> None:
    desk.pull()
    desk.redmine.issues["8"]["subject"] = "Renamed behind everybody's back"
    assert desk.check().mended == ["8"]
    assert desk.one("SELECT title FROM ticket WHERE ext_id = '8'") == "Renamed behind everybody's back"
    assert desk.check().is_complete


def test_a_check_finds_tickets_that_never_arrived(desk: Desk) -> None:
    desk.pull()
    desk.redmine.happen("99", NOON - HOUR, "create", "Came by the back door")
    assert desk.pull().new_changes == 0
    assert desk.check().missed == 1
    assert desk.one("SELECT title FROM ticket WHERE ext_id = '99'") == "Came by the back door"


def test_a_ticket_is_deleted_when_it_is_not_found_twice(desk: Desk) -> None:
    desk.pull()
    desk.redmine.happen("9", NOON + HOUR, "delete")
    assert desk.check().not_found == ["9"]
    assert desk.one("SELECT deleted_at FROM ticket WHERE ext_id = '9'") is None
    desk.clock.tick(HOUR)
    assert desk.check().deleted == ["9"]
    assert desk.one("SELECT stage_class FROM ticket WHERE ext_id = '9'") == "DROPPED"
    assert desk.check().is_complete


def test_what_was_only_hidden_for_a_moment_stays(desk: Desk) -> None:
    desk.pull()
    hidden = desk.redmine.issues.pop("9")
    desk.check()
    desk.redmine.issues["9"] = hidden
    desk.clock.tick(HOUR)
    found = desk.check()
    assert (found.deleted, found.not_found) == ([], [])


def test_the_cursor_of_chosen_tickets_is_none(desk: Desk) -> None:
    assert {page.cursor for page in desk.reading().connector.changes(Tickets(["1"]))} == {None}


# --- the file and the command line


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["unstuck", *words])
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redmine: RedmineStandIn) -> Path:
    monkeypatch.setenv("UNSTUCK_REDMINE_TOKEN", redmine.token)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_connect_and_sync(
    home: Path, redmine: RedmineStandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--home", str(home), "--json")
    code, out, err = run(
        capsys, monkeypatch, "connect", "redmine", "--url", redmine.url, "--yes", "--no-sync",
        "--class", "Resolved=SOLVED", *where,
    )  # fmt: skip
    assert code == 0, err
    path = home / "sources" / "redmine.toml"
    text_ = path.read_text()
    assert redmine.token not in text_ + out + err
    assert 'token = "env:UNSTUCK_REDMINE_TOKEN"' in text_
    assert '"Resolved" = "SOLVED"' in text_
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    code, out, err = run(capsys, monkeypatch, "sync", "redmine", "--no-learn", *where)
    assert code == 0, err
    told = json.loads(out)
    assert sorted(told) == ["cursor", "new_changes", "pulled", "seconds", "source"]
    assert (told["source"], told["new_changes"]) == ("redmine", 80)
    code, out, err = run(capsys, monkeypatch, "sync", "--check", "--no-learn", *where)
    assert (code, json.loads(out)["missed"]) == (0, 0), err


@pytest.mark.parametrize("asks_first", [True, False])
def test_what_a_sync_learns_waits_for_a_yes_where_the_desk_wants_that(
    asks_first: bool,
    home: Path,
    redmine: RedmineStandIn,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UNSTUCK_APPROVE_CARDS", str(asks_first).lower())
    redmine.happen("1", NOON + HOUR, "reply", "Open the valve and let the air out of the pump.")
    redmine.happen("1", NOON + 2 * HOUR, "status", "Resolved")
    run(
        capsys, monkeypatch, "connect", "redmine", "--url", redmine.url, "--yes", "--class", "Resolved=SOLVED",
        "--home", str(home),
    )  # fmt: skip
    with contextlib.closing(deps.build(settings.load(home=home))) as built:
        known, waiting = built.knowledge.status()["cards"], list(built.knowledge.ledger.proposed())
    assert (known == 0, bool(waiting)) == (asks_first, asks_first)


def test_statuses_that_nobody_confirmed_stand_as_comments(
    home: Path, redmine: RedmineStandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    redmine.statuses["7"] = "Zwischenlager"
    run(capsys, monkeypatch, "connect", "redmine", "--url", redmine.url, "--yes", "--no-sync", "--home", str(home))
    lines = (home / "sources" / "redmine.toml").read_text().splitlines()
    assert '# "Zwischenlager" = "ACTIVE"' in lines
    assert '"New" = "NEW"' in lines
    assert "note = false" in lines
    code, out, _ = run(capsys, monkeypatch, "doctor", "--home", str(home))
    assert "Zwischenlager = ACTIVE" in out
    assert "redmine.toml" in out
    assert code in (0, 1)


@pytest.mark.parametrize(
    ("words", "clue"),
    [
        (("connect", "redmine", "--yes"), "--url"),
        (("connect", "Nope!", "--yes"), "small letters"),
        (("connect", "mystery", "--system", "mystery", "--yes", "--url", "https://x.example"), "redmine, rt"),
        (("connect", "redmine", "--yes", "--url", "http://x.example"), "plain_http"),
        (("connect", "redmine", "--yes", "--url", "https://me:pw@x.example"), "without user and password"),
        (("sync", "redmine"), "unstuck connect redmine"),
        (("sync",), "unstuck connect"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    words: tuple[str, ...], clue: str, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run(capsys, monkeypatch, *words, "--home", str(home))
    assert code in (1, 2)
    assert clue in err
    assert "Traceback" not in err


def test_a_refused_token_is_said(
    home: Path, redmine: RedmineStandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNSTUCK_REDMINE_TOKEN", "wr0ng-t0ken")
    where = ("--url", redmine.url, "--yes", "--home", str(home))
    code, out, err = run(capsys, monkeypatch, "connect", "redmine", *where)
    assert code == 1
    assert "refuses the token" in err
    assert "wr0ng-t0ken" not in out + err
    assert not (home / "sources").exists()


def test_a_file_with_a_typing_error_is_refused(tmp_path: Path) -> None:
    path = configured.path_of(tmp_path, "desk")
    path.parent.mkdir()
    path.write_text('system = "rt"\nurl = "https://x.example"\ntoken = "t"\nper_minut = 3\n')
    with pytest.raises(UsageError, match="per_minut"):
        configured.get(tmp_path, "desk")


def test_a_token_is_found_where_it_was_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNSTUCK_DESK_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    path = configured.path_of(tmp_path, "desk")
    path.parent.mkdir()
    path.write_text('system = "rt"\nurl = "https://x.example"\ntoken = "env:UNSTUCK_DESK_TOKEN"\n')
    with pytest.raises(UserError, match="no_token"):
        configured.get(tmp_path, "desk").connection()
    for token in ("first", "it's \\ odd $HOME #1"):
        kept = configured.put_variable(tmp_path, "UNSTUCK_DESK_TOKEN", token)
        assert configured.get(tmp_path, "desk").connection().token.get_secret_value() == token
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "odd" not in repr(configured.get(tmp_path, "desk").connection())
