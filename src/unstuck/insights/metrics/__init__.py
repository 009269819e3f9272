"""All metrics that Unstuck computes: one `Metric(...)` each, one file per way of meeting a window.

What is listed here can be asked for, is compiled by `unstuck.insights.compile` and documented in
`docs/metrics.md`. A number that is not defined here is not shown.
"""

from __future__ import annotations

from unstuck.insights.metric import Metric
from unstuck.insights.metrics import durations, events, flow, states

METRICS: dict[str, Metric] = {
    metric.id: metric for metric in (*events.METRICS, *states.METRICS, *durations.METRICS, *flow.METRICS)
}

__all__ = ["METRICS"]
