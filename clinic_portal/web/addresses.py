"""Addresses that a browser names: where to go on to, where it came from, and whether a page is there."""

import re

from flask import current_app, request, url_for


def safe_path(target: str | None) -> str:
    """Return a path of this site to go on to; anything that leads elsewhere becomes the home page."""
    target = target or ""
    # Browsers read "\\" as "/", and "//host" as another site; after a single slash nothing else leads away.
    plain = target.isprintable() and target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if plain else url_for("booking.home")


def can_be_opened(path: str) -> bool:
    """Whether a path of this site answers to being opened; a form's own address may answer to sending only."""
    adapter = current_app.create_url_adapter(request)
    return adapter is not None and adapter.test(re.split("[?#]", path, maxsplit=1)[0], method="GET")


def page_before() -> str | None:
    """Return the page of this site from which the request came, as the browser names it; None when it does not."""
    # Taken apart by hand: whoever asks may send anything, also what is no address.
    named = request.headers.get("HX-Current-URL") or request.referrer or ""
    host, slash, path = named.partition("://")[2].partition("#")[0].partition("/")
    return slash + path if host == request.host and can_be_opened(slash + path) else None
