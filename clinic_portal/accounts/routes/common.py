"""What the pages of this feature share: where to go on to, signing a browser in, saying why not."""

import logging

from flask import Blueprint, after_this_request, flash, g, request, session, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import login_user
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response

from clinic_portal.accounts.devices import Device
from clinic_portal.accounts.errors import MustWait, WrongGuess
from clinic_portal.accounts.queries import find_session
from clinic_portal.accounts.steps import MAX_USER_AGENT, PendingRegistration
from clinic_portal.accounts.use_cases.touch_session import TOUCH_EVERY, touch_session
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.db import end_read
from clinic_portal.core.errors import Busy
from clinic_portal.web.access import SignedIn
from clinic_portal.web.addresses import can_be_opened, safe_path
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.fields import Form
from clinic_portal.web.pages import render_page

log = logging.getLogger(__name__)

blueprint = Blueprint("accounts", __name__)

PENDING_KEY = "pending_registration"
RESET_KEY = "reset_email"
#: Which accounts signed in in this browser. Sent to every page: a new password and a registration sign in as well, and what
#: they did not read they would write over.
DEVICE_COOKIE = "clinic_device"
ONE_YEAR_S = 365 * 24 * 3600


def wanted_path() -> str | None:
    """Return the path of this site to which the visitor was on the way, or None."""
    wanted = request.args.get("next", "")
    return wanted if wanted and safe_path(wanted) == wanted else None


def readable_path(target: str | None) -> str:
    """Return a path of this site that can be opened: a form's own address answers to sending only, so home instead."""
    path = safe_path(target)
    return path if can_be_opened(path) else url_for("booking.home")


def link(endpoint: str) -> str:
    """Return the URL of another page of this feature that keeps where the visitor was on the way to."""
    return url_for(endpoint, next=wanted_path())


def way_on(actor: Actor) -> str:
    """Return where somebody goes after signing in: where they were on the way to, else their own first page."""
    first = {Role.DOCTOR: "admin.own_hours", Role.PATIENT: "booking.home"}.get(actor.role, "front_desk.day_redirect")
    return wanted_path() or url_for(first)


def user_agent() -> str:
    """Return how the browser names itself."""
    name = request.headers.get("User-Agent", "")
    return "".join(letter for letter in name if letter.isprintable())[:MAX_USER_AGENT]


def this_device() -> Device:
    """Return this browser, with whom it knows."""
    return Device.read(request.cookies.get(DEVICE_COOKIE, ""))


def _know_owner(email: str) -> None:
    """Have this browser's cookie say that somebody signed in with this address."""
    device, is_secure = this_device().with_owner(settings().secret_key, email), settings().is_production

    @after_this_request
    def keep(response: Response) -> Response:
        response.set_cookie(
            DEVICE_COOKIE, str(device), max_age=ONE_YEAR_S, httponly=True, samesite="Lax", secure=is_secure
        )  # fmt: skip
        return response


def enter(token: str, *, email: str) -> None:
    """Sign this browser in. What it held before (a time that is kept for it) stays; its form token does not."""
    found = find_session(db_session(), clock(), token)
    if found is None:
        raise RuntimeError("a session that was just opened is not there")
    for key in ("csrf_token", PENDING_KEY, RESET_KEY):
        session.pop(key, None)
    _know_owner(email)
    login_user(SignedIn(token, found.session_id, found.actor, found.last_seen_at))


def keep_pending(pending: PendingRegistration) -> None:
    """Remember in this browser which registration it may confirm."""
    session[PENDING_KEY] = {"email": pending.email, "mark": pending.mark}


def pending_registration() -> PendingRegistration | None:
    """Return the registration that this browser may confirm."""
    kept = session.get(PENDING_KEY)
    return PendingRegistration(kept["email"], kept["mark"]) if kept else None


def refused_page(template: str, form: Form, error: WrongGuess | MustWait, **context: object) -> Response:
    """Return the form again, with why it was refused."""
    wait_s = error.values.get("wait_s")
    words = wait_words(wait_s) if isinstance(wait_s, int) else _refusal(error.code)
    if error.code == "account.wrong_code":
        form.code.errors = [words]
    elif error.code == "account.wrong_old_password":
        form.old_password.errors = [words]
    else:
        form.form_errors.append(words)
    response = render_page(template, block="content", status=422 if wait_s is None else 429, form=form, **context)
    if wait_s is not None:
        response.headers["Retry-After"] = str(wait_s)
    return response


def form_page(template: str, form: Form, **context: object) -> Response:
    """Return a form: empty, or with what was typed and what is wrong with it."""
    return render_page(template, block="content", status=422 if form.errors else 200, form=form, **context)


def say_code_sent() -> None:
    """Have the next page say that a new code is on its way."""
    flash(_("We have sent a new code. The earlier ones no longer work."))


def wait_words(wait_s: int) -> str:
    """Return how long to wait before the next try."""
    text: str
    if wait_s <= 90:
        text = ngettext(
            "Too many tries. Wait %(num)d second, then try again",
            "Too many tries. Wait %(num)d seconds, then try again",
            wait_s,
        )
    else:
        text = ngettext(
            "Too many tries. Wait %(num)d minute, then try again",
            "Too many tries. Wait %(num)d minutes, then try again",
            -(-wait_s // 60),
        )
    return text


def _refusal(code: str) -> str:
    texts: dict[str, str] = {
        "account.wrong_password": _("The e-mail address or the password is not right"),
        "account.wrong_old_password": _("This is not your current password"),
        "account.wrong_code": _(
            "This code is not right or no longer works. Check the newest message or ask for a new code"
        ),
    }
    return texts[code]


@blueprint.after_app_request
def remember_last_seen(response: Response) -> Response:
    """Write down once a minute that a signed-in browser was here. Requests that looked at no account are left alone."""
    user = g.get("_login_user")
    if isinstance(user, SignedIn) and user.last_seen_at <= clock().now() - TOUCH_EVERY:
        db = db_session()
        end_read(db)
        try:
            touch_session(db, clock(), session_id=user.session_id)
        except (Busy, DBAPIError) as error:
            # The page is ready: it is not withheld because its moment could not be written down. The next one tries again.
            log.warning("touch_failed", extra={"error": type(error).__name__})
    return response
