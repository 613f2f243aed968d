"""Public holidays of a facility's country and region. Source: the `holidays` package."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import lru_cache

import holidays

#: Our language → theirs; they fall back to the country's own.
LANGUAGES = {"en": "en_US", "pt_PT": "pt_PT"}


@lru_cache(maxsize=64)
def holidays_of_year(country: str, region: str | None, year: int, language: str = "en") -> Mapping[date, str]:
    """Return the public holidays of a year with their names. A country that the package does not know has none."""
    # Asked one by one: the package's own list of countries loads every one of them.
    for subdivision in (region, None):
        try:
            calendar = holidays.country_holidays(
                country, subdiv=subdivision, years=year, language=LANGUAGES.get(language)
            )
        except NotImplementedError:
            continue  # It does not know the region, or not the country.
        return dict(calendar.items())
    return {}


def holidays_between(
    country: str, region: str | None, first: date, last: date, language: str = "en"
) -> Mapping[date, str]:
    """Return the public holidays in [first, last] with their names, in order."""
    return {
        day: name
        for year in range(first.year, last.year + 1)
        for day, name in sorted(holidays_of_year(country, region, year, language).items())
        if first <= day <= last
    }


def closed_days(
    holiday_days: Collection[date], *, closures: Iterable[date], openings: Iterable[date]
) -> frozenset[date]:
    """Return the days on which a facility is closed: its own closures, and holidays that nobody overruled."""
    return frozenset(closures) | (frozenset(holiday_days) - frozenset(openings))
