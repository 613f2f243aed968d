"""Reads of patients. Who may see whom is decided by the callers: `dependents` for accounts, the facility for staff."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import phonenumbers
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.errors import Forbidden
from clinic_portal.core.ids import PatientId
from clinic_portal.core.typed import read_day
from clinic_portal.patients.models import ACCENTED, PLAIN, Patient
from clinic_portal.patients.rules import DisplayChoice, shown_name

#: With less, half of the clinic is found.
SHORTEST_SEARCH = 2


@dataclass(frozen=True)
class PatientFacts:
    """A patient as staff and messages need them."""

    id: PatientId
    given_name: str
    family_name: str
    birth_date: date
    phone: str | None
    email: str | None
    language: str

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"

    @property
    def phone_in_words(self) -> str:
        """The number as people write it, "+351 912 345 678"; empty without one."""
        try:
            number = phonenumbers.parse(self.phone or "")
        except phonenumbers.NumberParseException:
            return self.phone or ""
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@dataclass(frozen=True)
class ScreenName:
    """What a screen may know of a patient. It leaves this module only as the words that the patient chose."""

    _choice: DisplayChoice
    _given_name: str
    _family_name: str

    def shown(self, code: str) -> str:
        """Return the words for the screen, the ticket's code when that was chosen."""
        return shown_name(self._choice, given_name=self._given_name, family_name=self._family_name, code=code)

    def __repr__(self) -> str:
        """Say nothing: a log line or an error page must not tell the name either."""
        return "ScreenName()"


def patients_for_staff(
    db: Session, patient_ids: Collection[PatientId], *, actor: Actor
) -> Mapping[PatientId, PatientFacts]:
    """Return the patients of a list that staff look at, by id. Raises: Forbidden for anybody who is not staff."""
    if not actor.is_staff:
        raise Forbidden
    return find_patients(db, patient_ids)


def patient_row() -> type[Patient]:
    """Return what stands for a patient in a statement of another feature. All but its names and id is private to this one."""
    return Patient


def search_patients(
    db: Session, query: str, *, actor: Actor, among: Select[UUID | None], limit: int = 20
) -> Sequence[PatientFacts]:
    """Return the patients `among` these ids who match every word of a query, by name; at most `limit`.

    A word matches a part of the name (accents and case aside) or of the phone number, or is the birth date ("31/3/1980").
    Raises: Forbidden for anybody who is not staff.
    """
    if not actor.is_staff:
        raise Forbidden
    words = query.split()
    if not any(len(word) >= SHORTEST_SEARCH for word in words):
        return []
    rows = db.scalars(
        select(Patient)
        .where(Patient.id.in_(among), *(_matches(word) for word in words))
        .order_by(Patient.family_name, Patient.given_name, Patient.id)
        .limit(limit)
    )
    return [_facts(row) for row in rows]


@dataclass(frozen=True)
class SamePeople:
    """Who has one name (accents and case aside) and birth date, the first who came first."""

    ids: tuple[PatientId, ...]
    #: What the next whom staff write down is, of these.
    next: int


def same_people(db: Session, *, given_name: str, family_name: str, birth_date: date) -> SamePeople:
    """Return who has this name and birth date, for whoever is about to write one down."""
    wanted = func.translate(func.lower(f"{given_name} {family_name}"), ACCENTED, PLAIN)
    # One statement: whoever comes in between two would be counted and not seen.
    found = db.execute(
        select(Patient.id, Patient.namesake)
        .where(Patient.birth_date == birth_date, _plain_name() == wanted)
        .order_by(Patient.created_at, Patient.id)
    ).all()
    numbers = [number for _, number in found if number is not None]
    return SamePeople(tuple(PatientId(id_) for id_, _ in found), max(numbers, default=-1) + 1)


def _matches(word: str) -> ColumnElement[bool]:
    born = read_day(word)
    if born is not None:
        return Patient.birth_date == born
    digits = "".join(letter for letter in word if letter.isdigit())
    part = func.translate(func.lower(word), ACCENTED, PLAIN)
    in_name = func.strpos(_plain_name(), part) > 0
    return or_(in_name, Patient.phone.contains(digits, autoescape=True)) if len(digits) >= SHORTEST_SEARCH else in_name


def _plain_name() -> ColumnElement[str]:
    return func.translate(func.lower(Patient.given_name + " " + Patient.family_name), ACCENTED, PLAIN)


def find_patient(db: Session, patient_id: PatientId) -> PatientFacts | None:
    """Return one patient, for jobs and steps that act for the clinic; a page asks `patients_for_staff` or `dependents`."""
    row = db.get(Patient, patient_id)
    return _facts(row) if row else None


def find_patients(db: Session, patient_ids: Collection[PatientId]) -> Mapping[PatientId, PatientFacts]:
    """Return patients by id, for features that have already decided that the actor may know them."""
    if not patient_ids:
        return {}
    rows = db.scalars(select(Patient).where(Patient.id.in_(set(patient_ids))))
    return {PatientId(row.id): _facts(row) for row in rows}


def known_phones(db: Session, numbers: Collection[str]) -> frozenset[str]:
    """Return those of the numbers that a patient has."""
    if not numbers:
        return frozenset()
    return frozenset(phone for phone in db.scalars(select(Patient.phone).where(Patient.phone.in_(numbers))) if phone)


def screen_names(db: Session, patient_ids: Collection[PatientId]) -> Mapping[PatientId, ScreenName]:
    """Return what the waiting room's screens may show of these patients, by id."""
    if not patient_ids:
        return {}
    rows = db.execute(
        select(Patient.id, Patient.display_choice, Patient.given_name, Patient.family_name).where(
            Patient.id.in_(set(patient_ids))
        )
    )
    return {PatientId(id_): ScreenName(choice, given, family) for id_, choice, given, family in rows}


def display_choice(db: Session, patient_id: PatientId) -> DisplayChoice:
    """Return what the patient chose to be shown as, for features that have already decided that the actor may know it."""
    return db.execute(select(Patient.display_choice).where(Patient.id == patient_id)).scalar_one()


def _facts(row: Patient) -> PatientFacts:
    return PatientFacts(
        id=PatientId(row.id),
        given_name=row.given_name,
        family_name=row.family_name,
        birth_date=row.birth_date,
        phone=row.phone,
        email=row.email,
        language=row.language,
    )
