"""What happens to relationships inside somebody's transaction."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.events import AccountChanged, AccountConfirmed
from clinic_portal.accounts.queries import get_account
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountId, PatientId
from clinic_portal.core.statements import built_once, read_columns
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.queries import PersonFacts, RelationshipColumns, judge_booker, relationships_of
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.patients.queries import patient_row
from clinic_portal.patients.steps import create_patient, set_contact


def register_self(db: Session, clock: Clock, event: AccountConfirmed) -> None:
    """Make the person of a new account a patient, for whom the account acts. Reaction to AccountConfirmed."""
    account = get_account(db, event.account_id)
    if account.birth_date is None:
        # Only staff have no birth date, and they are no patients by being staff.
        return
    patient_id = create_patient(
        db,
        clock,
        given_name=account.given_name,
        family_name=account.family_name,
        birth_date=account.birth_date,
        phone=account.confirmed_phone,
        email=account.email,
        language=account.language,
    )
    db.add(Relationship(account_id=account.account_id, patient_id=patient_id, kind=RelationshipKind.SELF))
    db.flush()


def lock_person_to_book_for(db: Session, clock: Clock, patient_id: PatientId, *, actor: Actor) -> PersonFacts:
    """Return the person if the actor may book for them, with the patient locked: one statement for both.

    Whoever gives a patient a time does this first (or `patients.steps.lock_patient`, when nobody acts for them).
    Raises: NotFound; Forbidden; as `person_to_book_for`.
    """
    if actor.account_id is None:
        raise NotFound
    locking = _locked_person(account_id=actor.account_id, patient_id=patient_id)
    return judge_booker(next(iter(read_columns(db, *locking)), None), clock)


@built_once
def _locked_person(*, account_id: AccountId, patient_id: PatientId) -> Select[*RelationshipColumns]:
    statement = relationships_of(account_id).where(Relationship.patient_id == patient_id)
    # As lock_patient: foreign keys to the patient are let through.
    return statement.with_for_update(key_share=True, of=patient_row())


def refresh_self(db: Session, clock: Clock, event: AccountChanged) -> None:
    """Keep the confirmed phone and the language of the account's own patient as the account's. Reaction to AccountChanged."""
    account = get_account(db, event.account_id)
    patient_id = db.scalar(
        select(Relationship.patient_id).where(
            Relationship.account_id == event.account_id, Relationship.kind == RelationshipKind.SELF
        )
    )
    if patient_id is not None:
        set_contact(db, PatientId(patient_id), phone=account.confirmed_phone, language=account.language)
