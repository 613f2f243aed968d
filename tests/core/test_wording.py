"""Days in words: a capital only where a line starts."""

from datetime import UTC, date, datetime

from clinic_portal.core.wording import day_in_words, moment_in_words, short_day_in_words, short_moment_in_words

THURSDAY = date(2026, 11, 26)


def test_a_weekday_is_capitalised_at_the_start() -> None:
    assert day_in_words(THURSDAY, "UTC", "pt_PT") == "Quinta-feira, 26 de novembro"
    assert day_in_words(THURSDAY, "UTC", "en") == "Thursday 26 November"


def test_inside_a_sentence_portuguese_has_a_small_letter_and_english_keeps_its_capital() -> None:
    assert day_in_words(THURSDAY, "UTC", "pt_PT", inside=True) == "quinta-feira, 26 de novembro"
    assert day_in_words(THURSDAY, "UTC", "en", inside=True) == "Thursday 26 November"


def test_a_moment_is_the_facilitys_wall_clock() -> None:
    moment = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
    assert moment_in_words(moment, "Atlantic/Azores", "pt_PT", inside=True) == "quinta-feira, 26 de novembro, 23:30"
    assert moment_in_words(moment, "Europe/Lisbon", "pt_PT") == "Sexta-feira, 27 de novembro, 00:30"


def test_a_choice_on_a_phone_shows_day_and_time_in_few_letters() -> None:
    moment = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
    assert short_moment_in_words(moment, "Europe/Lisbon", "en") == "Mon 23 Nov, 11:30"
    assert short_moment_in_words(moment, "Europe/Lisbon", "pt_PT") == "Segunda, 23 de nov., 11:30"


def test_a_day_in_a_table_has_few_letters() -> None:
    assert short_day_in_words(THURSDAY, "en") == "Thu 26 Nov"
    assert short_day_in_words(THURSDAY, "pt_PT") == "Quinta, 26 de nov."
    assert short_day_in_words(THURSDAY, "pt_PT", inside=True) == "quinta, 26 de nov."
