"""Reads of who may act for whom. Every feature that shows or changes a patient's things asks here first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import given_names
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import AccountId, PatientId
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind, is_current
from clinic_portal.patients.queries import find_patients

__all__ = ["PersonFacts", "RelationshipKind", "companions_of", "own_accounts", "people_of", "person_to_book_for"]


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
    rows = db.scalars(select(Relationship).where(Relationship.account_id == actor.account_id)).all()
    patients = find_patients(db, [PatientId(row.patient_id) for row in rows])
    today = clock.now().date()
    people = [
        PersonFacts(
            patient_id=PatientId(row.patient_id),
            given_name=patients[PatientId(row.patient_id)].given_name,
            family_name=patients[PatientId(row.patient_id)].family_name,
            kind=row.kind,
            can_book=row.can_book and is_current(row.ends_on, today=today),
        )
        for row in rows
    ]
    return sorted(people, key=lambda person: (not person.is_self, person.given_name, person.patient_id))


def person_to_book_for(db: Session, clock: Clock, patient_id: PatientId, *, actor: Actor) -> PersonFacts:
    """Return the person if the actor may book for them.

    Raises: NotFound when the actor's account has nothing to do with the patient; Forbidden when it lacks the right.
    """
    for person in people_of(db, clock, actor=actor):
        if person.patient_id == patient_id:
            if not person.can_book:
                raise Forbidden
            return person
    raise NotFound


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
