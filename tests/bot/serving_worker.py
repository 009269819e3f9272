"""Half of a small desk that serves until it is killed.

`serving_worker.py listen|work HOME SLACK_URL TOKEN SECRET PORT [DATABASE_URL]`
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

import knowledge
from bot import errands
from bot.app import create_app
from bot.errands import Errands, recovering
from bot.intake import HandOver
from bot.serving import Link, dispatch_to, over_http, site
from bot.testing import cards
from bot.work import Work
from knowledge.testing import HashEmbedder
from unstuck import deps
from unstuck.deps import Deps
from unstuck.sealing import seal_of
from unstuck.settings import Settings

LEASE, BEAT = timedelta(seconds=2), timedelta(seconds=0.4)


def listen(built: Deps, kept: Errands, port: int, running: ExitStack) -> None:
    # Nobody is woken: the other half looks at every beat, and may be gone.
    app = create_app(built, work=HandOver(kept, lambda: None))
    running.enter_context(over_http(site(built.engine, Link(), app), "127.0.0.1", port))


def work(built: Deps, kept: Errands, home: Path, running: ExitStack) -> None:
    base = knowledge.open(built.engine, home / "knowledge", embedder=HashEmbedder())
    base.learn(cards())
    vars(built)["knowledge"] = base
    # What a killed process did not finish is not poison: the test kills it on purpose.
    errands.MOST_CRASHES = 1000
    app = create_app(built, work=Work(kept))
    running.enter_context(recovering(kept, dispatch_to(app), BEAT))


def main(half: str, home: str, slack_url: str, token: str, secret: str, port: str, url: str = "") -> None:
    settings = Settings(
        home=Path(home),
        database_url=url or None,
        slack_bot_token=SecretStr(token),
        slack_signing_secret=SecretStr(secret),
        slack_api_url=slack_url,
    )
    built = deps.build(settings)
    kept = Errands(built.sessions, built.clock, seal_of(settings), LEASE)
    with ExitStack() as running:
        if half == "listen":
            listen(built, kept, int(port), running)
        else:
            work(built, kept, Path(home), running)
        sys.stdout.write("up\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
