"""Pure decisions about signing in."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.accounts import rules
from clinic_portal.accounts.common_passwords import COMMON_PASSWORDS
from clinic_portal.accounts.rules import GUESSES, SENDINGS, BirthDateProblem

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)

ENGLISH = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"]
PORTUGUESE = [
    "janeiro",
    "Fevereiro",
    "MARÇO",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
]


def wait(count: int, *, ago: timedelta = timedelta(0)) -> float:
    return rules.wait_before_next(GUESSES, count=count, last_at=NOW - ago, now=NOW).total_seconds()


def test_five_guesses_are_free_then_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    assert [wait(count) for count in range(5)] == [0] * 5
    assert [wait(count) for count in range(5, 13)] == [15, 30, 60, 120, 240, 480, 900, 900]
    assert wait(10**9) == 900


def test_a_wait_runs_down_and_an_hour_of_quiet_forgets_all() -> None:
    assert wait(6, ago=timedelta(seconds=10)) == 20
    assert wait(6, ago=timedelta(seconds=30)) == 0
    assert rules.remembered(GUESSES, count=9, last_at=NOW - timedelta(minutes=59), now=NOW) == 9
    assert rules.remembered(GUESSES, count=9, last_at=NOW - timedelta(hours=1), now=NOW) == 0


@given(st.integers(0, 10_000), st.integers(0, 7_200))
def test_a_wait_is_never_negative_nor_longer_than_the_longest(count: int, seconds: int) -> None:
    for slowdown in (GUESSES, SENDINGS):
        last = NOW - timedelta(seconds=seconds)
        left = rules.wait_before_next(slowdown, count=count, last_at=last, now=NOW)
        assert timedelta(0) <= left <= slowdown.longest_wait


@given(st.uuids(), st.text(min_size=1))
def test_a_code_has_six_digits_and_is_always_the_same(code_id: UUID, secret: str) -> None:
    digits = rules.code_digits(secret, code_id)
    assert len(digits) == 6
    assert digits.isascii()
    assert digits.isdigit()
    assert digits == rules.code_digits(secret, code_id)
    assert rules.same_code(digits, f" {digits[:3]} {digits[3:]}\n")
    assert rules.same_code(digits, f"{digits[:3]}-{digits[3:]}")
    assert not rules.same_code(digits, f"{(int(digits) + 1) % 10**6:06d}")


def test_another_secret_gives_other_digits() -> None:
    ids = [UUID(int=number) for number in range(50)]
    assert [rules.code_digits("a", code_id) for code_id in ids] != [rules.code_digits("b", code_id) for code_id in ids]


@given(st.text())
def test_whatever_is_typed_is_compared_without_an_error(typed: str) -> None:
    assert rules.same_code("123456", typed) in (True, False)
    assert isinstance(rules.is_common(typed, COMMON_PASSWORDS), bool)
    assert isinstance(rules.is_about_oneself(typed, [typed], typed), bool)
    assert len(rules.browser_words(typed)) == 2


@given(st.dates(min_value=date(1900, 1, 1), max_value=TODAY), st.booleans())
def test_every_date_is_read_however_it_is_written(born: date, padded: bool) -> None:
    day, month = (f"{born.day:02d}", f"{born.month:02d}") if padded else (str(born.day), str(born.month))
    assert rules.read_birth_date(day, month, str(born.year), today=TODAY) == born
    if born.month <= 11:
        for names in (ENGLISH, PORTUGUESE):
            name = names[born.month - 1]
            assert rules.read_birth_date(f" {day} ", name, str(born.year), today=TODAY) == born
            assert rules.read_birth_date(day, name[:3].lower() + ".", str(born.year), today=TODAY) == born


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_whatever_the_boxes_hold_is_a_past_date_or_a_problem(day: str, month: str, year: str) -> None:
    found = rules.read_birth_date(day, month, year, today=TODAY)
    assert isinstance(found, BirthDateProblem) or (
        found <= TODAY and rules.age_on(found, TODAY) <= rules.IMPOSSIBLE_AGE
    )


@pytest.mark.parametrize(
    ("boxes", "problem"),
    [
        (("", " ", ""), BirthDateProblem.MISSING),
        (("3", "", "1980"), BirthDateProblem.INCOMPLETE),
        (("29", "2", "1981"), BirthDateProblem.NOT_A_DATE),
        (("31", "ju", "1981"), BirthDateProblem.NOT_A_DATE),
        (("31", "ma", "1981"), BirthDateProblem.NOT_A_DATE),
        (("31", "xyz", "1981"), BirthDateProblem.NOT_A_DATE),
        (("0", "0", "0000"), BirthDateProblem.NOT_A_DATE),
        (("-3", "3", "1980"), BirthDateProblem.NOT_A_DATE),
        (("3", "3", "80"), BirthDateProblem.SHORT_YEAR),
        (("24", "11", "2026"), BirthDateProblem.IN_FUTURE),
        (("1", "1", "1880"), BirthDateProblem.IMPOSSIBLE),
    ],
)
def test_what_is_wrong_with_a_birth_date_is_told_apart(boxes: tuple[str, str, str], problem: BirthDateProblem) -> None:
    assert rules.read_birth_date(*boxes, today=TODAY) is problem


def test_somebody_born_today_or_a_hundred_and_ten_years_ago_is_accepted() -> None:
    assert rules.read_birth_date("23", "11", "2026", today=TODAY) == TODAY
    assert rules.age_on(date(1916, 11, 23), TODAY) == 110
    assert rules.age_on(date(1916, 11, 24), TODAY) == 109


@pytest.mark.parametrize(
    "password",
    ["password123", "Pássword2024!", "qwertyuiop", "1234567890", "aaaaaaaaaaaa", "abababababab", "Portugal2026"],
)
def test_what_everybody_uses_is_refused(password: str) -> None:
    assert rules.is_common(password, COMMON_PASSWORDS)


@pytest.mark.parametrize(
    "password", ["violeta janela comboio", "correct horse battery staple", "zs8-kkq2-mmw0", "ééüñçãõâêô"]
)
def test_a_good_password_is_accepted_without_rules_of_composition(password: str) -> None:
    assert not rules.is_common(password, COMMON_PASSWORDS)
    assert not rules.is_about_oneself(password, ["Nina", "Faria"], "nina@example.org")


@pytest.mark.parametrize("password", ["ninafaria1990", "Nina@Example.org", "nina.faria!", "Faria-Nina-1"])
def test_a_password_made_of_the_own_name_is_refused(password: str) -> None:
    assert rules.is_about_oneself(password, ["Nina", "Faria"], "nina@example.org")


def test_the_same_password_from_two_keyboards_is_the_same() -> None:
    assert rules.normal_password("e\u0301") == rules.normal_password("é")


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
            ("Safari", "iPhone"),
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130",
            ("Edge", "Windows"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36",
            ("Chrome", "Android"),
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", ("Firefox", "Linux")),
        ("curl/8", ("", "")),
    ],
)
def test_browsers_are_named_as_people_know_them(user_agent: str, words: tuple[str, str]) -> None:
    assert rules.browser_words(user_agent) == words
