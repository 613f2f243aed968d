"""Who may use a route. Every view declares its right with `@right(...)`; a test walks the URL map for one that does not."""

import functools
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import ParamSpec

from flask import abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import UserMixin, current_user
from htmx_flask import request as htmx_request

from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.ids import AccountSessionId
from clinic_portal.web.addresses import page_before
from clinic_portal.web.database import settings

P = ParamSpec("P")

ATTRIBUTE = "clinic_right"


class Right(StrEnum):
    """Who a route is for."""

    #: Anybody, signed in or not.
    PUBLIC = "public"
    #: Anybody who is signed in.
    SIGNED_IN = "signed_in"
    #: A signed-in patient (or somebody who acts for one). Staff use their own pages.
    PATIENT = "patient"
    #: Receptionists and administrators.
    DESK = "desk"
    #: Administrators.
    ADMIN = "admin"
    #: Administrators, and practitioners for their own hours: the use case decides whose.
    HOURS = "hours"
    #: A paired screen; the view checks its token.
    SCREEN = "screen"
    #: Only where the developer's inbox is: in production there is no such page.
    DEVELOPMENT = "development"


ROLES: dict[Right, frozenset[Role]] = {
    Right.SIGNED_IN: frozenset({Role.PATIENT, Role.RECEPTIONIST, Role.DOCTOR, Role.ADMINISTRATOR}),
    Right.PATIENT: frozenset({Role.PATIENT}),
    Right.DESK: frozenset({Role.RECEPTIONIST, Role.ADMINISTRATOR}),
    Right.ADMIN: frozenset({Role.ADMINISTRATOR}),
    Right.HOURS: frozenset({Role.ADMINISTRATOR, Role.DOCTOR}),
}


class SignedIn(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """The signed-in account, as Flask-Login wants it; its id is the session's token."""

    def __init__(self, token: str, session_id: AccountSessionId, actor: Actor, last_seen_at: datetime) -> None:
        """Keep the actor for this request."""
        self.id = token
        self.session_id = session_id
        self.actor = actor
        self.last_seen_at = last_seen_at


def current_actor() -> Actor | None:
    """Return who acts in this request, or None for a visitor (and on the page that tells of a bug)."""
    if g.get("actor_unknown"):
        return None
    actor: Actor | None = getattr(current_user, "actor", None)
    return actor


def require_actor() -> Actor:
    """Return who acts. Raises: 401 (shown as the sign-in page) when nobody is signed in."""
    actor = current_actor()
    if actor is None:
        abort(401)
    return actor


def current_session_id() -> AccountSessionId | None:
    """Return the signed-in browser's session, or None for a visitor."""
    session_id: AccountSessionId | None = getattr(current_user, "session_id", None)
    return session_id


def right(needed: Right) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Declare who a view is for, and enforce it: a visitor is sent to sign in, the wrong role gets 403."""

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if needed is Right.DEVELOPMENT and not settings().has_inbox_page:
                abort(404)
            roles = ROLES.get(needed)
            if roles is not None:
                actor = current_actor()
                if actor is None:
                    return _to_sign_in()
                if actor.role not in roles:
                    abort(403)
            return view(*args, **kwargs)

        setattr(guarded, ATTRIBUTE, needed)
        return guarded

    return decorate


def _to_sign_in() -> ResponseReturnValue:
    """Send a visitor to sign in and back. A form that was sent is not repeated: they come back to the page before it."""
    is_page = request.method == "GET" and not htmx_request.htmx
    back = request.full_path.rstrip("?") if is_page else page_before()
    target = url_for("accounts.sign_in", next=back, ended=None if request.method == "GET" else "yes")
    if htmx_request.htmx:
        return "", 401, {"HX-Redirect": target}
    return redirect(target, 303)
