"""The demo desk is reproducible, plausible and legal, and holds nobody's real data."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from statistics import median

from unstuck.demo.desk import Desk, generate
from unstuck.demo.offices import opened
from unstuck.demo.stages import CLOSED, MOVES, NEW, SOLVED, STAGES
from unstuck.tickets.changes import ChangeKind, StageClass, TicketChange

Histories = dict[str, list[TicketChange]]


def digest(desk: Desk) -> str:
    return hashlib.sha256(repr((desk.changes, desk.people, desk.planted)).encode()).hexdigest()


def test_same_seed_makes_the_same_desk_in_another_process_with_another_hash_seed(desk: Desk) -> None:
    code = (
        "import hashlib; from unstuck.demo.desk import generate; d = generate();"
        "print(hashlib.sha256(repr((d.changes, d.people, d.planted)).encode()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Pacific/Auckland"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == digest(desk)


def test_another_seed_makes_another_desk(desk: Desk) -> None:
    assert digest(generate(seed=desk.seed + 1)) != digest(desk)


def test_another_end_moves_the_history(desk: Desk) -> None:
    end = datetime(2026, 3, 2, 1, tzinfo=UTC)  # a Monday, so "this week" is an hour old
    moved = generate(end=end)
    assert max(change.at for change in moved.changes) <= end
    assert min(change.at for change in moved.changes) > end - timedelta(days=100)
    assert 2_700 <= len({change.ticket for change in moved.changes}) <= 3_300


def test_size_languages_and_teams(desk: Desk, histories: Histories) -> None:
    first = [changes[0].values for changes in histories.values()]
    assert 2_700 <= len(first) <= 3_300
    assert 0.40 <= sum(values["language"] == "zh" for values in first) / len(first) <= 0.50
    assert len(desk.teams) == 6
    assert {team.lead for team in desk.teams} <= {agent.id for agent in desk.agents}
    names = [team.name for team in desk.teams]
    assert any(name.isascii() for name in names)
    assert any(not name.isascii() for name in names)
    assert len({values["channel"] for values in first}) >= 5


def test_every_team_works_and_everybody_who_acts_is_known(desk: Desk) -> None:
    people = {person.id for person in desk.people}
    teams = {team.id for team in desk.teams}
    assert {change.actor for change in desk.changes} <= people
    assert {change.values["assignee"] for change in desk.changes if change.values.get("assignee")} <= people
    assert {change.values["team"] for change in desk.changes if "team" in change.values} == teams
    owners = Counter(change.values["assignee"] for change in desk.changes if change.values.get("assignee"))
    assert set(owners) == {agent.id for agent in desk.agents}


def test_changes_are_in_order_unique_and_over_by_the_end(desk: Desk, histories: Histories) -> None:
    assert all(before.at <= after.at for before, after in pairwise(desk.changes))
    assert len({change.change_id for change in desk.changes}) == len(desk.changes)
    for changes in histories.values():
        assert changes[0].kind is ChangeKind.CREATED
        assert [change.order for change in changes] == list(range(1, len(changes) + 1))
    assert desk.changes[-1].at <= desk.end


def test_every_ticket_moves_along_the_status_graph(histories: Histories) -> None:
    for ticket, changes in histories.items():
        path = [change.values["status"] for change in changes if change.values.get("status")]
        assert path[0] == NEW
        for before, after in pairwise(path):
            assert before == after or after in MOVES[before or ""], (ticket, path)
    assert set(MOVES) == set(STAGES)


def test_solved_tickets_close_by_a_timer_of_five_days(histories: Histories) -> None:
    waits = []
    for changes in histories.values():
        moves = [(change.at, change.values["status"]) for change in changes if change.values.get("status")]
        waits += [b[0] - a[0] for a, b in pairwise(moves) if (a[1], b[1]) == (SOLVED, CLOSED)]
    assert len(waits) > 2_000
    assert set(waits) == {timedelta(days=5)}


def test_agents_pick_up_in_their_offices_hours(desk: Desk) -> None:
    hours = opened()
    calendar = {member: hours[team.calendar] for team in desk.teams for member in team.members}
    for change in desk.changes:
        if change.values.get("assignee"):
            # The closing instant is the last at which somebody may act.
            assert calendar[change.actor or ""].is_open(change.at - timedelta(seconds=1)), change


def test_figures_are_those_of_a_working_desk(desk: Desk, histories: Histories) -> None:
    assert 3 <= median(first_responses(histories)) <= 12  # hours
    assert 1 <= median(lead_times(histories)) <= 3  # days
    still_open = [changes for changes in histories.values() if STAGES[last_status(changes)].is_open]
    assert 150 <= len(still_open) <= 400
    feedback = [change.feedback.score for change in desk.changes if change.feedback]
    solved = [changes for changes in histories.values() if any(c.values.get("status") == SOLVED for c in changes)]
    assert 0.28 <= len(feedback) / len(solved) <= 0.42
    assert set(feedback) == {1, 2, 3, 4, 5}
    assert 0.05 <= sum((score or 0) <= 2 for score in feedback) / len(feedback) <= 0.25


def test_reopenings_merges_spam_and_loops_happen_in_the_usual_shares(histories: Histories) -> None:
    paths = {t: [c.values["status"] for c in cs if c.values.get("status")] for t, cs in histories.items()}
    solved = [path for path in paths.values() if SOLVED in path]
    reopened = [path for path in solved if (SOLVED, "In progress") in pairwise(path)]
    assert 0.025 <= len(reopened) / len(solved) <= 0.06
    dropped = Counter(path[-1] for path in paths.values() if STAGES[path[-1] or ""] is StageClass.DROPPED)
    assert dropped["Spam"] >= 20
    assert dropped["Duplicate"] >= 20
    assert 0.01 <= sum(bounced(changes) for changes in histories.values()) / len(histories) <= 0.08


def test_merged_tickets_lead_to_older_ones_of_the_same_customer(desk: Desk, histories: Histories) -> None:
    merges = [change for change in desk.changes if change.kind is ChangeKind.MERGED]
    assert merges
    for merge in merges:
        into = histories[merge.merged_into or ""][0]
        assert into.at < merge.at
        assert into.values["customer"] == histories[merge.ticket][0].values["customer"]


def test_what_is_written_is_never_twice_the_same(histories: Histories) -> None:
    texts = Counter(
        changes[0].values["description"] for changes in histories.values() if changes[0].values.get("customer")
    )
    assert sum(count for count in texts.values() if count > 1) / texts.total() < 0.01


def test_tickets_about_one_problem_share_few_words(desk: Desk, histories: Histories) -> None:
    """Else any search would look good on this desk."""
    alike: dict[str, list[set[str]]] = {}
    for ticket, problem in desk.problem_of.items():
        if ticket in histories:
            values = histories[ticket][0].values
            key = f"{problem}/{values['language']}"
            alike.setdefault(key, []).append(words(f"{values['title']} {values['description']}"))
    overlaps = [len(a & b) / len(a | b) for some in alike.values() for a, b in combinations(some[:12], 2)]
    assert len(overlaps) > 3_000
    assert median(overlaps) < 0.25
    assert sum(overlap < 0.15 for overlap in overlaps) / len(overlaps) > 0.25


def test_solved_tickets_hold_their_resolution_in_an_agents_words(desk: Desk, histories: Histories) -> None:
    """Most can be found from public messages alone; the closing message or the answer has the steps."""
    steps = {p.id: {lang: talk.steps[-1][-8:] for lang, talk in p.talk.items()} for p in desk.problems}
    told = solved = 0
    for ticket, problem in desk.problem_of.items():
        changes = histories.get(ticket, [])
        if not any(change.values.get("status") == SOLVED for change in changes):
            continue
        solved += 1
        public = "".join(c.message.body for c in changes if c.message and c.message.public)
        told += any(end in public for end in steps[problem].values())
    assert told / solved > 0.75


_ALLOWED_NUMBERS = re.compile(
    r"(?i)TW26\d{7}|RT0099887|4111 1111 1111 1111|DE89 3704 0044 0532 0130 00|DE123456789|91310000MA0{8}"
    r"|(\+44 20|020) 7946 0\d{3}|(\+49 30|030) 23125 \d{3}|(\+86 )?138[ -]?0013[ -]?8000"
    r"|\d{4}-\d{2}-\d{2}|20\d{4}(-2)?"
)


def test_no_personal_data_that_could_be_somebodys(desk: Desk) -> None:
    texts = [c.message.body for c in desk.changes if c.message]
    texts += [str(value) for c in desk.changes for value in c.values.values() if value]
    texts += [f"{p.email} {p.phone}" for p in desk.people]
    mails = set(re.findall(r"[A-Za-z0-9.+-]+@[A-Za-z0-9.-]*[A-Za-z0-9]", "\n".join(texts)))
    assert mails
    assert all(mail.endswith(".test") for mail in mails)
    numbers = re.findall(r"\+?\d[\d \-]{7,}\d", _ALLOWED_NUMBERS.sub("#", "\n".join(texts)))
    assert not numbers
    assert any("7946" in text for text in texts)
    assert any("13800138000" in text for text in texts)


def words(text: str) -> set[str]:
    """English words, and Chinese in pairs of characters."""
    han = "".join(re.findall(r"[\u4e00-\u9fff]", text))
    return set(re.findall(r"[a-z0-9]+", text.lower())) | {han[n : n + 2] for n in range(len(han) - 1)}


def last_status(changes: list[TicketChange]) -> str:
    return [change.values["status"] for change in changes if change.values.get("status")][-1] or ""


def first_responses(histories: Histories) -> list[float]:
    """Hours from creation to the first public message of an agent."""
    return [
        (answers[0].at - changes[0].at).total_seconds() / 3600
        for changes in histories.values()
        if (answers := [c for c in changes if c.message and c.message.public and c.message.author_kind == "agent"])
    ]


def lead_times(histories: Histories) -> list[float]:
    """Days from creation to the last time solved."""
    return [
        (solved[-1].at - changes[0].at).total_seconds() / 86400
        for changes in histories.values()
        if (solved := [c for c in changes if c.values.get("status") == SOLVED])
    ]


def bounced(changes: list[TicketChange]) -> bool:
    """Whether the ticket came back to a team that had handed it over."""
    teams = [change.values["team"] for change in changes if "team" in change.values]
    return any(first == third for first, _, third in zip(teams, teams[1:], teams[2:], strict=False))
