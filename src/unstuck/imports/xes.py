"""XES (IEEE 1849): the event logs of process mining, a trace at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from unstuck.errors import UserError

#: Prefix of a trace's own attributes in the rows of its events, as other tools name them.
CASE = "case:"
_EVENT, _TRACE, _LOG = "event", "trace", "log"


def xes_rows(stream: IO[bytes], path: Path) -> Iterator[dict[str, Any]]:
    """The events of a log, each with its trace's attributes under `case:…`.

    Raises `UserError` where the XML breaks off or tries what no log needs (entities).
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    log: Element | None = None
    try:
        for moment, element in iterparse(stream, events=("start", "end")):
            name = _local(element)
            if moment == "start":
                log = element if log is None and name == _LOG else log
            elif name == _TRACE:
                yield from _trace(element)
                if log is not None:
                    log.clear()  # or the whole log would pile up in memory
    except (ParseError, DefusedXmlException) as error:
        raise UserError("file_broken_xml", path=path, problem=str(error)) from error
    if log is None:
        raise UserError("file_not_xes", path=path)


def _trace(trace: Element) -> Iterator[dict[str, Any]]:
    case = {CASE + key: value for key, value in _attributes(trace)}
    for child in trace:
        if _local(child) == _EVENT:
            yield {**case, **dict(_attributes(child))}


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    for child in element:
        key, value = child.get("key"), child.get("value")
        if key is not None and value is not None:
            yield key, value


def _local(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]
