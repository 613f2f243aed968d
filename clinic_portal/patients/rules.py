"""Pure decisions about patients: what the waiting room may show, how old somebody is."""

import unicodedata
from datetime import date
from enum import StrEnum
from typing import assert_never


class DisplayChoice(StrEnum):
    """What the waiting room's screen shows when this patient is called."""

    FULL = "full"
    FIRST_INITIAL = "first_initial"
    CODE = "code"


def shown_name(choice: DisplayChoice, *, given_name: str, family_name: str, code: str) -> str:
    """Return what a screen shows for somebody: the full name, "Tomás A.", or the ticket's code.

    The short form takes the first given name and the initial of the last family name. Without any letters it is the code.
    """
    given, family = _tidy(given_name), _tidy(family_name)
    match choice:
        case DisplayChoice.CODE:
            return code
        case DisplayChoice.FULL:
            return f"{given} {family}".strip() or code
        case DisplayChoice.FIRST_INITIAL:
            first = given.split(" ")[0]
            initial = family.split(" ")[-1][:1].upper()
            return " ".join(part for part in (first, f"{initial}." if initial else "") if part) or code
        case _:
            assert_never(choice)


def age_on(birth_date: date, day: date) -> int:
    """Return the age in full years on a day; born on 29 February, one year more on 1 March of a common year."""
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return max(day.year - birth_date.year - (0 if had_birthday else 1), 0)


def _tidy(name: str) -> str:
    # Composed letters, so that an initial is a whole letter; one space between words.
    return " ".join(unicodedata.normalize("NFC", name).split())
