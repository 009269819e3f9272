"""What happens by itself: look for stalls every minute, deliver, learn what late means and what solved problems.

Slack is not known here: whoever starts the jobs hands in `deliver` (`bot.delivery.deliver_due`). Each job runs
once at a time in a process; between processes rows, leases and revisions keep them from doing work twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from unstuck.clock import SystemClock
from unstuck.deps import Deps
from unstuck.nudges.desk import Desk, learn, read_desk
from unstuck.nudges.follow import follow
from unstuck.nudges.plan import Planned, plan_nudges
from unstuck.nudges.sweep import look, look_anew
from unstuck.stalls.clocks import Calendars
from unstuck.stalls.thresholds import Group, Threshold
from unstuck.tickets.calendars import load_calendars
from unstuck.tickets.database import reading

log = logging.getLogger("unstuck.jobs")

Deliver = Callable[[], object]

#: How often the sweep runs, and how long what was learned holds.
SWEEP_EVERY, RELEARN_AFTER = timedelta(minutes=1), timedelta(hours=12)
#: With nothing learned yet (no history, say), try again sooner.
RETRY_AFTER = timedelta(minutes=10)
#: How often the risks of open tickets are reckoned.
RISKS_EVERY = timedelta(hours=1)
#: How often solved tickets become knowledge.
KNOW_EVERY = timedelta(hours=1)
#: How often ticket systems are read, and how soon after they say that there is news.
SYNC_EVERY, HOOKS_EVERY = timedelta(minutes=5), timedelta(seconds=2)
#: Hour, UTC, at which each source is checked against its ticket system.
RECONCILE_AT = 2


@dataclass(slots=True)
class Jobs:
    """The jobs of one process."""

    deps: Deps
    deliver: Deliver | None = None
    _learned: Mapping[Group, Threshold] = field(default_factory=dict)
    _learned_at: datetime | None = None
    #: By which tickets were looked at last.
    _desk: Desk | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    #: Set when the process wants to end: a job of hours stops at its next slice.
    stopping: threading.Event = field(default_factory=threading.Event)

    def run_once(self) -> Planned:
        """One round: find stalls, write nudges down, deliver what is due."""
        with self._lock:
            planned = self.sweep()
            self.follow()
            self.hand_back()
            if self.deliver is not None:
                self.deliver()
            # Last: it looks at all of history, and what it finds can wait a minute.
            self.early()
        return planned

    def sweep(self) -> Planned:
        """Find stalls among tickets that changed or whose time has come, and write nudges down."""
        now = self.deps.clock.now()
        learned = self._up_to_date(now)
        with reading(self.deps.engine) as connection:
            desk = read_desk(connection, self.deps.settings, learned)
        with self.deps.sessions.begin() as session:
            look_anew(session.connection(), self._desk, desk, now)
        with reading(self.deps.engine) as connection:
            findings = look(connection, desk, now)
        planned = plan_nudges(self.deps.sessions, findings, desk)
        self._desk = desk
        log.info("sweep: %s", planned)
        return planned

    def follow(self) -> None:
        """See what became of the nudges that are out."""
        with self.deps.sessions.begin() as session:
            desk = read_desk(session.connection(), self.deps.settings, {})
            follow(session, desk, self.deps.clock.now())

    def hand_back(self) -> None:
        """Put back into the queue what the ownership contract says; the next sync writes it."""
        from unstuck.hand_back import give_back_due, tell_refused

        settings = self.deps.settings
        with self.deps.sessions.begin() as session:
            desk = read_desk(session.connection(), settings, {})
            give_back_due(session, desk, settings.directory, self.deps.clock, settings.lang)
            tell_refused(session, self.deps.clock)

    def early(self) -> None:
        """Once a morning: what managers should hear before it is late."""
        from unstuck.nudges import early

        early.tell(self.deps.engine, self.deps.facts, self.deps.settings, self.deps.clock.now())

    def _up_to_date(self, now: datetime) -> Mapping[Group, Threshold]:
        """What late means, learned anew twice a day."""
        holds = RELEARN_AFTER if self._learned else RETRY_AFTER
        if self._learned_at is None or now - self._learned_at >= holds:
            with reading(self.deps.engine) as connection:
                calendars = Calendars(load_calendars(connection))
            self._learned, self._learned_at = learn(self.deps.facts, calendars, now), now
            log.info("learned %s thresholds", len(self._learned))
        return self._learned

    def know(self) -> None:
        """Learn the resolutions of tickets that have been solved since, and what became of those that were used."""
        from unstuck.sync import learn_solved
        from unstuck.uses import follow_uses

        learn_solved(
            self.deps.sessions,
            self.deps.knowledge,
            model=self.deps.model,
            ask_first=self.deps.settings.approve_cards,
            enough=self.stopping.is_set,
        )
        lasting = timedelta(days=self.deps.settings.reused_after_days)
        follow_uses(self.deps.sessions, self.deps.knowledge, self.deps.clock.now(), lasting)

    def risks(self) -> None:
        """Which open tickets may well be late soon."""
        from unstuck.nudges.risks import reckon

        reckon(self.deps.engine, self.deps.facts, self.deps.clock.now(), RISKS_EVERY / 2)

    def retire(self) -> None:
        """Which rules people find wrong too often."""
        from unstuck.nudges import retire, rules

        settings = self.deps.settings
        retire.propose(self.deps.engine, rules.load(settings.directory), settings.timezone, self.deps.clock.now())

    def days_off(self) -> None:
        """Which days ahead may be off though the calendar does not say so."""
        from unstuck.nudges import days_off, rules

        settings, now = self.deps.settings, self.deps.clock.now()
        days_off.propose(self.deps.engine, self.deps.facts, rules.load(settings.directory), settings.timezone, now)

    def upkeep(self) -> None:
        """Once a week: what the knowledge base needs people for, and what is new."""
        from unstuck.upkeep import weekly

        weekly(self.deps)

    def sync(self) -> None:
        """Read every ticket system that nobody has read just now, and write to it what is due."""
        from unstuck.sources import rounds

        rounds.sync_all(self.deps.settings.directory, self.deps.sessions, self.deps.clock, SYNC_EVERY / 2)

    def follow_hooks(self) -> None:
        """Read the ticket systems that said there is news."""
        from unstuck.sources import rounds

        rounds.follow_hooks(self.deps.settings.directory, self.deps.sessions, self.deps.clock)

    def reconcile(self) -> None:
        """Check every source against its ticket system."""
        from unstuck.sources import rounds

        rounds.reconcile_all(self.deps.settings.directory, self.deps.sessions, self.deps.clock)


def run_once(deps: Deps, deliver: Deliver | None = None) -> Planned:
    """One round of the minute job: for tests, the tour and the command line."""
    return Jobs(deps, deliver).run_once()


@contextmanager
def running(deps: Deps, deliver: Deliver | None = None, *, know: bool = True) -> Iterator[Jobs]:
    """The jobs at work in the background. The last round is waited for at the end."""
    from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]

    jobs = Jobs(deps, deliver)
    # A round that is late runs once, not as often as it was missed.
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None})
    # The loop goes by the machine's clock, also where "now" is another one.
    start = SystemClock().now() + timedelta(seconds=1)
    every = int(SWEEP_EVERY.total_seconds())
    scheduler.add_job(guarded(jobs.run_once, "sweep"), "interval", seconds=every, next_run_time=start)
    if know:
        seconds = int(KNOW_EVERY.total_seconds())
        scheduler.add_job(guarded(jobs.know, "know"), "interval", seconds=seconds, next_run_time=start)
        # Whether the week's turn has come is written in the database; this only asks.
        scheduler.add_job(guarded(jobs.upkeep, "upkeep"), "interval", seconds=seconds, next_run_time=start)
    for job, step in (
        (jobs.risks, RISKS_EVERY),
        (jobs.retire, RISKS_EVERY),
        (jobs.days_off, RISKS_EVERY),
        (jobs.sync, SYNC_EVERY),
        (jobs.follow_hooks, HOOKS_EVERY),
    ):
        seconds = int(step.total_seconds())
        scheduler.add_job(guarded(job, job.__name__), "interval", seconds=seconds, next_run_time=start)
    scheduler.add_job(guarded(jobs.reconcile, "reconcile"), "cron", hour=RECONCILE_AT)
    scheduler.start()
    try:
        yield jobs
    finally:
        jobs.stopping.set()
        scheduler.shutdown(wait=True)


def guarded(job: Callable[[], object], name: str) -> Callable[[], None]:
    """A job that fails is logged and runs again the next time."""

    def run() -> None:
        try:
            job()
        except Exception:
            log.exception("job %s failed", name)

    return run
