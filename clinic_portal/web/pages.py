"""Page or fragment from one view, and the redirect that both understand."""

import json
from collections.abc import Callable, Sequence

from flask import make_response, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from htmx_flask import request
from jinja2_fragments.flask import render_block
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

from clinic_portal.core.cache import cache_of
from clinic_portal.web.database import db_session
from clinic_portal.web.i18n import current_language
from clinic_portal.web.security import csp_nonce

#: Where a kept page has the visitor's own token and nonce. No text on a page looks like them.
TOKEN_PLACE = "\N{SYMBOL FOR NULL}token\N{SYMBOL FOR NULL}"  # noqa: S105 - the place of one
NONCE_PLACE = "\N{SYMBOL FOR NULL}nonce\N{SYMBOL FOR NULL}"


def wants_fragment() -> bool:
    """Whether HTMX asks for a part: not when it boosts a link or restores its history, which need the whole page."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(template: str, *, block: str = "content", status: int = 200, **context: object) -> Response:
    """Return the whole page, or only its block when HTMX asks for it.

    The same URL answers with both, so `Vary` names every header that decided.
    """
    html = render_block(template, block, **context) if wants_fragment() else render_template(template, **context)
    return _varying(make_response(html, status))


def page_for_visitors(
    subject: str, key: str, render: Callable[[], tuple[Response, bool]], *, parts: Sequence[str] = ()
) -> Response:
    """Return a page, or its block, that is the same for everybody who is not signed in, rendered once for all of them.

    What is theirs alone, the form's token and the nonce, is put into their places. `key` names all that the page depends
    on but its language; it is forgotten with the cache's `subject`. `render` says beside the page whether it depends on
    these `parts` of the subject alone.
    """
    cache = cache_of(db_session())
    name = json.dumps(["part" if wants_fragment() else "page", current_language(), key])
    answer = cache.get(subject, name, parts=parts)
    own = {TOKEN_PLACE: generate_csrf(), NONCE_PLACE: csp_nonce()}
    if answer.text is not None:
        html = answer.text
        for place, value in own.items():
            html = html.replace(place, value)
        return _varying(make_response(html))
    response, of_parts = render()
    if response.status_code == 200:
        html = response.get_data(as_text=True)
        for place, value in own.items():
            html = html.replace(value, place)
        cache.put(subject, name, answer, html, of_parts=of_parts)
    return response


def _varying(response: Response) -> Response:
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
