"""Pages that belong to no feature: accessibility, privacy, health."""

from urllib.parse import urlsplit

from flask import Blueprint, current_app, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from werkzeug.exceptions import HTTPException

from clinic_portal.web.access import Right, right
from clinic_portal.web.database import db_session
from clinic_portal.web.pages import render_page

blueprint = Blueprint("web", __name__)


def safe_path(target: str | None) -> str:
    """Return a path of this site to go on to; anything that leads elsewhere becomes the home page."""
    target = target or ""
    # Browsers read "\\" as "/", and "//host" as another site; after a single slash nothing else leads away.
    plain = target.isprintable() and target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if plain else url_for("booking.home")


def can_be_opened(path: str) -> bool:
    """Whether a path of this site answers to being opened; a form's own address may answer to sending only."""
    adapter = current_app.create_url_adapter(request)
    try:
        if adapter is not None:
            adapter.match(urlsplit(path).path, method="GET")
    except HTTPException:
        return False
    return True


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


@blueprint.get("/health")
@right(Right.PUBLIC)
def health() -> ResponseReturnValue:
    """Answer 200 when this process reaches its database: for load balancers."""
    db_session().execute(text("SELECT 1"))
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
