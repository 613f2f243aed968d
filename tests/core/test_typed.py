"""What is typed is shown again as it was, and stored tidied."""

from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.core.typed import is_blank, many_lines, one_line, tidy

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
