"""Pages that belong to no feature: accessibility, privacy, what the proxy shows, health."""

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from clinic_portal.web.access import Right, right
from clinic_portal.web.database import db_session
from clinic_portal.web.pages import render_page

blueprint = Blueprint("web", __name__)


@blueprint.get("/accessibility")
@right(Right.PUBLIC)
def accessibility() -> ResponseReturnValue:
    """Say how accessible the portal is and whom to tell."""
    return render_page("web/accessibility.html")


@blueprint.get("/privacy")
@right(Right.PUBLIC)
def privacy() -> ResponseReturnValue:
    """Say what is kept about whom and why."""
    return render_page("web/privacy.html")


@blueprint.get("/too-much")
@right(Right.PUBLIC)
def too_much() -> ResponseReturnValue:
    """Answer 413: the proxy takes no such form, and shows this to whoever sends one."""
    abort(413)


@blueprint.get("/health")
@right(Right.PUBLIC)
def health() -> ResponseReturnValue:
    """Answer 200 when this process reaches its database: for load balancers."""
    db_session().execute(text("SELECT 1"))
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
