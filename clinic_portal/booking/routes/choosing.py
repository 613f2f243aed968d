"""Choosing what, for whom, with whom and where: a page each."""

from flask import redirect, request
from flask.typing import ResponseReturnValue

from clinic_portal.booking.catalogue import catalogue_of
from clinic_portal.booking.routes.by_phone import all_by_phone, by_phone_of
from clinic_portal.booking.routes.common import blueprint, bookable_people, parse_uuid, way_so_far
from clinic_portal.booking.routes.stages import Question, first_stage, stage
from clinic_portal.web.access import Right, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.pages import render_page


@blueprint.get("/book")
@right(Right.PUBLIC)
def choose_service() -> ResponseReturnValue:
    """Choose what to book. Whom it is for, when that is known, and the hold that it replaces are kept."""
    found = {name: parse_uuid(request.args.get(name)) for name in ("patient", "instead")}
    kept = {name: str(value) for name, value in found.items() if value}
    catalogue = catalogue_of(db_session())
    return render_page(
        "booking/choose_service.html",
        services=catalogue.services(db_session(), clock()),
        kept=kept,
        by_phone=all_by_phone(),
        stage=first_stage(has_choice_of_place=len(catalogue.facilities(db_session(), clock())) > 1),
    )


@blueprint.get("/book/<service>/for")
@right(Right.PUBLIC)
def choose_person(service: str) -> ResponseReturnValue:
    """Choose whom the visit is for. A visitor is asked once a time is held and they have signed in."""
    way, people = way_so_far(service), bookable_people()
    if not people:
        return redirect(way.link("choose_practitioner"), 303)
    phoning = by_phone_of(people)
    free = [one for one in people if one.patient_id not in phoning]
    chosen = way.person if way.person in free or not free else free[0]
    return render_page(
        "booking/choose_person.html", way=way, people=people, chosen=chosen, by_phone=phoning, can_book=bool(free),
        stage=stage(Question.PERSON, way),
    )  # fmt: skip


@blueprint.get("/book/<service>/with")
@right(Right.PUBLIC)
def choose_practitioner(service: str) -> ResponseReturnValue:
    """Choose whom to see; no preference comes first."""
    way = way_so_far(service)
    return render_page("booking/choose_practitioner.html", way=way, stage=stage(Question.PRACTITIONER, way))


@blueprint.get("/book/<service>/where")
@right(Right.PUBLIC)
def choose_facility(service: str) -> ResponseReturnValue:
    """Choose where, or to meet online. Skipped when there is nothing to choose."""
    way = way_so_far(service).nowhere()
    fitting = way.fitting()
    if way.gives_online and not fitting:
        return redirect(way.online().link("choose_time"), 303)
    if not way.has_choice_of_place and fitting:
        return redirect(way.link("choose_time", facility=fitting[0]), 303)
    return render_page("booking/choose_facility.html", way=way, facilities=fitting, stage=stage(Question.PLACE, way))
