"""The home page: what can be done here."""

from dataclasses import dataclass

from flask.typing import ResponseReturnValue

from clinic_portal.booking.catalogue import catalogue_of
from clinic_portal.booking.queries import VisitFacts, visits_of
from clinic_portal.booking.queries.visits import Visits
from clinic_portal.booking.queries.waiting_views import offered_to
from clinic_portal.booking.routes.by_phone import all_by_phone
from clinic_portal.booking.routes.common import blueprint, bookable_people
from clinic_portal.booking.routes.waiting import open_offers
from clinic_portal.core.ids import AppointmentId
from clinic_portal.core.money import Money
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts
from clinic_portal.web.access import Right, current_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import local_text
from clinic_portal.web.pages import render_page


@dataclass(frozen=True)
class Person:
    """Somebody to book for."""

    id: str
    given_name: str
    is_self: bool


@dataclass(frozen=True)
class NextVisit:
    """The next visit in a few words."""

    id: AppointmentId
    #: What says when it is, as everywhere.
    visit: VisitFacts
    service_name: str
    practitioner_name: str
    is_online: bool
    room_name: str
    facility_name: str
    address: str
    #: Empty when it is the account's own visit.
    for_name: str


@dataclass(frozen=True)
class ServiceRow:
    """A service in the price list."""

    slug: str
    name: str
    summary: str
    price: Money
    minutes: int


@dataclass(frozen=True)
class Clinic:
    """A facility and how to reach it."""

    name: str
    address_lines: tuple[str, ...]
    city: str
    phone: str
    phone_href: str


@blueprint.get("/")
@right(Right.PUBLIC)
def home() -> ResponseReturnValue:
    """Tell a visitor in three seconds what can be done here, and a patient what comes next."""
    db, actor = db_session(), current_actor()
    visits = visits_of(db, clock(), actor=actor) if actor else Visits((), ())
    coming = visits.coming
    people = [Person(str(one.patient_id), one.given_name, one.is_self) for one in bookable_people()]
    return render_page(
        "web/home.html",
        block="main",
        # Asked only where there may be missed visits: nobody else's page sends a statement for it.
        by_phone=visits.may_have_missed and all_by_phone(),
        greeting_name=actor.name.split()[0] if actor and actor.name.split() else "",
        patients=people,
        next_visit=_next(coming[0]) if coming else None,
        offers=open_offers(offered_to(db, clock(), actor=actor)) if actor else (),
        services=[_service(one) for one in catalogue_of(db).services(db, clock())],
        facilities=[_clinic(one) for one in catalogue_of(db).facilities(db, clock()).values()],
    )


def _next(visit: VisitFacts) -> NextVisit:
    person = visit.person
    return NextVisit(
        id=visit.appointment.id,
        visit=visit,
        service_name=local_text(visit.service.names),
        practitioner_name=visit.practitioner.full_name,
        is_online=visit.appointment.is_online,
        room_name=visit.room.name if visit.room else "",
        facility_name=local_text(visit.facility.names),
        address=visit.facility.street,
        for_name=person.given_name if person and not person.is_self else "",
    )


def _service(service: ServiceFacts) -> ServiceRow:
    return ServiceRow(
        slug=service.slug,
        name=local_text(service.names),
        summary=local_text(service.summaries),
        price=service.price,
        minutes=service.minutes,
    )


def _clinic(facility: FacilityFacts) -> Clinic:
    return Clinic(
        name=local_text(facility.names),
        address_lines=(facility.street,),
        city=f"{facility.postal_code} {facility.city}",
        phone=facility.phone_in_words,
        phone_href=f"tel:{facility.phone}",
    )
