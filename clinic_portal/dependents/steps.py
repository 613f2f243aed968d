"""What happens to relationships inside somebody's transaction."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.events import AccountChanged, AccountConfirmed
from clinic_portal.accounts.queries import get_account
from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import PatientId
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
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
