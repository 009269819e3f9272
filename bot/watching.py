"""What `/metrics` counts about the bot."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

events = Counter("unstuck_events", "What Slack sent, by kind", ["kind"])
jobs = Histogram(
    "unstuck_job_seconds",
    "From taking a job on to its end, by outcome",
    ["outcome"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
)
waiting = Gauge("unstuck_jobs_waiting", "Jobs taken on and not finished")
