"""The waiting list at the desk: who waits, putting somebody on it or taking them off, an offer answered by phone."""

from collections.abc import Callable
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_portal.booking.queries import PartOfDay
from clinic_portal.booking.queries.desk_waiting import (
    DeskEntry,
    entry_at_desk,
    entry_of_offer_at_desk,
    entry_of_visit,
    freed_at,
    known_wishes,
    stands_at,
    waiters_at,
)
from clinic_portal.booking.queries.phoning import offers_to_phone
from clinic_portal.booking.routes import wishing
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.booking.use_cases.join_by_phone import join_by_phone
from clinic_portal.booking.use_cases.leave_by_phone import leave_by_phone
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import EntryId, OfferId
from clinic_portal.facilities.queries import FacilityFacts
from clinic_portal.front_desk.forms import WishAtDeskForm
from clinic_portal.front_desk.routes.pages import blueprint, desk_page, own_facility
from clinic_portal.front_desk.routes.phone import SERVICE, PhoneWay, patient_at_desk, phone_way
from clinic_portal.front_desk.routes.visit import VISIT, visit_for_desk
from clinic_portal.patients.queries import PatientFacts, patients_for_staff
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.error_texts import explain
from clinic_portal.web.pages import see_other

LIST = "/desk/<slug>/waiting-list"
ENTRY = f"{LIST}/<uuid:entry_id>"
OFFER = "/desk/<slug>/offers/<uuid:offer_id>"


@blueprint.get(LIST)
@right(Right.DESK)
def waiting_list(slug: str) -> ResponseReturnValue:
    """List who waits, since when, and what was offered; below it the times that came free this week."""
    facility, db = own_facility(slug), db_session()
    return desk_page(
        "front_desk/waiting_list.html",
        facility,
        waiters=waiters_at(db, clock(), facility.id),
        freed=freed_at(db, clock(), facility.id),
        to_phone=offers_to_phone(db, clock(), facility.id, actor=require_actor()),
    )


@blueprint.route(f"{SERVICE}/waiting-list", methods=["GET", "POST"])
@right(Right.DESK)
def ask_for_time(slug: str, patient_id: UUID, service: str) -> ResponseReturnValue:
    """Put a patient on the list of a service."""
    facility = own_facility(slug)
    patient = patient_at_desk(facility, patient_id)
    way = phone_way(facility, patient, service)
    asking = wishing.asking_for(way.service, {patient.id: patient.full_name}, back=way.link("choose_time"), at=facility)
    known = known_wishes(db_session(), patient.id, way.service.id)
    values = wishing.as_asked(asking, known) if known else _suggested(asking, patient, way)
    return _ask(facility, patient, asking, values, is_known=known is not None)


