"""Forgotten and changed passwords."""

from flask import flash, redirect, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.accounts.errors import MustWait, WrongGuess
from clinic_portal.accounts.fields import check_new_password, value_of
from clinic_portal.accounts.forms import ChangePasswordForm, EmailForm, ResetPasswordForm
from clinic_portal.accounts.queries import get_account
from clinic_portal.accounts.routes import common
from clinic_portal.accounts.routes.common import RESET_KEY, blueprint
from clinic_portal.accounts.use_cases.change_password import change_password as set_new_password
from clinic_portal.accounts.use_cases.request_password_reset import request_password_reset as send_reset_code
from clinic_portal.accounts.use_cases.reset_password import reset_password as set_password_by_code
from clinic_portal.web.access import Right, current_session_id, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import see_other

REQUEST = "accounts/request_password_reset.html"
RESET = "accounts/reset_password.html"
CHANGE = "accounts/change_password.html"


@blueprint.route("/forgotten-password", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited("10 per minute; 30 per hour", methods=["POST"])
def request_password_reset() -> ResponseReturnValue:
    """Ask for a code by e-mail; the answer is the same whether the address has an account or not."""
    form = EmailForm()
    if not form.validate_on_submit():
        return common.form_page(REQUEST, form, link=common.link)
    email = value_of(form.email)
    try:
        send_reset_code(db_session(), clock(), email=email, secret_key=settings().secret_key)
    except MustWait as error:
        return common.refused_page(REQUEST, form, error, link=common.link)
    session[RESET_KEY] = email
    return see_other(common.link("accounts.reset_password"))


@blueprint.route("/forgotten-password/code", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited("20 per minute; 100 per hour", methods=["POST"])
def reset_password() -> ResponseReturnValue:
    """Choose a new password with the code."""
    email = session.get(RESET_KEY)
    if email is None:
        return redirect(common.link("accounts.request_password_reset"), 303)
    form = ResetPasswordForm()
    if form.validate_on_submit() and check_new_password(form.password, names=(), email=email):
        return _reset_password(form, email)
    return common.form_page(RESET, form, email=email, link=common.link)


def _reset_password(form: ResetPasswordForm, email: str) -> ResponseReturnValue:
    try:
        done = set_password_by_code(
            db_session(),
            clock(),
            email=email,
            typed=value_of(form.code),
            new_password=form.password.data,
            secret_key=settings().secret_key,
            user_agent=common.user_agent(),
        )
    except (WrongGuess, MustWait) as error:
        return common.refused_page(RESET, form, error, email=email, link=common.link)
    common.enter(done.token, email=email)
    return see_other(common.way_on(done.actor))


@blueprint.route("/account/password", methods=["GET", "POST"])
@right(Right.SIGNED_IN)
@limited("10 per minute; 60 per hour", methods=["POST"])
def change_password() -> ResponseReturnValue:
    """Choose a new password, knowing the old one."""
    form, account = ChangePasswordForm(), get_account(db_session(), require_actor().account_id)
    names = (account.given_name, account.family_name)
    if form.validate_on_submit() and check_new_password(form.password, names=names, email=account.email):
        return _change_password(form, account.email)
    return common.form_page(CHANGE, form, email=account.email)


def _change_password(form: ChangePasswordForm, email: str) -> ResponseReturnValue:
    try:
        set_new_password(
            db_session(),
            clock(),
            actor=require_actor(),
            session_id=current_session_id(),
            old_password=form.old_password.data,
            new_password=form.password.data,
            secret_key=settings().secret_key,
        )
    except (WrongGuess, MustWait) as error:
        return common.refused_page(CHANGE, form, error, email=email)
    flash(_("Your password is changed. All your other browsers are signed out."))
    return see_other(url_for("accounts.account"))
