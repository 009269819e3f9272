"""What lies in a file: its format, encoding and fingerprint, looked at once before anything is stored."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, cast

from unstuck.errors import UsageError, UserError

_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ENCODINGS = ("utf-8", "gb18030")


class Format(StrEnum):
    """The kinds of file that can be imported."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON_LINES = "jsonl"
    XES = "xes"


@dataclass(frozen=True, slots=True)
class TicketFile:
    """A file that can be read from start to end."""

    path: Path
    format: Format
    #: Of text formats; XES states its own.
    encoding: str
    #: Of the content, unpacked: the same for a file and its `.gz`.
    fingerprint: str
    #: On disk.
    size: int
    gzipped: bool


def inspect(path: Path) -> TicketFile:
    """Look a file through. Raises `UsageError` or `UserError` when it cannot be imported.

    The whole file is read once here, so that a broken archive or a strange encoding is found before
    the first ticket is stored.
    """
    head = _head(path)
    gzipped = head.startswith(_GZIP)
    digest = hashlib.blake2b(digest_size=16)
    decoders = {name: codecs.getincrementaldecoder(name)() for name in _ENCODINGS}
    start = b""
    with _unpacking(path), unpacked(path, gzipped) as (stream, _):
        while block := stream.read(_BLOCK):
            start = start or block
            digest.update(block)
            _drop_failing(decoders, block)
    if not start.strip():
        raise UsageError("file_empty", path=path)
    found = _format(start, path)
    encoding = _encoding(start, list(decoders), found, path)
    return TicketFile(path, found, encoding, digest.hexdigest(), path.stat().st_size, gzipped)


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise UsageError("file_is_directory", path=path)
    try:
        with path.open("rb") as stream:
            return stream.read(8)
    except FileNotFoundError:
        raise UsageError("file_missing", path=path) from None
    except OSError as error:
        raise UserError("file_unreadable", path=path, problem=error.strerror or "") from error


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError("file_broken_gz", path=path) from error


@contextmanager
def unpacked(path: Path, gzipped: bool) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """The content of a file, and a function that tells how many of its bytes on disk have been read."""
    with path.open("rb") as disk:
        if gzipped:
            with gzip.open(disk, "rb") as stream:
                yield cast(IO[bytes], stream), disk.tell
        else:
            yield disk, disk.tell


def _drop_failing(decoders: dict[str, codecs.IncrementalDecoder], block: bytes) -> None:
    for name in list(decoders):
        try:
            decoders[name].decode(block)
        except UnicodeDecodeError:
            del decoders[name]


def _format(start: bytes, path: Path) -> Format:
    if start.startswith(_ZIP):
        return Format.XLSX
    if start.startswith(_OLD_EXCEL):
        raise UsageError("file_old_excel", path=path)
    if path.name.removesuffix(".gz").endswith(".xlsx"):
        raise UsageError("file_not_xlsx", path=path)
    text = start.lstrip(codecs.BOM_UTF8).lstrip()
    if text.startswith((b"<?xml", b"<log", b"<!--")):
        return Format.XES
    if text.startswith(b"{"):
        return Format.JSON_LINES
    if text.startswith(b"["):
        raise UsageError("file_json_array", path=path)
    return Format.CSV


def _encoding(start: bytes, possible: list[str], found: Format, path: Path) -> str:
    if found in (Format.XLSX, Format.XES):
        return "utf-8"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x00" in start or not possible:
        raise UsageError("file_binary", path=path)
    return "utf-8-sig" if possible[0] == "utf-8" else possible[0]


def is_workbook(content: IO[bytes]) -> bool:
    """Whether a zip archive is an Excel workbook."""
    try:
        with zipfile.ZipFile(content) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def text_of(stream: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """The stream as text. Line ends stay as they are: the CSV reader needs to see them."""
    return io.TextIOWrapper(stream, encoding=encoding, newline="")
