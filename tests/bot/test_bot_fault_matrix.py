"""What the bot says × what goes wrong: the right words once, or something that an admin sees. Never silence.

Every surface meets every fault in each call that it needs. A slice of the table runs by default, in which each
surface and each fault is found; all of it with `make test-slow`.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, update

from bot.delivery import PAUSE, deliver_due
from bot.errands import ERRAND
from bot.intake import Job, Unasked
from bot.playground.faults import RESPONSE_URL, UPLOAD
from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import BOT_USER
from bot.testing import TODAY, small_desk
from bot.testing_surfaces import SURFACES, Scene, Surface, picture
from bot.work import WORKERS
from unstuck.clock import FrozenClock
from unstuck.notices import NOTICE
from unstuck.nudges.rules import FILE, RUNGS
from unstuck.nudges.sweep import NUDGE
from unstuck.testing_nudges import HASTY, sweep
from unstuck.troubles import recent

#: Seconds that calls may take here, and how long a slow one takes.
PATIENCE, SLOW = 0.25, 0.6
Order = Callable[[SlackStandIn, str], None]

#: What passes: the same call does better in a moment.
PASSING: dict[str, Order] = {
    "rate limit": lambda slack, method: slack.faults.rate_limit(method, retry_after=0),
    "server error": lambda slack, method: slack.faults.status(method, 503),
    "page of a proxy": lambda slack, method: slack.faults.page(method),
    "fatal error": lambda slack, method: slack.faults.refuse(method, "fatal_error"),
    "lost before": lambda slack, method: slack.faults.drop_before(method),
    "lost after": lambda slack, method: slack.faults.drop_after(method),
    "answer cut short": lambda slack, method: slack.faults.cut_short(method),
    "too slow": lambda slack, method: slack.faults.delay(method, SLOW),
}
#: After these Slack has done it, and we do not know.
DONE_UNKNOWN = frozenset({"lost after", "answer cut short", "too slow"})
#: What can be looked up nowhere: told twice rather than not at all, to one person alone.
NOT_FOUND_AGAIN = frozenset({RESPONSE_URL, "chat.postEphemeral"})
#: A trigger lives three seconds: what was not opened then never is.
TRIGGERED = "views.open"
#: What people are told when a thing cannot be told; the last is a window that nobody may fill any more.
APOLOGIES = (
    "Something went wrong on our side",
    "The window did not open in time",
    "Invite me with",
    "I cannot see who does",
    "window: Unstuck …",
)


def _archive(scene: Scene) -> None:
    scene.bot.slack.workspace.channels[scene.support].archived = True


def _delete(scene: Scene) -> None:
    del scene.bot.slack.workspace.channels[scene.support]


def _leave(scene: Scene) -> None:
    scene.bot.slack.workspace.channels[scene.support].members.remove(BOT_USER)


#: What stays as it is, for a channel.
LASTING: dict[str, Callable[[Scene], None]] = {"archived": _archive, "deleted": _delete, "bot removed": _leave}


def cells() -> Iterator[Any]:
    """Every surface, call and fault. By default each surface meets one fault in its last call, in turn."""
    for surface, usual in zip(SURFACES, itertools.cycle(PASSING), strict=False):
        for method, fault in itertools.product(surface.methods, PASSING):
            if (method, fault) == (UPLOAD, "fatal error"):
                continue  # An upload is answered by words, not by JSON.
            marks = [] if (method, fault) == (surface.methods[-1], usual) else [pytest.mark.slow]
            yield pytest.param(surface, method, fault, marks=marks, id=f"{surface.name}-{method}-{fault}")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("desk")
    (home / FILE).write_text(HASTY, encoding="utf-8")
    with (
        SlackStandIn() as slack,
        small_desk(home, slack, clock=FrozenClock(TODAY)) as deps,
        running(deps, slack) as bot,
    ):
        slack.unfurl_domains = ["desk.example"]
        bot.app.client.timeout = PATIENCE  # type: ignore[assignment]
        for _ in RUNGS:
            # The desk's own tickets reach nobody, on any rung: that is over before the first test.
            sweep(deps)
            deliver_due(deps, bot.app.client)
        yield bot


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the sake of manners."""
    monkeypatch.setattr("bot.posting.PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr("bot.posting.RESPOND_WITHIN_S", PATIENCE)
    monkeypatch.setattr("bot.delivery.TIMEOUT_S", PATIENCE)
    monkeypatch.setattr("bot.modals.PATIENCE_S", PATIENCE)
    monkeypatch.setattr("bot.modals.APPEARS_WITHIN", (0.05, 0.05))
    monkeypatch.setattr("slack_sdk.http_retry.builtin_handlers.random.random", lambda: 0.0)


numbers = itertools.count(1)


@pytest.fixture
def scene(desk: Running) -> Scene:
    assert isinstance(desk.deps.clock, FrozenClock)
    desk.deps.clock.at = TODAY
    with desk.deps.sessions.begin() as session:
        # What an earlier scene left to be tried again is none of this one's.
        session.execute(delete(ERRAND).where(ERRAND.c.lease_until.is_not(None)))
        session.execute(update(NUDGE).where(NUDGE.c.state.in_(("due", "sending"))).values(state="withdrawn"))
        session.execute(update(NUDGE).values(redraw=False))
        session.execute(update(NOTICE).where(NOTICE.c.state == "due").values(state="withdrawn"))
    return Scene(desk, next(numbers))


_right: dict[str, Counter[str]] = {}


def right(surface: Surface, desk: Running) -> Counter[str]:
    """What it looks like when nothing goes wrong."""
    if surface.of_the_desk or surface.name not in _right:
        scene = Scene(desk, next(numbers))
        surface.before(scene)
        before = picture(scene)
        surface.act(scene)
        scene.finish(rounds=1)
        _right[surface.name] = picture(scene)
        assert _right[surface.name] != before, "nothing is said"
    return _right[surface.name]


def troubles(desk: Running) -> set[Any]:
    with desk.deps.sessions() as session:
        return {(one.kind, one.word, one.times, one.place) for one in recent(session, desk.deps.clock.now())}


@contextmanager
def held_up(desk: Running) -> Iterator[None]:
    """What is asked within the block is worked on when it is over."""
    go = threading.Event()
    for _ in range(WORKERS):
        desk.work.take(Job(partial(_wait, go), Unasked("a pause")))
    try:
        yield
    finally:
        go.set()


def _wait(go: threading.Event) -> None:
    assert go.wait(60)


def is_apology(said: str) -> bool:
    return any(words in said for words in APOLOGIES)


@dataclass
class Before:
    """What stood there, and what an admin saw, before something went wrong."""

    scene: Scene
    wanted: Counter[str]

    def __post_init__(self) -> None:
        self.stood, self.known = picture(self.scene), troubles(self.scene.bot)

    @property
    def strange(self) -> list[str]:
        """What stands there and is neither right nor an apology."""
        return [one for one in picture(self.scene) - (self.wanted | self.stood) if not is_apology(one)]

    @property
    def troubles(self) -> set[Any]:
        return troubles(self.scene.bot) - self.known

    def check_not_silent(self) -> None:
        """The right words, or something that an admin sees; and nothing else but an apology."""
        assert self.strange == []
        if self.wanted - picture(self.scene):
            assert self.troubles or any(map(is_apology, picture(self.scene)))


@pytest.mark.parametrize(("surface", "method", "fault"), list(cells()))
def test_what_passes_ends_in_the_right_words_once(
    desk: Running, scene: Scene, surface: Surface, method: str, fault: str
) -> None:
    wanted = right(surface, desk)
    surface.before(scene)
    before = Before(scene, wanted)
    PASSING[fault](desk.slack, method)
    surface.act(scene)
    scene.finish()
    assert desk.slack.faults.take(method) is None, "the call was never made"
    seen = picture(scene)
    if method in NOT_FOUND_AGAIN and fault in DONE_UNKNOWN:
        assert set(seen) == set(wanted)
        assert all(wanted[one] <= seen[one] <= 2 * wanted[one] for one in seen)
    elif method == TRIGGERED and fault not in DONE_UNKNOWN:
        assert before.strange == []
        assert any(map(is_apology, seen))
        assert before.troubles
    else:
        assert seen == wanted


USUAL = {("answer in a channel", "archived"), ("share here", "bot removed"), ("nudge to a team", "deleted")}
IN_CHANNELS = [one for one in SURFACES if one.in_channel]


def lasting() -> Iterator[Any]:
    """Surfaces of a channel and what becomes of it."""
    for surface, fault in itertools.product(IN_CHANNELS, LASTING):
        if (surface.name, fault) == ("preview of a link", "deleted"):
            continue  # With its channel the message is gone: there is nothing to show a preview of.
        marks = [] if (surface.name, fault) in USUAL else [pytest.mark.slow]
        yield pytest.param(surface, fault, marks=marks, id=f"{surface.name}-{fault}")


@pytest.mark.parametrize(("surface", "fault"), list(lasting()))
def test_what_a_channel_no_longer_takes_is_seen(desk: Running, scene: Scene, surface: Surface, fault: str) -> None:
    wanted = right(surface, desk)
    surface.before(scene)
    before = Before(scene, wanted)
    with held_up(desk):
        surface.act(scene)
        LASTING[fault](scene)
    scene.finish(rounds=1)
    before.check_not_silent()


REVOKED = ("answer in a channel", "slash command", "home", "nudge to a person", "notice to a team")


@pytest.mark.parametrize(
    "surface",
    [pytest.param(one, marks=[] if one.name in REVOKED else [pytest.mark.slow], id=one.name) for one in SURFACES],
)
def test_a_revoked_token_is_seen_and_what_can_wait_comes_later(desk: Running, scene: Scene, surface: Surface) -> None:
    wanted = right(surface, desk)
    surface.before(scene)
    before = Before(scene, wanted)
    try:
        with held_up(desk):
            surface.act(scene)
            desk.slack.revoked = True
        scene.finish(rounds=1)
        before.check_not_silent()
    finally:
        desk.slack.revoked = False
    if surface.name.startswith(("nudge", "notice")):
        assert isinstance(desk.deps.clock, FrozenClock)
        desk.deps.clock.tick(2 * PAUSE)
        scene.finish(rounds=1)
        assert picture(scene) == wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("surface", "method"),
    [pytest.param(one, method, id=f"{one.name}-{method}") for one in SURFACES for method in one.methods],
)
def test_a_slack_that_stays_away_is_seen(desk: Running, scene: Scene, surface: Surface, method: str) -> None:
    wanted = right(surface, desk)
    surface.before(scene)
    before = Before(scene, wanted)
    desk.slack.faults.status(method, 503, times=500)
    try:
        surface.act(scene)
        scene.finish(rounds=2)
        assert before.troubles
        before.check_not_silent()
    finally:
        desk.slack.faults.clear()
    scene.finish(rounds=1)
    assert before.strange == []


