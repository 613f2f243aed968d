"""The browsers in which somebody is signed in."""

from uuid import UUID

from babel.dates import format_timedelta
from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from clinic_portal.accounts.queries import SignedInBrowser, list_sessions
from clinic_portal.accounts.routes.common import blueprint
from clinic_portal.accounts.rules import browser_words
from clinic_portal.accounts.use_cases.end_other_sessions import end_other_sessions as end_others
from clinic_portal.accounts.use_cases.end_session import end_session as end_one
from clinic_portal.core.ids import AccountSessionId
from clinic_portal.web.access import Right, current_session_id, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.i18n import current_language
from clinic_portal.web.pages import render_page, see_other


@blueprint.get("/account/browsers")
@right(Right.SIGNED_IN)
def list_browsers() -> ResponseReturnValue:
    """List the browsers in which one is signed in, this one first."""
    here = current_session_id()
    sessions = list_sessions(db_session(), clock(), actor=require_actor())
    rows = [
        {
            "id": session.session_id,
            "name": _browser(session.user_agent),
            "is_here": session.session_id == here,
            "seen": _ago(session),
        }
        for session in sorted(sessions, key=lambda session: session.session_id != here)
    ]
    return render_page("accounts/list_browsers.html", rows=rows)


@blueprint.post("/account/browsers/<uuid:session_id>/end")
@right(Right.SIGNED_IN)
def end_session(session_id: UUID) -> ResponseReturnValue:
    """Sign another browser out."""
    end_one(db_session(), clock(), actor=require_actor(), session_id=AccountSessionId(session_id))
    flash(_("That browser is signed out."))
    return see_other(url_for("accounts.list_browsers"))


@blueprint.post("/account/browsers/end-others")
@right(Right.SIGNED_IN)
def end_other_sessions() -> ResponseReturnValue:
    """Sign all other browsers out."""
    ended = end_others(db_session(), clock(), actor=require_actor(), session_id=current_session_id())
    flash(ngettext("%(num)d other browser is signed out.", "%(num)d other browsers are signed out.", ended))
    return see_other(url_for("accounts.list_browsers"))


def _browser(user_agent: str) -> str:
    browser, system = browser_words(user_agent)
    if browser and system:
        return str(_("%(browser)s on %(system)s", browser=browser, system=system))
    return browser or system or str(_("Unknown browser"))


def _ago(session: SignedInBrowser) -> str:
    ago = session.last_seen_at - clock().now()
    if ago.total_seconds() > -120:
        return str(_("now"))
    return format_timedelta(ago, add_direction=True, locale=current_language())
