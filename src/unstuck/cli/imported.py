"""How the command line tells of an import: what was recognised, how far it is, what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from unstuck.cli.options import progress
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.imports.importer import AllRejectedError, Plan, Rejected, Report
    from unstuck.imports.importer import Progress as Shown
    from unstuck.imports.mapping import ColumnMap

#: Rows left out that a person sees; `--json` lists them all.
_SHOWN = 10
#: What is done sooner needs no bar.
_PATIENCE_S = 1.0


def say_how(plan: Plan, lang: Lang) -> None:
    """What an export without a map was taken for, on stderr."""
    mapping = plan.mapping
    if mapping.kind == "map":
        return
    pairs = {**mapping.ticket, **mapping.change, **mapping.fields}
    _say("recognised", lang, kind=mapping.kind, columns=_list(f"{name} = {column}" for name, column in pairs.items()))
    if plan.left_out:
        _say("left_out", lang, columns=_list(plan.left_out))


@contextmanager
def bar(plan: Plan, lang: Lang) -> Iterator[Shown]:
    """A progress bar by bytes read, on stderr, once the import has taken longer than a second."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    shown = Progress(*columns, console=progress, transient=False)
    task = shown.add_task(t("import.reading", lang, name=plan.file.path.name), total=plan.file.size)
    begun = time.monotonic()

    def show(bytes_read: int) -> None:
        if not shown.live.is_started and time.monotonic() - begun > _PATIENCE_S:
            shown.start()
        shown.update(task, completed=bytes_read)

    try:
        yield show
    finally:
        if shown.live.is_started:
            shown.stop()


def map_used(mapping: ColumnMap, report: Report) -> ColumnMap:
    """The map with every status that occurred, so that a person can correct what was guessed."""
    return replace(mapping, classes={**mapping.classes, **report.guessed} if mapping.kind == "map" else report.guessed)


def say_notes(report: Report, saved: Path | None, lang: Lang, *, dry_run: bool) -> None:
    """What a person should look at, on stderr."""
    if report.guessed:
        _say("guessed", lang, classes=_list(f"{status} = {kind.value}" for status, kind in report.guessed.items()))
    if report.late:
        _say("late", lang, columns=_list(report.late))
    if saved is not None:
        _say("saved", lang, path=saved)
    if dry_run:
        _say("dry", lang)


def as_json(report: Report, seconds: float, lang: Lang) -> dict[str, Any]:
    return {
        "tickets": report.tickets,
        "changes": report.applied.changes,
        "new_changes": report.applied.new_changes,
        "messages": report.applied.messages,
        "rejected": [{"row": rejected.row, "reason": _reason(rejected, lang)} for rejected in report.rejected],
        "seconds": seconds,
    }


def show(report: Report, seconds: float, lang: Lang) -> None:
    """The outcome in a sentence, and the first rows left out."""
    applied, rejected = report.applied, report.rejected
    print(
        t("import.done", lang, tickets=report.tickets, changes=applied.changes, new=applied.new_changes,
          messages=applied.messages, seconds=seconds, rejected=len(rejected))
    )  # fmt: skip
    for one in rejected[:_SHOWN]:
        print(t("import.rejected_row", lang, row=one.row, reason=_reason(one, lang)))
    if len(rejected) > _SHOWN:
        print(t("import.more_rejected", lang, n=len(rejected) - _SHOWN))


def in_words(error: AllRejectedError, lang: Lang) -> dict[str, object]:
    """The error's details, the row's reason as a sentence."""
    return {**error.params, "reason": _reason(error.first, lang) + (" " if lang == "en" else "")}


def _reason(rejected: Rejected, lang: Lang) -> str:
    return t(f"import.{rejected.reason}", lang, **rejected.params)


def _say(key: str, lang: Lang, **params: object) -> None:
    progress.print(t(f"import.{key}", lang, **params), markup=False, highlight=False, soft_wrap=True)


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)
