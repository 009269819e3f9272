"""Dimensions and filters: from their ids to SQL over the rows `r` of a metric."""

from __future__ import annotations

from dataclasses import dataclass, field

from unstuck.errors import UsageError
from unstuck.insights.compile import thresholds
from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.rows import Rows
from unstuck.insights.plan import Filter, Op

#: Values of a ticket, as known at "now".
FIELDS = (
    "priority", "type", "product", "category", "subcategory", "customer", "tier", "region", "language", "channel",
)  # fmt: skip
CUSTOM = "custom."
#: What transition_wait takes for itself.
OWN_FILTERS = ("from_stage", "to_stage")
#: ISO weekday 1 is Monday; values of plans and results say the name.
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: A ticket's tags stand in one text, with commas between them.
_TAGS = "list_transform(string_split({}, ','), lambda tag: trim(tag))"
#: Of `IN` with more values DuckDB 2.0 makes a join, which fails ("Failed to bind column reference") where the rows
#: are also marked by a join whose mark is not read. It would make the same of `list_contains`.
MOST_FOR_IN = 4
COMPARISONS = {Op.MORE: ">", Op.AT_LEAST: ">=", Op.LESS: "<", Op.AT_MOST: "<="}


@dataclass(slots=True)
class Splitter:
    """Turns dimension ids into SQL and remembers which joins that takes."""

    draft: Draft
    rows: Rows
    joins: dict[str, str] = field(default_factory=dict)

    def expression(self, dimension: str) -> str:
        if dimension in self.rows.dimensions:
            return self.rows.dimensions[dimension]
        if dimension in FIELDS:
            return f"{self._fields()}.{dimension}"
        if dimension.startswith(CUSTOM):
            name = self.draft.query.bind(dimension.removeprefix(CUSTOM), "VARCHAR")
            return f"{self._fields()}.custom[{name}]"
        if dimension == "source":
            self.joins["k"] = f"LEFT JOIN {self.draft.known('tickets')} k ON k.ticket = r.ticket"
            return "k.source"
        if dimension == "tag":
            return self._tag()
        raise UsageError("no_such_split", metric=self.draft.metric.id, dimension=dimension)

    def _fields(self) -> str:
        self.joins["f"] = f"LEFT JOIN {self.draft.known('fields')} f ON f.ticket = r.ticket"
        return "f"

    def _tag(self) -> str:
        """One row for each tag of the ticket."""
        self._fields()
        tags = f"unnest(list_distinct({_TAGS.format('f.tags')}))"
        self.joins["g"] = f"LEFT JOIN LATERAL (SELECT {tags} AS tag) g ON TRUE"
        return "g.tag"

    def conditions(self, filters: tuple[Filter, ...]) -> list[str]:
        return [self._condition(one) for one in filters if one.field not in OWN_FILTERS]

    def _condition(self, one: Filter) -> str:
        if one.op in COMPARISONS:
            if one.number is None:
                raise UsageError("no_such_filter", field=one.field)
            number = self.draft.query.bind(float(one.number), "DOUBLE")
            return f"{self._measure(one.field)} {COMPARISONS[one.op]} {number}"
        if one.field == "tag":
            return self._tag_condition(one)
        value = self.expression(one.field)
        if one.op is Op.IS_NULL:
            return f"{value} IS NULL"
        if one.op is Op.NOT_NULL:
            return f"{value} IS NOT NULL"
        listed = ", ".join(self._value(one.field, text) for text in one.values) or "NULL"
        is_short = len(one.values) <= MOST_FOR_IN
        among = f"{value} IN ({listed})" if is_short else f"list_has_any([{listed}], [{value}])"
        found = f"coalesce({among}, FALSE)"
        return f"NOT {found}" if one.op is Op.NOT_IN else found

    def _value(self, dimension: str, text: str) -> str:
        if dimension == "weekday" and text in WEEKDAYS:
            return self.draft.query.bind(WEEKDAYS.index(text) + 1, "BIGINT")
        if dimension in ("weekday", "hour"):
            if not text.removesuffix(":00").isdecimal():
                raise UsageError("no_such_value", field=dimension, value=text)
            return self.draft.query.bind(int(text.removesuffix(":00")), "BIGINT")
        return self.draft.query.bind(text, "VARCHAR")

    def _tag_condition(self, one: Filter) -> str:
        self._fields()
        tags = _TAGS.format("coalesce(f.tags, '')")
        if one.op in (Op.IS_NULL, Op.NOT_NULL):
            return f"{'' if one.op is Op.IS_NULL else 'NOT '}(coalesce(f.tags, '') = '')"
        found = f"list_has_any({tags}, {self.draft.query.bind(list(one.values), 'VARCHAR[]')})"
        return f"NOT {found}" if one.op is Op.NOT_IN else found

    def _measure(self, name: str) -> str:
        """A number of the ticket that thresholds compare with."""
        if name == "seconds" and "r.seconds" in self.rows.select:
            return "r.seconds"
        join, value = thresholds.measure(self.draft, name)
        self.joins[f"m_{name}"] = join
        return value
