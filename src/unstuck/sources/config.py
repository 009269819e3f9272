"""A ticket system as the desk's admin configured it: one readable file `HOME/sources/NAME.toml` each.

The token is not in it: `token = "env:NAME"` names a variable of the environment or of a `.env` file.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from dotenv import dotenv_values
from pydantic import SecretStr

from unstuck.connectors import ActionKind, Connection, Connector
from unstuck.connectors.registry import connector_of
from unstuck.errors import UsageError, UserError
from unstuck.tickets.changes import StageClass

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_FROM_ENVIRONMENT = "env:"
_TABLES = {
    "system", "url", "token", "user", "ca_file", "plain_http", "per_minute", "options", "classes", "write", "webhook",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One file, read. Secrets are resolved when they are needed."""

    name: str
    path: Path
    #: Name of the connector.
    system: str
    url: str
    #: The token itself, or `env:` and the name of a variable.
    token: SecretStr
    user: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    #: Status to class, in the admin's word.
    classes: Mapping[str, StageClass] = field(default_factory=dict)
    #: What may be written back; nothing unless an admin says so.
    writes: frozenset[ActionKind] = frozenset()
    webhook_secret: SecretStr | None = None
    #: Where webhooks are sent to, as the ticket system knows it: some sign that, too.
    webhook_url: str | None = None
    ca_file: str | None = None
    plain_http: bool = False
    per_minute: float | None = None

    def connection(self) -> Connection:
        """How to talk to it. Raises `UserError` when the token's variable is not set."""
        return Connection(
            name=self.name, url=self.url, token=self._secret(self.token), user=self.user, options=self.options,
            ca_file=self.ca_file, plain_http=self.plain_http, per_minute=self.per_minute,
        )  # fmt: skip

    def open(self, transport: httpx.BaseTransport | None = None) -> Connector:
        return connector_of(self.system)(self.connection(), transport)

    def hook_secret(self) -> SecretStr | None:
        """What webhooks are signed with; `None`: none are taken."""
        return self._secret(self.webhook_secret) if self.webhook_secret is not None else None

    def _secret(self, given: SecretStr) -> SecretStr:
        text = given.get_secret_value()
        if not text.startswith(_FROM_ENVIRONMENT):
            return given
        variable = text.removeprefix(_FROM_ENVIRONMENT)
        found = find_variable(variable, self.path.parent.parent)
        if not found:
            raise UserError("no_token", variable=variable, name=self.name)
        return SecretStr(found)


def find_variable(name: str, home: Path) -> str | None:
    """A variable of the environment, of `.env` in the working directory, or of `.env` in the home directory."""
    for values in (os.environ, dotenv_values(".env"), dotenv_values(home / ".env")):
        if found := values.get(name):
            return found
    return None


def directory(home: Path) -> Path:
    return home / "sources"


def names(home: Path) -> list[str]:
    """The configured sources."""
    return sorted(path.stem for path in directory(home).glob("*.toml"))


def path_of(home: Path, name: str) -> Path:
    """Where a source's file is. Raises `UsageError` on a name that is no name."""
    if not _NAME.fullmatch(name):
        raise UsageError("bad_source_name", name=name)
    return directory(home) / f"{name}.toml"


def get(home: Path, name: str) -> SourceConfig:
    """One source. Raises `UserError` when it is not configured, `UsageError` when its file cannot be read."""
    path = path_of(home, name)
    if not path.exists():
        raise UserError("no_such_source", name=name, known=", ".join(names(home)) or "-")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError("source_malformed", path=path, problem=str(error)) from None
    return _parse(name, path, tables)


def every(home: Path) -> list[SourceConfig]:
    return [get(home, name) for name in names(home)]


def _parse(name: str, path: Path, tables: Mapping[str, Any]) -> SourceConfig:
    def wrong(problem: str) -> UsageError:
        return UsageError("source_malformed", path=path, problem=problem)

    # A name we do not know is a typing error: to pass it over would, say, leave a limit out in silence.
    if unknown := sorted(tables.keys() - _TABLES):
        raise wrong(f"{unknown[0]}? ({', '.join(sorted(_TABLES))})")
    for key in ("system", "url", "token"):
        if not isinstance(tables.get(key), str) or not tables[key]:
            raise wrong(f"{key} = ?")
    try:
        writes = frozenset(ActionKind(kind) for kind, allowed in tables.get("write", {}).items() if allowed is True)
        classes = {str(status): StageClass(meant) for status, meant in tables.get("classes", {}).items()}
    except ValueError as error:
        raise wrong(str(error)) from None
    secret = tables.get("webhook", {}).get("secret")
    return SourceConfig(
        name, path, tables["system"], tables["url"], SecretStr(tables["token"]), tables.get("user"),
        tables.get("options", {}), classes, writes, SecretStr(secret) if secret else None,
        tables.get("webhook", {}).get("url"), tables.get("ca_file"),
        tables.get("plain_http") is True, tables.get("per_minute"),
    )  # fmt: skip


def write(config: SourceConfig, guessed: Mapping[str, StageClass] = {}) -> None:
    """Write the file that an admin can read and correct, readable by its owner alone.

    What statuses are only guessed to mean stands in it as a comment: it counts as confirmed without the `#`.
    """
    lines = [
        f"system = {_toml(config.system)}",
        f"url = {_toml(config.url)}",
    ]
    lines.append(f"token = {_toml(config.token.get_secret_value())}")
    lines += [
        f"{key} = {_toml(value)}"
        for key, value in (("user", config.user), ("ca_file", config.ca_file), ("per_minute", config.per_minute))
        if value is not None
    ]
    lines += ["plain_http = true"] if config.plain_http else []
    lines += ["", "[options]", *(f"{_toml(key)} = {_toml(value)}" for key, value in config.options.items())]
    lines += ["", "# What each status means: NEW ACTIVE WAIT_CUSTOMER WAIT_INTERNAL WAIT_VENDOR SOLVED CLOSED DROPPED"]
    lines += ["[classes]", *(f"{_toml(status)} = {_toml(meant.value)}" for status, meant in config.classes.items())]
    lines += [f"# {_toml(status)} = {_toml(meant.value)}" for status, meant in guessed.items()]
    lines += ["", "# What people may write back from Slack. All off until you say true.", "[write]"]
    lines += [f"{kind.value} = {'true' if kind in config.writes else 'false'}" for kind in ActionKind]
    if config.webhook_secret is not None:
        lines += ["", "[webhook]", f"secret = {_toml(config.webhook_secret.get_secret_value())}"]
        lines += [f"url = {_toml(config.webhook_url)}"] if config.webhook_url else []
    config.path.parent.mkdir(parents=True, exist_ok=True)
    write_privately(config.path, "\n".join(lines) + "\n")


def put_variable(home: Path, name: str, value: str) -> Path:
    """Keep a secret in `.env` of the home directory, readable by its owner alone."""
    path = home / ".env"
    kept = [line for line in _lines(path) if not line.startswith(f"{name}=")]
    home.mkdir(parents=True, exist_ok=True)
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    write_privately(path, "\n".join([*kept, f"{name}='{quoted}'"]) + "\n")
    return path


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def write_privately(path: Path, text: str) -> None:
    """Replace a file at once, so that nobody reads half of it, and nobody else reads it at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def _toml(value: object) -> str:
    # JSON's strings, numbers, truths and lists of them are TOML's, but for one character that TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
