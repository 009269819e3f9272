"""One call of a Web API method, and the table of the methods that the stand-in knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.playground.workspace import Workspace

Json = dict[str, Any]
Run = Callable[["Workspace", "Arguments"], Json]


class Refusal(Exception):
    """Slack answers `{"ok": false, "error": …}`."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.answer: Json = {"ok": False, "error": error, **more}


@dataclass(frozen=True, slots=True)
class Method:
    """What Slack demands of a call before it looks at the values."""

    name: str
    run: Run
    required: tuple[str, ...]
    optional: tuple[str, ...]
    #: Bot scope that the token must carry; None when every token may call.
    scope: str | None
    #: Slack ignores a JSON body for methods that only read.
    takes_json: bool
    #: Wants the app-level token (`xapp-`) instead of the bot's.
    needs_app_token: bool = False
    #: Wants the app's id and secret instead of a token.
    needs_no_token: bool = False


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call; structured ones arrive as JSON or, in forms, as JSON text."""

    values: Json = field(default_factory=dict)

    def text(self, name: str, default: str | None = None) -> str | None:
        value = self.values.get(name)
        return default if value is None or value == "" else str(value)

    def need(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise Refusal(
                "invalid_arguments", response_metadata={"messages": [f"[ERROR] missing required field: {name}"]}
            )
        return value

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not text.isdigit():
            raise Refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {name} must be an integer"]})
        return int(text)

    def parsed(self, name: str, refusal: str = "invalid_arguments") -> Any:
        """A structured argument, or None. Raises `Refusal` when a form holds text that is not JSON."""
        value = self.values.get(name)
        if not isinstance(value, str) or value == "":
            return None if value == "" else value
        try:
            return json.loads(value)
        except ValueError:
            raise Refusal(refusal) from None

    def __contains__(self, name: object) -> bool:
        return name in self.values


METHODS: dict[str, Method] = {}


def method(
    name: str,
    *,
    required: str = "",
    optional: str = "",
    scope: str | None = None,
    takes_json: bool = True,
    needs_app_token: bool = False,
    needs_no_token: bool = False,
) -> Callable[[Run], Run]:
    """Register a function as the Web API method `name`; arguments are listed by name, in one string."""

    def register(run: Run) -> Run:
        needed, possible = tuple(required.split()), tuple(optional.split())
        METHODS[name] = Method(name, run, needed, possible, scope, takes_json, needs_app_token, needs_no_token)
        return run

    return register
