"""`unstuck demo`: the tour. Everything real, on a made-up desk, in a Slack that stands in for Slack.

Each stop is one function that shows something and returns what `--json` prints of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from unstuck.cli.options import print_json, progress
from unstuck.clock import iso
from unstuck.i18n import Lang, format_duration, t

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.playground.standin import SlackStandIn
    from unstuck.demo.desk import Desk
    from unstuck.demo.questions import HeldOut
    from unstuck.deps import Deps
    from unstuck.insights.ask import Told

#: Where the tour keeps its desk and the chart unless `--home` says otherwise.
DEFAULT_HOME = Path("demo-out")
_SHOWN_NUDGES, _SHOWN_ROWS, _SHOWN_COLUMNS = 5, 6, 4
#: What the two agents ask about; their questions are held out of the desk's texts.
_AGENTS_PROBLEMS = ("fridge-ice-back-wall", "ac-not-cooling-f1")
#: Question, language, name of its chart. Between them they find what is planted in the desk's history.
_MANAGERS_QUESTIONS: tuple[tuple[str, Lang, str], ...] = (
    ("where are tickets stuck this week", "en", "stuck"),
    ("本周工单卡在哪个环节", "zh", "stuck-zh"),
    ("where were tickets stuck in October in business hours", "en", "stuck-october"),
    ("本周哪个产品的新建工单比上周增加最多", "zh", "surge"),
)


@dataclass(frozen=True, slots=True)
class Tour:
    """What every stop works with."""

    deps: Deps
    desk: Desk
    lang: Lang
    #: Where people read along; with `--json` it is stderr.
    out: Console

    def heading(self, stop: str) -> None:
        self.out.rule(f"[bold]{t(f'tour.{stop}', self.lang)}", align="left")

    def say(self, key: str, **params: object) -> None:
        self.out.print(t(f"tour.{key}", self.lang, **params), highlight=False, markup=False)

    @contextmanager
    def bar(self, key: str) -> Iterator[_Bar]:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=progress, transient=True) as shown:
            yield _Bar(shown, shown.add_task(t(f"tour.{key}", self.lang), total=None))


@dataclass(frozen=True, slots=True)
class _Bar:
    """A progress bar that hears (done, in all)."""

    shown: Progress
    task: Any

    def at(self, done: int, total: int) -> None:
        self.shown.update(self.task, completed=done, total=total)


def run(*, home: Path | None, lang: Lang, json: bool) -> None:
    """Take the tour: about two minutes the first time, less when the desk and the model are there."""
    from unstuck import deps, settings
    from unstuck.clock import FrozenClock
    from unstuck.demo import desk

    made = desk.generate()
    chosen = settings.load(home=home or DEFAULT_HOME, timezone="Asia/Shanghai")
    # The tour is the same for everybody: the reader's own database, models and Slack stay out of it.
    isolated = chosen.model_copy(update={"database_url": None, "chroma_url": None, "embedder": None, "model": None})
    built = deps.build(isolated, clock=FrozenClock(made.end))
    tour = Tour(built, made, lang, progress if json else Console(highlight=False))
    try:
        seen = {name: stop(tour) for name, stop in STOPS.items()}
    finally:
        built.close()
    if json:
        print_json(seen)


def load_desk(tour: Tour) -> dict[str, Any]:
    """Stop 1: three months of a bilingual after-sales desk."""
    from unstuck.demo import load

    tour.heading("desk")
    with tour.bar("loading") as bar:
        loaded = load.load(tour.deps.engine, tour.desk, bar.at)
    counts = {"tickets": loaded.tickets, "changes": loaded.changes, "teams": len(tour.desk.teams)}
    tour.say("desk_is_in", home=tour.deps.settings.directory, **counts)
    return counts


def learn(tour: Tour) -> dict[str, Any]:
    """Stop 2: what the desk has solved becomes what it knows."""
    from knowledge.errors import KnowledgeError
    from knowledge.models import build
    from unstuck.sync import learn_solved

    tour.heading("knowledge")
    try:
        with progress.status(t("tour.model", tour.lang)):
            build.fetch_all()
    except KnowledgeError:
        tour.say("no_model")
    with tour.bar("learning") as bar:
        learned = learn_solved(tour.deps.sessions, tour.deps.knowledge, progress=bar.at)
    status = tour.deps.knowledge.status()
    tour.say("learned", cards=status["cards"], skipped=len(learned.skipped))
    return {"cards": status["cards"], "learned": learned.learned, "embedder": status["embedder"]}


def answer_agents(tour: Tour) -> list[dict[str, Any]]:
    """Stop 3: an English and a Chinese question, and one that this desk cannot answer."""
    tour.heading("agents")
    return [_answer(tour, question) for question in _agents_questions(tour.desk)]


def _agents_questions(desk: Desk) -> list[HeldOut]:
    """One that can be answered in each language, then one that cannot."""
    about = zip(_AGENTS_PROBLEMS, ("en", "zh"), strict=True)
    known = [next(q for q in desk.questions if (q.problem, q.lang) == one) for one in about]
    return [*known, next(q for q in desk.questions if q.problem is None)]


def _answer(tour: Tour, asked: HeldOut) -> dict[str, Any]:
    from knowledge.cards import Question
    from unstuck.cli.knowledge import answer_lines

    answer = tour.deps.knowledge.ask(Question(asked.text))
    lines = "\n".join(answer_lines(answer, asked.lang, tour.deps.clock.now()))
    tour.out.print(Panel(_plain(lines), title=_plain(asked.text), title_align="left"))
    citations = [citation.id for citation in answer.citations]
    return {"question": asked.text, "answered": answer.answered, "citations": citations}


def ask_as_manager(tour: Tour) -> list[dict[str, Any]]:
    """Stop 4: where tickets are stuck, in both languages; the chart is saved."""
    tour.heading("managers")
    return [_ask(tour, *question) for question in _MANAGERS_QUESTIONS]


def _ask(tour: Tour, text: str, lang: Lang, name: str) -> dict[str, Any]:
    from unstuck.insights import ask

    reply = ask.answer(tour.deps, text, lang=lang)
    if reply.told is None:
        raise RuntimeError(f"the tour's own question was not understood: {text}")
    told, chart = reply.told, tour.deps.settings.directory / f"{name}.png"
    tour.out.print(Panel(_table(told), title=text, title_align="left"))
    tour.out.print(told.sentence, markup=False)
    tour.out.print(told.restatement, style="dim", markup=False)
    if picture := ask.picture(told.plan, told, lang):
        chart.write_bytes(picture)
        tour.say("chart", path=chart)
    return {"question": text, "rows": reply.as_json()["rows"], "chart": str(chart)}


def _table(told: Told) -> Table:
    """The first columns and rows: what fits a terminal of 80 columns."""
    table = Table(*told.columns[:_SHOWN_COLUMNS], box=None)
    for row in told.rows[:_SHOWN_ROWS]:
        table.add_row(*map(_plain, row[:_SHOWN_COLUMNS]))
    return table


def nudge(tour: Tour) -> dict[str, Any]:
    """Stop 5: the nudges due, one of them sent through the real bot, and its button pressed."""
    from bot.playground.standin import SlackStandIn

    tour.heading("nudges")
    due = _plan(tour)
    with SlackStandIn(clock=tour.deps.clock) as slack:
        for agent in tour.desk.agents:
            slack.add_user(agent.first, email=agent.email, locale="zh-CN" if agent.lang == "zh" else "en-US")
        return {"due": due, **_push_one(tour, slack)}


def _plan(tour: Tour) -> int:
    """Sweep the desk as every minute does, show the first nudges, and return how many are due."""
    from unstuck.nudges import desk, message, plan, sweep
    from unstuck.tickets.database import reading

    deps, now = tour.deps, tour.deps.clock.now()
    _forget_earlier_tours(deps)
    with progress.status(t("tour.sweeping", tour.lang)):
        house = desk.open_desk(deps.engine, deps.facts, deps.settings, now)
        with reading(deps.engine) as connection:
            findings = sweep.look(connection, house, now)
        plan.plan_nudges(deps.sessions, findings, house)
    with reading(deps.engine) as connection:
        waiting = _waiting(connection)
        shown = [message.view(connection, nudge, house, tour.lang) for nudge in waiting[:_SHOWN_NUDGES]]
    table = Table("", *(t(f"tour.col_{name}", tour.lang) for name in ("ticket", "stage", "waited", "who")), box=None)
    for view in shown:
        waited = format_duration(view.waited, tour.lang)
        table.add_row("•", *map(_plain, (view.ticket, view.stage, waited, view.recipient_name)))
    tour.out.print(table)
    tour.say("due", n=len(waiting))
    return len(waiting)


def _forget_earlier_tours(deps: Deps) -> None:
    """Nudges of an earlier tour stand in a Slack that is gone. A desk of the reader's own keeps its nudges."""
    from sqlmodel import col, delete, select

    from unstuck.demo.desk import SOURCE
    from unstuck.nudges.sweep import look_at_all
    from unstuck.tickets.tables import Nudge, Source, Ticket

    made_up = select(Ticket.id).join(Source, col(Source.id) == Ticket.source_id).where(Source.name == SOURCE)
    with deps.sessions.begin() as session:
        session.execute(delete(Nudge).where(col(Nudge.ticket_id).in_(made_up)))
        look_at_all(session.connection(), deps.clock.now())


