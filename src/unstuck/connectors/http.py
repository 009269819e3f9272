"""The one door to the network: the configured host only, patient, and silent about secrets."""

from __future__ import annotations

import logging
import ssl
import threading
import time
import weakref
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import stamina

from unstuck.clock import SystemClock
from unstuck.connectors import Connection
from unstuck.errors import (
    ConnectorError,
    Forbidden,
    ForeignHost,
    Malformed,
    NotThere,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    UsageError,
)

#: A wait that the system asks for and we sit out; for a longer one the next sync comes back.
LONGEST_WAIT_S = 120.0
#: What a system that says no more than "slow down" is given.
WAIT_UNTOLD_S = 10.0
#: More than any page that we ask for.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
_HOPS = 3
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_MOVED = frozenset({301, 302, 303, 307, 308})
_FAILING = frozenset({408, 425})
_REFUSING = frozenset({400, 409, 412, 422})

# httpx logs whole URLs; some systems want their signature in the query.
logging.getLogger("httpx").setLevel(logging.WARNING)


class Http:
    """A client for one ticket system.

    Reads are tried again when the system is busy or failing; writes are not, because they may have got through.
    """

    def __init__(
        self,
        connection: Connection,
        headers: dict[str, str],
        transport: httpx.BaseTransport | None = None,
        *,
        auth: httpx.Auth | tuple[str, str] | None = None,
        per_minute: float | None = None,
    ) -> None:
        self._connection = connection
        self._base = checked_url(connection)
        self._pace = Pace(connection.per_minute or per_minute)
        #: What the system's clock showed with its last answer; `None` before the first, or where it does not say.
        self.server_time: datetime | None = None
        self._client = httpx.Client(
            headers={"Accept": "application/json", "User-Agent": "unstuck", **headers},
            auth=auth,
            transport=transport,
            timeout=connection.timeout_s,
            verify=_certificates(connection),
            follow_redirects=False,
        )
        # A connector is used and dropped; its connections go with it.
        weakref.finalize(self, self._client.close)

    def sign(self, headers: dict[str, str]) -> None:
        """Send these from now on, where the token is one that ends."""
        self._client.headers.update(headers)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at `path`; `path` may be a whole link that the system gave."""
        return self.read("GET", path, params=params)

    def read(self, method: str, path: str, *, params: dict[str, Any] | None = None, json: Any = None) -> Any:
        """The JSON that a request without consequences is answered with."""
        asked = self._connection
        for attempt in stamina.retry_context(
            on=_wait_before_next, attempts=asked.attempts, timeout=None, wait_initial=asked.first_wait_s,
            wait_max=LONGEST_WAIT_S / 4, wait_jitter=asked.first_wait_s,
        ):  # fmt: skip
            with attempt:
                return _json(self._once(method, path, params, json))
        raise AssertionError("stamina either returns or raises")

    def write(self, method: str, path: str, json: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """A request with consequences, sent once. `Unavailable` means that nobody knows whether it got through."""
        return self._once(method, path, None, json, headers)

    def _once(
        self, method: str, path: str, params: dict[str, Any] | None, json: Any, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        # A path is below the base; what begins with two slashes is another host's.
        url = self._resolved(self._base, path if path.startswith("//") else path.lstrip("/"))
        what = f"{method} {urlsplit(url).path}"
        for _ in range(_HOPS):
            self._pace.wait()
            answer = self._send(method, url, params, json, headers, what)
            if answer.status_code not in _MOVED:
                self.server_time = _date(answer.headers.get("date"))
                _check(answer, what)
                return answer
            url, params = self._resolved(url, answer.headers.get("location", "")), None
            if method != "GET":
                # A client that follows turns a POST into a GET: the write would be lost without a word.
                raise Malformed(f"{what}: moved to another address; correct the URL")
        raise Malformed(f"{what}: redirected in circles")

    def _send(
        self, method: str, url: str, params: dict[str, Any] | None, json: Any, headers: dict[str, str] | None, what: str
    ) -> httpx.Response:
        try:
            with self._client.stream(method, url, params=params or None, json=json, headers=headers) as answer:
                return _read_within_limit(answer, what)
        except httpx.TimeoutException:
            raise Unavailable(f"{what}: no answer within {self._connection.timeout_s:g} s") from None
        except httpx.DecodingError:
            raise Malformed(f"{what}: the answer's compression is broken") from None
        except httpx.RequestError as error:
            # The error's own text may hold the URL.
            raise Unavailable(f"{what}: {type(error).__name__} at {urlsplit(url).netloc}") from None

    def _resolved(self, base: str, link: str) -> str:
        """A link as an address, refused unless it is the configured scheme, host and port."""
        url = urljoin(base, link)
        if _origin(url) != _origin(self._base):
            raise ForeignHost(f"sent to {urlsplit(url).hostname or 'nowhere'}, which is not {_origin(self._base)[1]}")
        return url


def checked_url(connection: Connection) -> str:
    """The base URL with a final slash. Raises `UsageError` when it is none, or would send the token in the clear."""
    parts = urlsplit(connection.url if "//" in connection.url else f"https://{connection.url}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise UsageError("connector_bad_url", name=connection.name)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not connection.plain_http:
        raise UsageError("connector_plain_http", name=connection.name, host=parts.hostname)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = -1
    return parts.scheme, (parts.hostname or "").lower(), port


@cache
def _public_authorities() -> ssl.SSLContext:
    # Reading them takes a tenth of a second, and a connector is made anew for every round.
    return ssl.create_default_context()


def _certificates(connection: Connection) -> ssl.SSLContext:
    if connection.ca_file is None:
        return _public_authorities()
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(connection.ca_file)
    except (OSError, ssl.SSLError):
        raise UsageError("connector_bad_ca", name=connection.name, path=connection.ca_file) from None
    return context


def _read_within_limit(answer: httpx.Response, what: str) -> httpx.Response:
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise Malformed(f"{what}: the answer is longer than {MAX_ANSWER_BYTES} bytes")
    # The body is unpacked by now.
    kept = {name: value for name, value in answer.headers.items() if name not in ("content-encoding", "content-length")}
    return httpx.Response(answer.status_code, headers=kept, content=bytes(body), request=answer.request)


def _check(answer: httpx.Response, what: str) -> None:
    """Raise the error that a status stands for."""
    status = answer.status_code
    if status < 300:
        return
    said = f"{what}: {status}"
    if status == 429 or (status in (403, 503) and "retry-after" in answer.headers):
        raise RateLimited(retry_after_s(answer.headers.get("retry-after")))
    if status == 403 and answer.headers.get("x-ratelimit-remaining") == "0":
        # GitHub's way: when the next hour begins, in seconds since 1970.
        raise RateLimited(_until(answer.headers.get("x-ratelimit-reset", "")))
    if status >= 500 or status in _FAILING:
        raise Unavailable(said)
    if status in _REFUSING:
        raise Refused(said)
    raise {401: Unauthorized, 403: Forbidden, 404: NotThere, 410: NotThere}.get(status, ConnectorError)(said)


def retry_after_s(header: str | None, now: datetime | None = None) -> float:
    """Seconds that a `Retry-After` header asks for, given as a number or as a date."""
    if header is None:
        return WAIT_UNTOLD_S
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    until = _date(header)
    if until is None:
        return WAIT_UNTOLD_S
    return max(0.0, (until - (now or SystemClock().now())).total_seconds())


def _until(epoch: str) -> float:
    return max(0.0, int(epoch) - SystemClock().now().timestamp()) if epoch.isdigit() else WAIT_UNTOLD_S


def _date(header: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _wait_before_next(error: Exception) -> bool | float:
    """Whether a read is worth another try; a number is how long to wait for it."""
    if isinstance(error, RateLimited):
        return error.retry_after_s if error.retry_after_s <= LONGEST_WAIT_S else False
    return isinstance(error, Unavailable | Malformed) and not str(error).endswith("correct the URL")


def _json(answer: httpx.Response) -> Any:
    what = f"{answer.request.method} {answer.request.url.path}"
    if "html" in answer.headers.get("content-type", ""):
        raise Malformed(f"{what}: a web page instead of JSON")
    try:
        return answer.json()
    except ValueError:
        raise Malformed(f"{what}: broken or cut off JSON") from None


def rows_of(found: Any, key: str = "") -> list[Any]:
    """The list that an answer is, or holds under `key`. Raises `Malformed` when there is none."""
    rows = found.get(key) if key and isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise Malformed(f"the ticket system answered without {key or 'a list'}")
    return rows


class Pace:
    """At most so many requests a minute, evenly but for the first `burst`. Thread-safe."""

    def __init__(self, per_minute: float | None, burst: int = 1) -> None:
        self._gap_s = 60.0 / per_minute if per_minute else 0.0
        self._burst_s = self._gap_s * (burst - 1)
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        if not self._gap_s:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now - self._burst_s, self._next)
            self._next = turn + self._gap_s
        time.sleep(max(0.0, turn - now))
