"""How pages and messages write times, days and money: on the clinic's wall clock, in a given language."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from babel.dates import format_date, format_time, format_timedelta, get_day_names, get_timezone_location
from babel.lists import format_list
from babel.numbers import format_currency

from clinic_portal.core.clock import zone
from clinic_portal.core.money import Money

DAY_PATTERNS = {"en": "EEEE d MMMM", "pt_PT": "EEEE, d 'de' MMMM"}
#: Where there is little room: "Thu 26 Nov", "Quinta, 26 de nov.".
SHORT_DAY_PATTERNS = {"en": "EEE d MMM", "pt_PT": "EEE, d 'de' MMM"}
DAY_YEAR_PATTERNS = {"en": "EEEE d MMMM y", "pt_PT": "EEEE, d 'de' MMMM 'de' y"}

BIRTH_PATTERNS = {"en": "d MMMM y", "pt_PT": "d 'de' MMMM 'de' y"}


def time_in_words(moment: datetime, tz: str, language: str) -> str:
    """Return the wall-clock time of an instant at the facility: "10:30"."""
    return format_time(moment.astimezone(zone(tz)), "HH:mm", locale=language)


def day_in_words(moment: datetime | date, tz: str, language: str, *, year: bool = False, inside: bool = False) -> str:
    """Return the day in words: "Thursday 26 November", "Quinta-feira, 26 de novembro".

    `inside` a sentence Portuguese writes the weekday with a small letter.
    """
    day = moment.astimezone(zone(tz)).date() if isinstance(moment, datetime) else moment
    pattern = (DAY_YEAR_PATTERNS if year else DAY_PATTERNS)[language]
    words = format_date(day, pattern, locale=language)
    return words if inside else words[0].upper() + words[1:]


def birth_date_in_words(day: date, language: str) -> str:
    """Return a date of birth, of which nobody asks the weekday: "9 March 1986", "9 de março de 1986"."""
    return format_date(day, BIRTH_PATTERNS[language], locale=language)


def moment_in_words(moment: datetime, tz: str, language: str, *, year: bool = False, inside: bool = False) -> str:
    """Return day and time: "Thursday 26 November, 10:30"."""
    return f"{day_in_words(moment, tz, language, year=year, inside=inside)}, {time_in_words(moment, tz, language)}"


def short_day_in_words(day: date, language: str, *, inside: bool = False) -> str:
    """Return the day in few letters, for a table: "Thu 26 Nov"; `inside` as in `day_in_words`."""
    words = format_date(day, SHORT_DAY_PATTERNS[language], locale=language)
    return words if inside else words[0].upper() + words[1:]


def short_moment_in_words(moment: datetime, tz: str, language: str) -> str:
    """Return day and time in few letters, for a list of choices on a phone: "Thu 26 Nov, 10:30"."""
    day = moment.astimezone(zone(tz)).date()
    return f"{short_day_in_words(day, language)}, {time_in_words(moment, tz, language)}"


def span_in_words(span: timedelta, language: str) -> str:
    """Return how long something takes, in its largest unit: "2 days", "1 semana"."""
    return format_timedelta(span, locale=language)


def zone_in_words(tz: str, language: str) -> str:
    """Return the place whose clock it is: "Lisbon", "Azores"."""
    return get_timezone_location(zone(tz), locale=language, return_city=True)


def money_in_words(amount: Money, language: str) -> str:
    """Return an amount as people write it: "€45.00", "45,00 €"."""
    return format_currency(amount.minor / 100, amount.currency, locale=language)


def weekday_in_words(weekday: int, language: str) -> str:
    """Return the day of the week, capitalised; 0 is Monday."""
    return weekdays_in_words([weekday], language)


def weekdays_in_words(weekdays: Collection[int], language: str) -> str:
    """Return days of the week in their order: "Monday and Thursday", "Segunda-feira e quinta-feira"; nothing for none."""
    names = get_day_names("wide", locale=language)
    words = format_list([str(names[weekday]) for weekday in sorted(weekdays)], locale=language)
    return words[:1].upper() + words[1:]
