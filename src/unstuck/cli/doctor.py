"""`unstuck doctor`: what is missing, and how to get it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import typer

from unstuck.cli.options import Home, Json, LangOption, lang_or, print_json
from unstuck.errors import ConnectorError, UserError
from unstuck.i18n import Lang, t

if TYPE_CHECKING:
    from unstuck.deps import Deps
    from unstuck.settings import Settings
    from unstuck.sources.config import SourceConfig

#: Lines about what did not get through; the rest is a number.
MOST_TROUBLES = 10

State = Literal["ok", "missing", "failed"]
_MARKS: dict[State, str] = {"ok": "✓", "missing": "·", "failed": "✗"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `missing` is optional, `failed` needs somebody to act."""

    name: str
    state: State
    #: What was found and, unless all is well, what to do next.
    says: str


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(home: Home = None, json: Json = False, lang: LangOption = None) -> None:
    """Say what is missing and how to get it. Exits with 1 when something needs to be mended."""
    from unstuck import settings

    loaded = settings.load(home=home)
    spoken = lang_or(loaded.lang, lang)
    checks = list(_checks(loaded, spoken))
    if json:
        print_json({"checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            print(f"{_MARKS[check.state]} {check.says}")
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(1)


def _checks(settings: Settings, lang: Lang) -> Iterator[Check]:
    from unstuck import deps

    try:
        built = deps.build(settings)
    except UserError as error:
        yield Check("store", "failed", t(f"errors.{error.key}", lang, **error.params))
    else:
        yield from _store_checks(built, lang)
        yield from _knowledge_checks(built, lang)
        yield from _delivery_checks(built, lang)
        if settings.is_distributed:
            yield _installations_check(built, lang)
        built.close()
    yield from _source_checks(settings, lang)
    yield _embedder_check(settings, lang)
    yield _model_check(settings, lang)
    if not settings.is_distributed:
        yield _slack_check(settings, lang)


def _store_checks(deps: Deps, lang: Lang) -> Iterator[Check]:
    from sqlmodel import col, func, select

    from unstuck.sources import config
    from unstuck.tickets.tables import Change, Person, Source, Stage, Ticket

    connected = config.names(deps.settings.directory)
    yield Check("store", "ok", t("doctor.store", lang, url=deps.engine.url.render_as_string(hide_password=True)))
    with deps.sessions() as session:
        tickets = session.scalar(select(func.count(col(Ticket.id)))) or 0
        latest = session.scalar(select(func.max(col(Change.at))))
        guessed = session.scalars(
            select(Stage.status)
            .join(Source, col(Source.id) == Stage.source_id)
            .where(Stage.set_by == "recognised", col(Source.name).not_in(connected))
        ).all()
        strangers = session.scalar(
            select(func.count(col(Person.id))).where(Person.kind == "agent", col(Person.email).is_(None))
        )
    if not tickets:
        yield Check("tickets", "missing", t("doctor.no_tickets", lang))
        return
    yield Check("tickets", "ok", t("doctor.tickets", lang, n=tickets, latest=latest))
    if guessed:
        yield Check(
            "stages", "missing", t("doctor.guessed", lang, n=len(guessed), names=", ".join(sorted(guessed)[:8]))
        )
    if strangers:
        yield Check("people", "missing", t("doctor.no_email", lang, n=strangers))


def _knowledge_checks(deps: Deps, lang: Lang) -> Iterator[Check]:
    """What the base compares with, where that is not simply the configured model."""
    from knowledge.errors import NewerBase

    try:
        status = deps.knowledge.status()
    except NewerBase as problem:
        yield Check("knowledge", "failed", t("errors.answers_newer_base", lang, detail=problem.detail))
        return
    if name := status["missing_embedder"]:
        yield Check("knowledge", "failed", t("doctor.missing_embedder", lang, name=name))
    if preparing := status["preparing"]:
        says = t("doctor.preparing", lang, **preparing | {"cards": status["cards"]})
        yield Check("knowledge", "missing", says)


def _delivery_checks(deps: Deps, lang: Lang) -> Iterator[Check]:
    """What did not get through to Slack of late."""
    from unstuck import troubles

    with deps.sessions() as session:
        found = list(troubles.recent(session, deps.clock.now()))
    for one in found[:MOST_TROUBLES]:
        says = t("doctor.trouble", lang, kind=one.kind, word=one.word, times=one.times, place=one.place or "–")
        yield Check("delivery", "failed", says)
    if len(found) > MOST_TROUBLES:
        yield Check("delivery", "failed", t("doctor.more_troubles", lang, n=len(found) - MOST_TROUBLES))


def _installations_check(deps: Deps, lang: Lang) -> Check:
    """Which workspaces have installed the app by themselves."""
    from sqlmodel import select

    from unstuck.tickets.tables import Installation

    if deps.settings.slack_app_token is None and deps.settings.slack_signing_secret is None:
        return Check("slack", "failed", t("doctor.half_slack", lang))
    if not deps.settings.workspaces:
        return Check("slack", "failed", t("doctor.no_workspaces", lang))
    with deps.sessions() as session:
        places = [f"{one.name or '?'} ({one.place})" for one in session.exec(select(Installation)).all()]
    if not places:
        return Check("slack", "missing", t("doctor.not_installed", lang))
    return Check("slack", "ok", t("doctor.installed", lang, names=", ".join(sorted(places))))


def _source_checks(settings: Settings, lang: Lang) -> Iterator[Check]:
    """Each connected ticket system: does it answer, which statuses has nobody confirmed, who cannot be told in Slack."""
    from unstuck.sources import config

    for name in config.names(settings.directory):
        try:
            yield from _source_check(config.get(settings.directory, name), lang)
        except UserError as error:
            yield Check("source", "failed", f"{name}: {t(f'errors.{error.key}', lang, **error.params)}")
        except ConnectorError as error:
            yield Check("source", "failed", f"{name}: {t(f'errors.{error.key}', lang, detail=error)}")


def _source_check(source: SourceConfig, lang: Lang) -> Iterator[Check]:
    from unstuck.sources.connect import recognise

    found = recognise(source)
    yield Check("source", "ok", t("doctor.source", lang, name=source.name, url=source.url))
    if source.plain_http:
        yield Check("source", "missing", t("sources.plain", lang, name=source.name, path=source.path))
    if found.guessed:
        names = ", ".join(f"{status} = {meant.value}" for status, meant in sorted(found.guessed.items()))
        yield Check("stages", "missing", t("doctor.unmapped", lang, name=source.name, names=names, path=source.path))


def _embedder_check(settings: Settings, lang: Lang) -> Check:
    from knowledge.embed import find_embedder

    found = find_embedder(settings.embedder)
    if found is None and settings.embedder:
        return Check("embedder", "failed", t("doctor.lost_embedder", lang, name=settings.embedder))
    if found is None:
        return Check("embedder", "missing", t("doctor.no_embedder", lang))
    return Check("embedder", "ok", t("doctor.embedder", lang, names=found.name.replace("+", ", ")))


def _model_check(settings: Settings, lang: Lang) -> Check:
    if not settings.model:
        return Check("model", "missing", t("doctor.no_model", lang))
    provider = settings.model.partition(":")[0]
    if importlib.util.find_spec(f"langchain_{provider}") is None:
        return Check("model", "failed", t("doctor.no_provider", lang, provider=provider))
    return Check("model", "ok", t("doctor.model", lang, name=settings.model))


def _slack_check(settings: Settings, lang: Lang) -> Check:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

    if settings.slack_bot_token is None:
        return Check("slack", "missing", t("doctor.no_slack", lang))
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        return Check("slack", "failed", t("doctor.half_slack", lang))
    client = WebClient(settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url, timeout=10)
    try:
        team = client.auth_test()["team"]
    except SlackApiError as error:
        return Check("slack", "failed", t("doctor.slack_refused", lang, error=error.response["error"]))
    except OSError:
        return Check("slack", "failed", t("doctor.slack_unreachable", lang, url=settings.slack_api_url))
    return Check("slack", "ok", t("doctor.slack", lang, team=team))
