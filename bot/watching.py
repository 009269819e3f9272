"""What `/metrics` counts about the bot, in all processes of one `unstuck serve` together."""

from __future__ import annotations

import math
import os

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.errands import ERRAND
from bot.worker import COUNTED_IN
from unstuck.tickets.database import reading

__all__ = ["CONTENT_TYPE", "events", "jobs", "report"]

events = Counter("unstuck_events", "What Slack sent, by kind", ["kind"])
jobs = Histogram(
    "unstuck_job_seconds",
    "From taking a job on to its end, by outcome",
    ["outcome"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
)


def report(engine: Engine) -> bytes:
    """The figures in Prometheus' text format. Jobs that wait are counted in the database, so on all machines."""
    together = CollectorRegistry()
    if COUNTED_IN in os.environ:
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    waiting = Gauge("unstuck_jobs_waiting", "Jobs taken on and not finished", registry=together)
    try:
        with reading(engine) as connection:
            waiting.set(connection.scalar(select(func.count()).where(ERRAND.c.lease_until.is_not(None))) or 0)
    except SQLAlchemyError:
        # The other figures are wanted most when the database is away.
        waiting.set(math.nan)
    return generate_latest(together) + (b"" if COUNTED_IN in os.environ else generate_latest(REGISTRY))
