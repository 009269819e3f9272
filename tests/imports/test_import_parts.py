"""The importer's small parts: times, counting, late labels, business hours, guesses by name."""

from __future__ import annotations

import string
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.errors import UserError
from unstuck.imports.calendar_file import read_calendars
from unstuck.imports.importer import plan
from unstuck.imports.late import LateLabels
from unstuck.imports.mapping import ColumnMap, as_toml, read_map
from unstuck.imports.recognise import systems
from unstuck.imports.seen import Seen, digest
from unstuck.imports.times import NoTimezoneError, sniff_format, time_reader
from unstuck.testing import a_change
from unstuck.tickets.changes import StageClass
from unstuck.tickets.stages import guess

moments = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001


@given(
    moments, st.sampled_from(["%d/%m/%Y %H:%M:%S", "%Y年%m月%d日 %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d/%b/%Y %H:%M:%S"])
)
def test_times_are_read_as_strptime_reads_them(at: datetime, time_format: str) -> None:
    assert time_reader(time_format, "UTC")(at.strftime(time_format)) == at.replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["31/02/2026 10:00", "1/1/26 10:00", "10:00", "1/1/2026 24:00", "١/1/2026 10:00", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - strptime's and ours both are
        time_reader("%d/%m/%Y %H:%M", "UTC")(text)


def test_offsets_win_over_the_stated_zone_and_none_is_guessed() -> None:
    shanghai = time_reader(None, "Asia/Shanghai")
    assert shanghai("2026-01-01 08:00") == shanghai("2026-01-01T00:00:00Z") == datetime(2026, 1, 1, tzinfo=UTC)
    assert time_reader(None, None)("2026-01-01 00:00:00 UTC") == datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(NoTimezoneError):
        time_reader(None, None)("2026-01-01 08:00")


def test_formats_are_sniffed_from_days_beyond_twelve() -> None:
    here = Path("log.csv")
    assert sniff_format(["1/2/2026 10:00", "13/2/2026 10:00"], here) == "%d/%m/%Y %H:%M"
    assert sniff_format(["1/2/2026 10:00", "2/13/2026 10:00"], here) == "%m/%d/%Y %H:%M"
    assert sniff_format(["2/2/2026 10:00"], here) is not None, "both readings say the same"
    assert sniff_format(["2026-01-01T10:00:00Z"], here) is None
    with pytest.raises(UserError, match="times_ambiguous"):
        sniff_format(["1/2/2026 10:00"], here)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(1, 5))
def test_counting_is_exact_however_little_fits_in_memory(names: list[str], in_memory: int) -> None:
    seen = Seen(in_memory)
    counted: Counter[str] = Counter()
    for name in names:
        assert seen.times(digest(name)) == counted[name]
        counted[name] += 1
    seen.close()


def test_tickets_are_counted_once() -> None:
    seen = Seen(2)
    for ticket in ["a", "a", "b", "a", "c", "b"]:
        seen.ticket(ticket)
    assert seen.tickets == 3
    seen.close()


def late_columns(first: str | None, last: str | None, name: str = "closed_code") -> list[str]:
    mapping = ColumnMap(ticket={"id": "id"}, change={"at": "at"}, fields={"code": name, "priority": "priority"})
    labels = LateLabels(mapping)
    for n in range(30):
        for hour, value in enumerate((first, "x", last)):
            labels.watch(a_change(f"T{n}", hour, code=value, priority="P1"))
    return labels.found()


def test_columns_that_know_the_end_at_the_start_are_flagged() -> None:
    assert late_columns("solved by agent", "solved by agent") == ["closed_code"]


def test_columns_filled_in_at_the_end_and_constant_ones_are_not() -> None:
    assert late_columns(None, "solved by agent") == []
    assert late_columns("same", "same", name="location") == []


CALENDAR = """
timezone = "Asia/Shanghai"
country = "CN"
[hours]
mon = ["09:00-12:00", "13:30-18:00"]
Tuesday = ["09:00-18:00"]
[exceptions]
"2026-02-14" = ["09:00-18:00"]
"2026-12-24" = "off"
[team."夜班".hours]
mon = ["20:00-24:00"]
"""


