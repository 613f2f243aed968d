"""What open offers are at this moment: whether their times can still be taken, and if not, why.

The sweep writes down what it finds here, up to a minute later. Whoever looks meanwhile reads the same: the page behind
the link, the patient's own pages, the desk, the message that is about to go out, and who takes the time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, WaitingEntry, WaitingOffer
from clinic_portal.booking.queries.rota import ONE_DAY, Rota, Taken, Wish, read_rota, read_taken
from clinic_portal.booking.queries.waiting import COMING_STATES, OfferFacts, entry_facts, found_alone, offer_facts_of
from clinic_portal.booking.rules import AppointmentState, EntryState, OfferState, Standing, suits
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, OfferId, PractitionerId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import find_facilities

#: An offer and whose it is.
Pair = tuple[WaitingOffer, WaitingEntry]

#: Every hold has run out by then: what is taken at this moment is taken by visits.
_AFTER_ALL_HOLDS = datetime(9999, 1, 1, tzinfo=UTC)


class _Visit(NamedTuple):
    """A visit to bring forward."""

    state: AppointmentState
    mode: Mode
    starts_at: datetime


@dataclass(frozen=True)
class _Time:
    """A time that is offered: what is the same for several is judged once."""

    service_id: UUID
    practitioner_id: UUID
    facility_id: UUID
    mode: Mode
    starts_at: datetime
    #: The visit to bring forward, which is in nobody's way.
    visit_id: UUID | None


def standings(db: Session, clock: Clock, pairs: Collection[Pair]) -> Mapping[OfferId, Standing]:
    """Return what each of these open offers is now. Two or three statements for each time, and a few for all."""
    found, visits, now = dict[OfferId, Standing](), _visits(db, pairs), clock.now()
    alone = _found_alone(db, pairs, now=now)
    tz = {id_: one.tz for id_, one in find_facilities(db, {FacilityId(one.facility_id) for one, _ in pairs}).items()}
    for offer, entry in pairs:
        visit = visits.get(entry.appointment_id) if entry.appointment_id else None
        asked = entry_facts(entry, earlier_than=visit.starts_at if visit else None).asked
        place = {"practitioner_id": offer.practitioner_id, "facility_id": offer.facility_id}
        if offer.ends_at <= now:
            found[OfferId(offer.id)] = Standing.EXPIRED
        elif entry.state is not EntryState.WAITING or entry.id in alone or _is_over(entry, visit, now=now):
            found[OfferId(offer.id)] = Standing.OVER
        elif not suits(asked, offer.starts_at, tz[FacilityId(offer.facility_id)], **place):
            found[OfferId(offer.id)] = Standing.WITHDRAWN
    return {**found, **times_of(db, clock, [pair for pair in pairs if OfferId(pair[0].id) not in found])}


def standing_of(db: Session, clock: Clock, offer: WaitingOffer, entry: WaitingEntry) -> Standing:
    """Return what one open offer is now."""
    return standings(db, clock, [(offer, entry)])[OfferId(offer.id)]


def find_standing(db: Session, clock: Clock, offer_id: OfferId) -> Standing:
    """Return the same of an offer that exists. Of one that was lost: whether somebody has its time, or it is gone."""
    offer = db.get_one(WaitingOffer, offer_id, populate_existing=True)
    entry = db.get_one(WaitingEntry, offer.entry_id, populate_existing=True)
    if offer.state is OfferState.OPEN:
        return standing_of(db, clock, offer, entry)
    return times_of(db, clock, [(offer, entry)])[offer_id]


def times_of(db: Session, clock: Clock, pairs: Collection[Pair]) -> Mapping[OfferId, Standing]:
    """Return whether the times of offers can be taken, whatever else is to be said of them: open, held, taken or gone."""
    found, now, visits = dict[OfferId, Standing](), clock.now(), _visits(db, pairs)
    held, same = _live_holds(db, pairs, now=now), defaultdict[_Time, list[WaitingOffer]](list)
    for offer, entry in pairs:
        visit = visits.get(entry.appointment_id) if entry.appointment_id else None
        mode, where = visit.mode if visit else entry.mode, (offer.practitioner_id, offer.facility_id)
        same[_Time(entry.service_id, *where, mode, offer.starts_at, entry.appointment_id)].append(offer)
    for time, offers in same.items():
        with_holds = any(offer.hold_id is None for offer in offers)
        is_gone, is_taken, is_held = _judge(db, time, now=now, with_holds=with_holds)
        for offer in offers:
            if is_gone or (offer.hold_id is not None and offer.hold_id not in held and not is_taken):
                found[OfferId(offer.id)] = Standing.GONE
            elif is_taken:
                found[OfferId(offer.id)] = Standing.TAKEN
            else:
                # With a hold of its own nobody else has one then: the exclusion constraints see to that.
                is_open = offer.hold_id is not None or not is_held
                found[OfferId(offer.id)] = Standing.OPEN if is_open else Standing.BEING_BOOKED
    return found


def as_they_stand(db: Session, clock: Clock, pairs: Collection[Pair]) -> Mapping[OfferId, OfferFacts]:
    """Return offers as they are now: those that are over and not yet swept away with the state that they will get."""
    is_open = [pair for pair in pairs if pair[0].state is OfferState.OPEN]
    now, found = standings(db, clock, is_open), dict[OfferId, OfferFacts]()
    for offer, _ in pairs:
        facts, standing = offer_facts_of(offer), now.get(OfferId(offer.id))
        state = (standing.ends_as if standing else None) or facts.state
        found[facts.id] = replace(facts, state=state, is_being_booked=standing is Standing.BEING_BOOKED)
    return found


def _judge(db: Session, time: _Time, *, now: datetime, with_holds: bool) -> tuple[bool, bool, bool]:
    """Return whether nobody gives the time any more, whether a visit is in the way, and whether somebody holds it."""
    visit_id = AppointmentId(time.visit_id) if time.visit_id else None
    wish = Wish(
        ServiceId(time.service_id), PractitionerId(time.practitioner_id), FacilityId(time.facility_id), mode=time.mode,
        own_visit=visit_id,
    )  # fmt: skip
    around = time.starts_at.astimezone(UTC).date()
    first, last = around - ONE_DAY, around + ONE_DAY
    try:
        rota = read_rota(db, wish, from_day=first, to_day=last, now=now)
    except NotFound:
        return True, False, False  # The service, or the place, is no longer offered.
    is_given = visit_id is not None or rota.service.is_bookable
    if not is_given or not _is_free(rota, Taken({}, {}), time.starts_at, now=now):
        return True, False, False
    by_visits = read_taken(db, rota, wish, from_day=first, to_day=last, now=_AFTER_ALL_HOLDS)
    if not _is_free(rota, by_visits, time.starts_at, now=now):
        return False, True, False
    if not with_holds:
        return False, False, False
    by_all = read_taken(db, rota, wish, from_day=first, to_day=last, now=now)
    return False, False, not _is_free(rota, by_all, time.starts_at, now=now)


def _is_free(rota: Rota, taken: Taken, start: datetime, *, now: datetime) -> bool:
    """Whether the time can be taken, as `takers` judges it."""
    if start < now + rota.service.rules.notice:
        return False
    days = {local_day(start, one.tz) for one in rota.facilities.values()}
    return any(any(taken.takers(window, rota, start)) for day in days for window in rota.windows(day))


def _visits(db: Session, pairs: Iterable[Pair]) -> Mapping[UUID, _Visit]:
    """Return the visits to bring forward: one statement."""
    ids = {entry.appointment_id for _, entry in pairs if entry.appointment_id}
    if not ids:
        return {}
    columns = select(Appointment.id, Appointment.state, Appointment.mode, Appointment.starts_at)
    rows = db.execute(columns.where(Appointment.id.in_(ids)))
    return {id_: _Visit(state, mode, starts_at) for id_, state, mode, starts_at in rows}


def _is_over(entry: WaitingEntry, visit: _Visit | None, *, now: datetime) -> bool:
    if entry.appointment_id is None:
        return False
    return visit is None or visit.state not in COMING_STATES or visit.starts_at <= now


def _found_alone(db: Session, pairs: Iterable[Pair], *, now: datetime) -> Collection[UUID]:
    """Return the entries without a visit whose patients found a time by themselves: one statement."""
    ids = {entry.id for _, entry in pairs if entry.appointment_id is None}
    if not ids:
        return ()
    found = exists().where(found_alone(WaitingEntry, now))
    return set(db.scalars(select(WaitingEntry.id).where(WaitingEntry.id.in_(ids), found)))


def _live_holds(db: Session, pairs: Iterable[Pair], *, now: datetime) -> Collection[UUID]:
    ids: Sequence[UUID] = [offer.hold_id for offer, _ in pairs if offer.hold_id is not None]
    if not ids:
        return ()
    is_held = Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now
    return set(db.scalars(select(Appointment.id).where(Appointment.id.in_(ids), *is_held)))
