"""Customers and scores from a file: CSV, XLSX or JSON lines, columns recognised by their names in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from unstuck.customers.records import CustomerRecord, Keys, Record, Said, ScoreRecord
from unstuck.errors import UsageError
from unstuck.imports.files import inspect
from unstuck.imports.mapping import checked_zone
from unstuck.imports.rows import reading_rows
from unstuck.imports.times import NoTimezoneError, sniff_format, time_reader
from unstuck.tickets.changes import Feedback

#: Meaning to the names that columns have for it, without case, spaces and dashes.
_NAMES = {
    "customer": "customer customerid id userid contactid requesterid 客户 客户编号 客户id 客户号",
    "email": "email mail emailaddress customeremail 邮箱 电子邮件 邮件地址 客户邮箱",
    "order": "order orderid ordernumber orderno 订单 订单号 订单编号",
    "ticket": "ticket ticketid ticketnumber case caseid casenumber 工单 工单号 工单编号",
    "tier": "tier plan level segment customertier servicelevel 等级 级别 客户等级 会员等级 服务等级",
    "region": "region country area 地区 区域 国家",
    "language": "language lang locale 语言",
    "score": "score rating csat satisfaction nps 评分 得分 满意度 分数",
    "text": "comment text remark feedback comments 评价 意见 评论 反馈",
    "at": "at date time when submittedat ratedat createdat 时间 日期 评价时间 提交时间",
}
_MEANINGS = {name: meaning for meaning, names in _NAMES.items() for name in names.split()}
_KEYS = ("customer", "email", "order", "ticket")
_SAMPLE = 500


def read_file(path: Path, scale: tuple[float, float], timezone: str | None) -> Iterator[Said]:
    """The records of a file. Raises `UsageError` when its columns name neither customers nor tickets."""
    file = inspect(path)
    with reading_rows(file) as rows:
        columns = recognised(rows.columns)
        if not set(columns.values()) & set(_KEYS) or not set(columns.values()) - set(_KEYS):
            raise UsageError("customers_columns", path=path, columns=", ".join(filter(None, rows.columns)))
        first = list(islice(rows.rows, _SAMPLE))
        moments = [_text(row.values.get(name)) for row in first for name, what in columns.items() if what == "at"]
        texts = [text for text in moments if text]
        zone = checked_zone(timezone) if timezone else None
        read = _Reader(columns, scale, time_reader(sniff_format(texts, path), zone))
        for row in chain(first, rows.rows):
            if row.problem is not None:
                yield Said(row.number, problem="bad_row")
            else:
                yield read.row(row.number, row.values)


def recognised(columns: Sequence[str]) -> dict[str, str]:
    """Column to meaning; a column that we have no name for is kept under its own."""
    found: dict[str, str] = {}
    for column in filter(None, columns):
        meaning = _MEANINGS.get(re.sub(r"[\s_\-]", "", column).casefold())
        found[column] = meaning if meaning and meaning not in found.values() else f"own:{column}"
    return found


class _Reader:
    def __init__(
        self, columns: Mapping[str, str], scale: tuple[float, float], moment: Callable[[Any], datetime]
    ) -> None:
        self._columns = columns
        self._scale = scale
        self._moment = moment
        self._is_scores = "score" in columns.values()

    def row(self, number: int, values: Mapping[str, Any]) -> Said:
        told = {what: text for name, what in self._columns.items() if (text := _text(values.get(name)))}
        keys = Keys(*(told.get(name) for name in _KEYS))
        if keys.is_empty:
            return Said(number, problem="nobody")
        if not self._is_scores:
            kept = {
                what.removeprefix("own:"): text for what, text in told.items() if what not in (*_KEYS, "at", "text")
            }
            return Said(number, CustomerRecord(keys, kept))
        return self._score(number, keys, told, values)

    def _score(self, number: int, keys: Keys, told: Mapping[str, str], values: Mapping[str, Any]) -> Said:
        if not told.get("score") and not told.get("text"):
            # Somebody was asked and did not answer.
            return Said(number, problem="no_score")
        worst, best = self._scale
        try:
            score = float(told["score"]) if "score" in told else None
        except ValueError:
            return Said(number, problem="bad_score", params={"value": told["score"]})
        if score is not None and not worst <= score <= best:
            return Said(number, problem="off_scale", params={"value": told["score"], "worst": worst, "best": best})
        cell = next((values.get(name) for name, what in self._columns.items() if what == "at"), None)
        try:
            at = self._moment(cell) if _text(cell) else None
        except NoTimezoneError:
            return Said(number, problem="no_zone")
        except ValueError:
            return Said(number, problem="bad_time", params={"value": _text(cell)})
        if at is None:
            return Said(number, problem="no_time")
        record: Record = ScoreRecord(keys, at, Feedback(score, told.get("text"), worst, best))
        return Said(number, record)


def _text(value: object) -> str | None:
    return str(value).strip() or None if value is not None else None
