"""Commands: alias add, list, approve, remove."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json
from unstuck.clock import iso
from unstuck.i18n import t

if TYPE_CHECKING:
    from unstuck.deps import Deps
    from unstuck.tickets.tables import Alias

group = typer.Typer(help="Words of your own for what questions can name.", no_args_is_help=True)

Word = Annotated[str, typer.Argument(help="The word, as people write it.")]
By = Annotated[str | None, typer.Option("--by", help="Whose decision it is; you, unless given.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="alias")


@group.command("add")
def add(
    word: Word,
    meaning: Annotated[str, typer.Argument(help="A value of your tickets, a number or a split, as questions say it.")],
    field: Annotated[str | None, typer.Option(help="The value's dimension, where several have it.")] = None,
    by: By = None,
    lang: LangOption = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Teach a word: it is exact from then on, and answers say whose it is."""
    from unstuck.insights import aliases, ask
    from unstuck.insights.restate import own_word_name

    words = lang_or(chosen_lang(), lang)
    with _opened(home) as deps:
        with closing(deps.facts.connect()) as con:
            lexicon = ask.lexicon(deps, con)
        target = aliases.target_of(meaning, lexicon, field)
        with deps.sessions.begin() as session:
            taught = aliases.add(session, word, target, lexicon, by=by or getpass.getuser(), now=deps.clock.now())
    if as_json:
        print_json({"word": taught.said, "role": taught.role, "field": taught.field, "value": taught.value})
    else:
        print(t("alias.taught", words, word=taught.said, meant=own_word_name(taught, words)))


@group.command("list")
def list_(lang: LangOption = None, as_json: Json = False, home: Home = None) -> None:
    """Words taught, and words that wait for a manager's yes."""
    from unstuck.insights import aliases

    words = lang_or(chosen_lang(), lang)
    with _opened(home) as deps, deps.sessions() as session:
        rows = aliases.listed(session)
        for row in rows:
            if as_json:
                print_json(_document(row))
            else:
                print(aliases.told(row, words))
    if not rows and not as_json:
        print(t("alias.none", words))


@group.command("approve")
def approve(word: Word, by: By = None, lang: LangOption = None, home: Home = None) -> None:
    """Make a proposed word count."""
    from unstuck.insights import aliases
    from unstuck.insights.restate import own_word_name

    words = lang_or(chosen_lang(), lang)
    with _opened(home) as deps, deps.sessions.begin() as session:
        taught = aliases.approve(session, word, by=by or getpass.getuser(), now=deps.clock.now())
    print(t("alias.taught", words, word=taught.said, meant=own_word_name(taught, words)))


@group.command("remove")
def remove(word: Word, by: By = None, lang: LangOption = None, home: Home = None) -> None:
    """Forget a word, taught or proposed."""
    from unstuck.insights import aliases

    with _opened(home) as deps, deps.sessions.begin() as session:
        aliases.remove(session, word, by=by or getpass.getuser(), now=deps.clock.now())
    print(t("alias.removed", lang_or(chosen_lang(), lang), word=word))


@contextmanager
def _opened(home: Path | None) -> Iterator[Deps]:
    from unstuck import deps, settings

    with closing(deps.build(settings.load(home=home))) as built:
        yield built


def _document(row: Alias) -> dict[str, object]:
    return {
        "word": row.said,
        "role": row.role,
        "field": row.field,
        "value": row.value,
        "proposed_by": row.proposed_by,
        "proposed_at": iso(row.proposed_at),
        "approved_by": row.approved_by,
        "approved_at": None if row.approved_at is None else iso(row.approved_at),
    }
