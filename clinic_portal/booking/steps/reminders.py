"""Reminders in the outbox: queued with the booking, void with the cancellation, both with a move."""

from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentBooked, AppointmentMoved
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.appointments import AppointmentFacts, facts_of
from clinic_portal.booking.queries.reminders import Reminding, reminding, reminding_at, time_given_at
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.rules.reminders import Stage, VisitTimes, due_times
from clinic_portal.core.clock import Clock
from clinic_portal.core.jobs import nudge_after_commit
from clinic_portal.facilities.queries import facility_by_id
from clinic_portal.notifications.steps import Channel, Draft, queue_messages, void_messages

REPLAN = "clinic_portal.booking.jobs.replan_reminders"

KINDS = frozenset(stage.value for stage in Stage)


def remind_of_booked(db: Session, clock: Clock, event: AppointmentBooked) -> None:
    """Queue the reminders of a new visit, unless whoever booked it has. Reaction to AppointmentBooked."""
    if event.is_told:
        return
    row = db.get(Appointment, event.appointment_id)
    if row is not None and row.state is AppointmentState.BOOKED:
        queue_reminders(db, clock, facts_of(row), reminding(db, row.service_id))


def remind_of_moved(db: Session, clock: Clock, event: AppointmentMoved) -> None:
    """Queue the reminders of a visit's new time, as if it had been booked now. Reaction to AppointmentMoved.

    The move has already voided those of the old one.
    """
    row = db.get(Appointment, event.appointment_id)
    if row is not None and row.state is AppointmentState.BOOKED:
        queue_reminders(db, clock, facts_of(row), reminding(db, row.service_id), booked_at=clock.now())


def replan(db: Session, clock: Clock, visit: AppointmentFacts, plan: Reminding) -> None:
    """Queue a visit's reminders as the clinic's plan is now, in place of what waits. One that went out is not repeated."""
    void_messages(db, clock, subject_id=visit.id, kinds=KINDS)
    queue_reminders(db, clock, visit, plan, booked_at=time_given_at(db, visit))


def replan_after_commit(db: Session) -> None:
    """Have the reminders of all visits to come planned anew, soon after the running transaction is committed."""
    nudge_after_commit(db, "default", REPLAN)


def queue_reminders(
    db: Session, clock: Clock, visit: AppointmentFacts, plan: Reminding, *, booked_at: datetime | None = None
) -> None:
    """Write one outbox row for each reminder that is still ahead; each has its place once for every time of the visit.

    `booked_at` is when the visit got its time, if that was not when it was booked.
    """
    tz = facility_by_id(db, visit.facility_id).tz
    queue_messages(db, clock, _drafts(clock, visit, plan, tz, booked_at=booked_at))


def tell_of_booking(db: Session, clock: Clock, visit: AppointmentFacts) -> None:
    """Queue the confirmation of a visit and its reminders: two statements together. Publish the event with `is_told`."""
    plan, tz = reminding_at(db, visit.service_id, visit.facility_id)
    told = [Draft("appointment_booked", visit.id, channel, expires_at=visit.starts_at) for channel in Channel]
    queue_messages(db, clock, [*told, *_drafts(clock, visit, plan, tz)])


def _drafts(
    clock: Clock, visit: AppointmentFacts, plan: Reminding, tz: str, *, booked_at: datetime | None = None
) -> list[Draft]:
    now = clock.now()
    times = VisitTimes(visit.starts_at, booked_at or visit.booked_at or now, tz)
    return [
        Draft(
            due.stage.value,
            visit.id,
            channel,
            due_at=due.at,
            expires_at=visit.starts_at,
            # A visit that was moved is another one to its reminders, and its sequence has grown.
            key=str(visit.sequence),
        )
        for channel, one in plan.plans.items()
        for due in due_times(one, plan.quiet, times, now=now, spread=visit.id.int)
    ]
