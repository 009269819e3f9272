"""The language model, if one is configured. The one file that knows LangChain."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from unstuck.errors import UserError
from unstuck.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Schema = TypeVar("Schema", bound=BaseModel)

#: Tokens of a reply: eight sentences and their sources fit.
_LONGEST_REPLY = 1_200


class LangChainModel:
    """Any provider that LangChain knows. It is imported and asked when first used; threads may share it."""

    def __init__(self, name: str, *, base_url: str | None, key: str | None, timeout_s: float) -> None:
        self.name = name
        #: Seconds after which nobody waits any more.
        self.timeout_s = timeout_s
        self._base_url = base_url
        self._key = key
        self._chat: BaseChatModel | None = None
        self._opening = threading.Lock()

    def complete(self, system: str, user: str) -> str:
        """The reply's text. Raises whatever the provider raises, and `UserError` when it is not installed."""
        reply = self._open().invoke([("system", system), ("human", user)])
        return str(reply.text)

    def stream(self, system: str, user: str) -> Iterator[str]:
        """The reply's text as it comes. Raises as `complete` does, at any moment."""
        for piece in self._open().stream([("system", system), ("human", user)]):
            yield str(piece.text)

    def structured(self, system: str, user: str, schema: type[Schema]) -> Schema:
        """The reply filled into `schema`. Raises as `complete` does, and on a reply that does not fit."""
        chat = self._open().with_structured_output(schema)
        filled = chat.invoke([("system", system), ("human", user)])
        return schema.model_validate(filled if isinstance(filled, dict) else filled.model_dump())

    def _open(self) -> BaseChatModel:
        with self._opening:
            if self._chat is None:
                self._chat = _chat_model(self.name, self._options())
            return self._chat

    def _options(self) -> dict[str, Any]:
        # One try only: whoever waits for an answer is better served by the card's own words.
        options: dict[str, Any] = {"temperature": 0, "max_retries": 0, "max_tokens": _LONGEST_REPLY}
        options["timeout"] = self.timeout_s
        if self._base_url is not None:
            options["base_url"] = self._base_url
        if self._key is not None:
            options["api_key"] = self._key
        elif self._base_url is not None:
            options["api_key"] = "none"  # a server of one's own asks for no key, but the client wants one
        return options


def open_model(settings: Settings) -> LangChainModel | None:
    """The model of the settings, `None` when none is set. Nothing is imported or connected yet."""
    if not settings.model:
        return None
    key = settings.model_api_key.get_secret_value() if settings.model_api_key else None
    return LangChainModel(settings.model, base_url=settings.model_base_url, key=key, timeout_s=settings.model_timeout_s)


def _chat_model(name: str, options: dict[str, Any]) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    try:
        model: BaseChatModel = init_chat_model(name, **options)
    except ImportError:
        raise UserError("model_not_installed", name=name, provider=name.partition(":")[0]) from None
    except ValueError:
        raise UserError("model_unknown", name=name) from None
    return model
