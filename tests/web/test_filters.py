"""How pages keep days and numbers together, so that a narrow screen does not tear them apart."""

from clinic_portal.web.filters import phone_in_words, unbroken


def test_no_line_ends_between_a_day_and_its_month() -> None:
    assert unbroken("Thursday 26 November, 10:30") == "Thursday 26\N{NO-BREAK SPACE}November, 10:30"


def test_portuguese_days_hold_together_with_month_and_year_and_so_does_a_weekday() -> None:
    assert unbroken("Hoje, quinta-feira, 26 de novembro de 2026") == (
        'Hoje, <span class="nowrap">quinta-feira,</span> '
        "26\N{NO-BREAK SPACE}de\N{NO-BREAK SPACE}novembro\N{NO-BREAK SPACE}de\N{NO-BREAK SPACE}2026"
    )


def test_a_postal_code_holds_together() -> None:
    assert unbroken("Rua das Flores 12, 1200-195 Lisboa") == (
        'Rua das Flores 12, <span class="nowrap">1200-195</span>\N{NO-BREAK SPACE}Lisboa'
    )


def test_what_is_not_ours_is_escaped() -> None:
    assert unbroken("<b>26 November") == "&lt;b&gt;26\N{NO-BREAK SPACE}November"


def test_a_number_is_written_as_people_write_it() -> None:
    assert phone_in_words("+351912345601") == "+351 912 345 601"
    assert phone_in_words("ask at the desk") == "ask at the desk"


def test_a_phone_number_stays_on_one_line_and_a_date_in_figures_is_none() -> None:
    assert unbroken("For example, 912 345 678, or 31/3/1980") == (
        "For example, 912\N{NO-BREAK SPACE}345\N{NO-BREAK SPACE}678, or 31/3/1980"
    )
    assert unbroken("+351 210 000 000.") == "+351 210 000 000.".replace(" ", "\N{NO-BREAK SPACE}")
