"""Commands: stages, map. Time per stage and from stage to stage, as process mining has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from unstuck.cli.options import AsOf, Home, Json, LangOption, clock, lang_or, print_json
from unstuck.i18n import Lang, format_duration, format_instant, format_number, t

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from rich.table import Table

    from unstuck.clock import Clock
    from unstuck.facts.stages import EdgeRow, StageRow
    from unstuck.settings import Settings

Row = TypeVar("Row")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("stages")(stages)
    app.command("map")(map_)


def stages(as_of: AsOf = None, lang: LangOption = None, json_: Json = False, home: Home = None) -> None:
    """How long tickets stay in each stage: finished visits, the unfinished counted beside."""
    from unstuck.facts.stages import stage_table

    now, chosen = clock(as_of), _settings(home, lang)
    rows = _read(stage_table, chosen, now)
    if json_:
        print_json({"rows": [_stage_json(row) for row in rows]})
    else:
        _print_stages(rows, format_instant(now.now(), chosen.timezone, chosen.lang), chosen.lang)


def map_(as_of: AsOf = None, lang: LangOption = None, json_: Json = False, home: Home = None) -> None:
    """How tickets move from stage to stage, and how long they were in the first before."""
    from unstuck.facts.stages import edge_table

    now, chosen = clock(as_of), _settings(home, lang)
    rows = _read(edge_table, chosen, now)
    if json_:
        print_json({"rows": [_edge_json(row) for row in rows]})
    else:
        _print_map(rows, format_instant(now.now(), chosen.timezone, chosen.lang), chosen.lang)


def _settings(home: Path | None, lang: str | None) -> Settings:
    from unstuck import settings

    return settings.load(home=home, lang=lang_or("en", lang) if lang is not None else None)


def _read(table: Callable[[DuckDBPyConnection, datetime], list[Row]], settings: Settings, now: Clock) -> list[Row]:
    from unstuck import deps

    with closing(deps.build(settings, clock=now)) as built, closing(built.facts.connect()) as con:
        return table(con, now.now())


def _stage_json(row: StageRow) -> dict[str, Any]:
    return {
        "stage": row.stage,
        "class": row.stage_class,
        "n": row.n,
        "mean": row.mean,
        "p50": row.p50,
        "p90": row.p90,
        "sum": row.sum,
        "n_open": row.n_open,
        "timer": row.timer is not None,
    }


def _edge_json(row: EdgeRow) -> dict[str, Any]:
    return {
        "from": row.from_stage,
        "to": row.to_stage,
        "n": row.n,
        "mean": row.mean,
        "p50": row.p50,
        "p90": row.p90,
        "sum": row.sum,
    }


#: Columns to use when the output goes to a file or a pipe, where nothing has to fit a screen.
_WIDTH_OF_FILES = 140
#: On a narrow screen figures break into two lines before names do.
_NAME_WIDTH = 8
_FIGURES = ("mean", "p50", "p90", "sum")


def _print_stages(rows: Sequence[StageRow], at: str, lang: Lang) -> None:
    from rich.markup import escape

    table = _table("title", ("stage", "class"), ("n", *_FIGURES, "n_open"), at, lang)
    for row in rows:
        name = (row.stage or t("stages.unknown", lang)) + (" ⏱" if row.timer is not None else "")
        cells = (escape(name), t(f"class.{row.stage_class}", lang), format_number(row.n, lang), *_durations(row, lang))
        table.add_row(*cells, format_number(row.n_open, lang))
    timers = [
        "⏱ " + t("stages.timer", lang, stage=row.stage, after=format_duration(row.timer, lang))
        for row in rows
        if row.timer is not None
    ]
    _print(table, timers, lang)


def _print_map(rows: Sequence[EdgeRow], at: str, lang: Lang) -> None:
    from rich.markup import escape

    table = _table("map_title", ("from", "to"), ("steps", *_FIGURES), at, lang)
    for row in rows:
        ends = (escape(end or t("stages.unknown", lang)) for end in (row.from_stage, row.to_stage))
        table.add_row(*ends, format_number(row.n, lang), *_durations(row, lang))
    _print(table, [], lang)


def _durations(row: StageRow | EdgeRow, lang: Lang) -> list[str]:
    figures = (getattr(row, name) if row.n else None for name in _FIGURES)
    return ["" if seconds is None else format_duration(seconds, lang) for seconds in figures]


def _table(title: str, words: Sequence[str], numbers: Sequence[str], at: str, lang: Lang) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        title=t(f"stages.{title}", lang, at=at),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
    )
    for name in words:
        table.add_column(t(f"stages.{name}", lang), min_width=_NAME_WIDTH, overflow="fold")
    for name in numbers:
        table.add_column(t(f"stages.{name}", lang), justify="right")
    return table


def _print(table: Table, notes: Sequence[str], lang: Lang) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_OF_FILES)
    if not table.row_count:
        console.print(t("stages.empty", lang), markup=False, highlight=False)
        return
    console.print(table)
    for note in notes:
        console.print(note, markup=False, highlight=False)
