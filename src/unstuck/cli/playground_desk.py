"""The desk that the playground plays with: always a copy, so that nothing done there touches the original."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from unstuck.cli.options import clock, progress
from unstuck.clock import Clock, RunningClock, SystemClock, iso
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.deps import Deps
    from unstuck.settings import Settings

#: Below the home directory: the demo desk, kept between runs. Below a desk: the copy that one run works on.
DEMO, RUN = "demo-desk", "playground"
#: Says that the demo desk is in and learned, up to which moment.
READY = "playground-ready"
_DATABASE, _CACHES, _RULES = "unstuck.db", ("knowledge", "facts"), "nudges.toml"
_DEMO_TIMEZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A desk to play with."""

    settings: Settings
    clock: Clock
    #: IANA time zone of people by their language.
    zones: dict[str, str] = field(default_factory=dict)


def prepare(home: Path | None, as_of: str | None, lang: Lang) -> Prepared:
    """A fresh copy of the desk in `home`, or of the demo desk, which is made when it is not there yet.

    "Now" is `as_of`, else the end of the demo desk's history, else this machine's time; it goes on from there.
    """
    from unstuck import settings

    # A slip in the time is told before minutes of work, not after.
    asked = clock(as_of) if as_of else None
    chosen = settings.load(home=home)
    desk = chosen.directory if home else chosen.directory / DEMO
    # The reader's own database, vectors and model of meaning stay out of it; a language model may help.
    ours = chosen.model_copy(update={"home": desk, "database_url": None, "chroma_url": None, "embedder": None})
    own = home is not None and _holds_own_tickets(desk)
    end = None if own else _make_demo(ours.model_copy(update={"timezone": _DEMO_TIMEZONE}), lang)
    here = ours.model_copy(update={"home": _copy(desk)})
    if end is None:
        return Prepared(here, RunningClock((asked or SystemClock()).now()))
    start = asked.now() if asked else end
    zones: dict[str, str] = {"en": "Europe/Berlin", "zh": _DEMO_TIMEZONE}
    return Prepared(here.model_copy(update={"timezone": _DEMO_TIMEZONE}), RunningClock(start), zones)


def _holds_own_tickets(desk: Path) -> bool:
    """Whether a source other than the demo desk has been imported here."""
    from unstuck.demo.desk import SOURCE

    if not (desk / _DATABASE).exists():
        return False
    with closing(sqlite3.connect(desk / _DATABASE)) as store:
        tables = "SELECT count(*) FROM sqlite_master WHERE name = 'source'"
        if not store.execute(tables).fetchone()[0]:
            return False
        return bool(store.execute("SELECT count(*) FROM source WHERE name <> ?", (SOURCE,)).fetchone()[0])


def _make_demo(settings: Settings, lang: Lang) -> datetime:
    """Load the demo desk and learn from it unless that has been done; the end of its history."""
    from unstuck import deps
    from unstuck.demo.planted import DESK_NOW

    ready = settings.directory / READY
    if ready.exists() and ready.read_text(encoding="utf-8") == iso(DESK_NOW):
        return DESK_NOW
    built = deps.build(settings, clock=RunningClock(DESK_NOW))
    try:
        _fill(built, lang)
    finally:
        built.close()
    ready.write_text(iso(DESK_NOW), encoding="utf-8")
    return DESK_NOW


def _fill(built: Deps, lang: Lang) -> None:
    from knowledge.errors import KnowledgeError
    from knowledge.models import build
    from unstuck.demo import desk, load
    from unstuck.sync import learn_solved

    with Progress(console=progress, transient=True) as bar:
        load.load(built.engine, desk.generate(), _shown(bar, t("tour.loading", lang)))
        try:
            build.fetch_all()
        except KnowledgeError:
            progress.print(t("tour.no_model", lang), highlight=False)
        learn_solved(built.sessions, built.knowledge, progress=_shown(bar, t("tour.learning", lang)))


def _shown(bar: Progress, words: str) -> Callable[[int, int], None]:
    task = bar.add_task(words, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)


def _copy(desk: Path) -> Path:
    """What one run works on: as the desk is now, without what earlier nudges and answers said in Slack."""
    run = desk / RUN
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    with closing(sqlite3.connect(desk / _DATABASE)) as store, closing(sqlite3.connect(run / _DATABASE)) as copy:
        store.backup(copy)
        for table in ("nudge", "notice", "seen_event", "thread", "watch"):
            copy.execute(f"DELETE FROM {table}")
        copy.execute("UPDATE knowledge_use SET channel = NULL, thread_ts = NULL")
        copy.commit()
    for name in _CACHES:
        if (desk / name).is_dir():
            shutil.copytree(desk / name, run / name)
    if (desk / _RULES).exists():
        shutil.copy(desk / _RULES, run)
    return run
