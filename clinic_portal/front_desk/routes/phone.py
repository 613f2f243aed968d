"""Booking by phone: find the patient or write down a new one, choose the service, a time, check, book."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from flask import flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_portal.booking.queries import Taker, takers
from clinic_portal.booking.queries.desk_waiting import is_waiting_at
from clinic_portal.booking.queries.staff import is_patient_of, patients_of
from clinic_portal.booking.routes.common import Way, read_mode, with_choices
from clinic_portal.booking.routes.times import Chosen, parse_slot, times_page
from clinic_portal.booking.routes.times_shown import SLOT_FORMAT
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.book_by_phone import PhoneBooking, book_by_phone
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import PatientId
from clinic_portal.core.typed import tidy
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts, bookable_services
from clinic_portal.front_desk.forms import AnywayForm, NewPatientForm
from clinic_portal.front_desk.routes.anyway import filled, taker_of
from clinic_portal.front_desk.routes.pages import MAX_QUERY, blueprint, desk_page, own_facility
from clinic_portal.patients.queries import PatientFacts, patients_for_staff, same_people, search_patients
from clinic_portal.patients.use_cases.add_patient import NewPatient, add_patient
from clinic_portal.practitioners.queries import ServicePlace, places_of_service, practitioners
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.error_texts import explain
from clinic_portal.web.pages import see_other

BOOK = "/desk/<slug>/book"
PATIENT = f"{BOOK}/<uuid:patient_id>"
SERVICE = f"{PATIENT}/<service>"

#: What stands behind the address of the times.
PAGES = {
    "check_booking": "/check", "wish_series": "/series", "plan_series": "/series/plan", "check_series": "/series/check",
}  # fmt: skip

#: Session key: whom this desk may book for although they were never here, the last few.
NAMED, MANY = "desk_patients", 10

#: Refusals after which another time helps.
ANOTHER_TIME = frozenset({"appointment.slot_taken", "appointment.patient_overlap", "appointment.too_many_that_day"})


@dataclass(frozen=True)
class PhoneWay(Way):
    """The way of a booking by phone: its addresses are the desk's, its place is the desk's facility."""

    home: str = ""
    #: The page before: what to book.
    back: str = ""

    @property
    def anyway(self) -> str:
        """Where a rule is set aside."""
        return f"{self.home}/anyway"

    @property
    def waiting_list(self) -> str:
        """Where the patient is put on the waiting list, with what was chosen so far."""
        query = urlencode(self.query())
        return f"{self.home}/waiting-list{'?' if query else ''}{query}"

    def address(self, endpoint: str) -> str:
        """The address of a page of this booking: its times, or another of `PAGES`."""
        return f"{self.home}{PAGES.get(endpoint, '')}"

    def link(self, endpoint: str, anchor: str | None = None, **changes: object) -> str:
        """The same with what was chosen; `check_booking` also has the `slot` that it checks."""
        slot = changes.pop("slot", None)
        way = replace(self, **changes)  # type: ignore[arg-type]  # the names are those of the fields
        query = urlencode(way.query() | ({"slot": str(slot)} if slot else {}))
        return f"{self.address(endpoint)}{'?' if query else ''}{query}{'#' if anchor else ''}{anchor or ''}"


@blueprint.get(BOOK)
@right(Right.DESK)
def find_patient(slug: str) -> ResponseReturnValue:
    """Find the patient, or write down somebody new."""
    return _find_page(own_facility(slug), NewPatientForm(today=clock().now().date()))


@blueprint.post(BOOK)
@right(Right.DESK)
def add_new_patient(slug: str) -> ResponseReturnValue:
    """Write down somebody new, then go on as with somebody found."""
    facility, form = own_facility(slug), NewPatientForm(today=clock().now().date())
    shown = _shown()
    if not form.validate_on_submit():
        return _find_page(facility, form, known=shown, status=422)
    new, others = _new_patient(form), shown if form.another.data else ()
    try:
        patient_id = add_patient(db_session(), clock(), new=new, actor=require_actor(), others=others)
    except Conflict:
        known = same_people(
            db_session(), given_name=new.given_name, family_name=new.family_name, birth_date=new.birth_date
        ).ids
        _named(*known)
        form.another.data = False  # What was ticked was said of those who were shown.
        return _find_page(facility, form, known=known, status=409)
    _named(patient_id)
    return see_other(url_for("front_desk.choose_service", slug=slug, patient_id=patient_id))


@blueprint.get(PATIENT)
@right(Right.DESK)
def choose_service(slug: str, patient_id: UUID) -> ResponseReturnValue:
    """Choose what to book."""
    facility = own_facility(slug)
    patient = patient_at_desk(facility, patient_id)
    services = bookable_services(db_session())
    return desk_page("front_desk/choose_service.html", facility, patient=patient, services=services)


@blueprint.route(SERVICE, methods=["GET", "POST"])
@right(Right.DESK)
def choose_time(slug: str, patient_id: UUID, service: str) -> ResponseReturnValue:
    """Choose a time of those that are offered."""
    facility = own_facility(slug)
    way = phone_way(facility, patient_at_desk(facility, patient_id), service)
    if request.method == "GET":
        return _times(way)
    start = parse_slot(request.form.get("slot"))
    if start is None:
        return _times(way, status=422)
    return see_other(way.link("check_booking", slot=start.strftime(SLOT_FORMAT)))


@blueprint.route(f"{SERVICE}/check", methods=["GET", "POST"])
@right(Right.DESK)
def check_booking(slug: str, patient_id: UUID, service: str) -> ResponseReturnValue:
    """Read it back to the patient, then book."""
    facility, start = own_facility(slug), parse_slot(request.args.get("slot"))
    way = phone_way(facility, patient_at_desk(facility, patient_id), service)
    if start is None:
        return redirect(way.link("choose_time"), 303)
    if request.method == "POST":
        return _book(facility, way, start)
    _, offered = takers(db_session(), clock(), way.wish(), start=start)
    if not offered:
        return _times(way, status=409, lost=Chosen(facility, start), reason="appointment.slot_taken")
    return _check_page(facility, way, start, offered[0])


@blueprint.route(f"{SERVICE}/anyway", methods=["GET", "POST"])
@right(Right.DESK)
def book_anyway(slug: str, patient_id: UUID, service: str) -> ResponseReturnValue:
    """Book a time that is not offered, with a written reason; never onto somebody else's."""
    facility = own_facility(slug)
    way = phone_way(facility, patient_at_desk(facility, patient_id), service)
    form, status = filled(AnywayForm(), facility, way.service), 422 if request.method == "POST" else 200
    if form.validate_on_submit():
        start = form.start(facility.tz, now=clock().now())
        if start is not None:
            return _book_anyway(facility, way, form, start)
    return _anyway_page(facility, way, form, status=status)