def _waiting(connection: Connection) -> list[int]:
    from sqlmodel import col, select

    from unstuck.tickets.tables import Nudge

    at_once = Nudge.state == "due", col(Nudge.digest).is_(None)
    due = select(col(Nudge.id)).where(*at_once).order_by(col(Nudge.id))
    return [row.id for row in connection.execute(due)]


def _push_one(tour: Tour, slack: SlackStandIn) -> dict[str, Any]:
    """Deliver one nudge to the stand-in, press "I'm on it" as its reader would, and see it settled."""
    from bot.app import create_app
    from bot.blocks.nudges import MINE
    from bot.delivery import deliver_due
    from bot.serving import over_socket
    from bot.work import Work

    deps = replace(tour.deps, settings=tour.deps.settings.model_copy(update=_slack_settings(slack)))
    work = Work()
    app = create_app(deps, work=work)
    try:
        with over_socket(app, deps.settings):
            deliver_due(deps, app.client, at_most=1)
            sent = slack.wait_for(lambda: next((m for m in slack.messages(by_bot=True) if m.metadata), None))
            reader = _reader(slack, sent.channel)
            tour.say("sent", who=slack.workspace.user(reader).name, text=sent.text)
            slack.press(reader, sent, MINE)
            outcome = slack.wait_for(lambda: _outcome(deps))
    finally:
        work.stop()
    tour.say("settled", who=slack.workspace.user(reader).name)
    return {"sent": sent.metadata, "outcome": outcome}


