"""Commands: connect a ticket system, and sync what is connected."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from unstuck import settings
from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json, progress
from unstuck.errors import ConnectorError, UnstuckError, UserError
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.deps import Deps
    from unstuck.sources import pull as pulling
    from unstuck.sources.config import SourceConfig
    from unstuck.sources.connect import Recognised
    from unstuck.sources.reconcile import Reconciled
    from unstuck.tickets.changes import StageClass

#: Names of tickets, teams and the like that are shown at once.
_SHOWN = 12


def register(app: typer.Typer) -> None:
    app.command()(connect)
    app.command()(sync)


def connect(
    name: Annotated[
        str, typer.Argument(help="Name of the source; a system's own name (redmine, zendesk, …) says which it is.")
    ],
    system: Annotated[str | None, typer.Option(help="Which ticket system it is, where the name does not say.")] = None,
    url: Annotated[str | None, typer.Option(help="Address of the ticket system.")] = None,
    user: Annotated[str | None, typer.Option(help="Whose token it is, where the system asks for it.")] = None,
    token_env: Annotated[str | None, typer.Option(help="Variable that holds the token.")] = None,
    token_in_file: Annotated[
        bool, typer.Option("--token-in-file", help="Write the token into the file itself.")
    ] = False,
    classes: Annotated[list[str] | None, typer.Option("--class", help="STATUS=CLASS, as often as needed.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for this system, for example team=category.")
    ] = None,
    plain_http: Annotated[bool, typer.Option("--plain-http", help="Send the token over unencrypted HTTP.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take what was recognised.")] = False,
    first_sync: Annotated[bool, typer.Option("--sync/--no-sync", help="Read the tickets now.")] = True,
    home: Home = None,
    lang: LangOption = None,
    as_json: Json = False,
) -> None:
    """Connect a ticket system: asks for address and token, shows what it found, reads the tickets."""
    from unstuck.connectors.registry import connector_of
    from unstuck.sources import config as configured
    from unstuck.sources import connect as connecting

    words, directory = lang_or(chosen_lang(), lang), settings.load(home=home).directory
    configured.path_of(directory, name)
    chosen = _system(name, system, directory, words, quiet=yes)
    system_is = connector_of(chosen).capabilities
    title = system_is.title
    address = (
        url or _known(directory, name, "url") or _asked("--url", t("sources.ask_url", words, title=title), quiet=yes)
    )
    known_user = user or _known(directory, name, "user")
    if known_user is None and system_is.asks_user and not yes and sys.stdin.isatty():
        question = t("sources.ask_user", words, title=title)
        known_user = str(typer.prompt(question, default="", show_default=False, err=True)).strip() or None
    variable = token_env or connecting.variable_of(name)
    token = configured.find_variable(variable, directory)
    is_new = token is None
    token = token or _asked(f"--token-env ({variable})", t("sources.ask_token", words), quiet=yes, hidden=True)
    tried = connecting.start(directory, name, chosen, address, SecretStr(token))
    tried = replace(
        tried, user=known_user, plain_http=plain_http or tried.plain_http, options={**tried.options, **_options(option)}
    )
    for given in classes or []:
        tried = replace(tried, classes=connecting.corrected(tried.classes, given))
    progress.print(t("sources.trying", words, url=tried.url), markup=False, highlight=False)
    found = connecting.recognise(tried)
    _show_found(found, title, words)
    # Somebody who looked at the guesses and went on has confirmed them.
    confirmed = not yes and sys.stdin.isatty()
    config = _corrected(found, words) if confirmed else found.config
    guessed = {} if confirmed else found.guessed
    _keep(directory, config, guessed, variable, words, is_new=is_new, in_file=token_in_file)
    if first_sync:
        sync(name=name, home=home, lang=lang, as_json=as_json)
        where = f" --home {home}" if home is not None else ""
        progress.print(t("sources.next", words, home=where), markup=False, highlight=False)
    elif as_json:
        print_json({"source": name, "pulled": 0, "new_changes": 0, "cursor": None, "seconds": 0.0})


def sync(
    name: Annotated[str | None, typer.Argument(help="Source to read; all of them unless given.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with the ticket system; store what was missed.")
    ] = False,
    learn: Annotated[bool, typer.Option("--learn/--no-learn", help="Learn from solved tickets afterwards.")] = True,
    home: Home = None,
    lang: LangOption = None,
    as_json: Json = False,
) -> None:
    """Read what is new in the connected ticket systems. Killed half-way, it goes on where it was."""
    from unstuck import deps
    from unstuck.sources import config as configured
    from unstuck.tickets.failures import in_plain_words

    loaded = settings.load(home=home)
    words = lang_or(chosen_lang(), lang)
    configs = [configured.get(loaded.directory, name)] if name else configured.every(loaded.directory)
    if not configs:
        raise UserError("no_sources")
    built = deps.build(loaded)
    failures: list[UnstuckError] = []
    try:
        with in_plain_words(loaded.url):
            news = 0
            for config in configs:
                try:
                    news += _check(built, config, words, as_json) if check else _sync(built, config, words, as_json)
                except (ConnectorError, UserError) as error:
                    if len(configs) == 1:
                        raise
                    failures.append(error)
                    _say("failed", words, name=config.name, problem=_in_words(error, words))
            if news:
                _prepare(built, words, learn=learn)
    finally:
        built.close()
    if failures:
        raise typer.Exit(1)


def _sync(deps: Deps, config: SourceConfig, lang: Lang, as_json: bool) -> int:
    from unstuck.sources.pull import pull

    if config.plain_http:
        _say("plain", lang, name=config.name, path=config.path)
    with _bar(config.name, lang) as show:
        pulled = pull(config, deps.sessions, deps.clock, show=show)
    print_json(asdict(pulled)) if as_json else print(t("sources.pulled", lang, **asdict(pulled)))
    return pulled.new_changes


def _check(deps: Deps, config: SourceConfig, lang: Lang, as_json: bool) -> int:
    from unstuck.sources.rounds import check

    found = check(config, deps.sessions, deps.clock, config.open())
    print_json(asdict(found)) if as_json else _show_check(found, lang)
    return found.missed + len(found.mended) + len(found.deleted)


def _show_check(found: Reconciled, lang: Lang) -> None:
    there = t("sources.some", lang) if found.there is None else found.there
    counts = {"here": found.here, "compared": found.compared, "sampled": found.sampled}
    print(t("sources.checked", lang, source=found.source, there=there, **counts))
    if found.is_complete:
        print(t("sources.all_well", lang))
    else:
        names = _some(found.mended)
        print(t("sources.missed", lang, missed=found.missed, mended=len(found.mended), names=names))
    for key, tickets in (("deleted", found.deleted), ("not_found", found.not_found)):
        if tickets:
            print(t(f"sources.{key}", lang, names=_some(tickets)))


def _prepare(deps: Deps, lang: Lang, *, learn: bool) -> None:
    """Copy the history into columns and learn what was solved, so that the first question does not wait for it."""
    from unstuck.sync import learn_solved

    with progress.status(t("import.preparing", lang)):
        deps.facts.refresh()
        if learn:
            learn_solved(deps.sessions, deps.knowledge, ask_first=deps.settings.approve_cards)


@contextmanager
def _bar(name: str, lang: Lang) -> Iterator[pulling.Shown]:
    """How far the reading is; how long it will take only where the system says how much there is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"), TimeRemainingColumn())
    with Progress(*columns, console=progress, transient=True, disable=not progress.is_terminal) as shown:
        task = shown.add_task(t("sources.reading", lang, name=name), total=None, rows="")

        def show(far: pulling.Progress) -> None:
            total = far.rows + far.left if far.left is not None else None
            rows = t("sources.rows", lang, rows=far.rows, total=total if total is not None else "?")
            shown.update(task, completed=far.rows, total=total, rows=rows)

        yield show