def _book(facility: FacilityFacts, way: PhoneWay, start: datetime) -> ResponseReturnValue:
    to = NewTime(facility.id, start, way.practitioner.id if way.practitioner else None)
    try:
        booked = book_by_phone(db_session(), clock(), booking=_booking(way, to), actor=require_actor())
    except Conflict as refused:
        if refused.code not in ANOTHER_TIME:
            raise
        return _times(way, status=409, lost=Chosen(facility, start), reason=refused.code)
    flash(_("Visit booked"))
    return see_other(url_for("front_desk.visit", slug=facility.slug, appointment_id=booked.id))


def _book_anyway(facility: FacilityFacts, way: PhoneWay, form: AnywayForm, start: datetime) -> ResponseReturnValue:
    taker = taker_of(form)
    booking = _booking(way, NewTime(facility.id, start, taker.practitioner_id, anyway=taker))
    try:
        booked = book_by_phone(
            db_session(), clock(), booking=replace(booking, note=form.note.data), actor=require_actor()
        )
    except Conflict as refused:
        return _anyway_page(facility, way, form, refusal=explain(409, refused.code), status=409)
    flash(_("Visit booked"))
    return see_other(url_for("front_desk.visit", slug=facility.slug, appointment_id=booked.id))


def _booking(way: PhoneWay, to: NewTime) -> PhoneBooking:
    if way.patient is None:
        raise ValueError("nobody is booked for")
    return PhoneBooking(way.patient.id, way.service.id, to, mode=way.mode)


