"""How pages write times, days and money: always on the clinic's wall clock, in the visitor's language."""

from datetime import date, datetime

from flask import Flask

from clinic_portal.core.money import Money
from clinic_portal.core.text import LocalizedText, localized
from clinic_portal.core.wording import (
    birth_date_in_words,
    day_in_words,
    moment_in_words,
    money_in_words,
    time_in_words,
    zone_in_words,
)
from clinic_portal.web.i18n import current_language


def clinic_time(moment: datetime, tz: str) -> str:
    """Return the wall-clock time of an instant at the facility: "10:30"."""
    return time_in_words(moment, tz, current_language())


def clinic_date(moment: datetime | date, tz: str = "UTC", *, year: bool = False, inside: bool = False) -> str:
    """Return the day in words: "Thursday 26 November", "Quinta-feira, 26 de novembro"; `inside` a sentence, "quinta-feira"."""
    return day_in_words(moment, tz, current_language(), year=year, inside=inside)


def clinic_datetime(moment: datetime, tz: str, *, inside: bool = False) -> str:
    """Return day and time: "Thursday 26 November, 10:30"."""
    return moment_in_words(moment, tz, current_language(), inside=inside)


def clinic_zone(tz: str) -> str:
    """Return the place whose clock a zone is: "Lisbon", "Azores"."""
    return zone_in_words(tz, current_language())


def birth_date(day: date) -> str:
    """Return a date of birth: "9 March 1986"."""
    return birth_date_in_words(day, current_language())


def money(amount: Money, language: str | None = None) -> str:
    """Return an amount as people write it: "€45.00", "45,00 €"."""
    return money_in_words(amount, language or current_language())


def local_text(texts: LocalizedText) -> str:
    """Return clinic data in the visitor's language."""
    return localized(texts, current_language())


def init_filters(app: Flask) -> None:
    """Make them known to the templates."""
    app.jinja_env.filters.update(
        clinic_time=clinic_time,
        clinic_date=clinic_date,
        clinic_datetime=clinic_datetime,
        clinic_zone=clinic_zone,
        birth_date=birth_date,
        money=money,
        local_text=local_text,
    )