def _system(name: str, given: str | None, home: Path, lang: Lang, *, quiet: bool) -> str:
    from unstuck.connectors.registry import systems
    from unstuck.sources import config as configured

    if given or name in systems():
        return given or name
    if name in configured.names(home):
        return configured.get(home, name).system
    return _asked("--system", t("sources.ask_system", lang, known=", ".join(sorted(systems()))), quiet=quiet)


def _known(home: Path, name: str, what: str) -> str | None:
    from unstuck.sources import config as configured

    return getattr(configured.get(home, name), what) if name in configured.names(home) else None


def _asked(what: str, question: str, *, quiet: bool, hidden: bool = False) -> str:
    """What the person types. Raises `UserError` where there is nobody to ask."""
    if quiet or not sys.stdin.isatty():
        raise UserError("no_terminal", what=what)
    return str(typer.prompt(question, hide_input=hidden, err=True)).strip()


def _options(given: list[str] | None) -> dict[str, object]:
    """`NAME=VALUE`; a value with commas is a list."""
    pairs = [one.partition("=") for one in given or []]
    return {name.strip(): value.split(",") if "," in value else value.strip() for name, _, value in pairs}


def _show_found(found: Recognised, title: str, lang: Lang) -> None:
    said = found.said
    account = t("sources.found_as", lang, account=said.account) if said.account else ""
    tickets = t("sources.some", lang) if said.tickets is None else said.tickets
    progress.print(
        t("sources.found", lang, title=title, account=account, tickets=tickets), markup=False, highlight=False
    )
    if said.teams:
        _say("teams", lang, names=_some([team.name for team in said.teams]))
    _say("statuses", lang)
    table = Table(show_header=False)
    for status, meant in {**found.config.classes, **found.guessed}.items():
        how = "by_name" if status in found.guessed else "sure"
        table.add_row(Text(status), meant.value, t(f"sources.{how}", lang))
    progress.print(table)


