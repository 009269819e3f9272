"""CSV to cards: one row a question and its answer, under whatever names the columns have."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from knowledge import redact
from knowledge.cards import Card
from knowledge.corpus import Rejected, card_of
from knowledge.documents.sections import slug
from knowledge.errors import BadRecord

#: Names of columns, in both languages, in the order in which they are looked for.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "number", "key", "编号", "序号", "工单号"),
    "title": ("question", "title", "subject", "summary", "problem", "symptom", "issue", "问题", "标题", "主题", "题目", "问", "故障", "故障现象", "现象"),
    "resolution": ("answer", "resolution", "solution", "fix", "steps", "reply", "response", "答案", "解决方案", "解决办法", "解决方法", "处理方法", "处理方案", "解答", "回答", "回复", "答"),
    "text": ("text", "description", "details", "body", "content", "描述", "问题描述", "详细描述", "内容", "正文", "详情", "说明"),
    "product": ("product", "product name", "model", "产品", "产品名称", "型号", "机型"),
    "url": ("url", "link", "链接", "网址"),
    "created": ("created", "created at", "date", "updated", "updated at", "日期", "创建时间", "更新时间", "时间"),
    "lang": ("lang", "language", "语言"),
    "visibility": ("visibility", "可见范围", "可见性"),
    "owner": ("owner", "author", "负责人", "作者"),
    "team": ("team", "group", "团队", "部门", "小组"),
    "valid_until": ("valid until", "expires", "有效期", "有效期至", "失效日期"),
}  # fmt: skip
_DELIMITERS = ",;\t|"
_DATE = re.compile(r"(\d{4})[/.年](\d{1,2})[/.月](\d{1,2})日?(.*)", re.DOTALL)


def read_rows(text: str, name: str) -> Iterator[Card | Rejected]:
    """The cards of a table called `name`, and the rows that cannot be used.

    Raises `BadRecord`: `no_columns` with the columns found, `bad_table` with the line that is no CSV.
    """
    rows = csv.reader(text.lstrip("\n").splitlines(keepends=True), delimiter=_delimiter(text), strict=True)
    seen: Counter[str] = Counter()
    try:
        heading = next(rows, [])
        columns = _columns(heading)
        for row in rows:
            if any(cell.strip() for cell in row):
                yield _card(name, rows.line_num, heading, row, columns, seen)
    except csv.Error:
        raise BadRecord("bad_table", f"line {rows.line_num}") from None


def _columns(heading: Sequence[str]) -> dict[str, list[int]]:
    """Where each field stands. Raises `BadRecord` when there is nothing to learn in these columns."""
    named = [re.sub(r"[\s_-]+", " ", cell.strip().lower().lstrip("\ufeff")) for cell in heading]
    found = {field: [named.index(name) for name in names if name in named] for field, names in _COLUMNS.items()}
    if not (found["resolution"] or found["text"]):
        raise BadRecord("no_columns", ", ".join(cell.strip() for cell in heading))
    return found


def _card(
    name: str,
    line: int,
    heading: Sequence[str],
    row: Sequence[str],
    columns: Mapping[str, Sequence[int]],
    seen: Counter[str],
) -> Card | Rejected:
    here = f"{name} line {line}"
    if len(row) > len(heading):
        return Rejected(here, "column_count")
    record = _record(row, columns)
    said = redact.text(record["id"]) or slug(record["title"] or record["text"] or record["resolution"])
    seen[said] += 1
    record["id"] = f"{name}#{said}" if seen[said] == 1 else f"{name}#{said}~{seen[said]}"
    try:
        return card_of(record)
    except BadRecord as problem:
        return Rejected(problem.detail or here, problem.reason)


def _record(row: Sequence[str], columns: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    cells = {field: [row[at].strip() for at in places if at < len(row)] for field, places in columns.items()}
    # Of several columns for one field the first is it; what else describes the problem is its text.
    record = {field: next(filter(None, values), "") for field, values in cells.items()}
    record["text"] = "\n".join(filter(None, [*cells["text"], *cells["title"][1:]]))
    return record | {field: _iso(record[field]) for field in ("created", "valid_until")}


def _iso(value: str) -> str:
    found = _DATE.fullmatch(value)
    return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}{found[4]}" if found else value


def _delimiter(text: str) -> str:
    first = text.lstrip("\n").split("\n", 1)[0]
    return max(_DELIMITERS, key=first.count)
