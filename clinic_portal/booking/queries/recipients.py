"""Where messages about visits go: to the patient, or to whoever booked when the patient has no address (a child)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import find_accounts
from clinic_portal.booking.queries.appointments import AppointmentFacts
from clinic_portal.core.ids import AccountId, AppointmentId, PatientId
from clinic_portal.dependents.queries import own_accounts
from clinic_portal.notifications.queries import Channel, unwanted_channels
from clinic_portal.patients.queries import PatientFacts, find_patients


@dataclass(frozen=True)
class Recipient:
    """Who is written to about one visit, as it is now."""

    patient: PatientFacts
    email: str | None
    #: E.164.
    phone: str | None
    language: str
    #: The visit is somebody else's: the message names the patient.
    is_for_another: bool
    #: Channels on which they want no reminders.
    unwanted: frozenset[Channel] = field(default_factory=frozenset)

    def reminded_at(self, channel: Channel) -> str | None:
        """Return the address for reminders; None when there is none, or when they do not want any there."""
        if channel in self.unwanted:
            return None
        return self.phone if channel is Channel.SMS else self.email


def recipients(db: Session, visits: Iterable[AppointmentFacts]) -> Mapping[AppointmentId, Recipient]:
    """Return who is written to about each of these visits, in four statements however many they are."""
    rows = [visit for visit in visits if visit.patient_id is not None]
    patients = find_patients(db, {visit.known_patient_id for visit in rows})
    bookers = find_accounts(
        db,
        {
            visit.booked_by
            for visit in rows
            if visit.booked_by is not None and not _is_reachable(patients[visit.known_patient_id])
        },
    )
    own = own_accounts(db, {id_ for id_, patient in patients.items() if _is_reachable(patient)})
    unwanted = unwanted_channels(db, {*bookers, *own.values()})
    found: dict[AppointmentId, Recipient] = {}
    for visit in rows:
        patient = patients[visit.known_patient_id]
        booker = bookers.get(visit.booked_by) if visit.booked_by and not _is_reachable(patient) else None
        account_id: AccountId | None = booker.account_id if booker else own.get(PatientId(patient.id))
        found[visit.id] = Recipient(
            patient=patient,
            email=booker.email if booker else patient.email,
            phone=booker.confirmed_phone if booker else patient.phone,
            language=booker.language if booker else patient.language,
            is_for_another=not _is_reachable(patient),
            unwanted=unwanted.get(account_id, frozenset()) if account_id else frozenset(),
        )
    return found


def _is_reachable(patient: PatientFacts) -> bool:
    return bool(patient.email or patient.phone)