def test_calendars_of_the_desk_and_of_a_team(tmp_path: Path) -> None:
    path = tmp_path / "calendar.toml"
    path.write_text(CALENDAR, encoding="utf-8")
    desk, night = read_calendars(path)
    assert (desk.name, desk.timezone, desk.country) == ("default", "Asia/Shanghai", "CN")
    assert desk.hours == {"0": [["09:00", "12:00"], ["13:30", "18:00"]], "1": [["09:00", "18:00"]]}
    assert desk.exceptions == {"2026-02-14": [["09:00", "18:00"]], "2026-12-24": "off"}
    assert (night.name, night.hours, night.country) == ("夜班", {"0": [["20:00", "24:00"]]}, "CN")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('timezone = "Asia/Shanghai"', ""),
        ('"Asia/Shanghai"', '"Moon/Base"'),
        ("09:00-12:00", "9-12"),
        ("13:30-18:00", "11:30-18:00"),
        ("20:00-24:00", "20:00-24:30"),
        ("mon =", "someday ="),
        ("2026-12-24", "Christmas"),
        ("country", "county"),
        ("[hours]", "[hours"),
    ],
)
def test_calendars_that_cannot_be_understood(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "calendar.toml"
    path.write_text(CALENDAR.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_calendars(path)
    assert caught.value.key in {"calendar_malformed", "bad_timezone"}


GUESSES = {
    "NEW": "New; open; 新建; 待受理; Waiting for support",
    "ACTIVE": "In Progress; Work in progress; Re-opened; Unresolved; Incomplete; 处理中; 未解决; 重新打开; ???",
    "WAIT_CUSTOMER": "Awaiting User Info; Waiting for customer; Pending; 等待客户回复; 待用户确认",
    "WAIT_VENDOR": "Awaiting Vendor; Waiting on Third Party; 等待供应商",
    "WAIT_INTERNAL": "On-hold; Awaiting Evidence; Pending approval; 挂起",
    "SOLVED": "Resolved; Done; 已解决; 已完成",
    "CLOSED": "Closed; 已关闭; 结单",
    "DROPPED": "Canceled; Spam; Merged; 已取消",
}


@pytest.mark.parametrize(
    ("status", "expected"), [(name, kind) for kind, names in GUESSES.items() for name in names.split("; ")]
)
def test_classes_are_guessed_by_name(status: str, expected: str) -> None:
    assert guess(status) == expected


@given(st.dictionaries(st.text(string.printable + "状态", min_size=1), st.text(), max_size=3))
def test_maps_survive_being_written(tmp_path_factory: pytest.TempPathFactory, fields: dict[str, str]) -> None:
    mapping = ColumnMap(
        ticket={"id": "Nr."}, change={"at": "at"}, classes={"待\"办": StageClass.NEW}, time_format="%d/%m/%Y",
        timezone="UTC", nulls=frozenset({"?", "-"}), fields=fields,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("maps") / "map.toml"
    path.write_text(as_toml(mapping), encoding="utf-8")
    assert read_map(path) == mapping


def test_each_system_is_told_by_columns_of_its_own() -> None:
    assert [system.kind for system in systems()] == ["servicenow", "zendesk", "jira", "freshdesk", "generic"]


def test_a_generic_event_log_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("Case ID,Activity,Complete Timestamp,Resource\n1,Assign,2026-01-01T10:00:00Z,Ann\n")
    mapping = plan(path).mapping
    assert mapping.kind == "generic"
    assert mapping.ticket == {"id": "Case ID"}
    assert {name: mapping.change[name] for name in ("at", "status", "assignee")} == {
        "at": "Complete Timestamp", "status": "Activity", "assignee": "Resource",
    }  # fmt: skip


def test_columns_that_nothing_is_made_of_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("Case ID,Activity,Timestamp,Weather\n1,Assign,2026-01-01T10:00:00Z,rain\n")
    assert plan(path).left_out == ["Weather"]
