"""Connecting a ticket system: try the token, say what is there, write the file that an admin can correct."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from pydantic import SecretStr

from unstuck.connectors import Connector, Description
from unstuck.errors import UsageError
from unstuck.sources import config as configured
from unstuck.sources.config import SourceConfig
from unstuck.sources.statuses import meaning
from unstuck.tickets.changes import StageClass


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a ticket system answered, and what its statuses are taken for."""

    config: SourceConfig
    connector: Connector
    said: Description
    #: What statuses are taken for by their names, until somebody confirms it.
    guessed: dict[str, StageClass]


def recognise(config: SourceConfig, transport: httpx.BaseTransport | None = None) -> Recognised:
    """Ask a ticket system what it is. What an admin has said about statuses before stays.

    Raises `ConnectorError` when it does not answer as it should, `UserError` when the settings cannot be used.
    """
    connector = config.open(transport)
    said = connector.describe()
    told = {status.name: meaning(status) for status in said.statuses if status.name not in config.classes}
    # That a status closes a ticket is known; whether as solved or as dropped, only its name says.
    sure = {s.name for s in said.statuses if s.certain and s.stage_class is told.get(s.name)}
    known = {status: meant for status, meant in told.items() if status in sure}
    guessed = {status: meant for status, meant in told.items() if status not in sure}
    return Recognised(replace(config, classes={**config.classes, **known}), connector, said, guessed)


def corrected(classes: Mapping[str, StageClass], text: str) -> dict[str, StageClass]:
    """Classes with one correction, `status=CLASS`. Raises `UsageError` when that is none."""
    status, _, name = text.rpartition("=")
    try:
        meant = StageClass(name.strip().upper())
    except ValueError:
        raise UsageError("bad_class", value=text, known=" ".join(StageClass)) from None
    if not status.strip():
        raise UsageError("bad_class", value=text, known=" ".join(StageClass))
    return {**classes, status.strip(): meant}


def variable_of(name: str) -> str:
    """The variable that holds a source's token unless another is named."""
    return f"UNSTUCK_{name.upper().replace('-', '_')}_TOKEN"


def start(home: Path, name: str, system: str, url: str, token: SecretStr) -> SourceConfig:
    """The configuration to try: that of the file where there is one, with what was given anew."""
    path = configured.path_of(home, name)
    address = url if "//" in url else f"https://{url}"
    if path.exists():
        return replace(configured.get(home, name), system=system, url=address, token=token)
    return SourceConfig(name, path, system, address, token)