@blueprint.route(f"{VISIT}/earlier", methods=["GET", "POST"])
@right(Right.DESK)
def ask_for_earlier(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Put the patient of a visit on the list, for an earlier time."""
    facility, db = own_facility(slug), db_session()
    visit = visit_for_desk(facility, appointment_id)
    back = url_for("front_desk.visit", slug=slug, appointment_id=appointment_id)
    is_to_come = visit.judge_change_by_staff().allowed and visit.appointment.starts_at > clock().now()
    if request.method == "GET" and not is_to_come:
        return redirect(back, 303)
    patient_id = visit.appointment.known_patient_id
    patient = patients_for_staff(db, [patient_id], actor=require_actor())[patient_id]
    asking = wishing.asking_for(visit.service, {patient.id: patient.full_name}, back=back, visit=visit, at=facility)
    known = entry_of_visit(db, visit.appointment.id) or known_wishes(db, patient.id, visit.service.id)
    values = wishing.as_asked(asking, known) if known else wishing.suggested(asking, patient.id, None, facility)
    return _ask(facility, patient, asking, values, is_known=known is not None)


@blueprint.get(ENTRY)
@right(Right.DESK)
def waiting(slug: str, entry_id: UUID) -> ResponseReturnValue:
    """Show what a patient waits for, what was offered, and an offer that waits for the answer."""
    return _entry_page(own_facility(slug), EntryId(entry_id))


@blueprint.post(f"{ENTRY}/end")
@right(Right.DESK)
def stop_waiting(slug: str, entry_id: UUID) -> ResponseReturnValue:
    """Take a patient off the list."""
    facility, id_ = own_facility(slug), EntryId(entry_id)
    leave_by_phone(db_session(), clock(), entry_id=id_, facility_id=facility.id, actor=require_actor())
    return see_other(url_for("front_desk.waiting", slug=slug, entry_id=entry_id))


@blueprint.post(f"{OFFER}/take")
@right(Right.DESK)
def take_offer(slug: str, offer_id: UUID) -> ResponseReturnValue:
    """The patient takes the time: they said so by phone."""
    return _answer(
        slug, OfferId(offer_id), lambda id_: accept_offer(db_session(), clock(), offer_id=id_, actor=require_actor())
    )


@blueprint.post(f"{OFFER}/decline")
@right(Right.DESK)
def refuse_offer(slug: str, offer_id: UUID) -> ResponseReturnValue:
    """The patient does not want the time."""
    return _answer(
        slug, OfferId(offer_id), lambda id_: decline_offer(db_session(), clock(), offer_id=id_, staff=require_actor())
    )


def _answer(slug: str, offer_id: OfferId, answer: Callable[[OfferId], object]) -> ResponseReturnValue:
    facility, db = own_facility(slug), db_session()
    entry_id = entry_of_offer_at_desk(db, offer_id, facility_id=facility.id, actor=require_actor())
    try:
        answer(offer_id)
    except Conflict as refused:
        return _entry_page(facility, entry_id, refusal=explain(409, refused.code), status=409)
    return see_other(url_for("front_desk.waiting", slug=slug, entry_id=entry_id))


def _suggested(asking: wishing.Asking, patient: PatientFacts, way: PhoneWay) -> dict[str, object]:
    values = wishing.suggested(asking, patient.id, way.practitioner, way.facility)
    values["mode"] = way.mode.value if way.mode in asking.modes else values["mode"]
    return values if way.part is PartOfDay.ANY else values | {"parts": [way.part.value]}


def _ask(
    facility: FacilityFacts, patient: PatientFacts, asking: wishing.Asking, values: dict[str, object], *, is_known: bool
) -> ResponseReturnValue:
    form = wishing.wish_form(asking, values, WishAtDeskForm)
    status, refusal = 422 if request.method == "POST" else 200, None
    if wishing.is_filled_in(form, asking):
        wanted, actor = wishing.wanted_of(form, asking), require_actor()
        try:
            entry = join_by_phone(db_session(), clock(), wanted=wanted, facility_id=facility.id, actor=actor)
            return _saved(facility, entry.id)
        except Conflict as refused:
            status, refusal = 409, explain(409, refused.code)
    return desk_page(
        "front_desk/ask_for_time.html",
        facility,
        status=status,
        refusal=refusal,
        patient=patient,
        asking=asking,
        visit=asking.visit,
        form=form,
        is_known=is_known,
    )


def _saved(facility: FacilityFacts, entry_id: EntryId) -> ResponseReturnValue:
    if stands_at(db_session(), entry_id, facility.id):
        return see_other(url_for("front_desk.waiting", slug=facility.slug, entry_id=entry_id))
    # Who would come anywhere for an earlier time is another desk's.
    flash(_("Saved. They stand in the list of the clinic where their visit is."))
    return see_other(url_for("front_desk.waiting_list", slug=facility.slug))


def _entry_page(
    facility: FacilityFacts, entry_id: EntryId, *, refusal: object = None, status: int = 200
) -> Response:  # fmt: skip
    db, actor, now = db_session(), require_actor(), clock().now()
    view = entry_at_desk(db, clock(), entry_id, facility_id=facility.id, actor=actor)
    to_phone = offers_to_phone(db, clock(), facility.id, actor=actor)
    return desk_page(
        "front_desk/waiting.html",
        facility,
        status=status,
        view=view,
        wish=wishing.wish_in_words(view.entry.asked),
        offer=view.open_offer(facility.id, now=now),
        to_phone=next((one for one in to_phone if one.offer.entry_id == entry_id), None),
        change=_change_path(facility, view),
        refusal=refusal,
    )


def _change_path(facility: FacilityFacts, view: DeskEntry) -> str:
    """Return where the wishes are changed; empty when they are another desk's."""
    if not view.is_here:
        return ""
    if view.visit is not None and view.visit.facility.id == facility.id:
        return url_for("front_desk.ask_for_earlier", slug=facility.slug, appointment_id=view.visit.appointment.id)
    return url_for("front_desk.ask_for_time", slug=facility.slug, patient_id=view.patient.id, service=view.service.slug)