WINDOWS = [one for one in SURFACES if TRIGGERED in one.methods]


@pytest.mark.parametrize("surface", WINDOWS, ids=lambda surface: surface.name)
@pytest.mark.parametrize("error", ["expired_trigger_id", pytest.param("exchanged_trigger_id", marks=pytest.mark.slow)])
def test_a_window_that_did_not_open_is_said_and_seen(desk: Running, scene: Scene, surface: Surface, error: str) -> None:
    surface.before(scene)
    before = Before(scene, Counter())
    desk.slack.faults.refuse(TRIGGERED, error)
    surface.act(scene)
    scene.finish(rounds=1)
    [said] = (picture(scene) - before.stood).elements()
    assert "The window did not open in time" in said
    assert {(kind, word) for kind, word, _, _ in before.troubles} == {("form", error)}


ALONE = [one for one in SURFACES if one.methods[-1] == RESPONSE_URL and one.name != "share here"]


@pytest.mark.parametrize("surface", ALONE, ids=lambda surface: surface.name)
def test_what_a_used_up_response_url_does_not_take_comes_in_the_direct_conversation(
    desk: Running, scene: Scene, surface: Surface
) -> None:
    wanted = right(surface, desk)
    surface.before(scene)
    before = picture(scene)
    with held_up(desk):
        surface.act(scene)
        for url in desk.slack.workspace.response_urls.values():
            url["left"] = 0
    scene.finish(rounds=1)
    said = sorted(one.partition(": ")[2] for one in (picture(scene) - before).elements())
    assert said == sorted(one.partition(": ")[2] for one in (wanted - before).elements())
