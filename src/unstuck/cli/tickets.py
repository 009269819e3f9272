"""`unstuck import`: tickets from a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unstuck import settings
from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json, progress
from unstuck.clock import SystemClock
from unstuck.errors import UserError
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.imports.importer import Plan, Progress, Report
    from unstuck.tickets.tables import Calendar


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("import")(import_)


def import_(
    path: Annotated[Path, typer.Argument(help="CSV, XLSX, JSON lines or XES file, plain or .gz.")],
    map_file: Annotated[Path | None, typer.Option("--map", help="TOML file that says what the columns mean.")] = None,
    source: Annotated[str | None, typer.Option(help="Name of the desk these tickets belong to.")] = None,
    calendar: Annotated[Path | None, typer.Option(help="TOML file with the business hours.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Time zone of times without an offset.")] = None,
    save_map: Annotated[Path | None, typer.Option(help="Write the map that was used to this file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be stored, and store nothing.")] = False,
    home: Home = None,
    lang: LangOption = None,
    as_json: Json = False,
) -> None:
    """Import tickets and their history from a file. Importing twice adds nothing."""
    from unstuck.cli import imported
    from unstuck.imports import calendar_file, importer, mapping

    words = lang_or(chosen_lang(), lang)
    started = time.monotonic()
    given = mapping.read_map(map_file) if map_file else None
    calendars = calendar_file.read_calendars(calendar) if calendar else []
    plan = importer.plan(path, given, timezone)
    imported.say_how(plan, words)
    try:
        with imported.bar(plan, words) as show:
            report = _run(plan, home, source, calendars, dry_run, show)
        if not dry_run:
            _prepare_questions(home, words)
    except importer.AllRejectedError as error:
        # Only here is it known in which language the row's reason must be told.
        raise UserError("all_rejected", **imported.in_words(error, words)) from error
    if save_map is not None:
        mapping.write_map(imported.map_used(plan.mapping, report), save_map)
    imported.say_notes(report, save_map, words, dry_run=dry_run)
    seconds = round(time.monotonic() - started, 2)
    print_json(imported.as_json(report, seconds, words)) if as_json else imported.show(report, seconds, words)


def _run(
    plan: Plan, home: Path | None, source: str | None, calendars: list[Calendar], dry_run: bool, show: Progress
) -> Report:
    from unstuck import deps
    from unstuck.imports.importer import run
    from unstuck.imports.sinks import DrySink, StoreSink
    from unstuck.tickets.database import find_store
    from unstuck.tickets.failures import in_plain_words

    chosen = settings.load(home=home)
    name = source or ("import" if plan.mapping.kind == "map" else plan.mapping.kind)
    if dry_run:
        return run(plan, DrySink(find_store(chosen.url), plan.mapping, source=name), show)
    built = deps.build(chosen, clock=SystemClock())
    try:
        with in_plain_words(chosen.url):
            sink = StoreSink(
                built.engine, plan.mapping, built.clock, source=name, stream=plan.stream, calendars=calendars
            )
            return run(plan, sink, show)
    finally:
        built.close()


def _prepare_questions(home: Path | None, words: Lang) -> None:
    """Copy the history into columns now, so that the first question after an import does not wait for it."""
    from unstuck import deps

    built = deps.build(settings.load(home=home))
    try:
        with progress.status(t("import.preparing", words)):
            built.facts.refresh()
    finally:
        built.close()
