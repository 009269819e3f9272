"""How long webhooks wait for their answer: while nothing else happens, and while a first load is being stored.

    python benchmarks/hooks.py --posts 500

Signed posts to the real HTTP server, eight senders at once. The load is `zendesk_export.py`, read in the same process
and into the same SQLite file, as `unstuck serve` does, thirty exports a minute as Zendesk allows at most unless told
otherwise: SQLite has one writer at a time, and each export of a thousand events is one transaction. Milliseconds; a ticket system wants its answer within seconds,
we want to give it within 200.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The folder of this file has a `knowledge.py`, which is not the package of that name.
sys.path.append(sys.path.pop(0))

import httpx
from flask import Flask
from sync import exporting
from zendesk_export import TOKEN

from bot import hooks
from bot.serving import over_http
from unstuck import deps as building
from unstuck import settings
from unstuck.clock import SystemClock, iso
from unstuck.deps import Deps
from unstuck.errors import UnstuckError
from unstuck.sources import config
from unstuck.sources.pull import pull

SECRET, SENDERS = b"hook-s3cret", 8


def headers(body: bytes) -> dict[str, str]:
    now = iso(SystemClock().now())
    digest = hmac.digest(SECRET, now.encode() + body, "sha256")
    name = "X-Zendesk-Webhook-Signature"
    return {name: base64.b64encode(digest).decode(), f"{name}-Timestamp": now}


def waits(url: str, posts: int, first: int) -> dict[str, float]:
    """Milliseconds until the answer. As many a second as one source may send."""
    client = httpx.Client(timeout=30)

    def post(number: int) -> float:
        body = json.dumps({"ticket": first + number}).encode()
        begun = time.perf_counter()
        answer = client.post(url, content=body, headers=headers(body))
        waited = time.perf_counter() - begun
        assert answer.status_code == 202, answer.status_code
        time.sleep(max(0.0, SENDERS / hooks.RATE - waited))
        return waited * 1000

    with ThreadPoolExecutor(SENDERS) as senders:
        taken = sorted(senders.map(post, range(posts)))
    p95, p99 = (taken[int(len(taken) * part)] for part in (0.95, 0.99))
    return {"p50": round(statistics.median(taken)), "p95": round(p95), "p99": round(p99), "max": round(taken[-1])}


def load(deps: Deps, stopped: threading.Event) -> None:
    source = config.get(deps.settings.directory, "zendesk")

    def watch(_: object) -> None:
        if stopped.is_set():
            raise UnstuckError

    try:
        pull(source, deps.sessions, deps.clock, show=watch)
    except UnstuckError:
        return
    assert stopped.is_set(), "the load ended before the posts did"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=500)
    parser.add_argument("--exports-per-minute", type=float, default=30)
    given = parser.parse_args()
    posts, per_minute = given.posts, given.exports_per_minute
    with tempfile.TemporaryDirectory() as directory, exporting(1_000_000) as export:
        home = Path(directory)
        path = config.path_of(home, "zendesk")
        path.parent.mkdir()
        path.write_text(
            f'system = "zendesk"\nurl = "{export}"\ntoken = "{TOKEN}"\n[options]\nexports_per_minute = {per_minute}\n'
            f'[webhook]\nsecret = "{SECRET.decode()}"\n'
        )
        deps = building.build(settings.load(home=home))
        site, stopped = Flask("site"), threading.Event()
        hooks.mount(site, deps)
        with over_http(site, "127.0.0.1", 0) as port:
            url = f"http://127.0.0.1:{port}/hooks/zendesk"
            idle = waits(url, posts, 0)
            loading = threading.Thread(target=load, args=(deps, stopped))
            loading.start()
            # The first ten exports come at once.
            time.sleep(5)
            busy = waits(url, posts, posts)
            stopped.set()
            loading.join()
        deps.close()
    print(json.dumps({"idle_ms": idle, "loading_ms": busy}))


if __name__ == "__main__":
    main()
