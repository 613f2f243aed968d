"""The TV: a pairing code until a receptionist has typed it in, then the board."""

from datetime import datetime

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from clinic_portal.core.clock import zone
from clinic_portal.facilities.queries import facility_by_id
from clinic_portal.waiting_room import queries
from clinic_portal.waiting_room.board import board_of
from clinic_portal.waiting_room.queries import ScreenFacts
from clinic_portal.waiting_room.rules import SCREEN_COOKIE, code_has_expired
from clinic_portal.waiting_room.use_cases.note_seen import note_seen
from clinic_portal.waiting_room.use_cases.renew_code import renew_code
from clinic_portal.waiting_room.use_cases.start_screen import start_screen
from clinic_portal.web.access import Right, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.i18n import speaking
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page

blueprint = Blueprint("waiting_room", __name__)

COOKIE_LIFETIME_S = 400 * 24 * 3600


def _known_screen() -> ScreenFacts | None:
    return queries.find_screen(db_session(), request.cookies.get(SCREEN_COOKIE, ""))


def _has_screen() -> bool:
    return _known_screen() is not None


@blueprint.get("/tv")
@right(Right.PUBLIC)
@limited("30 per hour", exempt_when=_has_screen)
def tv() -> ResponseReturnValue:
    """Show the board, or the pairing code of a TV that is not paired; a new TV gets its cookie here."""
    screen, token = _known_screen(), None
    if screen is None:
        token, screen = start_screen(db_session(), clock())
    response = _answer(screen)
    if token is not None:
        response.set_cookie(
            SCREEN_COOKIE,
            token,
            max_age=COOKIE_LIFETIME_S,
            httponly=True,
            samesite="Lax",
            secure=settings().is_production,
        )
    return response


@blueprint.get("/tv/board")
@right(Right.SCREEN)
def tv_board() -> ResponseReturnValue:
    """Answer a poll: 204 while the screen shows the newest state, 403 when it was revoked."""
    screen = _known_screen()
    if screen is None:
        return Response(status=403)
    return _answer(screen, shown=request.args.get("version", ""))


def _answer(screen: ScreenFacts, shown: str | None = None) -> Response:
    if screen.facility_id is None:
        return _pairing(screen, shown)
    db, now = db_session(), clock().now()
    facility = facility_by_id(db, screen.facility_id)
    screen = note_seen(db, clock(), screen=screen)
    local = now.astimezone(zone(facility.tz))
    # The minute belongs to it because expected waits change by themselves.
    version = f"{queries.queue_version(db, facility.id)}-{int(now.timestamp()) // 60}"
    if shown == version:
        return _timed(Response(status=204), local)
    board = board_of(db, clock(), facility)
    with speaking(screen.language):
        page = render_page(
            "waiting_room/tv.html",
            block="board",
            board=board,
            screen_name=screen.name,
            version=version,
            local=local,
            current_language=screen.language,
        )
    return _timed(page, local)


def _pairing(screen: ScreenFacts, shown: str | None) -> Response:
    if code_has_expired(screen.pairing_expires_at, now=clock().now()):
        screen = renew_code(db_session(), clock(), screen_id=screen.id)
    version = f"pair-{screen.pairing_code}"
    if shown == version:
        return Response(status=204)
    with speaking(screen.language):
        return render_page(
            "waiting_room/tv.html",
            block="board",
            code=screen.pairing_code,
            version=version,
            current_language=screen.language,
        )


def _timed(response: Response, local: datetime) -> Response:
    """Tell the screen's clock the time of the facility: a TV does not know it, and does no time sums."""
    response.headers["X-Clinic-Time"] = local.strftime("%H:%M:%S")
    return response
