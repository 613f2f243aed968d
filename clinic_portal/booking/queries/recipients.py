"""Where messages about visits go: to the patient, or to whoever acts for a patient who has no address (a child)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import find_accounts
from clinic_portal.booking.queries.appointments import AppointmentFacts, promised_appointment
from clinic_portal.core.ids import AccountId, AppointmentId, PatientId
from clinic_portal.dependents.queries import accounts_for, own_accounts
from clinic_portal.notifications.queries import Channel, stopped_numbers, unwanted_by_patients, unwanted_channels
from clinic_portal.patients.queries import PatientFacts, find_patients

Id = TypeVar("Id", bound=UUID)


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
    #: Whose choice of reminders counts; None: the patient's own, who has no account.
    account_id: AccountId | None = None
    #: Channels on which they want no reminders.
    unwanted: frozenset[Channel] = field(default_factory=frozenset)

    def reminded_at(self, channel: Channel) -> str | None:
        """Return the address for reminders; None when there is none, or when they do not want any there."""
        if channel in self.unwanted:
            return None
        return self.phone if channel is Channel.SMS else self.email


def recipients(db: Session, visits: Iterable[AppointmentFacts], *, today: date) -> Mapping[AppointmentId, Recipient]:
    """Return who is written to about each of these visits, in six statements however many they are."""
    rows = [visit for visit in visits if visit.patient_id is not None]
    patients = find_patients(db, {visit.known_patient_id for visit in rows})
    alone = {id_ for id_, patient in patients.items() if not is_reachable(patient)}
    asked = {visit.id: (visit.known_patient_id, visit.booked_by) for visit in rows if visit.known_patient_id in alone}
    standing = stand_ins(db, asked, today=today)
    accounts = find_accounts(db, {account_id for account_id in standing.values() if account_id is not None})
    own = own_accounts(db, patients.keys() - alone)
    unwanted = unwanted_channels(db, {*accounts, *own.values()})
    unwanted_by = unwanted_by_patients(db, patients.keys() - alone - own.keys())
    found: dict[AppointmentId, Recipient] = {}
    for visit in rows:
        patient, stand_in = patients[visit.known_patient_id], standing.get(visit.id)
        booker = accounts.get(stand_in) if stand_in else None
        account_id: AccountId | None = booker.account_id if booker else own.get(PatientId(patient.id))
        found[visit.id] = Recipient(
            patient=patient,
            email=booker.email if booker else patient.email,
            phone=booker.confirmed_phone if booker else patient.phone,
            language=booker.language if booker else patient.language,
            is_for_another=not is_reachable(patient),
            account_id=account_id,
            unwanted=(unwanted.get(account_id) if account_id else unwanted_by.get(PatientId(patient.id)))
            or frozenset(),
        )
    return found


def recipient_of(db: Session, appointment_id: AppointmentId, *, today: date) -> Recipient:
    """Return who is written to about a visit. Raises: NotFound (no such, or only held)."""
    return recipients(db, [promised_appointment(db, appointment_id)], today=today)[appointment_id]


def is_reachable(patient: PatientFacts) -> bool:
    """Whether messages go to the patient; otherwise to who acts for them."""
    return bool(patient.email or patient.phone)


def hears(db: Session, patient: PatientFacts, asked_by: AccountId | None, *, today: date) -> bool:
    """Whether a message reaches the patient, or who acts for one without an address. No SMS reaches who answered STOP."""
    if is_reachable(patient):
        return bool(patient.email) or not stopped_numbers(db, [patient.phone])
    return stand_in_for(db, patient, asked_by, today=today) is not None


def stand_in_for(db: Session, patient: PatientFacts, asked_by: AccountId | None, *, today: date) -> AccountId | None:
    """Return the account that is written to instead of a patient without an address; None: there is none."""
    return stand_ins(db, {patient.id: (PatientId(patient.id), asked_by)}, today=today)[patient.id]


def stand_ins(
    db: Session, asked: Mapping[Id, tuple[PatientId, AccountId | None]], *, today: date
) -> Mapping[Id, AccountId | None]:
    """Return the account that acts for each patient, by visit or whatever they are asked for: one statement.

    `asked` names each patient and the account that asked. It is that one, as long as it acts for the patient; when that has
    ended, the first that does now; None: nobody does.
    """
    acting = accounts_for(db, {patient_id for patient_id, _ in asked.values()}, today=today)
    return {id_: _one_of(acting.get(patient_id, ()), asked_by) for id_, (patient_id, asked_by) in asked.items()}


def _one_of(acting: Sequence[AccountId], asked_by: AccountId | None) -> AccountId | None:
    return asked_by if asked_by in acting else next(iter(acting), None)
