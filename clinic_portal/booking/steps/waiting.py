"""Times that come free: noting them, offering them, and ending what was offered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentCancelled, AppointmentMoved, RoomChanged
from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer
from clinic_portal.booking.queries import Taker, VisitFacts, Wish, free_times, lock_appointment, takers
from clinic_portal.booking.queries.freed_rooms import gained_by_room
from clinic_portal.booking.queries.holds import PatientsTime, check_patients_time, lock_holds
from clinic_portal.booking.queries.rota import need_of
from clinic_portal.booking.queries.visits import visit_for_message
from clinic_portal.booking.queries.waiting import entry_facts, lock_open_offer, start_of_visit, starts_told
from clinic_portal.booking.rules import (
    MANY_AT_ONCE,
    AppointmentState,
    EntryEnd,
    EntryState,
    OfferMode,
    OfferState,
    Stretch,
    WaitingRules,
    offer_until,
    suits,
)
from clinic_portal.booking.steps.appointments import end_holds, insert_hold, move
from clinic_portal.booking.steps.missed import check_missed
from clinic_portal.core.actor import Actor, system
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.errors import Busy, Conflict, NotFound
from clinic_portal.core.ids import (
    AppointmentId,
    EntryId,
    FacilityId,
    FreedTimeId,
    PatientId,
    PractitionerId,
    RoomId,
    ServiceId,
    new_id,
    spoken_code,
)
from clinic_portal.core.jobs import nudge_after_commit
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts
from clinic_portal.notifications.steps import queue_message, void_messages

#: Who holds times for those who wait.
OFFERS = system("waiting-list")
OFFER = "clinic_portal.booking.jobs.offer_freed_time"
#: The message to who waits in vain.
UNSERVED = "waiting_unserved"


@dataclass(frozen=True)
class Freed:
    """A stretch of a practitioner's time at a facility that somebody else may have."""

    practitioner_id: PractitionerId
    facility_id: FacilityId
    starts_at: datetime
    ends_at: datetime
    #: The room that came free with it.
    room_id: RoomId | None = None
    #: The practitioner was free before, and had no room.
    is_by_room: bool = False
    #: Their visit takes place at its time, in another room.
    is_room_only: bool = False


def note_freed_time(db: Session, clock: Clock, freed: Freed) -> None:
    """Write down that a time came free; a job offers it to those who wait. Noting it twice changes nothing."""
    if freed.ends_at <= clock.now():
        return
    values = {"id": new_id(), "made_at": clock.now()} | vars(freed)
    id_ = db.scalar(insert(FreedTime).values(values).on_conflict_do_nothing().returning(FreedTime.id))
    if id_ is not None:
        nudge_after_commit(db, "default", OFFER, str(id_))


def note_cancelled_time(db: Session, clock: Clock, event: AppointmentCancelled) -> None:
    """A visit was given back: so is its time."""
    row = db.get_one(Appointment, event.appointment_id)
    whose = PractitionerId(row.practitioner_id), FacilityId(row.facility_id)
    note_freed_time(db, clock, Freed(*whose, row.starts_at, row.ends_at, RoomId(row.room_id) if row.room_id else None))


def note_old_time(db: Session, clock: Clock, event: AppointmentMoved) -> None:
    """A visit was moved: the time that it had is free."""
    whose = event.was_practitioner_id, event.was_facility_id
    note_freed_time(db, clock, Freed(*whose, event.was_starts_at, event.was_ends_at, event.was_room_id))


def note_left_room(db: Session, clock: Clock, event: RoomChanged) -> None:
    """A visit takes place at its time in another room: a colleague may have the one that it had."""
    row = db.get_one(Appointment, event.appointment_id)
    whose = PractitionerId(row.practitioner_id), FacilityId(row.facility_id)
    note_freed_time(db, clock, Freed(*whose, row.starts_at, row.ends_at, event.was_room_id, is_room_only=True))


def note_freed_room(db: Session, clock: Clock, freed: FreedTime, *, tz: str) -> None:
    """Write down for whom else the room of a freed time makes place, once nobody is left who wants the time itself.

    In the job that offers, never in the request that gave the time back. What came free by a room brings no more.
    """
    if freed.room_id is None or freed.is_by_room:
        return
    room_id, where = RoomId(freed.room_id), FacilityId(freed.facility_id)
    for who, (start, end) in sorted(gained_by_room(db, freed, tz=tz, now=clock.now()).items()):
        note_freed_time(db, clock, Freed(who, where, start, end, room_id, is_by_room=True))


