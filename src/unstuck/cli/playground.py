"""Commands: playground."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from unstuck.cli.options import AsOf, Home, LangOption, lang_or, progress
from unstuck.i18n import t

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the page; 0 takes a free one.")]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Whether to open the page in a browser.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("playground")(playground)


def playground(
    home: Home = None, port: Port = 3010, browser: Browser = True, as_of: AsOf = None, lang: LangOption = None
) -> None:
    """Try the bot in a small Slack of its own, on the demo desk (with --home: on a copy of that desk)."""
    from bot.playground.opening import opened
    from unstuck import deps
    from unstuck.cli.playground_desk import prepare
    from unstuck.cli.serve import stop_signals

    spoken = lang_or("en", lang)
    desk = prepare(home, as_of, spoken)
    built = deps.build(desk.settings, clock=desk.clock)
    try:
        with opened(built, port, zones=desk.zones) as page:
            stop = stop_signals()
            progress.print(t("playground.open", spoken, url=page.url), highlight=False, soft_wrap=True)
            if browser:
                webbrowser.open(page.url)
            stop.wait()
            progress.print(t("playground.closing", spoken), highlight=False)
    finally:
        built.close()
