"""What each Block Kit object may hold, as Slack documents it: names, kinds, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One property. `kind`: any, text, url, flag, number, plain, mrkdwn, either, list, object."""

    kind: str
    required: bool = False
    #: Characters of a text, items of a list.
    maximum: int = 3000
    minimum: int = 0
    #: Names in `OBJECTS` that an object, or each item of a list, may be.
    of: tuple[str, ...] = ()
    item: Field | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The properties of a block or object."""

    fields: dict[str, Field]
    #: At least one of these must be there.
    one_of: tuple[str, ...] = ()
    check: Callable[[dict[str, Any]], Iterator[str]] | None = None
    #: Properties without rules of their own.
    always: tuple[str, ...] = field(default=("type",))


def must(kind: str, **limits: Any) -> Field:
    return Field(kind, required=True, **{"minimum": 1, **limits})


def may(kind: str, **limits: Any) -> Field:
    return Field(kind, **limits)


def _rectangular(table: dict[str, Any]) -> Iterator[str]:
    rows = table.get("rows")
    if isinstance(rows, list) and len({len(row) for row in rows if isinstance(row, list)}) > 1:
        yield "rows must be of equal width"


def _one_picture(block: dict[str, Any]) -> Iterator[str]:
    if "image_url" in block and "slack_file" in block:
        yield "must define one of image_url, slack_file, not both"


def _unique_values(element: dict[str, Any]) -> Iterator[str]:
    values = [option.get("value") for option in element.get("options", []) if isinstance(option, dict)]
    if len(values) != len(set(values)):
        yield "option values must be unique"


def _page_size(table: dict[str, Any]) -> Iterator[str]:
    yield from _rectangular(table)
    if not 1 <= table.get("page_size", 5) <= 100:
        yield "page_size must be between 1 and 100"
    header = (table.get("rows") or [[]])[0]
    if any(isinstance(cell, dict) and cell.get("type") == "rich_text" for cell in header):
        yield "header cells must not be rich_text"


def _same_labels(chart: dict[str, Any]) -> Iterator[str]:
    """Each series has a point for each category, in their order, and a name of its own."""
    series = [one for one in chart.get("series", []) if isinstance(one, dict)]
    categories = (chart.get("axis_config") or {}).get("categories")
    names = [one.get("name") for one in series]
    if len(names) != len(set(names)):
        yield "series names must be unique"
    if any([point.get("label") for point in one.get("data", [])] != categories for one in series):
        yield "data labels must match axis_config.categories"


ID = Field("text", maximum=255, minimum=1)
CONFIRM = may("object", of=("confirm",))
PLACEHOLDER = may("plain", maximum=150)
OPTIONS = must("list", maximum=100, of=("option",))
SELECTS = (
    "static_select",
    "multi_static_select",
    "users_select",
    "conversations_select",
    "channels_select",
    "external_select",
)
PICKERS = ("datepicker", "timepicker", "datetimepicker", "checkboxes", "radio_buttons", "overflow")
CHARTS = ("pie", "bar", "area", "line")
INTERACTIVE = ("button", *SELECTS, *PICKERS)
INPUTS = (
    "plain_text_input",
    "email_text_input",
    "number_input",
    "url_text_input",
    "file_input",
    *SELECTS,
    *PICKERS[:-1],
)
CELLS = ("raw_text", "raw_number", "rich_text")
RICH = ("rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted")
RICH_INLINE = ("text", "link", "emoji", "user", "channel", "usergroup", "date", "broadcast")


def _select(**more: Field) -> Shape:
    fields = {"action_id": ID, "placeholder": PLACEHOLDER, "confirm": CONFIRM, "focus_on_load": may("flag")}
    return Shape(fields | more, check=_unique_values)


OBJECTS: dict[str, Shape] = {
    "option": Shape(
        {
            "text": must("either", maximum=75),
            "value": must("text", maximum=150),
            "description": may("either", maximum=75),
            "url": may("url"),
        },
        always=(),
    ),
    "confirm": Shape(
        {
            "title": must("plain", maximum=100),
            "text": must("either", maximum=300),
            "confirm": must("plain", maximum=30),
            "deny": must("plain", maximum=30),
            "style": may("text"),
        },
        always=(),
    ),
    "button": Shape(
        {
            "text": must("plain", maximum=75),
            "action_id": ID,
            "value": may("text", maximum=2000),
            "url": may("url", maximum=3000),
            "style": may("text", maximum=7, minimum=6),
            "confirm": CONFIRM,
            "accessibility_label": may("text", maximum=75),
        }
    ),
    "icon_button": Shape(
        {
            "icon": must("text"),
            "text": must("plain", maximum=75),
            "action_id": ID,
            "value": may("text", maximum=2000),
            "confirm": CONFIRM,
        }
    ),
    "feedback_buttons": Shape(
        {
            "action_id": ID,
            "positive_button": must("object", of=("feedback",)),
            "negative_button": must("object", of=("feedback",)),
        }
    ),
    "feedback": Shape(
        {
            "text": must("plain", maximum=75),
            "value": must("text", maximum=2000),
            "accessibility_label": may("text", maximum=75),
        },
        always=(),
    ),
    "image": Shape(
        {"image_url": may("url"), "slack_file": may("any"), "alt_text": must("text", maximum=2000)},
        one_of=("image_url", "slack_file"),
        check=_one_picture,
    ),
    "static_select": _select(options=OPTIONS, initial_option=may("object", of=("option",))),
    "multi_static_select": _select(
        options=OPTIONS, initial_options=may("list", maximum=100, of=("option",)), max_selected_items=may("number")
    ),
    "users_select": _select(initial_user=may("text")),
    "conversations_select": _select(
        initial_conversation=may("text"), filter=may("any"), default_to_current_conversation=may("flag")
    ),
    "channels_select": _select(initial_channel=may("text")),
    "external_select": _select(min_query_length=may("number"), initial_option=may("object", of=("option",))),
    "overflow": Shape(
        {"action_id": ID, "options": must("list", maximum=5, of=("option",)), "confirm": CONFIRM}, check=_unique_values
    ),
    "checkboxes": _select(
        options=must("list", maximum=10, of=("option",)), initial_options=may("list", maximum=10, of=("option",))
    ),
    "radio_buttons": _select(
        options=must("list", maximum=10, of=("option",)), initial_option=may("object", of=("option",))
    ),
    "datepicker": _select(initial_date=may("text")),
    "timepicker": _select(initial_time=may("text"), timezone=may("text")),
    "datetimepicker": _select(initial_date_time=may("number")),
    "plain_text_input": _select(
        initial_value=may("text"),
        multiline=may("flag"),
        min_length=may("number"),
        max_length=may("number"),
        dispatch_action_config=may("any"),
    ),
    "email_text_input": _select(initial_value=may("text")),
    "url_text_input": _select(initial_value=may("text")),
    "number_input": _select(
        is_decimal_allowed=may("flag"), initial_value=may("text"), min_value=may("text"), max_value=may("text")
    ),
    "file_input": _select(filetypes=may("any"), max_files=may("number")),
    "plain_text": Shape({"text": must("text", maximum=3000), "emoji": may("flag")}),
    "mrkdwn": Shape({"text": must("text", maximum=3000), "verbatim": may("flag")}),
    "raw_text": Shape({"text": must("text", maximum=3000)}),
    "raw_number": Shape({"value": must("number"), "text": may("text")}),
    "rich_text": Shape({"elements": must("list", maximum=100, of=RICH)}),
    "rich_text_section": Shape({"elements": must("list", maximum=1000, minimum=0, of=RICH_INLINE)}),
    "rich_text_list": Shape(
        {
            "elements": must("list", maximum=1000, of=("rich_text_section",)),
            "style": must("text"),
            "indent": may("number"),
            "offset": may("number"),
            "border": may("number"),
        }
    ),
    "rich_text_quote": Shape({"elements": must("list", maximum=1000, of=RICH_INLINE), "border": may("number")}),
    "rich_text_preformatted": Shape(
        {"elements": must("list", maximum=1000, of=("text", "link")), "border": may("number")}
    ),
    "text": Shape({"text": must("text", maximum=12_000), "style": may("any")}),
    "link": Shape({"url": must("url"), "text": may("text"), "style": may("any"), "unsafe": may("flag")}),
    "emoji": Shape({"name": must("text"), "unicode": may("text")}),
    "user": Shape({"user_id": must("text"), "style": may("any")}),
    "channel": Shape({"channel_id": must("text"), "style": may("any")}),
    "usergroup": Shape({"usergroup_id": must("text"), "style": may("any")}),
    "date": Shape({"timestamp": must("number"), "format": must("text"), "url": may("url"), "fallback": may("text")}),
    "broadcast": Shape({"range": must("text")}),
    "pie": Shape({"segments": must("list", maximum=6, of=("point",))}),
    **dict.fromkeys(
        CHARTS[1:],
        Shape(
            {"series": must("list", maximum=6, of=("series",)), "axis_config": must("object", of=("axis_config",))},
            check=_same_labels,
        ),
    ),
    # Slack documents no limits of these words and points: twenty is what its own examples keep to.
    "series": Shape({"name": must("text", maximum=20), "data": must("list", maximum=20, of=("point",))}, always=()),
    "point": Shape({"label": must("text", maximum=20), "value": must("number")}, always=()),
    "axis_config": Shape(
        {
            "categories": must("list", maximum=20, item=Field("text", maximum=20, minimum=1)),
            "x_label": may("text", maximum=50),
            "y_label": may("text", maximum=50),
        },
        always=(),
    ),
    "column_setting": Shape({"align": may("text"), "is_wrapped": may("flag")}, always=()),
}
ROW = Field("list", maximum=20, minimum=1, of=CELLS)

BLOCKS: dict[str, Shape] = {
    "section": Shape(
        {
            "text": may("either", maximum=3000),
            "fields": may("list", maximum=10, minimum=1, item=Field("either", maximum=2000)),
            "accessory": may("object", of=(*INTERACTIVE, "image")),
            "expand": may("flag"),
        },
        one_of=("text", "fields"),
    ),
    "header": Shape({"text": must("plain", maximum=150), "level": may("number")}),
    "divider": Shape({}),
    "context": Shape({"elements": must("list", maximum=10, of=("plain_text", "mrkdwn", "image"))}),
    "actions": Shape({"elements": must("list", maximum=25, of=INTERACTIVE)}),
    "context_actions": Shape({"elements": must("list", maximum=5, of=("feedback_buttons", "icon_button"))}),
    "image": Shape(
        {
            "image_url": may("url"),
            "slack_file": may("any"),
            "alt_text": must("text", maximum=2000),
            "title": may("plain", maximum=2000),
        },
        one_of=("image_url", "slack_file"),
        check=_one_picture,
    ),
    "input": Shape(
        {
            "label": must("plain", maximum=2000),
            "element": must("object", of=INPUTS),
            "hint": may("plain", maximum=2000),
            "optional": may("flag"),
            "dispatch_action": may("flag"),
        }
    ),
    "rich_text": Shape({"elements": must("list", maximum=100, of=RICH)}),
    "markdown": Shape({"text": must("text", maximum=12_000)}),
    "table": Shape(
        {
            "rows": must("list", maximum=100, item=ROW),
            "column_settings": may("list", maximum=20, of=("column_setting",)),
        },
        check=_rectangular,
    ),
    "data_table": Shape(
        {
            "caption": must("text"),
            "rows": must("list", maximum=101, minimum=2, item=ROW),
            "page_size": may("number"),
            "row_header_column_index": may("number"),
        },
        check=_page_size,
    ),
    "data_visualization": Shape({"title": must("text", maximum=50), "chart": must("object", of=CHARTS)}),
}

MESSAGE_FORBIDS = frozenset({"alert", "file", "input"})
MODAL_FORBIDS = frozenset({"context_actions", "data_table", "markdown", "table"})
HOME_FORBIDS = frozenset({"context_actions", "data_table", "markdown", "table", "input"})