@dataclass(frozen=True)
class Telling:
    """When an offer is told, and in which hours its time runs. `desk` None: by a message, at any hour."""

    at: datetime
    desk: Sequence[Stretch] | None = None


@dataclass(frozen=True)
class Told:
    """Times that are offered to whoever is first: as often as they were told to somebody who may still take them."""

    times: Sequence[Stretch] = ()
    #: To how many a time is told at most.
    most: int = MANY_AT_ONCE

    def count(self, time: Stretch) -> int:
        """Return how many were told of some of a time."""
        return sum(one.touches(time) for one in self.times)


@dataclass(frozen=True)
class Found:
    """A time for somebody who waits: until when it may be taken, by whom it is given, and in which rooms it can be."""

    starts_at: datetime
    until: datetime
    service: ServiceFacts
    takers: tuple[Taker, ...]
    #: As many as may be told of it are: somebody else has to answer first.
    is_told_enough: bool


def find_time(  # noqa: PLR0913 - who, what, where and how, beside what every step has
    db: Session,
    clock: Clock,
    entry: WaitingEntry,
    freed: FreedTime,
    facility: FacilityFacts,
    rules: WaitingRules,
    telling: Telling,
    told: Told,
) -> Iterator[Found]:
    """Yield what a freed time has for an entry: by the whole rules of booking, and by what was asked for.

    The earliest first, or of times that go to whoever is first those of which the fewest were told. Nobody is told of
    the same time again.
    """
    asked = entry_facts(entry, earlier_than=start_of_visit(db, entry)).asked
    visit = visit_for_message(db, AppointmentId(entry.appointment_id)) if entry.appointment_id else None
    whose = PractitionerId(freed.practitioner_id), FacilityId(freed.facility_id)
    wish = Wish(
        ServiceId(entry.service_id),
        *whose,
        mode=visit.appointment.mode if visit else entry.mode,
        is_as_booked=visit is not None,
    )
    try:
        service, starts = _starts_in(db, clock, wish, freed, tz=facility.tz)
    except NotFound:
        return  # The service, or the place, is no longer offered.
    if visit is None and not service.is_bookable:
        return  # Nobody may book it any more; a visit that there is may still be moved.
    known, length = starts_told(db, EntryId(entry.id), FreedTimeId(freed.id)), timedelta(minutes=service.minutes)
    for number, start in sorted((told.count(Stretch(start, start + length)), start) for start in starts):
        if start in known or not asked.is_soon_enough(start, now=telling.at):
            continue
        if not suits(asked, start, facility.tz, practitioner_id=whose[0], facility_id=whose[1]):
            continue
        latest = latest_moments(service, start, visit)
        until = offer_until(rules, start, latest=latest, now=telling.at, desk=telling.desk)
        if until is None or not _is_patient_free(db, clock, entry, service, whose[1], start):
            continue
        service, offered = takers(db, clock, wish, start=start)
        if offered:
            yield Found(start, until, service, tuple(offered), number >= told.most)


def _starts_in(
    db: Session, clock: Clock, wish: Wish, freed: FreedTime, *, tz: str
) -> tuple[ServiceFacts, Sequence[datetime]]:
    """Return the service, and its free times that use some of a freed one. Raises: NotFound."""
    first, last = local_day(freed.starts_at, tz), local_day(freed.ends_at, tz)
    found = free_times(db, clock, wish, from_day=first, days=(last - first).days + 1)
    length = timedelta(minutes=found.service.minutes)
    starts = [time.start for day in found.days for time in day.times]
    return found.service, [one for one in starts if one < freed.ends_at and one + length > freed.starts_at]


def latest_moments(service: ServiceFacts, start: datetime, visit: VisitFacts | None) -> list[datetime]:
    """Return the moments after which a start could not be taken any more: notice, the cut-off of the visit to bring forward."""
    latest = [start - service.rules.notice]
    return latest if visit is None else [*latest, visit.change_until]


def _is_patient_free(
    db: Session, clock: Clock, entry: WaitingEntry, service: ServiceFacts, facility_id: FacilityId, start: datetime
) -> bool:
    """Judged without the patient's lock: it is only an offer, and judged again when it is accepted."""
    but = (AppointmentId(entry.appointment_id),) if entry.appointment_id else ()
    wanted = PatientsTime(PatientId(entry.patient_id), service, facility_id, start, but=but)
    try:
        if entry.appointment_id is None and entry.account_id is not None:  # Whom the desk wrote down, staff decided on.
            check_missed(db, clock, PatientId(entry.patient_id), actor=None)
        check_patients_time(db, wanted, now=clock.now())
    except Conflict:
        return False
    return True


