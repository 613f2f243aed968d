"""Who may book by phone only, because of missed visits: told before they have chosen a time."""

from collections.abc import Collection, Iterable

from clinic_portal.booking.queries.missed import phoning_only
from clinic_portal.booking.routes.common import bookable_people
from clinic_portal.core.ids import PatientId
from clinic_portal.dependents.queries import PersonFacts, patients_of
from clinic_portal.web.access import current_actor
from clinic_portal.web.database import clock, db_session


def by_phone_of(people: Iterable[PersonFacts]) -> Collection[PatientId]:
    """Return who of the people of whoever is signed in books by phone: one statement."""
    actor = current_actor()
    ids = [one.patient_id for one in people]
    return phoning_only(db_session(), clock(), ids, actor=actor) if actor else ()


def all_by_phone() -> bool:
    """Whether everybody for whom this account books does so by phone: one statement, two where somebody does."""
    actor = current_actor()
    if actor is None or actor.account_id is None:
        return False
    phoning = phoning_only(db_session(), clock(), patients_of(actor.account_id), actor=actor)
    people = bookable_people() if phoning else ()
    return bool(people) and all(one.patient_id in phoning for one in people)
