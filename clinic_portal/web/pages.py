"""Page or fragment from one view, and the redirect that both understand."""

from flask import make_response, redirect, render_template
from flask.typing import ResponseReturnValue
from htmx_flask import request
from jinja2_fragments.flask import render_block
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response


def wants_fragment() -> bool:
    """Whether HTMX asks for a part: not when it boosts a link or restores its history, which need the whole page."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(template: str, *, block: str = "content", status: int = 200, **context: object) -> Response:
    """Return the whole page, or only its block when HTMX asks for it.

    The same URL answers with both, so `Vary` names every header that decided.
    """
    html = render_block(template, block, **context) if wants_fragment() else render_template(template, **context)
    response = make_response(html, status)
    response.vary.update(("HX-Request", "HX-Boosted", "HX-History-Restore-Request"))
    return response


def see_other(location: str) -> ResponseReturnValue:
    """Return the answer after a successful form: 303 to a page, which HTMX loads in place of the current one."""
    if wants_fragment():
        response = make_response("", 204)
        # An address may be in any letters (`next`, typed by hand); a header holds Latin-1. redirect() does it by itself.
        response.headers["HX-Redirect"] = iri_to_uri(location)
        return response
    return redirect(location, 303)


def not_changed() -> ResponseReturnValue:
    """Return the answer to a poll that already shows the newest version: 204, which is never swapped."""
    return "", 204
