"""Ids, money, texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.core.ids import SPOKEN_ALPHABET, new_id, spoken_code
from clinic_portal.core.money import Money
from clinic_portal.core.text import localized


def test_ids_are_uuid7_and_increase() -> None:
    ids = [new_id() for _ in range(100)]
    assert {one.version for one in ids} == {7}
    assert ids == sorted(ids)


def test_spoken_codes_have_no_letters_that_are_mistaken_for_each_other() -> None:
    assert not set(SPOKEN_ALPHABET) & set("0O1IL5S2Z8BUV")
    assert len({spoken_code(8) for _ in range(1000)}) == 1000


@given(st.integers(), st.integers())
def test_money_adds_in_minor_units(first: int, second: int) -> None:
    assert Money(first) + Money(second) == Money(first + second)


def test_money_of_two_currencies_does_not_add() -> None:
    with pytest.raises(ValueError, match="USD"):
        Money(1) + Money(1, "USD")


def test_a_text_that_was_not_translated_is_shown_in_english() -> None:
    assert localized({"en": "Massage", "pt_PT": "Massagem"}, "pt_PT") == "Massagem"
    assert localized({"en": "Massage", "pt_PT": ""}, "pt_PT") == "Massage"
