"""A held time: who it is for, check the answers, book it; and what to do when it is no longer held."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from clinic_portal.booking.forms import CheckForm
from clinic_portal.booking.queries import AppointmentFacts, VisitFacts, describe, nearest_times
from clinic_portal.booking.queries.holds import own_hold
from clinic_portal.booking.routes.by_phone import by_phone_of
from clinic_portal.booking.routes.common import (
    Way,
    blueprint,
    bookable_people,
    hold_key,
    make_hold_key,
    own_hold_hash,
    parse_uuid,
    unless_final,
    way_so_far,
)
from clinic_portal.booking.routes.guests import one_of_few
from clinic_portal.booking.routes.stages import Question, stage
from clinic_portal.booking.routes.times import chosen_slot
from clinic_portal.booking.routes.times_shown import slots_of
from clinic_portal.booking.rules import judge_hold
from clinic_portal.booking.use_cases.book_appointment import Answers, book_appointment
from clinic_portal.booking.use_cases.choose_patient import choose_patient
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.booking.use_cases.keep_note import keep_note
from clinic_portal.booking.use_cases.release_hold import release_hold
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, PatientId
from clinic_portal.dependents.queries import PersonFacts
from clinic_portal.web.access import Right, current_actor, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.fields import Form
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other

#: Where the pages of held times are.
HOLDS = "/book/hold/"


@blueprint.get("/book/hold/<uuid:appointment_id>/check")
@right(Right.PUBLIC)
def check_answers(appointment_id: UUID) -> ResponseReturnValue:
    """Check the answers before booking; a visitor is asked to sign in first."""
    held = _held(appointment_id)
    gone = _gone(held)
    if gone is not None:
        return gone
    if current_actor() is None:
        visit = _described(held)
        way = _way(visit)
        return render_page("booking/held.html", visit=visit, way=way, stage=stage(Question.PERSON_OF_TIME, way))
    if _person_of(held) is None:
        return redirect(url_for("booking.choose_patient", appointment_id=appointment_id), 303)
    return _check_page(held, CheckForm(patient_note=held.patient_note))


# How often somebody books is limited where times are held.
@blueprint.post("/book/hold/<uuid:appointment_id>/check")
@right(Right.PATIENT)
def book(appointment_id: UUID) -> ResponseReturnValue:
    """Book; or, when a Change button was pressed, keep what was written and go there."""
    form = CheckForm()
    if not form.validate():
        held = _held(appointment_id)
        return _gone(held) or _check_page(held, form)
    note, change = form.patient_note.data, request.form.get("change")
    if change:
        return _change(_held(appointment_id), change, note)
    try:
        _book(appointment_id, note)
    except Conflict as refusal:
        return _refused(_held(appointment_id), refusal, form)
    return see_other(url_for("booking.booked", appointment_id=appointment_id))


@blueprint.route("/book/hold/<uuid:appointment_id>/for", methods=["GET", "POST"], endpoint="choose_patient")
@right(Right.PATIENT)
def choose_patient_page(appointment_id: UUID) -> ResponseReturnValue:
    """Choose whom the held time is for."""
    held = _held(appointment_id)
    gone = _gone(held)
    if gone is not None:
        return gone
    chosen = parse_uuid(request.form.get("patient"))
    if chosen is None:
        return _person_page(held, status=422 if request.method == "POST" else 200)
    try:
        choose_patient(
            db_session(), clock(), appointment_id=held.id, hold_key=hold_key() or "", patient_id=PatientId(chosen),
            actor=require_actor(),
        )  # fmt: skip
    except Conflict as refusal:
        return _person_page(held, status=409, reason=unless_final(refusal))
    return see_other(url_for("booking.check_answers", appointment_id=held.id))


@blueprint.post("/book/hold/<uuid:appointment_id>/again")
@right(Right.PUBLIC)
@limited("40 per minute")
def hold_again(appointment_id: UUID) -> ResponseReturnValue:
    """Hold the time that ran out, or one near it, with all that was answered."""
    held = _held(appointment_id)
    chosen = chosen_slot(_way(_described(held)), request.form.get("slot"))
    choice = Choice(
        service_id=held.service_id,
        facility_id=chosen.facility.id if chosen else held.facility_id,
        starts_at=chosen.start if chosen else held.starts_at,
        practitioner_id=None if held.any_practitioner else held.practitioner_id,
        instead_of=held.id,
        mode=held.mode,
        any_facility=held.any_facility,
    )
    try:
        with one_of_few():
            again = hold_time(db_session(), clock(), choice=choice, hold_key=make_hold_key(), actor=current_actor())
    except Conflict as refusal:
        return _over_page(held, reason=unless_final(refusal))
    return see_other(url_for("booking.check_answers", appointment_id=again.id))


@blueprint.post("/book/hold/<uuid:appointment_id>/release")
@right(Right.PUBLIC)
def release(appointment_id: UUID) -> ResponseReturnValue:
    """Give the held time back and start again."""
    id_ = AppointmentId(appointment_id)
    release_hold(db_session(), clock(), appointment_id=id_, hold_key=hold_key() or "", actor=current_actor())
    return see_other(url_for("booking.choose_service"))


def held_on_the_way() -> VisitFacts | None:
    """Return the held time to which somebody comes back when they have said who they are (`next`); None when none is held."""
    id_ = parse_uuid(request.args.get("next", "").removeprefix(HOLDS).partition("/")[0])
    try:
        held = _held(id_) if id_ else None
    except NotFound:
        return None
    is_held = held is not None and judge_hold(held.state, held.held_until, now=clock().now()).allowed
    return _described(held) if held and is_held else None


def _book(appointment_id: UUID, note: str) -> None:
    """Book the held time for whom the page said, else for whom it is held or the only one for whom this account books."""
    db, time, id_, key, actor = db_session(), clock(), AppointmentId(appointment_id), hold_key() or "", require_actor()
    said = parse_uuid(request.form.get("patient"))
    answers = Answers(PatientId(said) if said else None, note)
    try:
        book_appointment(db, time, appointment_id=id_, hold_key=key, actor=actor, answers=answers)
    except Conflict as refusal:
        person = _person_of(_held(appointment_id)) if refusal.code == "appointment.patient_missing" else None
        if person is None:
            raise
        answers = Answers(person.patient_id, note)
        book_appointment(db, time, appointment_id=id_, hold_key=key, actor=actor, answers=answers)


def _held(appointment_id: UUID) -> AppointmentFacts:
    return own_hold(db_session(), AppointmentId(appointment_id), hold_key_hash=own_hold_hash())


def _gone(held: AppointmentFacts) -> ResponseReturnValue | None:
    """Return where to go when the time is not held any more: it is booked, or the hold is over."""
    if judge_hold(held.state, held.held_until, now=clock().now()).allowed:
        return None
    if held.booked_at is not None:
        return redirect(url_for("booking.visit", appointment_id=held.id), 303)
    return _over_page(held, reason="appointment.hold_expired")


def _refused(held: AppointmentFacts, refusal: Conflict, form: Form) -> ResponseReturnValue:
    """Say what was refused. Wherever they go on from here, what was written is there again."""
    _keep(held, form.patient_note.data)
    if refusal.code == "appointment.patient_overlap":
        return _person_page(held, status=409, reason=refusal.code)
    if refusal.code == "appointment.patient_missing":
        return see_other(url_for("booking.choose_patient", appointment_id=held.id))
    if refusal.code != "appointment.hold_expired":
        raise refusal
    return _over_page(held, reason=refusal.code)


def _change(held: AppointmentFacts, what: str, note: str) -> ResponseReturnValue:
    _keep(held, note)
    if what == "person":
        return see_other(url_for("booking.choose_patient", appointment_id=held.id))
    way = _way(_described(held))
    pages = {"time": "choose_time", "place": "choose_facility", "practitioner": "choose_practitioner"}
    if what in pages:
        return see_other(way.link(pages[what]))
    kept: dict[str, str] = way.patient_query()
    return see_other(url_for("booking.choose_service", **kept))  # type: ignore[arg-type]  # as in Way.link


def _keep(held: AppointmentFacts, note: str) -> None:
    keep_note(db_session(), clock(), appointment_id=held.id, hold_key=hold_key() or "", patient_note=note)


def _described(held: AppointmentFacts) -> VisitFacts:
    (visit,) = describe(db_session(), [held])
    return visit


def _way(visit: VisitFacts) -> Way:
    """Return the way that led to a held time, so that a part of it can be changed."""
    held = visit.appointment
    way = way_so_far(visit.service.slug)
    return Way(
        service=way.service,
        places=way.places,
        facilities=way.facilities,
        person=_person_of(held),
        practitioner=None if held.any_practitioner else visit.practitioner,
        is_practitioner_chosen=True,
        facility=None if held.any_facility else visit.facility,
        is_any_facility=held.any_facility,
        mode=held.mode,
        instead=held.id,
    )


def _person_of(held: AppointmentFacts) -> PersonFacts | None:
    """Return whom a held time is for: as chosen, or the only one for whom this account books."""
    people = bookable_people()
    if held.patient_id is None:
        return people[0] if len(people) == 1 else None
    return next((person for person in people if person.patient_id == held.patient_id), None)


def _check_page(held: AppointmentFacts, form: Form) -> Response:
    visit, person = _described(held), _person_of(held)
    way = _way(visit)
    return render_page(
        "booking/check_answers.html",
        status=422 if form.errors else 200,
        visit=visit,
        can_change=clock().now() < visit.change_until,
        person=person,
        people=bookable_people(),
        by_phone=by_phone_of([person] if person else []),
        way=way,
        form=form,
        stage=stage(Question.CHECK, way),
    )


def _person_page(held: AppointmentFacts, *, status: int = 200, reason: str = "") -> Response:
    people, visit = bookable_people(), _described(held)
    way = _way(visit)
    by_phone = by_phone_of(people)
    free = [one.patient_id for one in people if one.patient_id not in by_phone]
    chosen = parse_uuid(request.form.get("patient")) or held.patient_id or next(iter(free), None)
    return render_page(
        "booking/choose_patient.html",
        status=status,
        people=people,
        by_phone=by_phone,
        can_book=bool(free),
        chosen=chosen,
        visit=visit,
        way=way,
        reason=reason,
        unchosen=status == 422,
        stage=stage(Question.PERSON_OF_TIME, way),
    )


def _over_page(held: AppointmentFacts, *, reason: str) -> Response:
    visit = _described(held)
    way = _way(visit)
    found = nearest_times(db_session(), clock(), way.wish(own_hold_hash()), around=held.starts_at)
    here = (held.facility_id, held.starts_at)
    same = [time for time in found if (time.facility_id, time.start) == here]
    return render_page(
        "booking/hold_over.html",
        status=409,
        visit=visit,
        way=way,
        reason=reason,
        same=slots_of(way, same, with_day=True),
        nearest=slots_of(way, [time for time in found if time not in same], with_day=True),
    )
