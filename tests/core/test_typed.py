"""What is typed is shown again as it was, and stored tidied."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.core.typed import is_blank, many_lines, one_line, read_day, read_time, tidy, write_time

ANYTHING = st.text()
#: What keyboards and clipboards give: any letters, marks and spaces.
TYPABLE = st.text(st.characters(blacklist_categories=["C", "Zl", "Zp"]))


@given(TYPABLE)
def test_what_can_be_typed_is_shown_as_it_was(typed: str) -> None:
    assert one_line(typed) == typed


@given(ANYTHING)
def test_one_line_is_one_line_without_control_signs(typed: str) -> None:
    line = one_line(typed)
    assert not set("\0\r\n\t") & set(line)
    line.encode()


@given(ANYTHING)
def test_tidying_twice_changes_nothing_more(typed: str) -> None:
    assert tidy(tidy(typed)) == tidy(typed)


def test_spaces_of_every_width_become_one() -> None:
    assert tidy("  Ana\u00a0\u1680 Sá\t") == "Ana Sá"


def test_lines_of_every_system_end_alike() -> None:
    assert many_lines("one\r\ntwo\rthree\n\x00") == "one\ntwo\nthree"


def test_what_cannot_be_seen_is_blank() -> None:
    assert is_blank(" \u200b\u3000")
    assert not is_blank(" a ")


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-12-24", date(2026, 12, 24)), ("24/12/2026", date(2026, 12, 24)), ("24-12-2026", date(2026, 12, 24)),
        ("24.12.2026", date(2026, 12, 24)), ("2026/12/24", date(2026, 12, 24)), ("2026.12.24", date(2026, 12, 24)),
        ("1980-3-31", date(1980, 3, 31)), ("31/3/1980", date(1980, 3, 31)), (" 24 / 12 / 2026 ", date(2026, 12, 24)),
        ("0001-01-01", date(1, 1, 1)), ("9999-12-31", date(9999, 12, 31)), ("24/12/26", date(26, 12, 24)),
        ("31/13/1980", None), ("30/2/2026", None), ("0000-01-01", None), ("24/12/20266", None), ("912345678", None),
        ("a/b/c", None), ("24 12 2026", None), ("2026-12-24T10:00", None), ("\u0662\u0664/12/2026", None), ("", None),
    ],
)  # fmt: skip
def test_a_day_is_read_as_people_write_it(typed: str, day: date | None) -> None:
    assert read_day(typed) == day


@given(st.dates())
def test_every_day_is_read_as_a_date_box_sends_it(day: date) -> None:
    assert read_day(day.isoformat()) == day


@pytest.mark.parametrize(
    ("typed", "minute"),
    [
        ("9", 540), ("09", 540), ("9:00", 540), ("09.30", 570), ("9h30", 570), ("9 h", 540), ("0930", 570), ("24:00", 1440),
        ("0:05", 5), ("", None), ("24:01", None), ("9:60", None), ("-1", None), ("9:5", None), ("930", 570), ("noon", None),
        ("١٢", None),
    ],
)  # fmt: skip
def test_a_time_is_read_as_people_write_it(typed: str, minute: int | None) -> None:
    assert read_time(typed) == minute
    if minute is not None:
        assert read_time(write_time(minute)) == minute
