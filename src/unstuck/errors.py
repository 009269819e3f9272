"""Everything that Unstuck raises on purpose.

```
UnstuckError
├── UserError             shown to the person, in their language; the command line exits with 1
│   └── UsageError        the request itself was malformed; the command line exits with 2
└── ConnectorError        logged, retried by the next sync
    ├── RateLimited
    └── Unauthorized
```

A `UserError` carries a key into `locales/*.toml` (section `errors`), never a finished sentence, so
that one error reads well in every language. Features subclass it where callers need to tell cases
apart; otherwise they raise it with a key of their own.
"""

from __future__ import annotations

from typing import ClassVar


class UnstuckError(Exception):
    """Base of all errors raised on purpose."""


class UserError(UnstuckError):
    """A problem that the person can mend. `errors.<key>` in the locales names the remedy."""

    exit_code: ClassVar[int] = 1

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key, params)
        self.key = key
        self.params = params

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.key}({details})"


class UsageError(UserError):
    """A request that cannot be understood as given."""

    exit_code = 2


class ConnectorError(UnstuckError):
    """A ticket system did not answer as it should; the next sync tries again."""


class RateLimited(ConnectorError):
    """The ticket system asked us to slow down."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"rate limited for {retry_after_s:.0f} s")
        #: Seconds to wait before the next request, as the ticket system stated.
        self.retry_after_s = retry_after_s


class Unauthorized(ConnectorError):
    """The ticket system refused the token."""
