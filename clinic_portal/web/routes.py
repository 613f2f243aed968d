"""Pages that belong to no feature: language, accessibility, privacy, health."""

from urllib.parse import urlsplit

from flask import Blueprint, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from clinic_portal.core.text import LANGUAGES
from clinic_portal.web.access import Right, right
from clinic_portal.web.database import db_session, settings
from clinic_portal.web.i18n import remember_language
from clinic_portal.web.pages import render_page

blueprint = Blueprint("web", __name__)


def safe_path(target: str | None) -> str:
    """Return a path of this site to go on to; anything that leads elsewhere becomes the home page."""
    target = target or ""
    parts = urlsplit(target.replace("\\", "/"))
    plain = target.isprintable() and target.startswith("/") and not target.startswith("//")
    if parts.scheme or parts.netloc or not plain or "\\" in target:
        return url_for("booking.home")
    return target


@blueprint.post("/language")
@right(Right.PUBLIC)
def set_language() -> ResponseReturnValue:
    """Change the language of this browser and go back to the page."""
    response = make_response(redirect(safe_path(request.form.get("next")), 303))
    language = request.form.get("language", "")
    if language in LANGUAGES:
        remember_language(response, language, secure=settings().is_production)
    return response


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