def _corrected(found: Recognised, lang: Lang) -> SourceConfig:
    """The configuration as the person wants it."""
    from unstuck.sources.connect import corrected
    from unstuck.tickets.changes import StageClass

    config = replace(found.config, classes={**found.config.classes, **found.guessed})
    while True:
        text = typer.prompt(
            t("sources.ask_class", lang, classes=" ".join(StageClass)), default="", show_default=False, err=True
        ).strip()
        if not text:
            break
        try:
            config = replace(config, classes=corrected(config.classes, text))
        except UserError as error:
            progress.print(_in_words(error, lang), markup=False, highlight=False)
    return config


def _keep(
    home: Path, config: SourceConfig, guessed: dict[str, StageClass], variable: str, lang: Lang, *, is_new: bool,
    in_file: bool,
) -> None:  # fmt: skip
    """Write the file, and put the token where the person wants it."""
    from unstuck.sources import config as configured

    if in_file:
        configured.write(config, guessed)
        _say("written", lang, path=config.path)
        _say("token_in_file", lang)
        return
    if is_new:
        path = configured.put_variable(home, variable, config.token.get_secret_value())
    configured.write(replace(config, token=SecretStr(f"env:{variable}")), guessed)
    _say("written", lang, path=config.path)
    if is_new:
        _say("token_kept", lang, path=path, variable=variable)


def _in_words(error: UnstuckError, lang: Lang) -> str:
    if isinstance(error, UserError):
        return t(f"errors.{error.key}", lang, **error.params)
    return t(f"errors.{getattr(error, 'key', 'connector_failed')}", lang, detail=error)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _say(key: str, lang: Lang, **params: object) -> None:
    progress.print(t(f"sources.{key}", lang, **params), markup=False, highlight=False, soft_wrap=True)
