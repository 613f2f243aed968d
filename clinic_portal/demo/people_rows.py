"""Inserts the people of the demo clinic: accounts, staff, patients, and who acts for whom."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.core.actor import Role
from clinic_portal.core.ids import new_id
from clinic_portal.demo import people
from clinic_portal.demo.content import PRACTITIONERS, STAFF_DOMAIN
from clinic_portal.demo.people import PATIENTS, STAFF, PatientContent
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.facilities.models import FacilityStaff
from clinic_portal.patients.models import Patient

#: How long ago the first of them registered.
OLDEST_DAYS = 400


def staff_email(name: str) -> str:
    """Return the address of somebody who works here."""
    return f"{name}@{STAFF_DOMAIN}"


def insert_staff(db: Session, facilities: dict[str, UUID], *, password_hash: str, now: datetime) -> dict[str, UUID]:
    """Insert the sign-ins of everybody who works here; returns their ids by the name before the @."""
    rows = [
        _account(one.role, one.given_name, one.family_name, staff_email(one.email), one.language) for one in STAFF
    ] + [
        _account(Role.DOCTOR, one.given_name, one.family_name, staff_email(one.email), one.language)
        for one in PRACTITIONERS
    ]
    created = now - timedelta(days=OLDEST_DAYS)
    for row in rows:
        row.update(password_hash=password_hash, created_at=created, email_confirmed_at=created)
    db.execute(insert(Account), rows)
    ids = {str(row["email"]).partition("@")[0]: row["id"] for row in rows if isinstance(row["id"], UUID)}
    works = [(facility, one.email) for one in STAFF for facility in one.facilities]
    works += [(one.facility, one.email) for one in PRACTITIONERS]
    db.execute(
        insert(FacilityStaff),
        [{"facility_id": facilities[facility], "account_id": ids[name]} for facility, name in works],
    )
    return ids


def insert_patients(db: Session, *, password_hash: str, now: datetime) -> None:
    """Insert the patients, the accounts of those who have one, and the relationships."""
    accounts: list[dict[str, object]] = []
    patients: list[dict[str, object]] = []
    account_of: dict[str, UUID] = {}
    patient_of: dict[PatientContent, UUID] = {}
    chance = Random(people.MARTA)  # noqa: S311 - a story that is the same every time, not a secret
    for index, person in enumerate(PATIENTS):
        created = now - timedelta(days=chance.randint(40, OLDEST_DAYS))
        phone = None if person.is_dependent else f"+351912345{600 + index}"
        patient_of[person] = new_id()
        patients.append(_patient(person, patient_of[person], phone, created))
        if person.has_account:
            row = _account(Role.PATIENT, person.given_name, person.family_name, person.email, person.language)
            account_of[person.email] = account_id = new_id()
            row.update(
                id=account_id, birth_date=person.birth_date, phone=phone, phone_confirmed_at=created, created_at=created,
                email_confirmed_at=created, password_hash=password_hash,
            )  # fmt: skip
            accounts.append(row)
    db.execute(insert(Account), accounts)
    db.execute(insert(Patient), patients)
    db.execute(insert(Relationship), _relationships(account_of, patient_of))


def _account(role: Role, given: str, family: str, email: str, language: str) -> dict[str, object]:
    return {
        "id": new_id(),
        "role": role,
        "given_name": given,
        "family_name": family,
        "email": email,
        "language": language,
    }


def _patient(person: PatientContent, patient_id: UUID, phone: str | None, created: datetime) -> dict[str, object]:
    return {
        "id": patient_id,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "birth_date": person.birth_date,
        "phone": phone,
        "email": person.email if person.has_account else None,
        "language": person.language,
        "display_choice": person.display_choice,
        "created_at": created,
    }


def _relationships(account_of: dict[str, UUID], patient_of: dict[PatientContent, UUID]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for person, patient_id in patient_of.items():
        for email, kind in (
            (person.email if person.has_account else "", RelationshipKind.SELF),
            (person.parent, RelationshipKind.PARENT),
            (person.carer, RelationshipKind.CARER),
        ):
            if email:
                rows.append({"account_id": account_of[email], "patient_id": patient_id, "kind": kind})
    return rows
