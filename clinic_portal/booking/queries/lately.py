"""Where the grid of offered starts has shifted while somebody may have been reading a page."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, literal, or_, select, union_all
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, FreedTime
from clinic_portal.booking.queries.rota import LONGEST_VISIT, Rota, Window
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.ids import RoomId

#: As long as somebody reads a page of times and its way back is still honoured.
READ_FOR = timedelta(minutes=30)


def shifted_lately(db: Session, rota: Rota, windows: Collection[Window], *, now: datetime) -> set[Window]:
    """Return the hours in which somebody took time, or gave it back, while a page may have been read: one statement.

    That moves the starts that are offered around it; who pressed one from before must not hear "taken" of a time that is
    free. The row of a visit that was moved away is elsewhere: what was noted for those who wait says where it was.
    """
    people = {window.hours.practitioner_id for window in windows}
    rooms = {window: _rooms_of(rota, window) for window in windows}
    in_any = {room for some in rooms.values() for room in some}
    start, end = min(window.stretch.start for window in windows), max(window.stretch.end for window in windows)
    since = now - READ_FOR
    noted = exists().where(AppointmentHistory.appointment_id == Appointment.id, AppointmentHistory.at > since)
    ran_out = and_(
        Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > since, Appointment.held_until <= now
    )
    there = select(
        Appointment.practitioner_id, Appointment.room_id, Appointment.busy_from, Appointment.busy_until
    ).where(
        or_(
            Appointment.practitioner_id.in_(people),
            # As where what is taken is read: the index starts with the facility.
            and_(Appointment.facility_id.in_(rota.facilities), Appointment.room_id.in_(in_any)),
        ),
        Appointment.starts_at > start - LONGEST_VISIT,
        Appointment.starts_at < end + LONGEST_VISIT,
        or_(noted, ran_out),
    )
    # What time it took up beside the visit itself is not known any more: as much as what is looked for.
    before, after = literal(rota.need.before), literal(rota.need.after)
    elsewhere = select(
        FreedTime.practitioner_id, FreedTime.room_id, FreedTime.starts_at - before, FreedTime.ends_at + after
    ).where(
        FreedTime.facility_id.in_(rota.facilities),
        FreedTime.made_at > since,
        # A colleague's, noted later by the job: the visit that left the room has a row of its own.
        FreedTime.is_by_room.is_(False),
        or_(FreedTime.practitioner_id.in_(people), FreedTime.room_id.in_(in_any)),
        FreedTime.starts_at < end + LONGEST_VISIT,
        FreedTime.ends_at > start - LONGEST_VISIT,
    )
    changed = db.execute(union_all(there, elsewhere)).all()
    return {
        window
        for window in windows
        for who, room, busy_from, busy_until in changed
        if (who == window.hours.practitioner_id or room in rooms[window])
        and busy_from < window.stretch.end + rota.need.after
        and busy_until > window.stretch.start - rota.need.before
    }


def _rooms_of(rota: Rota, window: Window) -> Collection[RoomId]:
    if window.hours.is_in_any_room:
        return rota.facilities[window.hours.facility_id].rooms
    return [window.hours.room_id] if window.hours.room_id else []
