"""How pages write times, days and money: always on the clinic's wall clock, in the visitor's language."""

import re
from datetime import date, datetime

import phonenumbers
from flask import Flask
from markupsafe import Markup, escape

from clinic_portal.core.money import Money
from clinic_portal.core.text import LocalizedText, localized
from clinic_portal.core.wording import (
    birth_date_in_words,
    day_in_words,
    moment_in_words,
    money_in_words,
    short_day_in_words,
    short_moment_in_words,
    time_in_words,
    zone_in_words,
)
from clinic_portal.web.i18n import current_language

#: In a line of words: a day with its month (and year), and what has a hyphen: a Portuguese weekday, a postal code.
DAY_AND_MONTH = re.compile(r"\d+ (?:de )?[^\W\d_]+(?: (?:de )?\d{4})?")
NUMBER = re.compile(r"\+?\d{3}(?: \d{3})+\b")
WITH_HYPHEN = re.compile(r"\w+(?:-\w+)+,?")


def clinic_time(moment: datetime, tz: str) -> str:
    """Return the wall-clock time of an instant at the facility: "10:30"."""
    return time_in_words(moment, tz, current_language())


def clinic_date(moment: datetime | date, tz: str = "UTC", *, year: bool = False, inside: bool = False) -> str:
    """Return the day in words: "Thursday 26 November", "Quinta-feira, 26 de novembro"; `inside` a sentence, "quinta-feira"."""
    return day_in_words(moment, tz, current_language(), year=year, inside=inside)


def clinic_datetime(moment: datetime, tz: str, *, year: bool = False, inside: bool = False) -> str:
    """Return day and time: "Thursday 26 November, 10:30"."""
    return moment_in_words(moment, tz, current_language(), year=year, inside=inside)


def short_moment(moment: datetime, tz: str) -> str:
    """Return day and time in few letters, for a table or a list of choices on a phone: "Thu 26 Nov, 10:30"."""
    return short_moment_in_words(moment, tz, current_language())


def short_day(day: date, *, inside: bool = False) -> str:
    """Return a day in few letters: "Thu 26 Nov"; `inside` a sentence the weekday is small in Portuguese."""
    return short_day_in_words(day, current_language(), inside=inside)


def unbroken(words: str) -> Markup:
    """Return words of which no line ends between day and month, inside of "segunda-feira", or inside of a phone number."""
    kept = DAY_AND_MONTH.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), words)
    kept = NUMBER.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), kept)
    return Markup(WITH_HYPHEN.sub(lambda found: f'<span class="nowrap">{found[0]}</span>', str(escape(kept))))  # noqa: S704


def clinic_zone(tz: str) -> str:
    """Return the place whose clock a zone is: "Lisbon", "Azores"."""
    return zone_in_words(tz, current_language())


def birth_date(day: date) -> str:
    """Return a date of birth: "9 March 1986"."""
    return birth_date_in_words(day, current_language())


def money(amount: Money, language: str | None = None) -> str:
    """Return an amount as people write it: "€45.00", "45,00 €"."""
    return money_in_words(amount, language or current_language())


def phone_in_words(number: str) -> str:
    """Return a number as people write it: "+351 912 345 678"; what is none, as it is."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number


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
        phone_in_words=phone_in_words,
        short_day=short_day,
        short_moment=short_moment,
        unbroken=unbroken,
    )
