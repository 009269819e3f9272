"""What holds for every connector, ours and those installed beside: each against a loopback stand-in of its system."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Iterator, Sequence
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
#: Each system's own words for the same.
WORDS = {
    "feishu": {"new": "待响应", "open": "处理中", "resolved": "客服关闭", "ana": "ou_1", "bo": "ou_2"},
    "freshdesk": {"open": "In repair", "resolved": "Resolved", "ana": "1", "bo": "2"},
    "github": {"new": "open", "open": "in progress", "resolved": "closed", "ana": "1", "bo": "2"},
    "hubspot": {"new": "New", "open": "Working on it", "resolved": "Closed", "ana": "1", "bo": "2"},
    "intercom": {"new": "submitted", "open": "in_progress", "resolved": "resolved", "ana": "1", "bo": "2"},
    "jira": {"open": "In Progress", "resolved": "Resolved", "ana": "acc-1", "bo": "acc-2"},
    "redmine": {"open": "In Progress", "resolved": "Resolved", "ana": "1", "bo": "2"},
    "rt": {"open": "open", "resolved": "resolved", "ana": "ana", "bo": "bo"},
    "servicenow": {"open": "In Progress", "resolved": "Resolved", "ana": "u1", "bo": "u2"},
    "udesk": {"new": "开启", "open": "解决中", "resolved": "已解决", "ana": "1", "bo": "2"},
    "zammad": {"open": "in repair", "resolved": "closed", "ana": "3", "bo": "4"},
    "zendesk": {"open": "In repair", "resolved": "solved", "ana": "1", "bo": "2"},
}


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
def word(desk: StandIn) -> dict[str, str]:
    return WORDS[desk.system]


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


def changes(pages: Sequence[Page]) -> list[TicketChange]:
    return [change for page in pages for change in page.changes]


def ids(pages: Sequence[Page]) -> set[str]:
    return {change.change_id for change in changes(pages)}


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


def told_after_each(desk: StandIn, *steps: tuple[str, str]) -> list[TicketChange]:
    """Changes of ticket 1 in order, when one thing a minute happens to it and it is looked at after each: some systems
    show no more than how tickets stand.
    """
    fill(desk, 1, start=NOON - MINUTE)
    pages = read(connected(desk))
    for minute, (does, value) in enumerate(steps, start=2):
        desk.happen("1", NOON + minute * MINUTE, does, value)
        pages += read(connected(desk), pages[-1].cursor)
    return sorted({c.change_id: c for c in changes(pages)}.values(), key=lambda c: (c.at, c.order))


def test_what_a_ticket_was_created_with_and_what_it_became(desk: StandIn, word: dict[str, str]) -> None:
    told = told_after_each(desk, ("status", word["open"]), ("assign", "2"))
    created = told[0]
    assert created.kind is ChangeKind.CREATED
    assert created.values["title"] == "Case 1"
    if connected(desk).capabilities.history == "told":
        assert created.values["status"] in ("new", "New", word.get("new"))
        assert created.values["assignee"] is None
    assignees = [who for change in told if (who := change.values.get("assignee"))]
    assert list(dict.fromkeys(assignees)) == [word["ana"], word["bo"]]
    statuses = [status for change in told if (status := change.values.get("status"))]
    assert statuses[-1] == word["open"]
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


def test_a_change_that_becomes_visible_late_is_found(desk: StandIn, word: dict[str, str]) -> None:
    fill(desk, 3)
    first = read(connected(desk))
    desk.happen_late("2", NOON + 3 * MINUTE - timedelta(seconds=20))
    later = read(connected(desk), first[-1].cursor)
    assert word["open"] in [change.values.get("status") for change in changes(later)]
    assert len(ids([*first, *later])) == 4 * 3 + 1


def test_a_clock_that_is_wrong_moves_no_change(desk: StandIn, word: dict[str, str]) -> None:
    """A ticket system an hour ahead, then set right: nothing that it tells afterwards is passed over."""
    fill(desk, 2, start=NOON + timedelta(hours=1))
    desk.now = NOON + 5 * MINUTE
    first = read(connected(desk))
    desk.happen("1", NOON + 10 * MINUTE, "status", word["open"])
    desk.now = NOON + 11 * MINUTE
    later = read(connected(desk), first[-1].cursor)
    assert word["open"] in [change.values.get("status") for change in changes(later)]


def test_a_reopened_ticket_keeps_both_moves(desk: StandIn, word: dict[str, str]) -> None:
    told = told_after_each(desk, ("status", word["resolved"]), ("status", word["open"]))
    statuses = [status for change in told if (status := change.values.get("status"))]
    assert statuses[-2:] == [word["resolved"], word["open"]]


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


def test_chosen_tickets_stand_and_are_told_whole(desk: StandIn, word: dict[str, str]) -> None:
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


def test_a_description_says_statuses_and_teams(desk: StandIn, word: dict[str, str]) -> None:
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
def writable(desk: StandIn) -> StandIn:
    if not desk.writes:
        pytest.skip(f"{desk.system} is written to on the real server, by `make connectors-test`")
    fill(desk, 1)
    return desk


def can(desk: StandIn, kind: ActionKind) -> None:
    """Skip what a system does not let us write, once it is seen to be refused."""
    if kind not in connected(desk).capabilities.writes:
        with pytest.raises(errors.Refused):
            act(desk, kind, "1")
        pytest.skip(f"{kind} cannot be written there")


def act(desk: StandIn, kind: ActionKind, value: str, key: str = "k3f9") -> str:
    return connected(desk).write(Action(key, "1", kind, value, "Ana")).state


@pytest.mark.parametrize(("kind", "public"), [(ActionKind.NOTE, False), (ActionKind.REPLY, True)])
def test_words_are_written_once_and_a_note_stays_inside(writable: StandIn, kind: ActionKind, public: bool) -> None:
    can(writable, kind)
    assert act(writable, kind, "The part is on its way. 零件在路上") == "done"
    assert act(writable, kind, "The part is on its way. 零件在路上") == "already"
    (said,) = [(body, seen) for body, seen in writable.said("1") if "[unstuck:k3f9]" in body]
    assert said[0].startswith("The part is on its way. 零件在路上")
    assert said[1] is public
    told = [change.message for change in changes(read(connected(writable))) if change.message]
    assert [message.public for message in told if "零件在路上" in message.body] == [public]


def test_a_ticket_is_assigned_and_given_back(writable: StandIn, word: dict[str, str]) -> None:
    def assignee() -> str | None:
        (page,) = read(connected(writable), Tickets(["1"]))
        standing = page.standing["1"]
        assert standing is not None
        return standing["assignee"]

    can(writable, ActionKind.ASSIGN)
    assert act(writable, ActionKind.ASSIGN, word["bo"]) == "done"
    assert act(writable, ActionKind.ASSIGN, word["bo"], "other") == "already"
    assert assignee() == word["bo"]
    assert act(writable, ActionKind.ASSIGN, "") == "done"
    assert assignee() is None


def test_a_status_is_set_and_an_unknown_one_refused(writable: StandIn, word: dict[str, str]) -> None:
    assert act(writable, ActionKind.STATUS, word["resolved"]) == "done"
    assert act(writable, ActionKind.STATUS, word["resolved"], "other") == "already"
    with pytest.raises(errors.Refused):
        act(writable, ActionKind.STATUS, "No such thing")
    (page,) = read(connected(writable), Tickets(["1"]))
    standing = page.standing["1"]
    assert standing is not None
    assert standing["status"] == word["resolved"]


@pytest.mark.parametrize("kind", list(ActionKind))
def test_a_write_whose_answer_was_lost_is_found_again(
    writable: StandIn, word: dict[str, str], kind: ActionKind
) -> None:
    """The write gets through, its answer does not: trying again must not do it twice."""
    can(writable, kind)
    value = {ActionKind.ASSIGN: word["bo"], ActionKind.STATUS: word["open"]}.get(kind, "Twice?")
    writable.lost_answers = 1
    with pytest.raises(errors.Unavailable):
        act(writable, kind, value)
    assert writable.lost_answers == 0
    assert act(writable, kind, value) == "already"
    if kind in (ActionKind.NOTE, ActionKind.REPLY):
        assert len([body for body, _ in writable.said("1") if "Twice?" in body]) == 1


# --- into the store


@pytest.fixture
def engine(databases: Databases) -> Iterator[Engine]:
    store = open_store(databases.sqlite())
    yield store
    store.dispose()


def pulling(desk: StandIn, engine: Engine) -> Pull:
    config = SourceConfig("desk", Path("desk.toml"), desk.system, desk.url, desk.connection().token)
    return Pull(config, connected(desk), sessionmaker(engine, class_=Session), FrozenClock(NOON))


def test_a_renamed_status_stays_one_stage(desk: StandIn, word: dict[str, str], engine: Engine) -> None:
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
