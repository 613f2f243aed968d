"""What a patient has already: of the free times, those that somebody can take who has other visits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, true
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.rota import LONGEST_VISIT
from clinic_portal.booking.rules import FIRM_STATES, AppointmentState, Stretch
from clinic_portal.core.clock import local_day
from clinic_portal.core.ids import AccountId, AppointmentId, PatientId, ServiceId
from clinic_portal.facilities.queries import ServiceFacts


@dataclass(frozen=True)
class Diary:
    """A patient's visits and holds, and of which service each is."""

    visits: Sequence[tuple[ServiceId, Stretch]]

    def in_the_way(self, service: ServiceFacts, start: datetime) -> Stretch | None:
        """Return the first of what the patient has while such a visit would last."""
        wanted = Stretch(start, start + timedelta(minutes=service.minutes))
        return next((taken for _, taken in self.visits if wanted.touches(taken)), None)

    def has_any_in(self, stretch: Stretch) -> bool:
        """Whether the patient has something then."""
        return any(stretch.touches(taken) for _, taken in self.visits)

    def has_room(self, service: ServiceFacts, start: datetime, tz: str) -> bool:
        """Say what `check_patients_time` would: no other visit then, and not too many of this kind that day."""
        return self.in_the_way(service, start) is None and not self.is_full(service, start, tz)

    def is_full(self, service: ServiceFacts, start: datetime, tz: str) -> bool:
        """Whether the patient has as many visits of this kind that day as there can be."""
        limit, day = service.rules.visits_per_day, local_day(start, tz)
        same = [id_ for id_, taken in self.visits if id_ == service.id and local_day(taken.start, tz) == day]
        return limit is not None and len(same) >= limit


def read_diary(  # noqa: PLR0913 - whose, when, and what does not count
    db: Session,
    patient_id: PatientId,
    *,
    first: datetime,
    last: datetime,
    now: datetime,
    but: AppointmentId | None = None,
    own_hold: str | None = None,
    account_id: AccountId | None = None,
) -> Diary:
    """Return what the patient has on the days of these instants: one statement.

    But for one visit, and for what this browser or account holds: that is given up for another time.
    """
    held = and_(
        Appointment.state == AppointmentState.PROPOSED,
        Appointment.held_until > now,
        Appointment.hold_key_hash.is_distinct_from(own_hold),
        Appointment.booked_by_account_id.is_distinct_from(account_id),
    )
    rows = db.execute(
        select(Appointment.service_id, Appointment.starts_at, Appointment.ends_at)
        .where(
            Appointment.patient_id == patient_id,
            # A day more on either side: visits of the same day count, wherever its midnight is.
            Appointment.starts_at > first - LONGEST_VISIT - timedelta(days=1),
            Appointment.starts_at < last + timedelta(days=1),
            or_(Appointment.state.in_(FIRM_STATES), held),
            true() if but is None else Appointment.id != but,
        )
        .order_by(Appointment.starts_at)
    )
    return Diary([(ServiceId(service_id), Stretch(start, end)) for service_id, start, end in rows])
