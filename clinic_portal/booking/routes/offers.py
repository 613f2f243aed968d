"""The pages behind an offer's link: take the time, leave it to somebody else, stop waiting. Opening one changes nothing."""

from flask import url_for
from flask.typing import ResponseReturnValue

from clinic_portal.booking.links import reference_of_offer_link, visit_link_path
from clinic_portal.booking.queries.waiting_views import OfferView, offer_view
from clinic_portal.booking.routes.common import blueprint
from clinic_portal.booking.routes.linked import TRIES, unlisted
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.booking.use_cases.leave_by_offer import leave_by_offer
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.web.access import Right, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other

OFFER = "/offers/<offer_code>"


@blueprint.get(OFFER)
@right(Right.PUBLIC)
@limited(TRIES)
def offer(offer_code: str) -> ResponseReturnValue:
    """Show the time and the two buttons; or what became of the offer, which the visit's own page says best."""
    found = _offer_of_link(offer_code)
    if found.taken and not found.is_as_taken:
        return see_other(visit_link_path(settings(), found.taken.appointment))
    return _page(found, offer_code)


@blueprint.post(f"{OFFER}/take")
@right(Right.PUBLIC)
@limited(TRIES)
def take_offer(offer_code: str) -> ResponseReturnValue:
    """Take the time; when that is no longer possible, say why, and that nothing changed."""
    found = _offer_of_link(offer_code)
    try:
        accept_offer(db_session(), clock(), offer_id=found.offer.id)
    except Conflict as refused:
        return _page(_offer_of_link(offer_code), offer_code, status=409, refused=refused.code)
    return see_other(url_for("booking.offer", offer_code=offer_code))


@blueprint.post(f"{OFFER}/decline")
@right(Right.PUBLIC)
@limited(TRIES)
def refuse_offer(offer_code: str) -> ResponseReturnValue:
    """Leave the time to somebody else."""
    decline_offer(db_session(), clock(), offer_id=_offer_of_link(offer_code).offer.id)
    return see_other(url_for("booking.offer", offer_code=offer_code))


@blueprint.post(f"{OFFER}/leave")
@right(Right.PUBLIC)
@limited(TRIES)
def leave_by_link(offer_code: str) -> ResponseReturnValue:
    """Stop waiting: whoever was put on the list at the desk may have no account."""
    leave_by_offer(db_session(), clock(), offer_id=_offer_of_link(offer_code).offer.id)
    return see_other(url_for("booking.offer", offer_code=offer_code))


def _offer_of_link(offer_code: str) -> OfferView:
    reference = reference_of_offer_link(settings(), offer_code)
    if reference is None:
        raise NotFound
    return offer_view(db_session(), clock(), reference)


def _page(view: OfferView, offer_code: str, *, status: int = 200, refused: str = "") -> ResponseReturnValue:
    visit = view.taken or view.visit
    visit_path = visit_link_path(settings(), visit.appointment) if visit else ""
    can_move = view.visit is not None and view.visit.judge_change(clock().now()).allowed
    page = render_page(
        "booking/offer.html", status=status, view=view, offer_code=offer_code, refused=refused, visit_path=visit_path,
        # Who has a visit brings it forward: booked anew, there would be two.
        move_path=f"{visit_path}/move" if can_move else "",
    )  # fmt: skip
    return unlisted(page)