def _slack_settings(slack: SlackStandIn) -> dict[str, Any]:
    return {
        "slack_api_url": slack.url,
        "slack_bot_token": SecretStr(slack.bot_token),
        "slack_app_token": SecretStr(slack.app_token),
        "slack_signing_secret": SecretStr(slack.signing_secret),
    }


def _reader(slack: SlackStandIn, channel: str) -> str:
    """Somebody who sees the message: the other side of a direct message, or anybody in the channel."""
    from bot.playground.workspace import BOT_USER

    users = slack.workspace.users
    return next(
        member for member in slack.workspace.channels[channel].members if member in users and member != BOT_USER
    )


def _outcome(deps: Deps) -> str | None:
    from sqlmodel import col, select

    from unstuck.tickets.tables import Nudge

    with deps.sessions() as session:
        return session.scalars(select(Nudge.outcome).where(col(Nudge.outcome).is_not(None))).first()


def what_next(tour: Tour) -> None:
    """The last stop: what to type now."""
    tour.heading("next")
    here = Path.cwd()
    command, home = (_from(here, Path(path)) for path in (sys.argv[0], tour.deps.settings.directory))
    # Not wrapped: these lines are to be copied.
    lines = t("tour.commands", tour.lang, unstuck=command, home=home, now=iso(tour.desk.end))
    tour.out.print(lines, highlight=False, markup=False, soft_wrap=True)


def _from(here: Path, path: Path) -> str:
    """`path` as it is typed in the directory `here`."""
    absolute = path if path.is_absolute() else here / path
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _plain(text: str) -> str:
    """`text` with nothing that the terminal would take for markup."""
    return escape(text)


#: The tour, in order.
STOPS: dict[str, Callable[[Tour], Any]] = {
    "desk": load_desk,
    "knowledge": learn,
    "agents": answer_agents,
    "managers": ask_as_manager,
    "nudges": nudge,
    "next": what_next,
}
