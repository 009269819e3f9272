"""Writing back: off unless allowed, done once whatever fails, on record without the words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from unstuck.connectors import Action, ActionKind, Written
from unstuck.errors import ConnectorError, Refused, Unavailable, UserError
from unstuck.sources import write_back
from unstuck.sources.config import SourceConfig
from unstuck.testing import NOON, FrozenClock
from unstuck.tickets.store import reading

NOTE = Action("key-1", "42", ActionKind.NOTE, "The part is on its way.", "Ana")


class Scripted:
    """A connector whose writes end as told, one after the other."""

    def __init__(self, *ends: Written | ConnectorError) -> None:
        self.ends = list(ends)
        self.got: list[Action] = []

    def write(self, action: Action) -> Written:
        self.got.append(action)
        end = self.ends.pop(0)
        if isinstance(end, ConnectorError):
            raise end
        return end


class Desk:
    """A store and a source that allows notes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clock = FrozenClock(NOON)
        self.sessions = sessionmaker(engine, class_=Session)
        allowed = frozenset({ActionKind.NOTE})
        self.config = SourceConfig("desk", Path("desk.toml"), "rt", "https://x.example", SecretStr("t"), writes=allowed)

    def ask(self, action: Action = NOTE) -> None:
        with self.sessions.begin() as session:
            write_back.ask(session, self.config, action, self.clock)

    def carry_out(self, connector: Scripted) -> str:
        return write_back.carry_out(self.config, connector, self.sessions, self.clock, NOTE.key)  # type: ignore[arg-type]

    def audit(self) -> list[str]:
        with reading(self.engine) as connection:
            return [
                str(tuple(row)) for row in connection.execute(text("SELECT actor, action, subject, details FROM audit"))
            ]


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def test_nothing_is_written_that_the_admin_has_not_allowed(desk: Desk) -> None:
    with pytest.raises(UserError, match="write_off"):
        desk.ask(replace(NOTE, kind=ActionKind.REPLY))
    assert desk.audit() == []


def test_a_note_is_written_once_and_on_record_without_its_words(desk: Desk) -> None:
    desk.ask()
    desk.ask()
    connector = Scripted(Written("done"))
    assert desk.carry_out(connector) == "done"
    assert desk.carry_out(connector) == "done"
    assert connector.got == [NOTE]
    record = "".join(desk.audit())
    assert "asked" in record
    assert "desk/42" in record
    assert NOTE.value not in record


def test_nobody_knows_whether_it_got_through(desk: Desk) -> None:
    desk.ask()
    connector = Scripted(Unavailable("no answer"), Written("already"))
    assert desk.carry_out(connector) == "due"
    assert desk.carry_out(connector) == "due", "not before some time has passed"
    assert len(connector.got) == 1
    desk.clock.tick(timedelta(minutes=1))
    assert desk.carry_out(connector) == "done"


def test_a_process_killed_while_writing_leaves_it_to_the_next_one(desk: Desk) -> None:
    desk.ask()

    class Killed(BaseException):
        pass

    class Dies(Scripted):
        def write(self, action: Action) -> Written:
            raise Killed

    with pytest.raises(Killed):
        desk.carry_out(Dies())
    connector = Scripted(Written("already"))
    assert desk.carry_out(connector) == "due"
    desk.clock.tick(write_back.LEASE)
    assert desk.carry_out(connector) == "done"


def test_a_refusal_is_final(desk: Desk) -> None:
    desk.ask()
    connector = Scripted(Refused("the workflow does not allow it"))
    assert desk.carry_out(connector) == "refused"
    desk.clock.tick(timedelta(days=1))
    assert desk.carry_out(connector) == "refused"
    assert "refused" in "".join(desk.audit())


def test_what_fails_again_and_again_is_given_up(desk: Desk) -> None:
    desk.ask()
    connector = Scripted(*[Unavailable("no answer")] * 20)
    for _ in range(20):
        state = desk.carry_out(connector)
        desk.clock.tick(timedelta(days=1))
    assert state == "refused"
    assert len(connector.got) == 8
    assert "given up" in "".join(desk.audit())
