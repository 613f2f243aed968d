"""Languages: chosen by the visitor, kept in a cookie and on the account; English and European Portuguese."""

from collections.abc import Iterator
from contextlib import contextmanager

from babel.support import NullTranslations
from flask import Flask, Response, current_app, has_request_context, request
from flask_babel import Babel, force_locale, get_translations

from clinic_portal.core.settings import Settings
from clinic_portal.core.text import LANGUAGES
from clinic_portal.web.access import current_actor

COOKIE = "clinic_language"
ENVIRON_KEY = "clinic_portal.language"
CATALOGUE_KEY = "clinic_portal.catalogue"
ONE_YEAR_S = 365 * 24 * 3600

babel = Babel()


def current_language() -> str:
    """Return "en" or "pt_PT": the visitor's choice, else the account's, else what the browser asks for."""
    if not has_request_context():
        return "en"
    # Asked a dozen times for a page, so it is kept with the request.
    language: str | None = request.environ.get(ENVIRON_KEY)
    if language is None:
        language = request.environ[ENVIRON_KEY] = _language()
    return language


def _language() -> str:
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    actor = current_actor()
    if actor is not None and actor.language in LANGUAGES:
        return actor.language
    wanted = request.accept_languages.best_match(["en", "pt", "pt-PT"])
    if wanted is None:
        return str(current_app.config["BABEL_DEFAULT_LOCALE"])
    return "pt_PT" if wanted.startswith("pt") else "en"


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Answer the rest of the request in a language that is not the visitor's: a screen has its own."""
    kept = {name: request.environ.pop(name, None) for name in (ENVIRON_KEY, CATALOGUE_KEY)}
    request.environ[ENVIRON_KEY] = language
    try:
        with force_locale(language):
            yield
    finally:
        request.environ.update(kept)


def init_i18n(app: Flask, settings: Settings) -> None:
    """Choose the language of each request and find the catalogues."""
    app.config["BABEL_DEFAULT_LOCALE"] = settings.default_language
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(settings.root / "clinic_portal" / "translations")
    babel.init_app(app, locale_selector=current_language, timezone_selector=lambda: "UTC")
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # Flask-Babel's own callables look for the catalogue at every word, which is a fifth of what a page costs.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        gettext=lambda text: _catalogue().gettext(text),
        ngettext=lambda one, many, number: _catalogue().ngettext(one, many, number),
        pgettext=lambda context, text: _catalogue().pgettext(context, text),
        npgettext=lambda context, one, many, number: _catalogue().npgettext(context, one, many, number),
        newstyle=True,
    )


def _catalogue() -> NullTranslations:
    """Return the words of the request's language."""
    kept: NullTranslations | None = request.environ.get(CATALOGUE_KEY) if has_request_context() else None
    if kept is not None:
        return kept
    words: NullTranslations = get_translations()
    if has_request_context():
        request.environ[CATALOGUE_KEY] = words
    return words


def remember_language(response: Response, language: str, *, secure: bool) -> None:
    """Keep the choice in this browser for a year."""
    response.set_cookie(COOKIE, language, max_age=ONE_YEAR_S, httponly=True, samesite="Lax", secure=secure)
