"""Somebody new, and finding somebody who is known."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden
from clinic_portal.core.ids import PatientId
from clinic_portal.patients.models import Patient
from clinic_portal.patients.queries import same_people, search_patients
from clinic_portal.patients.use_cases.add_patient import NewPatient, add_patient
from tests.support.cast import Cast

NEW = NewPatient("Beatriz", "Fontes", date(1990, 3, 4), "+351912345688", "pt_PT")


def test_somebody_new_is_added_once(db: Session, clock: FixedClock, cast: Cast) -> None:
    id_ = add_patient(db, clock, new=NEW, actor=cast.receptionist.actor())
    row = db.get_one(Patient, id_)
    assert (row.full_name, row.birth_date, row.phone, row.email) == ("Beatriz Fontes", NEW.birth_date, NEW.phone, None)
    assert [entry.action for entry in db.scalars(select(AuditEntry))] == ["patient.added"]
    for given, family in (("Beatriz", "Fontes"), ("BEATRÍZ", "fontes")):
        again = NewPatient(given, family, NEW.birth_date, "+351912345677", "en")
        with pytest.raises(Conflict, match=r"patient\.known"):
            add_patient(db, clock, new=again, actor=cast.receptionist.actor())
    twin = NewPatient("Berta", "Fontes", NEW.birth_date, NEW.phone, "pt_PT")
    assert add_patient(db, clock, new=twin, actor=cast.receptionist.actor()) != id_


def test_another_person_with_the_same_name_and_birth_date_is_added_once_as_well(
    db: Session, clock: FixedClock, cast: Cast
) -> None:
    me = cast.receptionist.actor()
    registered = cast.patient_person  # Nobody of the staff wrote her down.
    marta = NewPatient(registered.given_name, registered.family_name, registered.birth_date, NEW.phone, "en")
    with pytest.raises(Conflict, match=r"patient\.known"):
        add_patient(db, clock, new=marta, actor=me)
    others = [PatientId(registered.id)]
    for _ in range(2):
        others.append(add_patient(db, clock, new=marta, actor=me, others=tuple(others)))
        # Pressed again: what was said then was not said of the one who was added by it.
        with pytest.raises(Conflict, match=r"patient\.known"):
            add_patient(db, clock, new=marta, actor=me, others=tuple(others[:-1]))
    assert len(set(others)) == 3
    found = same_people(
        db, given_name="MARTA", family_name=registered.family_name, birth_date=registered.birth_date
    )  # fmt: skip
    assert (set(found.ids), found.next) == (set(others), 2)
    added = db.scalars(select(AuditEntry).where(AuditEntry.action == "patient.added").order_by(AuditEntry.id))
    assert [entry.detail["namesakes"] for entry in added] == ["1", "2"], "how many of that name there were already"


def test_only_staff_add_and_search(db: Session, clock: FixedClock, cast: Cast) -> None:
    with pytest.raises(Forbidden):
        add_patient(db, clock, new=NEW, actor=cast.patient.actor())
    with pytest.raises(Forbidden):
        search_patients(db, "Marta", actor=cast.patient.actor(), among=select(Patient.id))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("marta", ["Marta Araújo"]),
        ("ARAUJO mar", ["Marta Araújo"]),
        ("araujo", ["Lina Araújo", "Marta Araújo", "Tomás Araújo"]),
        ("5601", ["Marta Araújo"]),
        ("4/5/2018", ["Tomás Araújo"]),
        ("2018-05-04 tomas", ["Tomás Araújo"]),
        ("nobody", []),
        ("%", []),
        ("a", []),
        ("31/2/1980", []),
    ],
)
def test_found_by_name_phone_or_birth_date(db: Session, cast: Cast, query: str, names: list[str]) -> None:
    found = search_patients(db, query, actor=cast.receptionist.actor(), among=select(Patient.id))
    assert [patient.full_name for patient in found] == names


def test_only_among_those_who_are_asked_for(db: Session, cast: Cast) -> None:
    among = select(Patient.id).where(Patient.id == cast.child.id)
    found = search_patients(db, "araujo", actor=cast.receptionist.actor(), among=among)
    assert [patient.given_name for patient in found] == ["Tomás"]
