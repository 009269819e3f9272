"""Commands: ask, and eval questions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unstuck.cli import evals
from unstuck.cli.options import AsOf, Home, Json, LangOption, clock, lang_or, print_json
from unstuck.errors import UsageError, UserError
from unstuck.i18n import Lang, language_of, t

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from unstuck.deps import Deps
    from unstuck.insights.ask import Reply
    from unstuck.insights.evaluate import Judged

Questions = Annotated[
    Path | None, typer.Option("--questions", help='JSON lines: {"id", "text", "thread"?, "as_of"?, …}.')
]
ThreadOption = Annotated[str | None, typer.Option("--thread", help="Conversation that this question goes on from.")]
As = Annotated[str | None, typer.Option("--as", help="Who asks; without it, you: everything may be seen.")]
Chart = Annotated[Path | None, typer.Option("--chart", help="Save the chart as PNG here.")]


Rows = Annotated[Path | None, typer.Option("--rows", help="Save the rows here: FILE.csv or FILE.xlsx.")]
Replay = Annotated[int | None, typer.Option("--replay", help="Number of an earlier answer: compute it again.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("ask")(ask)
    evals.group.command("questions")(eval_questions)


def ask(
    question: Annotated[
        str | None, typer.Argument(help="A question about the flow of work, English or Chinese.")
    ] = None,
    questions: Questions = None,
    thread: ThreadOption = None,
    as_user: As = None,
    chart: Chart = None,
    rows: Rows = None,
    replay: Replay = None,
    as_of: AsOf = None,
    lang: LangOption = None,
    json_: Json = False,
    home: Home = None,
) -> None:
    """Answer a manager's question with a number, or say what was not understood."""
    if sum(given is not None for given in (question, questions, replay)) != 1:
        raise UsageError("ask_what")
    if lang is not None:
        lang_or("en", lang)  # refuses an unknown one; in a file each line may name its own
    deps = _deps(home, as_of)
    with closing(deps), closing(deps.facts.connect()) as con:
        if questions is not None:
            _ask_all(deps, con, questions, as_user, lang, json_=json_)
            return
        if replay is not None:
            reply, spoken = _again(deps, con, replay, lang)
        else:
            reply, spoken = _reply(deps, con, {"text": question, "thread": thread, "as": as_user, "lang": lang})
        _print(reply, spoken, json_=json_)
        if rows is not None:
            _save_rows(reply, rows)
        if chart is not None:
            _save_chart(reply, chart, spoken)


def eval_questions(
    path: Annotated[Path, typer.Argument(metavar="FILE", help='JSON lines: {"id", "text", "expect", "plan"?, …}.')],
    lang: LangOption = None,
    json_: Json = False,
    home: Home = None,
) -> None:
    """Score the planner on questions whose outcome is known: right, asked, refused, wrong, with bounds."""
    from unstuck.insights.evaluate import report

    deps = _deps(home, None)
    with closing(deps), closing(deps.facts.connect()) as con:
        counted = report(_judged(deps, con, path))
    if json_:
        print_json(counted)
        return
    from unstuck.cli import told

    told.show_scores(counted, lang_or("en", lang))


def _judged(deps: Deps, con: DuckDBPyConnection, path: Path) -> Iterator[Judged]:
    from unstuck.insights.evaluate import Judged, judge

    run = uuid.uuid4().hex
    for expected in read_questions(path):
        asked = expected | ({"thread": f"{run}:{expected['thread']}"} if expected.get("thread") else {})
        status, plan, spoken = "refuse", None, language_of(str(expected["text"]))
        with suppress(UserError):
            reply, spoken = _reply(deps, con, asked)
            status, plan = reply.status, reply.plan
        kind = str(expected.get("plan", {}).get("kind", expected.get("expect", "answer")))
        verdict = judge(expected, status, plan)
        yield Judged(str(expected.get("id", "")), str(expected["text"]), expected.get("lang", spoken), kind, verdict)


