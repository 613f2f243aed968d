"""Where what a message tells of takes place: its times are read by that facility's clock."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, Series, WaitingOffer
from clinic_portal.core.ids import FacilityId
from clinic_portal.facilities.queries import FacilityFacts, find_facilities


def places_of(db: Session, subject_ids: Collection[UUID]) -> Mapping[UUID, FacilityFacts]:
    """Return the facility of each visit, series and offer among these ids; what is none of them is left out."""
    wanted = set(subject_ids)
    if not wanted:
        return {}
    tables = (Appointment, Series, WaitingOffer)
    rows = db.execute(
        union_all(*(select(table.id, table.facility_id).where(table.id.in_(wanted)) for table in tables))
    ).all()
    facilities = find_facilities(db, {FacilityId(facility_id) for _, facility_id in rows})
    return {id_: facilities[FacilityId(facility_id)] for id_, facility_id in rows}
