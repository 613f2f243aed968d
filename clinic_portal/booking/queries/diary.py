"""What a patient has already: of the free times, those that somebody can take who has other visits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.rota import LONGEST_VISIT
from clinic_portal.booking.rules import FIRM_STATES, AppointmentState, Stretch
from clinic_portal.core.clock import local_day
from clinic_portal.core.ids import AppointmentId, PatientId, ServiceId
from clinic_portal.facilities.queries import ServiceFacts


@dataclass(frozen=True)
class Diary:
    """A patient's visits and holds, and of which service each is."""

    visits: Sequence[tuple[ServiceId, Stretch]]

    def has_room(self, service: ServiceFacts, start: datetime, tz: str) -> bool:
        """Say what `check_patients_time` would: no other visit then, and not too many of this kind that day."""
        wanted, limit = Stretch(start, start + timedelta(minutes=service.minutes)), service.rules.visits_per_day
        if any(wanted.touches(taken) for _, taken in self.visits):
            return False
        day = local_day(start, tz)
        same = [id_ for id_, taken in self.visits if id_ == service.id and local_day(taken.start, tz) == day]
        return limit is None or len(same) < limit


def read_diary(
    db: Session, patient_id: PatientId, *, first: datetime, last: datetime, but: AppointmentId, now: datetime
) -> Diary:
    """Return what the patient has on the days of these instants, but for one visit: one statement."""
    held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
    rows = db.execute(
        select(Appointment.service_id, Appointment.starts_at, Appointment.ends_at).where(
            Appointment.patient_id == patient_id,
            # A day more on either side: visits of the same day count, wherever its midnight is.
            Appointment.starts_at > first - LONGEST_VISIT - timedelta(days=1),
            Appointment.starts_at < last + timedelta(days=1),
            or_(Appointment.state.in_(FIRM_STATES), held),
            Appointment.id != but,
        )
    )
    return Diary([(ServiceId(service_id), Stretch(start, end)) for service_id, start, end in rows])
