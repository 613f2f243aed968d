"""Staff move a visit to a time that is offered: the pages of `booking`, at the desk's addresses."""

from dataclasses import replace
from uuid import UUID

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.routes.moving import MoveWay, check_new_time, choose_new_time, move_way
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.move_by_clinic import move_by_clinic
from clinic_portal.front_desk.routes.pages import blueprint, own_facility
from clinic_portal.front_desk.routes.visit import VISIT, visit_for_desk
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session


@blueprint.route(f"{VISIT}/move", methods=["GET", "POST"])
@right(Right.DESK)
def move_visit(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Choose a new time; the one that the visit has stays meanwhile."""
    return choose_new_time(_way(slug, appointment_id))


@blueprint.route(f"{VISIT}/move/check", methods=["GET", "POST"])
@right(Right.DESK)
def check_move(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Show the old time and the new one, then move."""
    way = _way(slug, appointment_id)
    return check_new_time(way, lambda to: _move(slug, way, to))


def _way(slug: str, appointment_id: UUID) -> MoveWay:
    found = visit_for_desk(own_facility(slug), appointment_id)
    home = url_for("front_desk.visit", slug=slug, appointment_id=appointment_id)
    # A desk moves within its own facility: what becomes of a visit stays in its sight.
    here = {found.facility.id: found.facility}
    way = replace(move_way(found, home), facility=found.facility, is_any_facility=False, facilities=here)
    return replace(way, layout="layouts/desk.html", anyway=f"{home}/move/anyway", waiting_list=f"{home}/earlier")


def _move(slug: str, way: MoveWay, to: NewTime) -> AppointmentFacts:
    facility, id_, actor = own_facility(slug), way.moved.appointment.id, require_actor()
    moved = move_by_clinic(db_session(), clock(), appointment_id=id_, facility_id=facility.id, actor=actor, to=to)
    flash(_("Visit moved"))
    return moved
