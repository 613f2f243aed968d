"""Messages about visits go to a number only once its owner has confirmed it."""

from sqlalchemy.orm import Session

from clinic_portal.accounts.events import AccountChanged, AccountConfirmed
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AccountId
from clinic_portal.dependents.steps import refresh_self, register_self
from clinic_portal.patients.models import Patient
from tests.support.cast import Cast, make_account


def test_a_number_reaches_the_patient_when_it_is_confirmed(db: Session, clock: FixedClock, cast: Cast) -> None:
    account = make_account(db, clock, Role.PATIENT, "Noor", "Haddad", "noor@example.org", "+351912345677")
    account.phone_confirmed_at = None
    db.flush()
    register_self(db, clock, AccountConfirmed(AccountId(account.id)))
    patient = db.query(Patient).filter_by(email="noor@example.org").one()
    assert patient.phone is None
    account.phone_confirmed_at = clock.now()
    db.flush()
    refresh_self(db, clock, AccountChanged(AccountId(account.id)))
    assert patient.phone == "+351912345677"


def test_a_number_that_was_changed_is_forgotten_until_it_is_confirmed(
    db: Session, clock: FixedClock, cast: Cast
) -> None:
    cast.patient.phone, cast.patient.phone_confirmed_at = "+351912345688", None
    db.flush()
    refresh_self(db, clock, AccountChanged(AccountId(cast.patient.id)))
    assert cast.patient_person.phone is None
