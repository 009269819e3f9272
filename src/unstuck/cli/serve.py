"""Commands: serve, and `slack manifest`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unstuck.cli.options import Home, LangOption, lang_or, progress
from unstuck.errors import UserError
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from bot.errands import Errands
    from bot.serving import Link
    from unstuck.deps import Deps

DEFAULT_PORT = 3000
#: How long a thread that counts may keep Python from the others, in seconds.
SWITCH_S = 0.0005
#: Between looks whether Slack and the working process are there.
LOOK_EVERY_S = 30.0

Port = Annotated[
    int | None,
    typer.Option("--http", min=0, max=65535, help=f"Port for HTTP. [default: {DEFAULT_PORT}; none in Socket Mode]"),
]
Host = Annotated[str, typer.Option("--host", help="Address to listen on; 0.0.0.0 for all, e.g. in a container.")]

slack = typer.Typer(help="Set the Slack app up.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command()(serve)
    app.command(hidden=True)(work)
    app.add_typer(slack, name="slack")


@slack.command()
def manifest(
    url: Annotated[str | None, typer.Option(help="Public https address of this server: for HTTP mode.")] = None,
    home: Home = None,
) -> None:
    """Print the manifest to paste at api.slack.com/apps, Create New App, From a manifest.

    Print and paste it again after connecting another ticket system: it names the hosts whose links get a preview.
    """
    shape = json.loads((files("bot") / "manifest.json").read_text(encoding="utf-8"))
    if domains := _domains(home):
        shape["features"]["unfurl_domains"] = domains
    if url is not None:
        at = f"{url.rstrip('/')}/slack/events"
        shape["settings"]["socket_mode_enabled"] = False
        # Only used where several workspaces install the app by themselves.
        shape["oauth_config"]["redirect_urls"] = [f"{url.rstrip('/')}/slack/oauth_redirect"]
        shape["settings"]["event_subscriptions"]["request_url"] = at
        shape["settings"]["interactivity"]["request_url"] = at
        for command in shape["features"]["slash_commands"]:
            command["url"] = at
    print(json.dumps(shape, ensure_ascii=False, indent=2))


def _domains(home: Path | None) -> list[str]:
    """Hosts of the connected ticket systems, and of their tickets' addresses; as many as Slack takes."""
    from unstuck import deps, settings, ticket_links
    from unstuck.sources import config
    from unstuck.tickets.database import reading

    loaded = settings.load(home=home)
    names = config.names(loaded.directory)
    if not names:
        return []
    built = deps.build(loaded)
    try:
        with reading(built.engine) as connection:
            known = list(ticket_links.domains(connection, names))
    finally:
        built.close()
    told = (ticket_links.host_of(config.get(loaded.directory, name).url) for name in names)
    return list(dict.fromkeys([*known, *(host for host in told if host)]))[: ticket_links.MOST_DOMAINS]


def serve(http: Port = None, host: Host = "127.0.0.1", home: Home = None, lang: LangOption = None) -> None:
    """Run the bot: Socket Mode when SLACK_APP_TOKEN is set, else HTTP. Stops cleanly on SIGTERM and Ctrl-C."""
    from bot.worker import counting_together
    from unstuck import deps, settings

    loaded = settings.load(home=home)
    spoken = lang_or(loaded.lang, lang)
    has_app = loaded.slack_bot_token is not None or loaded.is_distributed
    if loaded.slack_app_token is None and loaded.slack_signing_secret is None and has_app:
        # An empty secret would let anybody sign requests.
        raise UserError("half_slack")
    with counting_together():
        built = deps.build(loaded)
        try:
            _run(built, http, host, spoken)
        finally:
            built.close()


def _run(built: Deps, http: int | None, host: str, lang: Lang) -> None:
    """Start everything, wait for a signal, then end in the opposite order."""
    from bot import hooks
    from bot.app import create_app, errands_of, workspaces_of
    from bot.intake import HandOver
    from bot.serving import Link, mount_installation, over_http, over_socket, site
    from bot.worker import Worker

    # An acknowledgement changes threads a dozen times; at Python's 5 ms each it would queue behind others.
    sys.setswitchinterval(SWITCH_S)
    settings, errands = built.settings, errands_of(built)
    worker = Worker(["--home", str(settings.directory)], errands)
    intake = HandOver(errands, worker.wake)
    workspaces = workspaces_of(built, intake)
    app = create_app(built, work=intake, workspaces=workspaces)
    with ExitStack() as running:
        running.enter_context(worker)
        running.callback(intake.close)
        link, mode = Link(worker), "http"
        if settings.slack_app_token is not None:
            mode = "socket"
            running.enter_context(over_socket(app, settings, link))
        port = http if http is not None else (DEFAULT_PORT if mode == "http" else None)
        if port is not None:
            pages = site(built.engine, link, app if settings.slack_signing_secret is not None else None)
            hooks.mount(pages, built)
            if workspaces is not None:
                mount_installation(pages, workspaces.flow())
            port = running.enter_context(over_http(pages, host, port))
        worker.start()
        stop = stop_signals()
        progress.print(t(f"serve.{mode}", lang, port=port or "", host=host), highlight=False)
        _watch(link, errands, stop)
        progress.print(t("serve.stopping", lang), highlight=False)


def _watch(link: Link, errands: Errands, stop: threading.Event) -> None:
    """Until told to stop: what is missing at two looks in a row is counted, for an admin to see."""
    before = None
    while not stop.wait(LOOK_EVERY_S):
        if (missing := link.missing) is not None and missing == before:
            errands.trouble("serve", missing)
        before = missing


def work(name: Annotated[str, typer.Option(help="What its errands are held by.")], home: Home = None) -> None:
    """Do what `unstuck serve` takes on, until SIGTERM or until standard input ends. `serve` starts it by itself."""
    from unstuck import deps, settings

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; `serve` ends both in order.
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    built = deps.build(settings.load(home=home))
    try:
        _work(built, name, stop)
    finally:
        built.close()


def _work(built: Deps, name: str, stop: threading.Event) -> None:
    from bot.app import create_app, errands_of, workspaces_of
    from bot.serving import every_minute, looking_after
    from bot.work import Work
    from bot.worker import NICENESS, hear
    from unstuck import jobs

    os.nice(NICENESS)
    work = Work(errands_of(built, name))
    workspaces = workspaces_of(built, work)
    app = create_app(built, work=work, workspaces=workspaces)

    def minute() -> None:
        every_minute(built, workspaces.client() if workspaces is not None else app.client)

    with ExitStack() as running:
        running.callback(work.stop)
        wake = running.enter_context(looking_after(work, app))
        wake.set()
        threading.Thread(target=hear, args=(sys.stdin.buffer, wake, stop), name="unstuck-news", daemon=True).start()
        running.enter_context(jobs.running(built, minute))
        stop.wait()


def stop_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    return stop
