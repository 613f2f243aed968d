"""Several sessions booked by phone: the patients' pages of a plan, at the desk's addresses."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from flask import flash, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from clinic_portal.booking.queries import Taker
from clinic_portal.booking.queries.series import series_facts
from clinic_portal.booking.routes import series_plan
from clinic_portal.booking.routes.series_way import SeriesWay, series_form, series_way
from clinic_portal.booking.steps.series import MOST_SESSIONS, SeriesChoice
from clinic_portal.booking.use_cases.book_series_by_phone import book_series_by_phone
from clinic_portal.core.ids import PractitionerId, RoomId, SeriesId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import FacilityFacts, rooms_of
from clinic_portal.front_desk.forms import OwnTimeForm, OwnTimesForm, PhoneSeriesForm, ReasonForm
from clinic_portal.front_desk.routes.pages import blueprint, own_facility
from clinic_portal.front_desk.routes.phone import SERVICE, PhoneWay, patient_at_desk, phone_way
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import local_text

#: Session key: why the rules are set aside for whom, until the sessions are booked.
REASON = "desk_reason"

SERIES = f"{SERVICE}/series"


@blueprint.get(SERIES)
@right(Right.DESK)
def wish_series(slug: str, patient_id: UUID, service: str) -> ResponseReturnValue:
    """Ask how many sessions, how often, when and with whom."""
    return series_plan.wish_page(*_wish(own_facility(slug), patient_id, service))


@blueprint.get(f"{SERIES}/plan")
@right(Right.DESK)
def plan_series(slug: str, patient_id: UUID, service: str) -> ResponseReturnValue:
    """Propose a plan, one line a session."""
    facility = own_facility(slug)
    way, form = _wish(facility, patient_id, service)
    wished = _wished(facility, way, form)
    return series_plan.plan_page(wished) if wished else series_plan.ask_again(way, form)


@blueprint.get(f"{SERIES}/check")
@right(Right.DESK)
def check_series(slug: str, patient_id: UUID, service: str) -> ResponseReturnValue:
    """Read the dates back to the patient."""
    facility = own_facility(slug)
    way, form = _wish(facility, patient_id, service)
    wished = _wished(facility, way, form)
    if wished is None:
        return series_plan.ask_again(way, form)
    if wished.own_times and wished.own_times.errors:
        return series_plan.plan_page(wished, is_wrong=True)
    return series_plan.check_times(wished, _booking(facility, way, ReasonForm(data={"note": _kept_reason(way)})))


@blueprint.post(f"{SERIES}/check")
@right(Right.DESK)
def book_series(slug: str, patient_id: UUID, service: str) -> ResponseReturnValue:
    """Book all of the chosen sessions, or none; with a written reason where the rules are set aside."""
    facility, reason = own_facility(slug), ReasonForm()
    way, form = _wish(facility, patient_id, service)
    _keep_reason(way, reason)
    wished = _wished(facility, way, form)
    if wished is None:
        return series_plan.ask_again(way, form)
    if way.patient is None or series_plan.chosen(wished) is None:
        return redirect(wished.link("plan_series"), 303)
    if wished.own_times and wished.own_times.errors:
        return series_plan.plan_page(wished, is_wrong=True)
    if wished.is_aside and not reason.is_written():
        return _check_page(reason, wished, series_plan.times_of(wished), status=422)
    answer = make_response(
        series_plan.book_times(wished, way.patient.id, _booking(facility, way, reason, is_aside=wished.is_aside))
    )
    if answer.status_code != 409:
        flash(ngettext("%(num)d session booked", "%(num)d sessions booked", len(series_plan.all_times(wished))))
        session.pop(REASON, None)
    return answer


def _keep_reason(way: PhoneWay, reason: ReasonForm) -> None:
    """Remember what was written for this patient until it is booked, wherever they go on from here."""
    if way.patient and reason.validate():
        session[REASON] = (str(way.patient.id), reason.note.data)


def _kept_reason(way: PhoneWay) -> str:
    """Return what was written for this patient before: it is asked again with the next plan."""
    patient_id, note = session.get(REASON) or ("", "")
    return note if way.patient and patient_id == str(way.patient.id) else ""


def _wish(facility: FacilityFacts, patient_id: UUID, service: str) -> tuple[PhoneWay, PhoneSeriesForm]:
    way = phone_way(facility, patient_at_desk(facility, patient_id), service)
    form = series_form(way, PhoneSeriesForm, most=MOST_SESSIONS)
    form.most = way.service.rules.series_max or 0
    return way, form


def _wished(facility: FacilityFacts, way: PhoneWay, form: PhoneSeriesForm) -> SeriesWay | None:
    """Return what is wished; with the rules set aside also the sessions at times that are not offered."""
    wished, who = series_way(way, form), way.practitioner
    if wished is None or not wished.is_aside:
        return wished
    rooms = [] if way.is_online else rooms_of(db_session(), facility.id)
    choices = [SelectChoice(str(room.id), _("Room %(name)s", name=room.name)) for room in rooms]
    own = OwnTimesForm(request.args, choices, most=MOST_SESSIONS)
    if who is not None:
        free = MOST_SESSIONS - len(series_plan.times_of(wished))
        own.read(facility.tz, now=clock().now(), taker=partial(_taker, who.id, way.mode), free=free)
    return replace(wished, own_times=own)


def _taker(who: PractitionerId, mode: Mode, row: OwnTimeForm) -> Taker:
    return Taker(who, None if mode is Mode.ONLINE else RoomId(UUID(row.room.data)), mode)


def _booking(
    facility: FacilityFacts, way: PhoneWay, reason: ReasonForm, *, is_aside: bool = False
) -> series_plan.Booking:
    note = (reason.note.data or "") if is_aside else ""
    people = [way.patient.id] if way.patient else []
    return series_plan.Booking(partial(_check_page, reason), partial(_book, note), partial(_shown_at, facility), people)


def _book(note: str, choice: SeriesChoice) -> SeriesId:
    return book_series_by_phone(db_session(), clock(), choice=choice, actor=require_actor(), note=note)


def _shown_at(facility: FacilityFacts, series_id: SeriesId) -> str:
    """The page of the first session that takes place here: it lists the others."""
    found = series_facts(db_session(), series_id)
    first = next((one for one in (found.kept if found else ()) if one.facility_id == facility.id), None)
    if first is None:
        return url_for("front_desk.day", slug=facility.slug)
    return url_for("front_desk.visit", slug=facility.slug, appointment_id=first.id)


def _check_page(reason: ReasonForm, wished: SeriesWay, times: Sequence[datetime], *, status: int = 200) -> Response:
    return series_plan.check_page(
        "front_desk/check_series.html", wished, times, status=status, facility=wished.facility,
        facility_name=local_text(wished.facility.names), form=reason,
    )  # fmt: skip
