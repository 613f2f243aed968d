"""The account's own page, and its phone."""

from datetime import date

from babel.dates import format_date
from flask import url_for
from flask.typing import ResponseReturnValue

from clinic_portal.accounts.errors import MustWait
from clinic_portal.accounts.fields import LANGUAGE_NAMES, phone_in_words, value_of
from clinic_portal.accounts.forms import PhoneForm
from clinic_portal.accounts.queries import get_account, list_sessions
from clinic_portal.accounts.routes import common
from clinic_portal.accounts.routes.common import blueprint
from clinic_portal.accounts.use_cases.change_phone import change_phone as set_phone
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.i18n import current_language
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other

BIRTH_DATE_PATTERNS = {"en": "d MMMM y", "pt_PT": "d 'de' MMMM 'de' y"}
CHANGE_PHONE = "accounts/change_phone.html"


@blueprint.get("/account")
@right(Right.SIGNED_IN)
def account() -> ResponseReturnValue:
    """Show what the account holds, and the ways to change it."""
    actor = require_actor()
    facts = get_account(db_session(), actor.account_id)
    return render_page(
        "accounts/account.html",
        account=facts,
        birth_date=_birth_date(facts.birth_date) if facts.birth_date else "",
        phone=phone_in_words(facts.phone) if facts.phone else "",
        language_names=LANGUAGE_NAMES,
        browsers=len(list_sessions(db_session(), clock(), actor=actor)),
    )


def _birth_date(born: date) -> str:
    language = current_language()
    return format_date(born, BIRTH_DATE_PATTERNS[language], locale=language)


@blueprint.route("/account/phone", methods=["GET", "POST"])
@right(Right.SIGNED_IN)
@limited("6 per minute; 20 per hour", methods=["POST"])
def change_phone() -> ResponseReturnValue:
    """Set another mobile number, which is then confirmed by a code."""
    form = PhoneForm()
    if not form.validate_on_submit():
        return common.form_page(CHANGE_PHONE, form)
    try:
        set_phone(
            db_session(),
            clock(),
            actor=require_actor(),
            phone=value_of(form.phone),
            secret_key=settings().secret_key,
        )
    except MustWait as error:
        return common.refused_page(CHANGE_PHONE, form, error)
    return see_other(url_for("accounts.confirm_phone", next=common.wanted_path() or url_for("accounts.account")))
