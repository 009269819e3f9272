"""Everything that Unstuck raises on purpose.

```
UnstuckError
├── UserError             shown to the person, in their language; the command line exits with 1
│   └── UsageError        the request itself was malformed; the command line exits with 2
└── ConnectorError        logged, retried by the next sync
    ├── RateLimited       asked to slow down
    ├── Unauthorized      the token is refused (401)
    ├── Forbidden         the token may not do this (403)
    ├── NotThere          no such thing, or none that we may see (404, 410)
    ├── Unavailable       no answer, or a failing one (time-out, 5xx): nobody knows what became of the request
    ├── Malformed         an answer that is not what the system documents (HTML, half a JSON)
    ├── ForeignHost       a redirect or link to a host that is not configured: never followed
    └── Refused           a write was understood and not done
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
    """A ticket system did not answer as it should; the next sync tries again.

    The text names request and status, never a header, a query or a token.
    """

    #: `errors.<key>` in the locales says it to a person.
    key: ClassVar[str] = "connector_failed"


class RateLimited(ConnectorError):
    """The ticket system asked us to slow down."""

    key = "connector_rate_limited"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"rate limited for {retry_after_s:.0f} s")
        #: Seconds to wait before the next request, as the ticket system stated.
        self.retry_after_s = retry_after_s


class Unauthorized(ConnectorError):
    """The ticket system refused the token."""

    key = "connector_unauthorized"


class Forbidden(ConnectorError):
    """The token is good, but may not do this."""

    key = "connector_forbidden"


class NotThere(ConnectorError):
    """There is no such thing, or none that we may see."""

    key = "connector_not_there"


class Unavailable(ConnectorError):
    """The ticket system did not answer, or failed while it did. What became of the request is not known."""

    key = "connector_unavailable"


class Malformed(ConnectorError):
    """The answer is not what the ticket system documents."""

    key = "connector_malformed"


class ForeignHost(ConnectorError):
    """The ticket system sent us to a host that is not the configured one."""

    key = "connector_foreign_host"


class Refused(ConnectorError):
    """The ticket system understood a write and did not do it."""

    key = "connector_refused"
