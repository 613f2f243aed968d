"""Security headers with a CSP nonce, CSRF, proxies, and no storing of pages with patient data."""

import secrets

from flask import Flask, Response, g
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from clinic_portal.core.settings import Settings
from clinic_portal.web.hosts import init_hosts, live_origin

csrf = CSRFProtect()

_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_IN_PRODUCTION = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def csp_nonce() -> str:
    """Return this request's nonce for inline scripts and styles."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def init_security(app: Flask, settings: Settings) -> None:
    """Set cookies, headers, CSRF, the name that is answered to, and the believed proxies."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="clinic_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_production,
        # The token lives as long as the browser session: a form left open over lunch still works.
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        MAX_FORM_PARTS=200,
    )
    csrf.init_app(app)
    init_hosts(app, settings)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.after_request(lambda response: _headers(response, settings))
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def _headers(response: Response, settings: Settings) -> Response:
    present = {name.lower() for name, _ in response.headers}
    wanted = _EVERYWHERE | _IN_PRODUCTION if settings.is_production else _EVERYWHERE
    if response.mimetype == "text/html":
        # Patient data or a form token is on nearly every page; none of them belongs in a shared or a disk cache.
        # An e-mail in the developer's inbox brings a stricter policy.
        wanted = wanted | {"Content-Security-Policy": _policy(settings), "Cache-Control": "no-store"}
    response.headers.extend({name: value for name, value in wanted.items() if name.lower() not in present})
    return response


def _policy(settings: Settings) -> str:
    nonce = f"'nonce-{csp_nonce()}'"
    live = live_origin(settings)
    return (
        f"default-src 'self'; script-src {nonce}; style-src 'self' {nonce}; img-src 'self' data:; font-src 'self';"
        f" connect-src 'self' {live} ws{live.removeprefix('http')}; frame-ancestors 'none'; base-uri 'none';"
        " form-action 'self'; object-src 'none'"
    )
