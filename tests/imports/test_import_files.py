"""Files that cannot be imported: each is told apart, in both languages, with its remedy."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from unstuck.errors import UserError
from unstuck.i18n import LANGS, t
from unstuck.imports.files import Format, inspect
from unstuck.imports.importer import AllRejectedError, plan
from unstuck.imports.mapping import ColumnMap, read_map

HEADING = "id,created_at,status\n"
EVENTS = ColumnMap(ticket={"id": "id"}, change={"at": "at", "status": "status"}, timezone="UTC")


def refusal(path: Path, mapping: ColumnMap | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        plan(path, mapping)
    for lang in LANGS:
        sentence = t(f"errors.{caught.value.key}", lang, **caught.value.params)
        assert str(path) in sentence
        assert "\n" not in sentence
    return caught.value


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.csv").key == "file_missing"


def test_a_directory(tmp_path: Path) -> None:
    assert refusal(tmp_path).key == "file_is_directory"


@pytest.mark.parametrize("content", [b"", b" \n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tickets.csv"
    path.write_bytes(content)
    assert refusal(path).key == "file_empty"


@pytest.mark.parametrize(
    "content", [bytes(range(256)) * 50, b"\x89PNG\r\n\x1a\n\x00\x00", b"id,at\n" + b"\xff\xfe\xfd" * 500]
)
def test_a_binary_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tickets.csv"
    path.write_bytes(content)
    assert refusal(path).key == "file_binary"


def test_a_broken_archive_is_found_before_anything_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv.gz"
    whole = gzip.compress(b"id,created_at,status\n" + b"1,2026-01-01T00:00:00Z,New\n" * 5000)
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal(path).key == "file_broken_gz"
    path.write_bytes(whole[:30] + bytes(40) + whole[70:])
    assert refusal(path).key == "file_broken_gz"


def test_an_old_excel_file(tmp_path: Path) -> None:
    path = tmp_path / "tickets.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000))
    assert refusal(path).key == "file_old_excel"


def test_a_workbook_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "tickets.xlsx"
    path.write_text(HEADING)
    assert refusal(path).key == "file_not_xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert refusal(path).key == "file_not_xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<broken")
        archive.writestr("[Content_Types].xml", "<broken")
    assert refusal(path).key == "file_not_xlsx"


def test_a_json_array(tmp_path: Path) -> None:
    path = tmp_path / "tickets.json"
    path.write_text('[{"id": 1}]')
    assert refusal(path).key == "file_json_array"


@pytest.mark.parametrize("content", ["<log><trace><event>", "<log><trace></log>", "<?xml version='1.0'?><log"])
def test_broken_xml(tmp_path: Path, content: str) -> None:
    path = tmp_path / "log.xes"
    path.write_text(content)
    assert refusal(path).key == "file_broken_xml"


def test_xml_that_tries_entities(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_text(
        '<!DOCTYPE l [<!ENTITY a "aaaa">]><log><trace><string key="concept:name" value="&a;"/></trace></log>'
    )
    # A document type is no log's first line, and its entities are refused wherever they come.
    path.write_text('<?xml version="1.0"?>' + path.read_text())
    assert refusal(path).key == "file_broken_xml"


def test_xml_that_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "page.xes"
    path.write_text('<?xml version="1.0"?><html/>')
    assert refusal(path).key == "file_not_xes"


def test_a_column_that_the_map_names_and_the_file_lacks(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("id,when,status\n1,2026-01-01,New\n")
    error = refusal(path, EVENTS)
    assert (error.key, error.params["missing"], error.exit_code) == ("column_missing", "at", 2)


def test_columns_that_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("alpha,beta\n1,2\n")
    assert refusal(path).key == "not_recognised"


def test_days_and_months_that_cannot_be_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("ticket_id,created_at,status\n1,03/04/2026 10:00,New\n2,05/06/2026 10:00,New\n")
    assert refusal(path).key == "times_ambiguous"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[ticket\nid=", "map_malformed"),
        ("[ticket]\ntitle = 'subject'", "map_lacks"),
        ("[ticket]\nid = 'id'", "map_lacks"),
        ("[ticket]\nid = 'id'\n[change]\nat = 'at'\n[classes]\nNew = 'FRESH'", "map_unknown_name"),
        ("[ticket]\nid = 'id'\n[change]\nat = 'at'\nstaus = 'status'", "map_unknown_name"),
        ("[tickets]\nid = 'id'", "map_unknown_name"),
        ("[ticket]\nid = 'id'\n[change]\nat = 5", "map_malformed"),
        ("ticket = 'id'", "map_malformed"),
        ("[ticket]\nid = 'id'\n[change]\nat = 'at'\n[time]\ntimezone = 'Mars/Olympus'", "bad_timezone"),
    ],
)
def test_maps_that_cannot_be_used(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_map(path)
    assert (caught.value.key, caught.value.exit_code) == (key, 2)


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="map_unreadable"):
        read_map(tmp_path / "no.toml")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("编号,创建时间\n", "utf-8"),
        ("编号,创建时间\n", "utf-8-sig"),
        ("编号,创建时间\n", "gb18030"),
        ("a,b\n", "utf-16"),
    ],
)
def test_encodings_are_told_by_the_whole_file(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "tickets.csv"
    # Far behind the start, where a look at the first bytes would not see it.
    path.write_bytes(("x,y\n" * 500_000 + text).encode(encoding))
    found = inspect(path).encoding
    assert path.read_bytes().decode(found).splitlines()[-1] == text.strip()


def test_a_file_and_its_archive_have_the_same_fingerprint(tmp_path: Path) -> None:
    plain, packed = tmp_path / "tickets.csv", tmp_path / "tickets.csv.gz"
    plain.write_text(HEADING + "1,2026-01-01T00:00:00Z,New\n")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert inspect(plain).fingerprint == inspect(packed).fingerprint
    assert inspect(packed).format is Format.CSV


def test_the_error_of_a_hopeless_file_carries_its_first_row() -> None:
    from unstuck.imports.importer import Rejected

    error = AllRejectedError(Path("x.csv"), Rejected(2, "no_id"))
    assert error.first.row == 2
