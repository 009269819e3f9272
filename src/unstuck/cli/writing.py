"""`unstuck write`: one explicit act in a ticket system. What a customer will see is shown before it is sent."""

from __future__ import annotations

import getpass
import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import select

from unstuck import settings
from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json, progress
from unstuck.errors import UserError
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.connectors import Action
    from unstuck.deps import Deps


def register(app: typer.Typer) -> None:
    app.command()(write)


def write(
    name: Annotated[str, typer.Argument(help="Name of the source.")],
    ticket: Annotated[str, typer.Argument(help="The ticket's id there.")],
    kind: Annotated[str, typer.Argument(help="note (agents only), reply (the customer sees it), assign or status.")],
    value: Annotated[str, typer.Argument(help="The text; the person's id or e-mail, empty for nobody; the status.")],
    by: Annotated[str | None, typer.Option(help="Who wants it: a note says so. You, unless given.")] = None,
    key: Annotated[str | None, typer.Option(help="The same key again is the same act: nothing is done twice.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the customer is written to.")] = False,
    home: Home = None,
    lang: LangOption = None,
    as_json: Json = False,
) -> None:
    """Write a note or a reply, assign, or set a status, where an admin has turned that on for the source."""
    from unstuck import deps
    from unstuck.connectors import Action, ActionKind
    from unstuck.sources import config as configured
    from unstuck.sources import write_back
    from unstuck.tickets.failures import in_plain_words

    words, loaded = lang_or(chosen_lang(), lang), settings.load(home=home)
    if kind not in list(ActionKind):
        raise UserError("write_kind", kind=kind, known=", ".join(ActionKind))
    config = configured.get(loaded.directory, name)
    built = deps.build(loaded)
    try:
        with in_plain_words(loaded.url):
            chosen = _person(built, name, value) if kind == ActionKind.ASSIGN else value
            who = by or getpass.getuser()
            action = Action(key or secrets.token_hex(8), ticket, ActionKind(kind), chosen, who)
            # Refused before anything is shown: nobody should be asked about what is off.
            write_back.check(config, action)
            if kind in (ActionKind.NOTE, ActionKind.REPLY):
                _agreed(action, words, quiet=yes)
            with built.sessions.begin() as session:
                write_back.ask(session, config, action, built.clock)
            state = write_back.carry_out(config, config.open(), built.sessions, built.clock, action.key)
    finally:
        built.close()
    told = {"source": name, "ticket": ticket, "kind": kind, "key": action.key, "state": state}
    print_json(told) if as_json else print(t(f"write.{state}", words, **told))
    if state == "refused":
        raise typer.Exit(1)


def _agreed(action: Action, lang: Lang, *, quiet: bool) -> None:
    """Show the words as they will stand there; before a customer reads them somebody must say yes."""
    from unstuck.connectors import ActionKind
    from unstuck.connectors.words import marked

    is_reply = action.kind is ActionKind.REPLY
    progress.print(t("write.customer_sees" if is_reply else "write.agents_see", lang), markup=False, highlight=False)
    progress.print(marked(action), markup=False, highlight=False)
    if not is_reply or quiet:
        return
    if not sys.stdin.isatty():
        raise UserError("no_terminal", what="--yes")
    if not typer.confirm(t("write.ask", lang), err=True):
        raise typer.Exit(1)


def _person(deps: Deps, source: str, value: str) -> str:
    """The ticket system's id of a person; an e-mail address is looked up."""
    from unstuck.tickets.database import reading
    from unstuck.tickets.history import table_of
    from unstuck.tickets.tables import Person, Source

    if "@" not in value:
        return value
    person, of = table_of(Person), table_of(Source)
    wanted = select(person.c.ext_id, person.c.email).join(of, of.c.id == person.c.source_id)
    wanted = wanted.where(of.c.name == source, person.c.kind == "agent", person.c.email.is_not(None))
    with reading(deps.engine) as connection:
        found = [ext_id for ext_id, email in connection.execute(wanted) if email.casefold() == value.casefold()]
    if len(found) != 1:
        raise UserError("write_nobody", email=value, name=source)
    return str(found[0])
