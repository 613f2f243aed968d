"""How pages write times, days and money: always on the clinic's wall clock, in the visitor's language."""

from datetime import date, datetime

from babel.dates import format_date, format_time
from babel.numbers import format_currency
from flask import Flask

from clinic_portal.core.clock import zone
from clinic_portal.core.money import Money
from clinic_portal.core.text import LocalizedText, localized
from clinic_portal.web.i18n import current_language

DAY_PATTERNS = {"en": "EEEE d MMMM", "pt_PT": "EEEE, d 'de' MMMM"}
DAY_YEAR_PATTERNS = {"en": "EEEE d MMMM y", "pt_PT": "EEEE, d 'de' MMMM 'de' y"}


def clinic_time(moment: datetime, tz: str) -> str:
    """Return the wall-clock time of an instant at the facility: "10:30"."""
    return format_time(moment.astimezone(zone(tz)), "HH:mm", locale=current_language())


def clinic_date(moment: datetime | date, tz: str = "UTC", *, year: bool = False) -> str:
    """Return the day in words, capitalised: "Thursday 26 November", "Quinta-feira, 26 de novembro"."""
    return day_in_words(moment, tz, current_language(), year=year)


def clinic_datetime(moment: datetime, tz: str) -> str:
    """Return day and time: "Thursday 26 November, 10:30"."""
    return f"{clinic_date(moment, tz)}, {clinic_time(moment, tz)}"


def day_in_words(moment: datetime | date, tz: str, language: str, *, year: bool = False) -> str:
    """Return the day in words in a given language (messages have their own)."""
    day = moment.astimezone(zone(tz)).date() if isinstance(moment, datetime) else moment
    pattern = (DAY_YEAR_PATTERNS if year else DAY_PATTERNS)[language]
    words = format_date(day, pattern, locale=language)
    return words[0].upper() + words[1:]


def money(amount: Money, language: str | None = None) -> str:
    """Return an amount as people write it: "€45.00", "45,00 €"."""
    return format_currency(amount.minor / 100, amount.currency, locale=language or current_language())


def local_text(texts: LocalizedText) -> str:
    """Return clinic data in the visitor's language."""
    return localized(texts, current_language())


def init_filters(app: Flask) -> None:
    """Make them known to the templates."""
    app.jinja_env.filters.update(
        clinic_time=clinic_time,
        clinic_date=clinic_date,
        clinic_datetime=clinic_datetime,
        money=money,
        local_text=local_text,
    )
