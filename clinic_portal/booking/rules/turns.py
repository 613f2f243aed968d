"""Whose turn it is among practitioners who have equally many visits: pure."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import TypeVar
from uuid import UUID

Who = TypeVar("Who", bound=UUID)


def turns_of(people: Collection[Who], day: date) -> Mapping[Who, int]:
    """Return everybody's place in the order of a day, 0 first: each day begins with the next one, each week one further.

    Without it whoever stands first in a list would have the first visit of every day, and on quiet days the only one. The
    step of the week is there because with seven people each weekday would else belong to one of them for good.
    """
    week, weekday = divmod(day.toordinal(), 7)
    return {who: (place - week - weekday) % len(people) for place, who in enumerate(sorted(people))}
