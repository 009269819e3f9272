"""A manager's question once understood: typed, checked, and all that the compiler ever sees.

A plan says nothing in words of the question; the restatement is made from it, so what is shown is
what is computed.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Kind(StrEnum):
    """The kinds of question (METRICS.md, section 6)."""

    VALUE = "value"
    BREAKDOWN = "breakdown"
    TOP = "top"
    TREND = "trend"
    DISTRIBUTION = "distribution"
    LIST = "list"
    COMPARE = "compare"
    BOTTLENECK = "bottleneck"
    MAP = "map"  # moves from stage to stage
    WHY = "why"  # a change told apart
    WHAT_IF = "what_if"
    EXPLAIN = "explain"
    DATA_QUALITY = "data_quality"
    HELP = "help"
    TICKET = "ticket"  # the state and history of one ticket


class Aggregate(StrEnum):
    """How the values of a metric become one number."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    P50 = "p50"
    P75 = "p75"
    P90 = "p90"
    MAX = "max"
    MIN = "min"
    SHARE = "share"


class Grain(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Op(StrEnum):
    """How a filter compares. `values` of AND-ed filters; several values of one filter are OR-ed."""

    IN = "in"
    NOT_IN = "not_in"
    IS_NULL = "is_null"
    NOT_NULL = "not_null"
    #: Strictly more / less than `number`: seconds for durations, a count for counts.
    MORE = "more"
    AT_LEAST = "at_least"
    LESS = "less"
    AT_MOST = "at_most"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Filter(_Value):
    """One condition. `field` is a dimension id (`team`, `priority`, `custom.location`) or a measure of
    the ticket: `age`, `stage_age` (since the current stage), `idle` (since the last activity), `lead_time`,
    `handoffs`, `reopens`, `agent_replies`."""

    field: str
    op: Op = Op.IN
    values: tuple[str, ...] = ()
    number: float | None = None


class Window(_Value):
    """Half-open `[start, end)`, absolute, UTC. `start is None`: since the history began."""

    start: AwareDatetime | None
    end: AwareDatetime
    #: False where the asker named no time and the default was taken (shown as a chip).
    stated: bool = True


class OwnWord(_Value):
    """A word of the workspace's own, approved by a manager, and what it stands for."""

    said: str
    #: What kind of thing it names: a live value, a metric or a dimension.
    role: Literal["value", "metric", "dimension"]
    #: A value's dimension, else the id of the metric or dimension.
    field: str
    value: str = ""
    approved_by: str
    approved_at: AwareDatetime


class Plan(_Value):
    """What is computed."""

    kind: Kind
    #: Id of a `Metric`; None for kinds that need none (help, data quality, one ticket).
    metric: str | None = None
    #: One of the metric's variants; None is its main definition.
    variant: str | None = None
    aggregate: Aggregate | None = None
    #: At most two dimensions.
    by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    #: None for a metric that is taken at an instant (as-of), see `at`.
    window: Window | None = None
    #: Second window or value of a comparison; the first is `window`/`filters`.
    against: Window | None = None
    #: Compare values of one dimension, e.g. P2 with P3: the dimension; its values stand in `filters`.
    compare_by: str | None = None
    #: Compare with a second metric over the same window, e.g. opened with solved.
    against_metric: str | None = None
    #: Instant of an as-of metric; None means now (`T`).
    at: AwareDatetime | None = None
    grain: Grain | None = None
    #: For top and list: True shows the largest first.
    descending: bool = True
    limit: int | None = None
    #: Leave out groups with fewer tickets than this.
    min_n: int | None = None
    #: "within 24 h": the limit of a share, seconds.
    within: float | None = None
    clock: Literal["calendar", "business"] = "calendar"
    #: Whether a drawn-on default (e.g. a resolution of an ambiguous word) came from the workspace.
    assumed: tuple[str, ...] = ()
    #: The ticket of kind `ticket`.
    ticket: str | None = None
    #: Misspelt words of the question and what they were read as.
    mended: tuple[tuple[str, str], ...] = ()
    #: Words of the workspace's own that the question used.
    own_words: tuple[OwnWord, ...] = ()
    #: IANA zone in which dates, weekdays and buckets are cut.
    timezone: str = "UTC"

    @property
    def keys(self) -> tuple[str, ...]:
        """The dimensions by which rows are told apart: what it is split by, and what is compared."""
        compared = self.compare_by
        return (*self.by, compared) if compared is not None and compared not in self.by else self.by


class Scope(_Value):
    """What the asker may see; the compiler binds it into every base relation."""

    #: None: every team.
    teams: tuple[str, ...] | None = None
    #: Whether rankings of persons are open to the asker.
    persons: bool = False


class Result(_Value):
    """What a compiled plan gave. Durations in seconds, times ISO 8601 UTC."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | bool | None, ...], ...]
    #: Tickets (E, A) or visits (O, S) counted.
    n: int
    n_open: int | None = None
    #: `count`, `seconds`, `share`, `hours`, `ratio`, `score`, `text`.
    unit: str
    sql: str
    #: Names in rows that have an order of their own: stages, from where tickets come to where they go.
    order: tuple[str, ...] = ()
    #: Ids of things the reader must know, with parameters: left-censored spells, small groups, timers.
    notes: tuple[tuple[str, tuple[tuple[str, str | int | float], ...]], ...] = ()


class Option(_Value):
    """One way to read the question: what a button says, and the plan behind it."""

    label: str
    plan: Plan
    #: A word nobody knew and what choosing this option takes it for.
    guess: tuple[str, str] | None = None


class Answer(_Value):
    """The question was understood in exactly one way."""

    plan: Plan
    #: False when the plan could still be changed by choosing another default.
    restatement: str


class Ask(_Value):
    """The question has two or three readings that differ in one slot."""

    #: The slot that differs: `metric`, `window`, `field:<value>`, …
    slot: str
    prompt: str
    options: tuple[Option, ...]


class Refuse(_Value):
    """Words that no plan explains, or something that Unstuck does not do."""

    #: The asker's own words that were not understood; empty when the request as a whole is out of scope.
    unexplained: tuple[str, ...]
    reason: str
    #: Nearest supported questions.
    options: tuple[Option, ...] = ()


Reading = Answer | Ask | Refuse
Now = datetime
