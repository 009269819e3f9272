"""The one door to the network: certificates, waits, lengths."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, Response
from pydantic import SecretStr
from standin import _Quiet
from werkzeug.serving import make_server

from unstuck.connectors import Connection
from unstuck.connectors import http as door
from unstuck.connectors.http import Http, retry_after_s
from unstuck.connectors.words import plain_text
from unstuck.errors import ForeignHost, Malformed, Unavailable, UsageError


def connection(url: str, **given: object) -> Connection:
    return Connection("desk", url, SecretStr("t"), timeout_s=3, attempts=2, first_wait_s=0.01, **given)  # type: ignore[arg-type]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(tmp_path / "key.pem"), "-out", str(path)],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """An HTTPS server whose certificate no public authority has signed."""
    app = Flask("secure")
    app.add_url_rule("/x", "x", lambda: {"fine": True})
    keys = (str(certificate), str(certificate.with_name("key.pem")))
    server = make_server("127.0.0.1", 0, app, ssl_context=keys, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_nobody_vouches_for_is_refused_unless_its_authority_is_named(
    secure: str, certificate: Path
) -> None:
    with pytest.raises(Unavailable):
        Http(connection(secure), {}).get("x")
    assert Http(connection(secure, ca_file=str(certificate)), {}).get("x") == {"fine": True}
    with pytest.raises(UsageError, match="connector_bad_ca"):
        Http(connection(secure, ca_file=str(certificate.with_name("nothing.pem"))), {})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Wed, 14 Jan 2026 12:00:30 GMT", 30.0),
        ("Wed, 14 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", door.WAIT_UNTOLD_S),
        (None, door.WAIT_UNTOLD_S),
    ],
)
def test_how_long_to_wait(header: str | None, seconds: float) -> None:
    assert retry_after_s(header, datetime(2026, 1, 14, 12, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    "url",
    ["ftp://x.example", "https://", "https://user:pw@x.example", "http://x.example", "http://127.0.0.1.evil.example"],
)
def test_addresses_that_are_none_or_would_tell_the_token(url: str) -> None:
    with pytest.raises(UsageError):
        Http(connection(url), {})


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "http://x.example/x",
        "https://x.example:8443/x",
        "https://x.example:no/x",
    ],
)
def test_links_to_elsewhere_are_not_followed(link: str) -> None:
    with pytest.raises(ForeignHost):
        Http(connection("https://x.example/tickets"), {}).get(link)


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MAX_ANSWER_BYTES", 10_000)
    app = Flask("long")
    app.add_url_rule("/x", "x", lambda: Response(b"x" * 1000 for _ in range(1000)))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        with pytest.raises(Malformed, match="longer than"):
            Http(connection(f"http://127.0.0.1:{server.server_port}"), {}).get("x")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_html_becomes_what_a_reader_sees() -> None:
    said = plain_text(
        "<style>p {}</style><p>Dear&nbsp;Ana,<br>it is <b>5 &lt; 6</b>.</p><script>x()</script><div>Bo</div>"
    )
    assert said == "Dear Ana,\nit is 5 < 6.\nBo"
