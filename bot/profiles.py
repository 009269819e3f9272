"""Slack says that somebody's profile changed: their language, time zone, e-mail, or whether they are a guest."""

from __future__ import annotations

from typing import Any

from slack_bolt import App

from bot.desk import Desk
from bot.intake import Job, Unasked


def register(app: App) -> None:
    app.event("user_change")(on_changed)


def on_changed(event: dict[str, Any], desk: Desk) -> None:
    """Look the person up anew the next time: nobody keeps a language or a right that they no longer have."""

    def forget() -> None:
        desk.people.forget(str(event["user"]["id"]))

    # Here, and where answers are made, which may be another process.
    forget()
    desk.work.take(Job(forget, Unasked("a changed profile")))
