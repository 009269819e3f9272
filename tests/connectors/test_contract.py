"""What holds for every connector, ours and those installed beside: each against a loopback stand-in of its system."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import standin
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session
from standin import StandIn

from unstuck import errors
from unstuck.connectors import Action, ActionKind, Connector, Page, Tickets
from unstuck.connectors.registry import connector_of, systems
from unstuck.sources.config import SourceConfig
from unstuck.sources.pull import Pull
from unstuck.testing import NOON, Databases, FrozenClock
from unstuck.tickets.changes import ChangeKind, TicketChange
from unstuck.tickets.store import open_store, reading

HERE = Path(__file__).parent
MINUTE = timedelta(minutes=1)


def stand_in_for(system: str) -> StandIn:
    folder = HERE / system
    assert folder.is_dir(), f"{system} has no stand-in: add tests/connectors/{system}/standin_{system}.py"
    module = importlib.import_module(f"standin_{system}")
    return next(
        kind() for kind in vars(module).values() if isinstance(kind, type) and getattr(kind, "system", "") == system
    )


@pytest.fixture(params=sorted(systems()))
def desk(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with stand_in_for(request.param).serving() as serving:
        yield serving


@pytest.fixture
def word(desk: StandIn) -> Mapping[str, str]:
    return desk.words


def connected(desk: StandIn, **given: Any) -> Connector:
    return connector_of(desk.system)(desk.connection(**given))


def fill(desk: StandIn, tickets: int, start: datetime = NOON, step: timedelta = MINUTE) -> None:
    """Tickets with a creation, an assignment, a reply and a note each."""
    for number in range(1, tickets + 1):
        at = start + number * step
        desk.happen(str(number), at, "create", f"Case {number}")
        desk.happen(str(number), at, "assign", "1")
        desk.happen(str(number), at, "reply", f"Hello {number}")
        desk.happen(str(number), at, "note", f"Between us {number}")


def read(connector: Connector, since: Any = None) -> list[Page]:
    return list(connector.changes(since))


def read_after(desk: StandIn, *steps: Callable[[], None]) -> list[Page]:
    """What is told in the end; a system that only tells how tickets stand is read after each step."""
    pages: list[Page] = []
    for step in steps:
        step()
        if desk.forgets:
            pages += read(connected(desk), pages[-1].cursor if pages else None)
    return pages or read(connected(desk))


def changes(pages: Sequence[Page]) -> list[TicketChange]:
    return [change for page in pages for change in page.changes]


def ids(pages: Sequence[Page]) -> set[str]:
    return {change.change_id for change in changes(pages)}


def new_values(told: Sequence[TicketChange], name: str) -> list[str | None]:
    """The values that a field took, one after the other."""
    given = [change.values[name] for change in told if name in change.values]
    return [value for number, value in enumerate(given) if number == 0 or value != given[number - 1]]


def kinds(pages: Sequence[Page], ticket: str) -> list[ChangeKind]:
    once = {change.change_id: change for change in changes(pages) if change.ticket == ticket}
    return [change.kind for change in sorted(once.values(), key=lambda change: (change.at, change.order))]


# --- reading


def test_every_page_is_read_and_every_change_once_in_the_end(desk: StandIn) -> None:
    fill(desk, 130)
    pages = read(connected(desk))
    assert len(ids(pages)) == 4 * 130
    assert {change.ticket for change in changes(pages)} == {str(number) for number in range(1, 131)}
    assert pages[-1].left == 0


def test_what_a_ticket_was_created_with_and_what_it_became(desk: StandIn, word: Mapping[str, str]) -> None:
    pages = read_after(
        desk,
        lambda: fill(desk, 1),
        lambda: desk.happen("1", NOON + 2 * MINUTE, "status", word["open"]),
        lambda: desk.happen("1", NOON + 3 * MINUTE, "assign", "2"),
    )
    told = sorted({c.change_id: c for c in changes(pages)}.values(), key=lambda c: (c.at, c.order))
    created = told[0]
    assert created.kind is ChangeKind.CREATED
    assert created.values["status"] == word["new"]
    assert created.values["assignee"] is None
    assert created.values["title"] == "Case 1"
    assert new_values(told, "assignee") == [None, word["ana"], word["bo"]]
    assert new_values(told, "status") == [word["new"], word["open"]]
    assert next(change.at for change in told if change.values.get("status") == word["open"]) == NOON + 2 * MINUTE
    assert all(change.at.tzinfo is not None for change in told)


def test_public_and_internal_words_are_kept_apart(desk: StandIn) -> None:
    fill(desk, 1)
    said = {change.message.body: change.message for change in changes(read(connected(desk))) if change.message}
    assert said["Hello 1"].public
    assert said["Between us 1"].public is not desk.has_notes
    assert said["Hello 1"].author_kind == "agent"


def test_a_crash_on_any_page_repeats_and_loses_nothing(desk: StandIn) -> None:
    fill(desk, 60)
    whole = read(connected(desk))
    for stop in range(len(whole)):
        cursor, had = None, []
        for number, page in enumerate(connected(desk).changes(None)):
            had.append(page)
            cursor = page.cursor
            if number == stop:
                break
        assert ids([*had, *read(connected(desk), cursor)]) == ids(whole), f"after page {stop}"


def test_reading_again_brings_the_same_ids_only(desk: StandIn) -> None:
    fill(desk, 30)
    first = read(connected(desk))
    again = read(connected(desk), first[-1].cursor)
    assert ids(again) <= ids(first)
    told = {change.change_id: change for change in changes(first)}
    assert all(told[change.change_id] == change for change in changes(again))
    assert again[-1].cursor is not None


def test_more_changes_in_one_second_than_fit_on_a_page(desk: StandIn) -> None:
    fill(desk, 130, step=timedelta(0))
    assert len(ids(read(connected(desk)))) == 4 * 130


def test_a_change_that_becomes_visible_late_is_found(desk: StandIn, word: Mapping[str, str]) -> None:
    fill(desk, 3)
    first = read(connected(desk))
    desk.happen_late("2", NOON + 3 * MINUTE - timedelta(seconds=20))
    later = read(connected(desk), first[-1].cursor)
    assert word["open"] in [change.values.get("status") for change in changes(later)]
    assert len(ids([*first, *later])) == 4 * 3 + 1


def test_a_clock_that_is_wrong_moves_no_change(desk: StandIn, word: Mapping[str, str]) -> None:
    """A ticket system an hour ahead, then set right: nothing that it tells afterwards is passed over."""
    fill(desk, 2, start=NOON + timedelta(hours=1))
    desk.now = NOON + 5 * MINUTE
    first = read(connected(desk))
    desk.happen("1", NOON + 10 * MINUTE, "status", word["open"])
    desk.now = NOON + 11 * MINUTE
    later = read(connected(desk), first[-1].cursor)
    assert word["open"] in [change.values.get("status") for change in changes(later)]


def test_a_reopened_ticket_keeps_both_moves(desk: StandIn, word: Mapping[str, str]) -> None:
    pages = read_after(
        desk,
        lambda: fill(desk, 1),
        lambda: desk.happen("1", NOON + 2 * MINUTE, "status", word["resolved"]),
        lambda: desk.happen("1", NOON + 3 * MINUTE, "status", word["open"]),
    )
    told = sorted({c.change_id: c for c in changes(pages)}.values(), key=lambda c: (c.at, c.order))
    assert new_values(told, "status")[1:] == [word["resolved"], word["open"]]


def test_a_merge_names_the_ticket_that_goes_on(desk: StandIn) -> None:
    if not desk.merges:
        pytest.skip("its tickets cannot be merged")
    fill(desk, 2)
    desk.happen("2", NOON + 5 * MINUTE, "merge", "1")
    (merge,) = [change for change in changes(read(connected(desk))) if change.kind is ChangeKind.MERGED]
    assert (merge.ticket, merge.merged_into) == ("2", "1")


def test_a_deletion_is_told_or_found_by_asking(desk: StandIn) -> None:
    fill(desk, 2)
    desk.happen("2", NOON + 5 * MINUTE, "delete")
    connector = connected(desk)
    if connector.capabilities.deletes == "told":
        assert ChangeKind.DELETED in kinds(read(connector), "2")
    else:
        (page,) = read(connector, Tickets(["1", "2"]))
        assert page.standing["2"] is None
        assert page.standing["1"] is not None


def test_chosen_tickets_stand_and_are_told_whole(desk: StandIn, word: Mapping[str, str]) -> None:
    fill(desk, 3)
    desk.happen("2", NOON + 9 * MINUTE, "status", word["open"])
    (page,) = read(connected(desk), Tickets(["2"], whole=True))
    standing = page.standing["2"]
    assert standing is not None
    assert (standing["status"], standing["assignee"], standing["title"]) == (word["open"], word["ana"], "Case 2")
    assert {change.ticket for change in page.changes} == {"2"}
    assert ids([page]) <= ids(read(connected(desk)))
    assert page.cursor is None


def test_unknown_fields_change_nothing(desk: StandIn) -> None:
    fill(desk, 5)
    before = changes(read(connected(desk)))
    desk.extra = {"brand_new_field": {"deep": ["inside", 1]}}
    assert changes(read(connected(desk))) == before


def test_a_description_says_statuses_and_teams(desk: StandIn, word: Mapping[str, str]) -> None:
    fill(desk, 1)
    desk.happen("1", NOON + 2 * MINUTE, "status", word["open"])
    said = connected(desk).describe()
    assert word["open"] in [status.name for status in said.statuses]
    assert ("Repairs" in [team.name for team in said.teams]) is desk.has_teams


# --- failing


def test_a_wrong_token_is_unauthorized(desk: StandIn) -> None:
    connector = connected(desk)
    desk.token = "another"
    for use in (connector.describe, lambda: read(connector)):
        with pytest.raises(errors.Unauthorized):
            use()


@pytest.mark.parametrize(
    ("code", "error"),
    [(401, errors.Unauthorized), (403, errors.Forbidden), (404, errors.NotThere), (410, errors.NotThere)],
)
def test_a_refusal_is_told_at_once(desk: StandIn, code: int, error: type[Exception]) -> None:
    fill(desk, 1)
    desk.faults = [standin.status(code)] * 20
    with pytest.raises(error):
        read(connected(desk))
    assert len(desk.asked) == 1


@pytest.mark.parametrize("code", [500, 502, 503, 504, 408])
def test_a_failing_server_is_asked_again(desk: StandIn, code: int) -> None:
    fill(desk, 2)
    desk.faults = [standin.fine(), standin.status(code), standin.status(code)]
    assert len(ids(read(connected(desk)))) == 8


@pytest.mark.parametrize("fault", [standin.html(), standin.truncated()], ids=["html", "truncated"])
def test_an_answer_that_is_none_is_asked_for_again(desk: StandIn, fault: standin.Fault) -> None:
    fill(desk, 2)
    desk.faults = [standin.fine(), fault]
    assert len(ids(read(connected(desk)))) == 8


def test_a_server_that_stays_broken_is_unavailable_and_a_web_page_malformed(desk: StandIn) -> None:
    desk.faults = [standin.status(500)] * 50
    with pytest.raises(errors.Unavailable):
        read(connected(desk))
    desk.faults = [standin.html()] * 50
    with pytest.raises(errors.Malformed):
        read(connected(desk))


def test_a_silent_server_is_given_up_and_asked_again(desk: StandIn) -> None:
    fill(desk, 1)
    desk.faults = [standin.slow(0.6)]
    assert len(ids(read(connected(desk, timeout_s=0.3)))) == 4
    desk.faults = [standin.slow(0.6)] * 10
    with pytest.raises(errors.Unavailable):
        read(connected(desk, timeout_s=0.1, attempts=2))


@pytest.mark.parametrize("header", ["1", None], ids=["seconds", "untold"])
def test_slow_down_is_obeyed(desk: StandIn, header: str | None) -> None:
    fill(desk, 1)
    if header is None:
        # An hour is longer than we sit out: the next sync comes back.
        desk.faults = [standin.status(429, Retry_After="3600")]
        with pytest.raises(errors.RateLimited) as raised:
            read(connected(desk))
        assert raised.value.retry_after_s == 3600
    else:
        desk.faults = [desk.close_for(1, header)]
        assert len(ids(read(connected(desk)))) == 4
    assert desk.offences == 0


# --- staying at home, keeping secrets


def test_another_host_is_never_asked(desk: StandIn) -> None:
    fill(desk, 1)
    with stand_in_for(desk.system).serving() as other:
        for where in (other.url + "/elsewhere", other.url.replace("127.0.0.1", "localhost"), "//evil.example/x"):
            desk.faults = [standin.status(302, Location=where)] * 5
            with pytest.raises(errors.ForeignHost):
                read(connected(desk))
        assert other.asked == []


def test_a_next_page_on_another_host_is_never_asked_for(desk: StandIn) -> None:
    fill(desk, 130)
    whole = ids(read(connected(desk)))
    with stand_in_for(desk.system).serving() as other:
        desk.next_page = f"{other.url}/api/next?token=1"
        # Refusing the answer is as good as passing the link over.
        with contextlib.suppress(errors.ForeignHost):
            assert ids(read(connected(desk))) == whole
        assert other.asked == []


def test_a_redirect_on_the_same_host_is_followed_but_not_in_circles(desk: StandIn) -> None:
    desk.faults = [standin.status(302, Location="/somewhere")] * 30
    with pytest.raises(errors.ConnectorError):
        read(connected(desk))


def test_no_error_and_no_log_tells_the_token(desk: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fill(desk, 1)
    connector = connected(desk, timeout_s=0.2, attempts=2)
    told = [repr(desk.connection()), repr(connector)]
    for fault in (
        standin.status(401),
        standin.status(500),
        standin.html(),
        standin.slow(0.5),
        standin.status(302, Location="//x.example"),
    ):
        desk.faults = [fault] * 9
        with pytest.raises(errors.ConnectorError) as raised:
            read(connector)
        error: BaseException | None = raised.value
        while error is not None:
            told.append(f"{error!r} {error}")
            error = error.__cause__
    assert standin.TOKEN not in "".join(told) + caplog.text


def test_plain_http_to_another_machine_must_be_wanted(desk: StandIn) -> None:
    desk.url = "http://tickets.example"
    with pytest.raises(errors.UsageError):
        connected(desk)
    connected(desk, plain_http=True)


# --- writing


@pytest.fixture
def written(desk: StandIn) -> StandIn:
    """A stand-in that can be written to, with one ticket."""
    if not desk.takes_writes:
        pytest.skip("written to in the tests against the real server")
    fill(desk, 1)
    return desk


def an_action(desk: StandIn, kind: ActionKind, key: str = "k3f9") -> Action:
    value = {ActionKind.ASSIGN: desk.words["bo"], ActionKind.STATUS: desk.words["open"]}.get(
        kind, "The part is coming."
    )
    return Action(key, "1", kind, value, "Ana")


@pytest.mark.parametrize("kind", list(ActionKind))
def test_what_is_written_is_there_once(written: StandIn, kind: ActionKind) -> None:
    connector, action = connected(written), an_action(written, kind)
    if kind not in connector.capabilities.writes:
        with pytest.raises(errors.Refused):
            connector.write(action)
        return
    assert connector.write(action).state == "done"
    assert connector.write(action).state == "already"
    (page,) = read(connected(written), Tickets(["1"], whole=True))
    standing = page.standing["1"]
    assert standing is not None
    said = [one.message for one in page.changes if one.message and action.value in one.message.body]
    match kind:
        case ActionKind.ASSIGN:
            assert standing["assignee"] == action.value
        case ActionKind.STATUS:
            assert standing["status"] == action.value
        case _:
            assert [message.public for message in said] == [kind is ActionKind.REPLY]


def test_nobody_is_an_assignee_too(written: StandIn) -> None:
    if ActionKind.ASSIGN not in connected(written).capabilities.writes:
        pytest.skip("it cannot be written there")
    nobody = Action("k3f9", "1", ActionKind.ASSIGN, "", "Ana")
    assert connected(written).write(nobody).state == "done"
    assert connected(written).write(nobody).state == "already"


@pytest.mark.parametrize("kind", list(ActionKind))
def test_a_write_whose_answer_was_lost_is_not_done_twice(written: StandIn, kind: ActionKind) -> None:
    connector, action = connected(written), an_action(written, kind)
    if kind not in connector.capabilities.writes:
        pytest.skip("it cannot be written there")
    written.lost_answers = 1
    with pytest.raises(errors.Unavailable):
        connector.write(action)
    assert connector.write(action).state == "already"
    assert written.lost_answers == 0


def test_a_status_or_a_person_that_is_none_is_refused(written: StandIn) -> None:
    for kind in (ActionKind.STATUS, ActionKind.ASSIGN):
        with pytest.raises((errors.Refused, errors.NotThere)):
            connected(written).write(Action("k3f9", "1", kind, "987654", "Ana"))


# --- into the store


@pytest.fixture
def engine(databases: Databases) -> Iterator[Engine]:
    store = open_store(databases.sqlite())
    yield store
    store.dispose()


def pulling(desk: StandIn, engine: Engine) -> Pull:
    config = SourceConfig("desk", Path("desk.toml"), desk.system, desk.url, desk.connection().token)
    return Pull(config, connected(desk), sessionmaker(engine, class_=Session), FrozenClock(NOON))


def test_a_renamed_status_stays_one_stage(desk: StandIn, word: Mapping[str, str], engine: Engine) -> None:
    if not desk.renames:
        pytest.skip("its statuses have no names that change, or are known by them alone")
    fill(desk, 1)
    desk.happen("1", NOON + 2 * MINUTE, "status", word["open"])
    pull = pulling(desk, engine)
    pull.run()
    desk.rename_status(word["open"], "Doing")
    pulling(desk, engine).learn_words()
    with reading(engine) as connection:
        stages = dict(connection.execute(text("SELECT status, stage FROM stage")).all())
        ticket = connection.execute(text("SELECT status FROM ticket")).scalar()
    assert stages[word["open"]] == stages["Doing"] == "Doing"
    assert ticket == word["open"]


def test_a_pull_that_fails_half_way_goes_on_from_there(desk: StandIn, engine: Engine) -> None:
    fill(desk, 80)
    expected = len(ids(read(connected(desk))))
    step = max(1, len(desk.asked) // 4)
    desk.asked.clear()
    needed = 0
    for _ in range(40):
        needed += 1
        desk.faults = [*[standin.fine()] * needed * step, *[standin.status(500)] * 4]
        try:
            pulling(desk, engine).run()
            break
        except errors.Unavailable:
            continue
    assert needed > 1, "at least one failed half-way"
    desk.faults = []
    pulling(desk, engine).run()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM change")).scalar() == expected
        keys = connection.execute(text("SELECT count(DISTINCT change_key) FROM change")).scalar()
    assert keys == expected
