"""Reads of who may act for whom. Every feature that shows or changes a patient's things asks here first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import given_names
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import AccountId, PatientId
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind, is_current
from clinic_portal.patients.queries import patient_row

__all__ = [
    "PersonFacts",
    "RelationshipKind",
    "account_for",
    "accounts_for",
    "companions_of",
    "own_accounts",
    "patients_of",
    "people_of",
    "person_to_book_for",
]

#: What `relationships_of` selects: whose, which kind, whether they book, until when; the patient's names.
RelationshipColumns = tuple[UUID, RelationshipKind, bool, date | None, str, str]


@dataclass(frozen=True)
class PersonFacts:
    """Somebody for whom an account may act, and with which rights (none of them once the relationship has ended)."""

    patient_id: PatientId
    given_name: str
    family_name: str
    kind: RelationshipKind
    can_book: bool

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"

    @property
    def is_self(self) -> bool:
        """Whether the account is this person."""
        return self.kind is RelationshipKind.SELF


def people_of(db: Session, clock: Clock, *, actor: Actor) -> Sequence[PersonFacts]:
    """Return everybody for whom the actor's account ever could act: first oneself, then by given name."""
    if actor.account_id is None:
        return []
    people = [_person(row, clock) for row in db.execute(relationships_of(actor.account_id))]
    return sorted(people, key=lambda person: (not person.is_self, person.given_name, person.patient_id))


def patients_of(account_id: AccountId) -> Select[UUID]:
    """Return, as a part of somebody else's statement, for whom an account ever could act."""
    return select(Relationship.patient_id).where(Relationship.account_id == account_id)


def person_to_book_for(db: Session, clock: Clock, patient_id: PatientId, *, actor: Actor) -> PersonFacts:
    """Return the person if the actor may book for them.

    Raises: NotFound when the actor's account has nothing to do with the patient; Forbidden when it lacks the right.
    """
    statement = relationships_of(actor.account_id).where(Relationship.patient_id == patient_id)
    return judge_booker(db.execute(statement).one_or_none(), clock)


def relationships_of(account_id: AccountId | None) -> Select[*RelationshipColumns]:
    """Return the statement for the people of an account; nobody without one."""
    patient = patient_row()
    return (
        select(
            Relationship.patient_id,
            Relationship.kind,
            Relationship.can_book,
            Relationship.ends_on,
            patient.given_name,
            patient.family_name,
        )
        .join(patient, patient.id == Relationship.patient_id)
        .where(Relationship.account_id == account_id)
    )


def judge_booker(row: RelationshipColumns | None, clock: Clock) -> PersonFacts:
    """Return the person of a row of `relationships_of`. Raises: NotFound (no row); Forbidden (may not book for them)."""
    if row is None:
        raise NotFound
    person = _person(row, clock)
    if not person.can_book:
        raise Forbidden
    return person


def _person(row: RelationshipColumns, clock: Clock) -> PersonFacts:
    patient_id, kind, can_book, ends_on, given_name, family_name = row
    return PersonFacts(
        patient_id=PatientId(patient_id),
        given_name=given_name,
        family_name=family_name,
        kind=kind,
        can_book=can_book and is_current(ends_on, today=clock.now().date()),
    )


def own_accounts(db: Session, patient_ids: Collection[PatientId]) -> Mapping[PatientId, AccountId]:
    """Return the accounts that patients sign in with themselves, by patient; whoever has none is left out."""
    if not patient_ids:
        return {}
    rows = db.execute(
        select(Relationship.patient_id, Relationship.account_id).where(
            Relationship.patient_id.in_(set(patient_ids)), Relationship.kind == RelationshipKind.SELF
        )
    )
    return {PatientId(patient_id): AccountId(account_id) for patient_id, account_id in rows}


def account_for(db: Session, patient_id: PatientId, *, today: date) -> AccountId | None:
    """Return the account that books for a patient: their own, else the first of those who act for them now; None: nobody's.

    For staff and jobs: the caller has checked that.
    """
    return next(iter(accounts_for(db, [patient_id], today=today).get(patient_id, ())), None)


def accounts_for(
    db: Session, patient_ids: Collection[PatientId], *, today: date
) -> Mapping[PatientId, Sequence[AccountId]]:
    """Return the accounts that book for each of these patients now: their own first; whoever has none is left out.

    For staff and jobs: the caller has checked that.
    """
    if not patient_ids:
        return {}
    rows = db.scalars(
        select(Relationship)
        .where(Relationship.patient_id.in_(set(patient_ids)), Relationship.can_book)
        .order_by(Relationship.kind != RelationshipKind.SELF, Relationship.id)
    )
    found: dict[PatientId, list[AccountId]] = {}
    for row in rows:
        if is_current(row.ends_on, today=today):
            found.setdefault(PatientId(row.patient_id), []).append(AccountId(row.account_id))
    return found


def companions_of(db: Session, patient_ids: Collection[PatientId], *, today: date) -> Mapping[PatientId, Sequence[str]]:
    """Return the given names of those who act for each of these patients now, themselves left out: who comes with a child.

    For staff: the caller has checked that.
    """
    if not patient_ids:
        return {}
    rows = db.scalars(
        select(Relationship)
        .where(Relationship.patient_id.in_(set(patient_ids)), Relationship.kind != RelationshipKind.SELF)
        .order_by(Relationship.kind.desc(), Relationship.id)
    )
    current = [row for row in rows if is_current(row.ends_on, today=today)]
    known = given_names(db, [AccountId(row.account_id) for row in current])
    names: dict[PatientId, list[str]] = {}
    for row in current:
        names.setdefault(PatientId(row.patient_id), []).append(known[AccountId(row.account_id)])
    return names
