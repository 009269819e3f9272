"""`unstuck customers`: tiers and satisfaction from a file or a connected CRM, put to their tickets."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unstuck import settings
from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json, progress
from unstuck.errors import UsageError
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.customers.link import Linked
    from unstuck.customers.records import Said

#: Rows left out that a person sees; `--json` lists them all.
_SHOWN = 10


def register(app: typer.Typer) -> None:
    app.command()(customers)


def customers(
    path: Annotated[Path | None, typer.Argument(help="CSV, XLSX or JSON lines: a customer or a score a row.")] = None,
    crm: Annotated[str | None, typer.Option("--from", help="Connected CRM to read instead of a file.")] = None,
    source: Annotated[str | None, typer.Option(help="Source whose tickets are meant; all unless given.")] = None,
    scale: Annotated[str, typer.Option(help="Worst and best score, for example 1-5 or 0-10.")] = "1-5",
    order_field: Annotated[
        list[str] | None, typer.Option(help="Ticket field that holds the order number, as often as needed.")
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Time zone of times without an offset.")] = None,
    home: Home = None,
    lang: LangOption = None,
    as_json: Json = False,
) -> None:
    """Put customers' tiers and scores to their tickets: by ticket, customer, e-mail or order number."""
    from unstuck import deps
    from unstuck.customers import link
    from unstuck.tickets.failures import in_plain_words

    words, started = lang_or(chosen_lang(), lang), time.monotonic()
    loaded = settings.load(home=home)
    said = _said(path, crm, loaded.directory, _scale(scale), timezone)
    built = deps.build(loaded)
    try:
        # All of it is read before anything is stored: nothing waits for a CRM while it holds the database.
        told = list(said)
        with in_plain_words(loaded.url), built.sessions.begin() as session:
            fields = order_field or link.ORDER_FIELDS
            found = link.put(session, told, built.clock, source=source, order_fields=fields)
        if found.new_changes:
            built.facts.refresh()
    finally:
        built.close()
    seconds = round(time.monotonic() - started, 2)
    print_json(_as_json(found, seconds, words)) if as_json else _show(found, words)


def _said(
    path: Path | None, crm: str | None, home: Path, scale: tuple[float, float], timezone: str | None
) -> Iterable[Said]:
    from unstuck.customers.read_crm import read_crm
    from unstuck.customers.read_file import read_file
    from unstuck.sources import config as configured

    if (path is None) == (crm is None):
        raise UsageError("customers_one_of")
    if path is not None:
        return read_file(path, scale, timezone)
    config = configured.get(home, crm or "")
    return read_crm(config.system, config.connection())


def _scale(text: str) -> tuple[float, float]:
    worst, _, best = text.partition("-")
    try:
        found = float(worst), float(best)
    except ValueError:
        raise UsageError("customers_scale", value=text) from None
    if found[0] >= found[1]:
        raise UsageError("customers_scale", value=text)
    return found


def _as_json(found: Linked, seconds: float, lang: Lang) -> dict[str, object]:
    return {
        "customers": found.customers, "scores": found.scores, "tickets": found.tickets,
        "new_changes": found.new_changes, "rejected": [{"row": one.row, "reason": _why(one, lang)} for one in found.rejected],
        "seconds": seconds,
    }  # fmt: skip


def _show(found: Linked, lang: Lang) -> None:
    counts = {"customers": found.customers, "scores": found.scores, "tickets": found.tickets}
    print(t("customers.put", lang, new=found.new_changes, **counts))
    for one in found.rejected[:_SHOWN]:
        progress.print(
            t("customers.left_out", lang, row=one.row, reason=_why(one, lang)), markup=False, highlight=False
        )
    if len(found.rejected) > _SHOWN:
        more = len(found.rejected) - _SHOWN
        progress.print(t("customers.more", lang, count=more), markup=False, highlight=False)


def _why(said: Said, lang: Lang) -> str:
    return t(f"customers.{said.problem}", lang, **said.params)
