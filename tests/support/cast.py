"""The people of the tests."""

from dataclasses import dataclass
from datetime import date

from flask import Flask
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.accounts.steps import open_session
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AccountId
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.facilities.models import FacilityStaff
from clinic_portal.patients.models import Patient
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

#: The argon2id hash of PASSWORD with the cheapest parameters, so that making people is fast.
PASSWORD = "correct horse battery staple"
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$qJkSF5yLuLtB7SPw5HyjxA$ONMLP9wRyK7uP4xyxRaf6ZXm0AFtwBqYVO7h23sepyQ"


@dataclass
class Cast:
    """A patient, her guardian (her mother, who has an account of her own), a stranger, and staff of Lisbon.

    `child` is a patient without an account whose parent is `guardian`. `far_receptionist` works in the Azores only.
    """

    db: Session
    clock: FixedClock
    app: Flask
    patient: Account
    patient_person: Patient
    guardian: Account
    guardian_person: Patient
    child: Patient
    stranger: Account
    stranger_person: Patient
    doctor: Account
    receptionist: Account
    far_receptionist: Account
    administrator: Account

    def browser(self, account: Account | None) -> PortalClient:
        """A browser in which the account is signed in (None: a visitor)."""
        client = self.app.test_client()
        assert isinstance(client, PortalClient)
        if account is not None:
            token = open_session(self.db, self.clock, account_id=AccountId(account.id), user_agent="test")
            self.db.commit()
            with client.session_transaction() as session:
                session["_user_id"] = token
                session["_fresh"] = True
        return client


def make_cast(db: Session, clock: FixedClock, clinic: Clinic, app: Flask) -> Cast:
    """Insert the people in the test's transaction."""
    patient, patient_person = make_patient(db, clock, "Marta", "Araújo", "marta@example.org", "+351912345601")
    guardian, guardian_person = make_patient(db, clock, "Lina", "Araújo", "lina@example.org", "+351912345602")
    stranger, stranger_person = make_patient(db, clock, "Duarte", "Nogueira", "duarte@example.org", "+351912345603")
    child = Patient(
        given_name="Tomás", family_name="Araújo", birth_date=date(2018, 5, 4), language="pt_PT", created_at=clock.now()
    )
    doctor = make_account(db, clock, Role.DOCTOR, "Inês", "Carvalho", "ines@clinic.example")
    receptionist = make_account(db, clock, Role.RECEPTIONIST, "Paula", "Reis", "paula@clinic.example")
    far = make_account(db, clock, Role.RECEPTIONIST, "Vera", "Melo", "vera@clinic.example")
    administrator = make_account(db, clock, Role.ADMINISTRATOR, "Artur", "Dias", "artur@clinic.example")
    db.add(child)
    db.flush()
    clinic.ines.account_id = doctor.id
    db.add_all(
        [
            clinic.ines,
            Relationship(account_id=guardian.id, patient_id=child.id, kind=RelationshipKind.PARENT),
            Relationship(account_id=guardian.id, patient_id=patient_person.id, kind=RelationshipKind.CARER),
            FacilityStaff(facility_id=clinic.lisbon.id, account_id=receptionist.id),
            FacilityStaff(facility_id=clinic.lisbon.id, account_id=doctor.id),
            FacilityStaff(facility_id=clinic.azores.id, account_id=far.id),
            FacilityStaff(facility_id=clinic.lisbon.id, account_id=administrator.id),
            FacilityStaff(facility_id=clinic.azores.id, account_id=administrator.id),
        ]
    )
    db.commit()
    return Cast(
        db, clock, app, patient, patient_person, guardian, guardian_person, child, stranger, stranger_person, doctor,
        receptionist, far, administrator,
    )  # fmt: skip


def make_account(
    db: Session, clock: FixedClock, role: Role, given: str, family: str, email: str, phone: str | None = None
) -> Account:
    """Insert an account whose address and phone are confirmed."""
    account = Account(
        role=role, email=email, email_confirmed_at=clock.now(), phone=phone, phone_confirmed_at=clock.now() if phone else None,
        password_hash=PASSWORD_HASH, given_name=given, family_name=family, language="en", created_at=clock.now(),
        birth_date=date(1985, 3, 9) if role is Role.PATIENT else None,
    )  # fmt: skip
    db.add(account)
    db.flush()
    return account


def make_patient(
    db: Session, clock: FixedClock, given: str, family: str, email: str, phone: str
) -> tuple[Account, Patient]:
    """Insert a patient with an account."""
    account = make_account(db, clock, Role.PATIENT, given, family, email, phone)
    person = Patient(
        given_name=given, family_name=family, birth_date=date(1985, 3, 9), phone=phone, email=email, language="en",
        created_at=clock.now(),
    )  # fmt: skip
    db.add(person)
    db.flush()
    db.add(Relationship(account_id=account.id, patient_id=person.id, kind=RelationshipKind.SELF))
    return account, person