def make_offer(
    db: Session, clock: Clock, entry: WaitingEntry, freed: FreedTime, found: Found, *, mode: OfferMode
) -> None:
    """Offer a time to a locked entry, and hold it when the clinic offers it to one at a time.

    Raises: Busy when somebody was faster. What was ended on the way to the hold is then not ended either: to try the next
    time after that would lock rows beside a time that was given up.
    """
    hold_id = None
    if mode is OfferMode.ONE_AT_A_TIME:
        hold = _hold(db, clock, freed, found)
        if hold is None:
            raise Busy
        hold_id = hold.id
    offer = WaitingOffer(
        id=new_id(), reference=spoken_code(8), entry_id=entry.id, freed_time_id=freed.id, hold_id=hold_id,
        practitioner_id=freed.practitioner_id, facility_id=freed.facility_id, starts_at=found.starts_at,
        state=OfferState.OPEN, made_at=clock.now(), ends_at=found.until,
    )  # fmt: skip
    db.add(offer)
    db.flush()
    queue_message(db, clock, "time_offered", subject_id=offer.id, expires_at=found.until)


def _hold(db: Session, clock: Clock, freed: FreedTime, found: Found) -> Appointment | None:
    end_expired_holds(db, clock, need_of(found.service).busy(found.starts_at), *found.takers)
    draft = time_of(found.service, FacilityId(freed.facility_id), found.starts_at) | {"any_practitioner": False}
    tries = (insert_hold(db, clock, taker, draft, actor=OFFERS, until=found.until) for taker in found.takers)
    return next((hold for hold in tries if hold is not None), None)


def end_expired_holds(
    db: Session, clock: Clock, busy: Stretch, *who: Taker, patient_id: PatientId | None = None
) -> None:
    """End the holds that ran out and are in the way of a stretch."""
    now = clock.now()
    expired = lock_holds(db, wanted=busy, now=now, takers=who, patient_id=patient_id)
    end_holds(db, clock, expired, actor=None, now=now)


def time_of(service: ServiceFacts, facility_id: FacilityId, starts_at: datetime) -> dict[str, object]:
    """Return the columns of a new appointment that say what, where and when."""
    need = need_of(service)
    busy = need.busy(starts_at)
    return {
        "service_id": service.id,
        "facility_id": facility_id,
        "starts_at": starts_at,
        "ends_at": starts_at + need.length,
        "busy_from": busy.start,
        "busy_until": busy.end,
        "price_minor": service.price.minor,
        "currency": service.price.currency,
    }


def end_offer(db: Session, clock: Clock, offer: WaitingOffer, state: OfferState) -> None:
    """End a locked open offer: its time goes to the next, its message is not sent any more."""
    offer.state, offer.ended_at = state, clock.now()
    release_hold_of(db, clock, offer, reason=f"offer.{state.value}")
    void_messages(db, clock, subject_id=offer.id)
    db.flush()
    nudge_after_commit(db, "default", OFFER, str(offer.freed_time_id))


def release_hold_of(db: Session, clock: Clock, offer: WaitingOffer, *, reason: str, actor: Actor = OFFERS) -> None:
    """End the hold of an offer, unless it ended by itself."""
    if offer.hold_id is None:
        return
    row = lock_appointment(db, AppointmentId(offer.hold_id))
    if row.state is AppointmentState.PROPOSED:
        move(db, clock, row, AppointmentState.CANCELLED, actor=actor, reason=reason, cancelled_at=clock.now())


def end_entry(db: Session, clock: Clock, entry: WaitingEntry, reason: EntryEnd) -> None:
    """Take a locked entry off the list, with the offer that it looks at."""
    offer = lock_open_offer(db, EntryId(entry.id))
    entry.state, entry.end_reason, entry.ended_at = EntryState.ENDED, reason, clock.now()
    if offer is not None:
        end_offer(db, clock, offer, OfferState.WITHDRAWN if reason is EntryEnd.PATIENT else OfferState.LOST)
    db.flush()


def tell_of_entry(db: Session, clock: Clock, entry_id: EntryId, kind: str) -> None:
    """Tell who waits what the desk wrote down for them; what it said before and has not gone out is not said any more."""
    void_messages(db, clock, subject_id=entry_id)
    queue_message(db, clock, kind, subject_id=entry_id, key=clock.now().isoformat())
