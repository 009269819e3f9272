"""How the command line shows a manager's answer to a person: sentence, table, how it was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.insights.ask import Reply, Told

MOST_ROWS = 50
#: Width where no screen limits it.
_PIPED = 10_000
#: Space and line between two cells of a table.
_AROUND_CELL = 3


def show(reply: Reply, lang: Lang) -> None:
    """Print to stdout."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPED
    if reply.told is not None:
        _told(console, reply.told, lang)
        return
    console.print(reply.restatement, markup=False)
    for number, option in enumerate(reply.options, start=1):
        console.print(f"  {number}. {option.label}", markup=False)


def _told(console: Console, told: Told, lang: Lang) -> None:
    console.print(told.sentence, style="bold", markup=False)
    if told.rows:
        shown = _fitting(told, console.width)
        console.print(_table(told, shown))
        if shown < len(told.columns):
            console.print(t("insights.more_columns", lang, names=", ".join(told.columns[shown:])), style="dim")
    if told.n_rows > MOST_ROWS:
        console.print(t("insights.more_rows", lang, n=told.n_rows - MOST_ROWS), markup=False)
    console.print(told.restatement, style="dim", markup=False)
    for note in told.notes:
        console.print(note, style="dim", markup=False)


def _fitting(told: Told, width: int) -> int:
    """How many of the first columns fit a terminal of `width` cells without breaking a cell; two at least."""
    taken, fitting = 1, 0
    for column in zip(told.columns, *told.rows[:MOST_ROWS], strict=True):
        taken += max(map(cell_len, column)) + _AROUND_CELL
        fitting += taken <= width
    return max(fitting, 2)


def _table(told: Told, shown: int) -> Table:
    table = Table()
    for place, name in enumerate(told.columns[:shown]):
        table.add_column(Text(name), no_wrap=place > 0)
    for row in told.rows[:MOST_ROWS]:
        # A ticket's words are no markup.
        table.add_row(*map(Text, row[:shown]))
    return table


def show_scores(counted: dict[str, dict[str, Any]], lang: Lang) -> None:
    """The scores of `eval questions`, one line a group."""
    names = ("right", "asked", "refused", "wrong")
    table = Table("", "n", *(t(f"insights.score_{name}", lang) for name in names), t("insights.score_bounds", lang))
    for group, line in counted.items():
        low, high = line["wrong_bounds"]
        table.add_row(group, str(line["n"]), *(str(line[name]) for name in names), f"{low:.1%} – {high:.1%}")
    Console(highlight=False).print(table)
