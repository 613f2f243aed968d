"""One table from domain errors to HTTP, for pages and fragments alike. Wording: `web/error_texts.py` and the templates."""

import logging
from dataclasses import dataclass

from flask import Flask, current_app, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from htmx_flask import request as htmx_request
from jinja2_fragments.flask import render_block
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from clinic_portal.core.errors import Busy, Conflict, DomainError, Forbidden, NotFound
from clinic_portal.core.ids import spoken_code
from clinic_portal.web.error_texts import explain

log = logging.getLogger(__name__)

STATUS: dict[type[DomainError], int] = {NotFound: 404, Forbidden: 403, Conflict: 409, Busy: 503}

RETRY_AFTER_S = 3

#: What is in the name of every field for a password, and of no other.
PASSWORD = "password"  # noqa: S105 - a name


@dataclass(frozen=True)
class Again:
    """A form that could not be dealt with in time, for a button that sends it once more."""

    address: str
    fields: tuple[tuple[str, str], ...]
    #: It had a password, which is typed again.
    had_password: bool


def init_errors(app: Flask) -> None:
    """Answer every error with a page that says what happened and what to do next; when we are busy, also when to come back."""
    app.after_request(_say_when)
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(CSRFError, lambda error: _page(400, "csrf"))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)


def _domain(error: DomainError) -> Response:
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return _page(status, error.code, again=_again() if status == 503 else None)


def _again() -> Again | None:
    """Return the form that was sent, so that nobody types it twice: without its password, and without any file.

    Only what came with a token of ours: another site's form must not become one of ours, a press away from being sent.
    """
    if request.method != "POST" or not g.get("csrf_valid"):
        return None
    token = current_app.config["WTF_CSRF_FIELD_NAME"]
    fields = [(name, value) for name, value in request.form.items(multi=True) if name != token]
    kept = tuple((name, value) for name, value in fields if PASSWORD not in name)
    return Again(request.full_path.rstrip("?"), kept, had_password=len(kept) < len(fields))


def _say_when(response: Response) -> Response:
    if response.status_code == 503 and "Retry-After" not in response.headers:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = _page(status, f"http.{status}")
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _bug(error: Exception) -> Response:
    reference = spoken_code(8)
    # The database may be what broke: this page must not ask it who is signed in.
    g.actor_unknown = True
    log.error("unexpected_error", extra={"reference": reference, "endpoint": request.endpoint}, exc_info=error)
    return _page(500, "http.500", reference=reference)


def _page(status: int, code: str, *, reference: str | None = None, again: Again | None = None) -> Response:
    context = explain(status, code) | {"code": status, "reference": reference, "again": again}
    if htmx_request.htmx and not htmx_request.htmx.boosted:
        return make_response(render_block("errors/error.html", "message", **context), status)
    return make_response(render_template("errors/error.html", **context), status)
