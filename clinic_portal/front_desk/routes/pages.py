"""The blueprint, and what the desk's views share: whose desk it is, the page, a press and its answer."""

from collections.abc import Callable, Mapping
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from clinic_portal.core.errors import Busy, Conflict
from clinic_portal.core.typed import tidy
from clinic_portal.facilities.queries import FacilityFacts, facilities_of_staff, staff_facility
from clinic_portal.front_desk.day import read_day
from clinic_portal.web.access import require_actor
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.error_texts import explain
from clinic_portal.web.filters import local_text
from clinic_portal.web.pages import not_changed, render_page, wants_fragment

blueprint = Blueprint("front_desk", __name__)

#: A use case at this desk, ready but for what every one of them needs.
Press = Callable[..., object]
MAX_QUERY = 100


def own_facility(slug: str) -> FacilityFacts:
    """Return the facility of the address. Raises: NotFound when the actor does not work there."""
    return staff_facility(db_session(), slug, actor=require_actor())


def desk_page(
    template: str, facility: FacilityFacts, *, block: str = "content", status: int = 200, **context: object
) -> Response:  # fmt: skip
    """Return a page of a desk: what its header says of the place, and the other desks of whoever works there."""
    return render_page(
        template, block=block, status=status, facility=facility, facility_name=local_text(facility.names),
        facilities=facilities_of_staff(db_session(), actor=require_actor()), **context,
    )  # fmt: skip


def show_day(
    facility: FacilityFacts, *, refusal: Mapping[str, object] | None = None, status: int = 200
) -> ResponseReturnValue:
    """Answer with the day, or 204 when the page shows it already."""
    actor = require_actor()
    query = tidy(request.values.get("q", "")[:MAX_QUERY])
    wanted = request.values.get("day", "")
    day = read_day(db_session(), clock(), facility, actor=actor, wanted=wanted, query=query)
    if wants_fragment() and refusal is None and request.args.get("version") == day.version:
        return not_changed()
    said = request.args.get("said", "")
    return desk_page(
        "front_desk/day.html",
        facility,
        block="board",
        status=status,
        day=day,
        query=query,
        said=next((row for row in day.rows if str(row.id) == said and row.is_fresh), None),
        refusal=refusal,
    )


def press(slug: str, act: Press, **values: object) -> ResponseReturnValue:
    """Do what a button says and show the day again; a refusal stands above a fresh day, with its status."""
    facility = own_facility(slug)
    try:
        done = act(db_session(), clock(), facility_id=facility.id, actor=require_actor(), **values)
    except (Conflict, Busy) as refused:
        status = 409 if isinstance(refused, Conflict) else 503
        return show_day(facility, refusal=explain(status, refused.code), status=status)
    subject = getattr(done, "appointment_id", None) or getattr(done, "id", None)
    query, wanted = request.form.get("q") or None, request.form.get("day") or None
    # Not see_other(): HTMX follows the 303 and swaps the day's block, so that the page keeps its place and its focus.
    return redirect(url_for("front_desk.day", slug=slug, said=subject, q=query, day=wanted), 303)


def chosen_id(name: str) -> UUID | None:
    """Return an optional id from a form's select; what is no id is none."""
    try:
        return UUID(request.form.get(name, ""))
    except ValueError:
        return None
