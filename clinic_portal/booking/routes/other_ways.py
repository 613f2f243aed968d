"""What somebody can do when no time suits: another time of day, somebody else, another place, online.

Where nothing is free, only what leads to a free time, and when that is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from flask_babel import gettext as _

from clinic_portal.booking.queries import PartOfDay, free_times, next_free_day
from clinic_portal.booking.routes.common import DAYS_AT_ONCE, Way, own_hold_hash
from clinic_portal.core.ids import PractitionerId
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import clinic_date, local_text

#: How many other clinics are named; with more there is "any of our clinics".
MANY = 5


@dataclass(frozen=True)
class OtherWay:
    """A line that leads to other times."""

    url: str
    title: str
    detail: str


def other_ways(way: Way, *, only_free: bool) -> list[OtherWay]:
    """Return where else there may be a time; `only_free`: where there is one, and from when on."""
    found: list[OtherWay] = []
    for other, title, detail in _candidates(replace(way, from_day=None, days=DAYS_AT_ONCE)):
        first = _first_free(other) if only_free else None
        if first is not None:
            found.append(
                OtherWay(
                    other.link("choose_time"), title, _("First free time: %(day)s", day=clinic_date(first, inside=True))
                )
            )
        elif not only_free:
            found.append(OtherWay(other.link("choose_time"), title, detail))
    return found


def _candidates(way: Way) -> Iterator[tuple[Way, str, str]]:
    if way.part is not PartOfDay.ANY:
        yield replace(way, part=PartOfDay.ANY), _("Any time of day"), ""
    anybody = way.with_anybody()
    if way.practitioner is not None and _others_give_it(way, way.practitioner.id):
        yield anybody, _("See someone else"), _("The times of everyone who offers this service")
    if way.facility is not None and not way.is_online:
        elsewhere = [one for one in anybody.fitting() if one != way.facility]
        for facility in elsewhere[:MANY]:
            title = _("Come to %(place)s", place=local_text(facility.names))
            yield replace(anybody, facility=facility), title, facility.address
        if len(elsewhere) > 1:
            yield anybody.anywhere(), _("Any of our clinics"), _("Shows the most times")
    if way.can_change_mode and way.is_online:
        yield from _in_person(anybody.nowhere())
    elif way.can_change_mode and anybody.gives_online:
        yield anybody.online(), _("Meet online"), _("By video or phone")


def _others_give_it(way: Way, but: PractitionerId) -> bool:
    places = {one.id for one in way.looked_at()}
    return any(
        place.mode is way.mode and place.facility_id in places and place.practitioner.id != but for place in way.places
    )


def _in_person(way: Way) -> Iterator[tuple[Way, str, str]]:
    fitting = way.fitting()
    if len(fitting) == 1:
        (only,) = fitting
        yield replace(way, facility=only), _("Come to %(place)s", place=local_text(only.names)), only.address
    elif fitting:
        yield way.anywhere(), _("Come to one of our clinics"), ", ".join(local_text(one.names) for one in fitting)


def _first_free(way: Way) -> date | None:
    """Return the first day with a time that can be chosen, with what the patient has already where that is known."""
    db, time, wish = db_session(), clock(), way.wish(own_hold_hash())
    day = next_free_day(db, time, wish, from_day=way.days_of_today()[0])
    while day is not None and way.diary is not None:
        found = free_times(db, time, wish, from_day=day, days=DAYS_AT_ONCE)
        for one in found.days:
            if way.choosable(one.times):
                return one.day
        day = next_free_day(db, time, wish, from_day=found.next_from) if found.next_from else None
    return day
