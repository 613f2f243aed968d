"""Signing in and out, and the language."""

from flask import make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from clinic_portal.accounts.errors import MustWait, WrongGuess
from clinic_portal.accounts.fields import value_of
from clinic_portal.accounts.forms import SignInForm
from clinic_portal.accounts.routes import common
from clinic_portal.accounts.routes.common import blueprint
from clinic_portal.accounts.use_cases.set_language import set_language as keep_language
from clinic_portal.accounts.use_cases.sign_in import sign_in as sign_browser_in
from clinic_portal.accounts.use_cases.sign_out import sign_out as sign_browser_out
from clinic_portal.core.text import LANGUAGES
from clinic_portal.web.access import Right, current_actor, current_session_id, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.i18n import remember_language
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import see_other


@blueprint.route("/sign-in", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited("20 per minute; 200 per hour", methods=["POST"])
def sign_in() -> ResponseReturnValue:
    """Sign in with address and password."""
    actor = current_actor()
    if actor is not None:
        return see_other(common.way_on(actor))
    form = SignInForm()
    if form.validate_on_submit():
        return _sign_in(form)
    return common.form_page("accounts/sign_in.html", form, link=common.link)


def _sign_in(form: SignInForm) -> ResponseReturnValue:
    try:
        signed = sign_browser_in(
            db_session(),
            clock(),
            email=value_of(form.email),
            password=form.password.data,
            secret_key=settings().secret_key,
            user_agent=common.user_agent(),
            device=common.this_device(),
        )
    except (WrongGuess, MustWait) as error:
        return common.refused_page("accounts/sign_in.html", form, error, link=common.link)
    if signed.pending is not None:
        common.keep_pending(signed.pending)
        return see_other(common.link("accounts.confirm_email"))
    common.enter(signed.token or "", email=value_of(form.email))
    return see_other(common.way_on(signed.actor))


@blueprint.post("/sign-out")
@right(Right.PUBLIC)
def sign_out() -> ResponseReturnValue:
    """Sign this browser out; it forgets all that it held."""
    session_id = current_session_id()
    if session_id is not None:
        sign_browser_out(db_session(), clock(), session_id=session_id)
    session.clear()
    return see_other(url_for("booking.home"))


@blueprint.post("/language")
@right(Right.PUBLIC)
def set_language() -> ResponseReturnValue:
    """Change the language of this browser, and of the account's pages and messages, and go back to the page."""
    response = make_response(redirect(common.readable_path(request.form.get("next")), 303))
    language = request.form.get("language", "")
    if language in LANGUAGES:
        actor = current_actor()
        if actor is not None:
            keep_language(db_session(), clock(), actor=actor, language=language)
        remember_language(response, language, secure=settings().is_production)
    return response
