"""The waiting list: asking to be told of a time, what somebody waits for, and stopping to wait."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from clinic_portal.booking.catalogue import catalogue_of
from clinic_portal.booking.links import offer_link_path
from clinic_portal.booking.queries import PartOfDay, visit_of
from clinic_portal.booking.queries.waiting import OfferFacts, offer_modes
from clinic_portal.booking.queries.waiting_views import EntryView, entries_of, entry_of, waiting_for
from clinic_portal.booking.routes import wishing
from clinic_portal.booking.routes.common import Way, blueprint, bookable_people, way_so_far
from clinic_portal.booking.rules import OfferMode
from clinic_portal.booking.use_cases.join_waiting_list import join_waiting_list
from clinic_portal.booking.use_cases.leave_waiting_list import leave_waiting_list
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, EntryId, PatientId
from clinic_portal.core.modes import Mode
from clinic_portal.dependents.queries import PersonFacts
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts, find_facilities
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other

ENTRY = "/waiting-list/<uuid:entry_id>"


@dataclass(frozen=True)
class OpenOffer:
    """An offer that waits for an answer, for the top of a page (`booking/_offers.html`)."""

    offer: OfferFacts
    service: ServiceFacts
    person: PersonFacts
    facility: FacilityFacts
    is_online: bool
    path: str


@blueprint.route("/visits/<uuid:appointment_id>/earlier", methods=["GET", "POST"])
@right(Right.PATIENT)
@limited("40 per minute")
def ask_for_earlier(appointment_id: UUID) -> ResponseReturnValue:
    """Ask to be told when an earlier time than a visit's comes free."""
    actor, id_ = require_actor(), AppointmentId(appointment_id)
    visit, back = visit_of(db_session(), clock(), id_, actor=actor), url_for("booking.visit", appointment_id=id_)
    if not visit.judge_change(clock().now()).allowed or visit.person is None:
        return redirect(back, 303)
    asking = wishing.asking_for(visit.service, _names([visit.person]), back=back, visit=visit)
    known = waiting_for(db_session(), clock(), id_, actor=actor)
    # Who comes to one place is not thought to come to another, which may be a flight away, unless they say so.
    near = visit.facility if visit.facility in asking.facilities and not visit.appointment.is_online else None
    first = wishing.suggested(asking, visit.person.patient_id, None, near)
    return _ask(asking, wishing.as_asked(asking, known.entry) if known else first)


@blueprint.route("/book/<service>/waiting-list", methods=["GET", "POST"])
@right(Right.PATIENT)
@limited("40 per minute")
def ask_for_time(service: str) -> ResponseReturnValue:
    """Ask to be told when a time comes free. What was chosen on the way here stands in the form already."""
    way, people = way_so_far(service), bookable_people()
    if not people:
        raise NotFound
    asking = wishing.asking_for(way.service, _names(people), back=_back(way))
    person = way.person or people[0]
    mine = [one for one in entries_of(db_session(), clock(), actor=require_actor()) if one.entry.appointment_id is None]
    known = [one for one in mine if (one.person, one.service.id) == (person, way.service.id)]
    if known:
        return _ask(asking, wishing.as_asked(asking, known[0].entry))
    values = wishing.suggested(asking, person.patient_id, way.practitioner, way.facility)
    if way.is_online:
        values["mode"] = way.mode.value
    if way.part is not PartOfDay.ANY:
        values["parts"] = [way.part.value]
    return _ask(asking, values)


@blueprint.get(ENTRY)
@right(Right.PATIENT)
def waiting(entry_id: UUID) -> ResponseReturnValue:
    """Show what somebody waits for, and what happens next."""
    view = entry_of(db_session(), clock(), EntryId(entry_id), actor=require_actor())
    wish = wishing.wish_in_words(view.entry.asked)
    modes = {mode.value for mode in _offer_modes(view)}
    return render_page("booking/waiting.html", view=view, wish=wish, offer_path=path_of_offer(view), modes=modes)


@blueprint.post(f"{ENTRY}/end")
@right(Right.PATIENT)
def stop_waiting(entry_id: UUID) -> ResponseReturnValue:
    """Take somebody off the list."""
    leave_waiting_list(db_session(), clock(), entry_id=EntryId(entry_id), actor=require_actor())
    return see_other(url_for("booking.my_visits", _anchor="waiting"))


def _offer_modes(view: EntryView) -> set[OfferMode]:
    if view.facility:
        return offer_modes(db_session(), {view.facility.id})
    anywhere = catalogue_of(db_session()).places(db_session(), clock(), view.service.id)
    return offer_modes(db_session(), {place.facility_id for place in anywhere})


def path_of_offer(view: EntryView) -> str:
    """Return where the offer of an entry is answered; empty without one."""
    return offer_link_path(settings(), view.offer.reference) if view.offer else ""


def open_offers(views: Iterable[EntryView]) -> Sequence[OpenOffer]:
    """Return the offers among places on the list, with where each is answered."""
    offered = [(view, view.offer) for view in views if view.offer]
    places = find_facilities(db_session(), {offer.facility_id for _, offer in offered}) if offered else {}
    return [
        OpenOffer(
            offer, view.service, view.person, places[offer.facility_id], view.entry.asked.mode is Mode.ONLINE,
            path_of_offer(view),
        )
        for view, offer in offered
    ]  # fmt: skip


def _names(people: Sequence[PersonFacts]) -> dict[PatientId, str]:
    return {one.patient_id: one.full_name for one in people}


def _back(way: Way) -> str:
    return way.link("choose_time" if way.is_placed else "choose_facility")


def _ask(asking: wishing.Asking, values: dict[str, object]) -> ResponseReturnValue:
    form = wishing.wish_form(asking, values)
    if wishing.is_filled_in(form, asking):
        entry = join_waiting_list(db_session(), clock(), wanted=wishing.wanted_of(form, asking), actor=require_actor())
        return see_other(url_for("booking.waiting", entry_id=entry.id))
    status = 422 if form.errors else 200
    return render_page("booking/ask_for_time.html", status=status, form=form, asking=asking, visit=asking.visit)
