"""A time outside of what is offered: staff name day, time, who and where, and write why."""

from typing import TypeVar
from uuid import UUID

from flask_babel import gettext as _

from clinic_portal.booking.queries import Taker, VisitFacts
from clinic_portal.core.clock import zone
from clinic_portal.core.ids import PractitionerId, RoomId
from clinic_portal.core.modes import Mode
from clinic_portal.core.typed import write_time
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts, rooms_of
from clinic_portal.front_desk.forms import AnywayForm
from clinic_portal.practitioners.queries import places_of_service
from clinic_portal.web.database import clock, db_session

Form = TypeVar("Form", bound=AnywayForm)


def filled(form: Form, facility: FacilityFacts, service: ServiceFacts, *, visit: VisitFacts | None = None) -> Form:
    """Give the form who and where there is to choose from; what nobody typed yet is as the visit has it."""
    db = db_session()
    places = places_of_service(db, service.id, from_day=clock().now().date())
    people = {one.practitioner.id: one.practitioner for one in places if one.facility_id == facility.id}
    if visit is not None:
        people.setdefault(visit.practitioner.id, visit.practitioner)
    form.practitioner.choices = [(str(person.id), person.full_name) for person in people.values()]
    rooms = [(str(room.id), _("Room %(name)s", name=room.name)) for room in rooms_of(db, facility.id)]
    form.room.choices = [*rooms, ("", _("Online, no room"))]
    if visit is not None and not form.is_submitted():
        start = visit.appointment.starts_at.astimezone(zone(facility.tz))
        form.on.data, form.at.data = start.date().isoformat(), write_time(start.hour * 60 + start.minute)
        form.practitioner.data = str(visit.practitioner.id)
        form.room.data = str(visit.room.id) if visit.room else ""
    return form


def taker_of(form: AnywayForm) -> Taker:
    """Return who and where a valid form names."""
    room = form.room.data
    return Taker(
        PractitionerId(UUID(form.practitioner.data)),
        RoomId(UUID(room)) if room else None,
        Mode.IN_PERSON if room else Mode.ONLINE,
    )