def _named(*patient_ids: PatientId) -> None:
    """Remember in this browser that somebody gave name and birth date of the patients."""
    session[NAMED] = [*session.get(NAMED, []), *map(str, patient_ids)][-MANY:]


def _shown() -> tuple[PatientId, ...]:
    """Return who was on the page as known already, when the form was sent."""
    known = set(session.get(NAMED, []))
    return tuple(PatientId(UUID(one)) for one in request.form.getlist("namesake") if one in known)


def patient_at_desk(facility: FacilityFacts, patient_id: UUID) -> PatientFacts:
    """Return somebody whom this desk knows: from a visit here, from its waiting list, or by name and birth date just now.

    Raises: NotFound for everybody else: a patient of another facility is none of this desk's.
    """
    id_ = PatientId(patient_id)
    if str(id_) not in session.get(NAMED, []) and not (
        is_patient_of(db_session(), id_, facility.id) or is_waiting_at(db_session(), id_, facility.id)
    ):
        raise NotFound
    found = patients_for_staff(db_session(), [id_], actor=require_actor()).get(id_)
    if found is None:
        raise NotFound
    return found


def phone_way(facility: FacilityFacts, patient: PatientFacts, service_slug: str) -> PhoneWay:
    """Return the way of a booking by phone so far. Raises: NotFound when there is no such service to book."""
    db = db_session()
    service = next((one for one in bookable_services(db) if one.slug == service_slug), None)
    if service is None:
        raise NotFound
    home = url_for("front_desk.choose_time", slug=facility.slug, patient_id=patient.id, service=service.slug)
    back = url_for("front_desk.choose_service", slug=facility.slug, patient_id=patient.id)
    way = PhoneWay(
        service, _places_here(facility, service), {facility.id: facility}, is_practitioner_chosen=True,
        facility=facility, mode=read_mode(), home=home, back=back, patient=patient, layout="layouts/desk.html",
    )  # fmt: skip
    return replace(with_choices(way), facility=facility, is_any_facility=False)


def _places_here(facility: FacilityFacts, service: ServiceFacts) -> tuple[ServicePlace, ...]:
    places = places_of_service(db_session(), service.id, from_day=clock().now().date())
    return tuple(place for place in places if place.facility_id == facility.id)


def _new_patient(form: NewPatientForm) -> NewPatient:
    born = form.birth_date.data
    if born is None:
        raise ValueError("ask validate() first")
    return NewPatient(
        given_name=form.given_name.value, family_name=form.family_name.value, birth_date=born,
        phone=form.phone.value, language=form.language.data,
    )  # fmt: skip


def _find_page(
    facility: FacilityFacts, form: NewPatientForm, *, known: Sequence[PatientId] = (), status: int = 200
) -> Response:
    query = tidy(request.args.get("q", "")[:MAX_QUERY])
    db, actor = db_session(), require_actor()
    return desk_page(
        "front_desk/find_patient.html",
        facility,
        status=status,
        query=query,
        found=search_patients(db, query, actor=actor, among=patients_of(facility.id)) if query else (),
        known=list(patients_for_staff(db, known, actor=actor).values()),
        form=form,
    )


def _times(way: PhoneWay, *, status: int = 200, lost: Chosen | None = None, reason: str = "") -> Response:
    return times_page(way, "front_desk/choose_time.html", status=status, lost=lost, reason=reason)


def _check_page(facility: FacilityFacts, way: PhoneWay, start: datetime, taker: Taker) -> Response:
    who = practitioners(db_session(), [taker.practitioner_id])[taker.practitioner_id]
    return desk_page("front_desk/check_booking.html", facility, way=way, start=start, who=who)


def _anyway_page(
    facility: FacilityFacts, way: PhoneWay, form: AnywayForm, *, refusal: object = None, status: int = 200
) -> Response:
    return desk_page(
        "front_desk/book_anyway.html",
        facility,
        status=status,
        way=way,
        form=form,
        refusal=refusal,
    )
