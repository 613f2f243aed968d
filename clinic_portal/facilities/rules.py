"""Pure facts about facilities and services."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from clinic_portal.core.modes import Modes


class Direction(StrEnum):
    """Where a room is, seen from the waiting room: what the TV's arrow shows."""

    LEFT = "left"
    RIGHT = "right"
    STRAIGHT = "straight"
    UPSTAIRS = "upstairs"
    DOWNSTAIRS = "downstairs"


@dataclass(frozen=True)
class BookingRules:
    """What a service asks of those who book it. Staff may set a rule aside with a written reason, never an overlap."""

    #: Time that practitioner and room need beside the visit: airing, notes, cleaning.
    before: timedelta = timedelta(0)
    after: timedelta = timedelta(0)
    #: Nobody books a visit that starts sooner than this.
    notice: timedelta = timedelta(minutes=60)
    #: How far ahead the calendar is open: today and this many days.
    horizon_days: int = 90
    #: A patient moves or cancels a visit up to this long before it starts.
    change_cutoff: timedelta = timedelta(0)
    #: How many such visits a patient may have in a day; None: as many as fit.
    visits_per_day: int | None = None
    #: How many sessions a patient may book at once as a series; None: it is booked one by one.
    series_max: int | None = None
    #: Where it can take place: at the clinic, online, or as the patient likes.
    modes: Modes = Modes.BOTH
