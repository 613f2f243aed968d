"""What the waiting room shows of a patient, and how old somebody is."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.patients.rules import DisplayChoice, age_on, shown_name


@pytest.mark.parametrize(
    ("choice", "given_name", "family_name", "shown"),
    [
        (DisplayChoice.FULL, "Tomás", "Araújo", "Tomás Araújo"),
        (DisplayChoice.FIRST_INITIAL, "Tomás", "Araújo", "Tomás A."),
        (DisplayChoice.FIRST_INITIAL, "Maria João", "Vaz de Teixeira", "Maria T."),
        (DisplayChoice.FIRST_INITIAL, "  Noor ", "", "Noor"),
        (DisplayChoice.FIRST_INITIAL, "E\u0301lia", "e\u0301vora", "Élia É."),
        (DisplayChoice.CODE, "Tomás", "Araújo", "K-41"),
        (DisplayChoice.FULL, " ", " ", "K-41"),
        (DisplayChoice.FIRST_INITIAL, "", "", "K-41"),
    ],
)
def test_a_screen_shows_what_the_patient_chose(
    choice: DisplayChoice, given_name: str, family_name: str, shown: str
) -> None:
    assert shown_name(choice, given_name=given_name, family_name=family_name, code="K-41") == shown


@given(st.text(), st.text())
def test_a_code_patient_never_gives_a_letter_of_the_name(given_name: str, family_name: str) -> None:
    assert shown_name(DisplayChoice.CODE, given_name=given_name, family_name=family_name, code="K-41") == "K-41"


@given(st.text(), st.text(), st.sampled_from(DisplayChoice))
def test_something_is_always_shown(given_name: str, family_name: str, choice: DisplayChoice) -> None:
    assert shown_name(choice, given_name=given_name, family_name=family_name, code="K-41").strip()


@pytest.mark.parametrize(
    ("born", "day", "years"),
    [
        (date(2018, 5, 4), date(2026, 5, 3), 7),
        (date(2018, 5, 4), date(2026, 5, 4), 8),
        (date(2020, 2, 29), date(2026, 2, 28), 5),
        (date(2020, 2, 29), date(2026, 3, 1), 6),
        (date(2026, 11, 24), date(2026, 11, 23), 0),
    ],
)
def test_age_counts_full_years(born: date, day: date, years: int) -> None:
    assert age_on(born, day) == years
