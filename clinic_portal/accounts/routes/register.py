"""Registering, and confirming address and phone."""

from flask import redirect
from flask.typing import ResponseReturnValue

from clinic_portal.accounts.errors import MustWait, WrongGuess
from clinic_portal.accounts.fields import phone_in_words, value_of
from clinic_portal.accounts.forms import CodeForm, RegisterForm
from clinic_portal.accounts.queries import get_account
from clinic_portal.accounts.routes import common
from clinic_portal.accounts.routes.common import blueprint
from clinic_portal.accounts.steps import PendingRegistration
from clinic_portal.accounts.use_cases.confirm_email import confirm_email as confirm_pending
from clinic_portal.accounts.use_cases.confirm_phone import confirm_phone as confirm_own_phone
from clinic_portal.accounts.use_cases.issue_email_code import issue_email_code
from clinic_portal.accounts.use_cases.issue_phone_code import issue_phone_code
from clinic_portal.accounts.use_cases.register_account import register_account
from clinic_portal.core.actor import Actor
from clinic_portal.web.access import Right, current_actor, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.i18n import current_language
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import see_other

REGISTER = "accounts/register.html"
CONFIRM_EMAIL = "accounts/confirm_email.html"
CONFIRM_PHONE = "accounts/confirm_phone.html"


@blueprint.route("/register", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited("10 per minute; 60 per hour", methods=["POST"])
def register() -> ResponseReturnValue:
    """Say who one is; the answer is the same whether the address has an account or not."""
    actor = current_actor()
    if actor is not None:
        return see_other(common.way_on(actor))
    form = RegisterForm(today=clock().now().date(), language=current_language())
    if not form.validate_on_submit():
        return common.form_page(REGISTER, form, link=common.link)
    try:
        pending = register_account(
            db_session(), clock(), registration=form.registration(), secret_key=settings().secret_key
        )
    except MustWait as error:
        return common.refused_page(REGISTER, form, error, link=common.link)
    common.keep_pending(pending)
    return see_other(common.link("accounts.confirm_email"))


@blueprint.route("/register/code", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited("20 per minute; 100 per hour", methods=["POST"])
def confirm_email() -> ResponseReturnValue:
    """Enter the code that was sent to the address."""
    actor, pending = current_actor(), common.pending_registration()
    if actor is not None:
        return see_other(common.way_on(actor))
    if pending is None:
        return redirect(common.link("accounts.register"), 303)
    form = CodeForm()
    if form.validate_on_submit():
        return _confirm_email(form, pending)
    return common.form_page(CONFIRM_EMAIL, form, email=pending.email, link=common.link)


def _confirm_email(form: CodeForm, pending: PendingRegistration) -> ResponseReturnValue:
    try:
        confirmed = confirm_pending(
            db_session(),
            clock(),
            pending=pending,
            typed=value_of(form.code),
            secret_key=settings().secret_key,
            user_agent=common.user_agent(),
        )
    except (WrongGuess, MustWait) as error:
        return common.refused_page(CONFIRM_EMAIL, form, error, email=pending.email, link=common.link)
    common.enter(confirmed.token, email=pending.email)
    return see_other(common.link("accounts.confirm_phone"))


@blueprint.post("/register/code/resend")
@right(Right.PUBLIC)
@limited("10 per minute; 30 per hour")
def resend_email_code() -> ResponseReturnValue:
    """Have another code sent to the address."""
    pending = common.pending_registration()
    if pending is None:
        return see_other(common.link("accounts.register"))
    try:
        issue_email_code(db_session(), clock(), pending=pending, secret_key=settings().secret_key)
    except MustWait as error:
        return common.refused_page(CONFIRM_EMAIL, CodeForm(formdata=None), error, email=pending.email, link=common.link)
    common.say_code_sent()
    return see_other(common.link("accounts.confirm_email"))


@blueprint.route("/account/phone/code", methods=["GET", "POST"])
@right(Right.SIGNED_IN)
@limited("20 per minute; 100 per hour", methods=["POST"])
def confirm_phone() -> ResponseReturnValue:
    """Enter the code that was sent to the phone, or leave it for later."""
    actor = require_actor()
    account = get_account(db_session(), actor.account_id)
    if account.phone is None or account.is_phone_confirmed:
        return see_other(common.way_on(actor))
    form = CodeForm()
    context = _phone_context(account.phone, actor)
    if form.validate_on_submit():
        try:
            confirm_own_phone(
                db_session(), clock(), actor=actor, typed=value_of(form.code), secret_key=settings().secret_key
            )
        except (WrongGuess, MustWait) as error:
            return common.refused_page(CONFIRM_PHONE, form, error, **context)
        return see_other(common.way_on(actor))
    return common.form_page(CONFIRM_PHONE, form, **context)


@blueprint.post("/account/phone/code/resend")
@right(Right.SIGNED_IN)
@limited("6 per minute; 20 per hour")
def resend_phone_code() -> ResponseReturnValue:
    """Have another code sent to the phone."""
    actor = require_actor()
    try:
        issue_phone_code(db_session(), clock(), actor=actor, secret_key=settings().secret_key)
    except MustWait as error:
        account = get_account(db_session(), actor.account_id)
        context = _phone_context(account.phone or "", actor)
        return common.refused_page(CONFIRM_PHONE, CodeForm(formdata=None), error, **context)
    common.say_code_sent()
    return see_other(common.link("accounts.confirm_phone"))


def _phone_context(number: str, actor: Actor) -> dict[str, object]:
    return {
        "number": number,
        "phone": phone_in_words(number),
        "link": common.link,
        "later": common.way_on(actor),
    }
