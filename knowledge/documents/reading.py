"""The bytes of a file as text: unpacked, and in whatever encoding its author's program chose."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from pathlib import Path

from charset_normalizer import from_bytes

from knowledge.errors import BadRecord

_GZIP = b"\x1f\x8b"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What a page says about itself, in HTML or XML.
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?([\w-]{3,20})""")
#: Encodings that support desks' files come in; the first that fits is taken.
_LIKELY = ["gb18030", "big5", "utf_16_le", "utf_16_be", "cp1252", "shift_jis", "euc_kr", "cp1251"]
#: Larger than any document that a person wrote; JSON lines, which are read line by line, may be longer.
_MOST_BYTES = 50_000_000
#: First bytes of GB 2312's punctuation and of its last common character.
_GB_MARKS, _GB_LEVEL_ONE = 0xA1, 0xD7
_ENOUGH = 5_000


def read_text(path: Path) -> str:
    """The file's text. Raises `BadRecord`: `unreadable`, `damaged`, `too_large`, `not_text` or `blank`."""
    raw = _unpacked(path)
    if not raw.strip():
        raise BadRecord("blank", str(path))
    text = decoded(raw)
    if text is None or "\x00" in text:
        raise BadRecord("not_text", str(path))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(raw: bytes) -> str | None:
    """The text in whatever encoding it is, `None` when it is no text."""
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return _in(raw, encoding)
    found = _in(raw, "utf-8")
    if found is not None:
        return found
    declared = _DECLARED.search(raw[:2_000])
    if declared and (found := _in(raw, declared.group(1).decode("ascii"))) is not None:
        return found
    return _guessed(raw)


def _guessed(raw: bytes) -> str | None:
    chinese = _in(raw, "gb18030")
    # Short Chinese texts give a detector too little to go by; but what is none hardly ever decodes to common characters.
    if chinese is not None and _is_common_chinese(chinese):
        return chinese
    best = from_bytes(raw, cp_isolation=_LIKELY).best()
    return str(best) if best is not None else None


def _is_common_chinese(text: str) -> bool:
    """Whether most of what is not ASCII is punctuation or one of the 3,755 characters that GB 2312 puts first."""
    foreign = [char for char in text[:_ENOUGH] if not char.isascii()]
    common = sum(_GB_MARKS <= char.encode("gb18030")[0] <= _GB_LEVEL_ONE for char in foreign)
    return common >= 0.8 * len(foreign)


def _in(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _unpacked(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == _GZIP
        with gzip.open(path) if zipped else path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadRecord("damaged", str(path)) from None
    except OSError as problem:
        raise BadRecord("unreadable", f"{path}: {problem.strerror}") from None
    if len(raw) > _MOST_BYTES:
        raise BadRecord("too_large", str(path))
    return raw
