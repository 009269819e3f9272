"""Commands: demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unstuck.cli.options import Home, Json, LangOption, lang_or, print_json, progress
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.demo.load import Loaded

Load = Annotated[bool, typer.Option("--load", help="Fill the home directory with the demo desk and stop.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("demo")(demo)


def demo(load: Load = False, home: Home = None, lang: LangOption = None, json: Json = False) -> None:
    """Take the tour on a made-up desk, or only load that desk."""
    chosen = lang_or("en", lang)
    if not load:
        from unstuck.cli import tour

        tour.run(home=home, lang=chosen, json=json)
        return
    loaded, seconds = _load(home, chosen)
    if json:
        print_json(_as_json(loaded, seconds))
    else:
        params = {"tickets": loaded.tickets, "changes": loaded.new_changes, "seconds": f"{seconds:.1f}"}
        print(t("demo.loaded", chosen, **params))


def _load(home: Path | None, lang: Lang) -> tuple[Loaded, float]:
    """Make the desk and store it, with a progress bar; also says how many seconds it took."""
    from time import monotonic

    from rich.progress import Progress

    from unstuck import deps, settings
    from unstuck.demo import desk, load

    started = monotonic()
    built = deps.build(settings.load(home=home))
    try:
        with Progress(console=progress, transient=True) as bar:
            task = bar.add_task(t("demo.loading", lang), total=None)
            made = desk.generate()
            loaded = load.load(built.engine, made, lambda done, of: bar.update(task, completed=done, total=of))
    finally:
        built.close()
    return loaded, monotonic() - started


def _as_json(loaded: Loaded, seconds: float) -> dict[str, object]:
    """The same fields as `unstuck import` prints."""
    return {
        "tickets": loaded.tickets,
        "changes": loaded.changes,
        "new_changes": loaded.new_changes,
        "messages": loaded.messages,
        "rejected": [],
        "seconds": round(seconds, 2),
    }
