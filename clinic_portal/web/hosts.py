"""The names that the portal answers to, and the address that its links begin with."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, request, url_for
from werkzeug.wsgi import get_host

from clinic_portal.core.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Asked by load balancers and by the container itself, under whatever name they reach it. It shows no name.
HEALTH = "/health"

_USUAL_PORTS = {"http": 80, "https": 443}


class OneName:
    """Lets through what is asked of the portal's own name, and answers 400 to the rest.

    Not Flask's TRUSTED_HOSTS: that looks away from the port, has no way for health checks, and leaves the error page
    without addresses to link to.
    """

    def __init__(self, inner: "WSGIApplication", public_url: str) -> None:
        """Stand in front of the pages, behind what reads the proxy's headers."""
        self._inner = inner
        self._name = own_name(public_url)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, or pass on."""
        if environ.get("PATH_INFO") == HEALTH or get_host(environ).lower() == self._name:
            return self._inner(environ, start_response)
        start_response(
            "400 Bad Request", [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
        )
        return [b"This portal does not answer under this name.\n"]


def init_hosts(app: Flask, settings: Settings) -> None:
    """In production answer to one name only; give templates `external_url(endpoint)`."""
    if settings.is_production:
        app.wsgi_app = OneName(app.wsgi_app, settings.public_url)  # type: ignore[method-assign]

    def external_url(endpoint: str) -> str:
        """Return the whole address of a page, to be typed on another device."""
        return site_origin(settings) + url_for(endpoint)

    app.jinja_env.globals["external_url"] = external_url


def own_name(public_url: str) -> str:
    """Return the host that browsers send for this address, with its port where that is not the usual one."""
    parts = urlsplit(public_url)
    host = (parts.hostname or "").encode("idna").decode()
    return host if parts.port in (None, _USUAL_PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def site_origin(settings: Settings) -> str:
    """Return what addresses of this site begin with. On a laptop: the name under which the page was asked for."""
    return settings.public_url if settings.is_production else request.host_url.rstrip("/")


def live_origin(settings: Settings) -> str:
    """Return where this request's page finds the socket server: "https://host" or "http://host:8001"."""
    site = site_origin(settings)
    if settings.live_url.startswith(":"):
        parts = urlsplit(site)
        return f"{parts.scheme}://{parts.hostname}{settings.live_url}"
    return settings.live_url or site
