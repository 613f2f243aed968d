"""The TVs of a facility: which there are, pairing, names, taking out of service."""

from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import ScreenId
from clinic_portal.core.typed import tidy
from clinic_portal.facilities.queries import FacilityFacts
from clinic_portal.front_desk.day import ALIVE_FOR
from clinic_portal.front_desk.forms import PairForm, ScreenForm
from clinic_portal.front_desk.routes.pages import blueprint, desk_page, own_facility
from clinic_portal.waiting_room.queries import ScreenFacts, ScreenLabel, facility_screens
from clinic_portal.waiting_room.use_cases import change_screen as changing
from clinic_portal.waiting_room.use_cases import pair_screen as pairing
from clinic_portal.waiting_room.use_cases import revoke_screen as revoking
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import see_other

SCREEN = "/desk/<slug>/screens/<uuid:screen_id>"


@blueprint.get("/desk/<slug>/screens")
@right(Right.DESK)
def screens(slug: str) -> ResponseReturnValue:
    """List the screens with how they do, and the form that pairs another."""
    return _page(own_facility(slug), PairForm())


@blueprint.post("/desk/<slug>/screens")
@right(Right.DESK)
@limited("20 per minute")
def pair_screen(slug: str) -> ResponseReturnValue:
    """Pair the TV that shows the typed code."""
    facility, form = own_facility(slug), PairForm()
    if not form.validate_on_submit():
        return _page(facility, form, status=422)
    label = ScreenLabel(tidy(form.name.data), form.language.data)
    try:
        pairing.pair_screen(
            db_session(),
            clock(),
            facility_id=facility.id,
            actor=require_actor(),
            code=tidy(form.code.data),
            label=label,
        )
    except Conflict:
        form.code.errors = [
            _("No screen shows this code. Look at the screen again: the code changes every ten minutes.")
        ]
        return _page(facility, form, status=422)
    return see_other(url_for("front_desk.screens", slug=slug))


@blueprint.get(SCREEN)
@right(Right.DESK)
def screen(slug: str, screen_id: UUID) -> ResponseReturnValue:
    """Show the form with a screen's name and language."""
    facility = own_facility(slug)
    found = _find(facility, screen_id)
    return _one(facility, found, ScreenForm(data={"name": found.name, "language": found.language}))


@blueprint.post(SCREEN)
@right(Right.DESK)
def change_screen(slug: str, screen_id: UUID) -> ResponseReturnValue:
    """Give a screen another name or language."""
    facility, form = own_facility(slug), ScreenForm()
    found = _find(facility, screen_id)
    if not form.validate_on_submit():
        return _one(facility, found, form, status=422)
    label = ScreenLabel(tidy(form.name.data), form.language.data)
    changing.change_screen(
        db_session(), clock(), screen_id=found.id, facility_id=facility.id, actor=require_actor(), label=label
    )
    return see_other(url_for("front_desk.screens", slug=slug))


@blueprint.post(f"{SCREEN}/revoke")
@right(Right.DESK)
def revoke_screen(slug: str, screen_id: UUID) -> ResponseReturnValue:
    """Take a screen out of service."""
    facility = own_facility(slug)
    revoking.revoke_screen(
        db_session(), clock(), screen_id=ScreenId(screen_id), facility_id=facility.id, actor=require_actor()
    )
    return see_other(url_for("front_desk.screens", slug=slug))


def _find(facility: FacilityFacts, screen_id: UUID) -> ScreenFacts:
    found = [one for one in facility_screens(db_session(), facility.id) if one.id == screen_id]
    if not found:
        raise NotFound
    return found[0]


def _page(facility: FacilityFacts, form: PairForm, status: int = 200) -> ResponseReturnValue:
    return desk_page(
        "front_desk/screens.html",
        facility,
        status=status,
        screens=facility_screens(db_session(), facility.id),
        now=clock().now(),
        alive_for=ALIVE_FOR,
        form=form,
    )


def _one(facility: FacilityFacts, found: ScreenFacts, form: ScreenForm, status: int = 200) -> ResponseReturnValue:
    return desk_page(
        "front_desk/screen.html",
        facility,
        status=status,
        screen=found,
        form=form,
    )
