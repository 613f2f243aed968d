"""One table from domain errors to HTTP, for pages and fragments alike. Wording: `web/error_texts.py` and the templates."""

import logging

from flask import Flask, g, make_response, render_template, request
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


def init_errors(app: Flask) -> None:
    """Answer every error with a page that says what happened and what to do next."""
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(CSRFError, lambda error: _page(400, "csrf"))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)


def _domain(error: DomainError) -> Response:
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    response = _page(status, error.code)
    if status == 503:
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


def _page(status: int, code: str, reference: str | None = None) -> Response:
    context = explain(status, code) | {"code": status, "reference": reference, "safe": status == 500}
    if htmx_request.htmx and not htmx_request.htmx.boosted:
        return make_response(render_block("errors/error.html", "message", **context), status)
    return make_response(render_template("errors/error.html", **context), status)
