"""The receptionist of the tests."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import FacilityId, PractitionerId, RoomId, TicketId
from clinic_portal.patients.models import Patient
from clinic_portal.waiting_room.models import Queue, Ticket
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.waiting_room import visits


@dataclass
class Desk:
    """The receptionist of Lisbon at work."""

    db: Session
    clock: FixedClock
    cast: Cast
    clinic: Clinic

    @property
    def facility_id(self) -> FacilityId:
        return FacilityId(self.clinic.lisbon.id)

    @property
    def actor(self) -> Actor:
        return self.cast.receptionist.actor()

    @property
    def room_1(self) -> RoomId:
        return RoomId(self.clinic.room_1.id)

    @property
    def room_2(self) -> RoomId:
        return RoomId(self.clinic.room_2.id)

    @property
    def ines(self) -> PractitionerId:
        return PractitionerId(self.clinic.ines.id)

    @property
    def rui(self) -> PractitionerId:
        return PractitionerId(self.clinic.rui.id)

    def arrive(self, patient: Patient, **visit: object) -> TicketId:
        return visits.arrive(self.db, self.clock, self.cast, self.clinic, patient, **visit)

    def person(self, given: str, family: str = "Silva", **other: object) -> Patient:
        return visits.make_person(self.db, self.clock, given, family, **other)

    def row(self, ticket_id: TicketId) -> Ticket:
        return visits.ticket_row(self.db, ticket_id)

    def version(self) -> int:
        row = self.db.get(Queue, self.clinic.lisbon.id, populate_existing=True)
        return row.version if row else 0

    def ask(self) -> dict[str, object]:
        """The arguments of every use case at this desk."""
        return {"facility_id": self.facility_id, "actor": self.actor}