def _deps(home: Path | None, as_of: str | None) -> Deps:
    from unstuck import deps, settings

    return deps.build(settings.load(home=home), clock=clock(as_of))


def _reply(deps: Deps, con: DuckDBPyConnection, asked: dict[str, Any]) -> tuple[Reply, Lang]:
    from unstuck.insights.ask import answer
    from unstuck.insights.plan import Scope

    text = str(asked["text"])
    lang = lang_or(language_of(text), asked.get("lang") if asked.get("lang") in ("en", "zh") else None)
    now: datetime | None = clock(asked["as_of"]).now() if asked.get("as_of") else None
    asker = asked.get("as")
    scope = Scope(persons=_may_see_persons(deps, asker))
    reply = answer(deps, text, lang=lang, scope=scope, thread=asked.get("thread"), asker=asker, now=now, con=con)
    return reply, lang


def _may_see_persons(deps: Deps, asker: str | None) -> bool:
    """Whoever runs the command line for themselves owns the data; somebody named needs to be a manager."""
    named = {name.strip() for name in f"{deps.settings.managers},{deps.settings.admins}".split(",") if name.strip()}
    return asker is None or asker in named


def _ask_all(
    deps: Deps, con: DuckDBPyConnection, path: Path, as_user: str | None, lang: str | None, *, json_: bool
) -> None:
    # Conversations of a file begin with the file: what was asked under the same name before is another one.
    run = uuid.uuid4().hex
    for asked in read_questions(path):
        if asked.get("thread") is not None:
            asked["thread"] = f"{run}:{asked['thread']}"
        for name, given in (("as", as_user), ("lang", lang)):
            if given is not None:
                asked.setdefault(name, given)
        try:
            reply, spoken = _reply(deps, con, asked)
            document = reply.as_json()
        except UserError as error:
            spoken = language_of(str(asked["text"]))
            document = _failed(error, spoken)
            reply = None
        if json_ or reply is None:
            print_json({"id": asked.get("id")} | document)
        else:
            _print(reply, spoken, json_=False)


def _failed(error: UserError, lang: Lang) -> dict[str, Any]:
    """A question that was understood but cannot be answered must not end the others."""
    reason = t(f"errors.{error.key}", lang, **error.params)
    return {
        "status": "refuse",
        "restatement": reason,
        "plan": None,
        "sql": None,
        "columns": [],
        "rows": [],
        "n": 0,
        "unit": None,
        "notes": [],
        "unexplained": [],
    }


def read_questions(path: Path) -> Iterator[dict[str, Any]]:
    """Questions of a file of JSON lines. Raises `UserError` for a file or line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UserError("questions_unreadable", path=path) from None
    yield from _questions(path, lines)


def _questions(path: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
            if not isinstance(asked["text"], str):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            raise UserError("question_malformed", path=path, line=number) from None
        yield asked


def _print(reply: Reply, lang: Lang, *, json_: bool) -> None:
    if json_:
        print_json(reply.as_json())
        return
    from unstuck.cli import told

    told.show(reply, lang)


def _again(deps: Deps, con: DuckDBPyConnection, number: int, lang: str | None) -> tuple[Reply, Lang]:
    from unstuck.cli.options import chosen_lang
    from unstuck.insights.ask import replay

    spoken = lang_or(chosen_lang(), lang)
    return replay(deps, number, lang=spoken, con=con), spoken


def _save_rows(reply: Reply, path: Path) -> None:
    from unstuck.insights import rows_file

    if reply.told is None:
        raise UserError("no_rows_to_save")
    try:
        path.write_bytes(rows_file.content(reply.told, path.suffix))
    except OSError:
        raise UserError("rows_not_written", path=path) from None


def _save_chart(reply: Reply, path: Path, lang: Lang) -> None:
    from unstuck.insights.ask import picture

    drawn = picture(reply.told.plan, reply.told, lang) if reply.told is not None else None
    if drawn is None:
        raise UserError("no_chart")
    try:
        path.write_bytes(drawn)
    except OSError:
        raise UserError("chart_not_written", path=path) from None
