"""From facts to words: the texts of `templates/messages/<kind>/`, in the language of whoever gets the message.

Without Flask, because messages are written by workers. A template sees the facts' context and

- `clinic_name`, `clinic_phone`, `language`, `portal_url("/visits")` (an absolute link), `portal_host` (to show),
  `unless_dearer(words, fewer, still_fewer)` for an SMS: these words, or fewer where that saves a segment;
- filters `clinic_time(tz)`, `clinic_date(tz)`, `clinic_datetime(tz)`, `money`, `local_text`, and for HTML `unbroken`
  (a phone number that no line tears);
- `_()`, `gettext` and `ngettext`. A name that nobody gave is an error.
"""

import functools
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path

from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from clinic_portal.core.money import Money
from clinic_portal.core.settings import Settings
from clinic_portal.core.text import LANGUAGES, LocalizedText, localized
from clinic_portal.core.wording import day_in_words, moment_in_words, money_in_words, time_in_words, zone_in_words
from clinic_portal.notifications.rules import plain_sms, sms_size
from clinic_portal.notifications.sources import MessageFacts
from clinic_portal.providers.email.base import Email
from clinic_portal.providers.sms.base import Sms


def render_email(settings: Settings, kind: str, facts: MessageFacts) -> Email:
    """Return the e-mail, as HTML and as text. Raises: ValueError without an address; TemplateError (UndefinedError)."""
    if not facts.email:
        raise ValueError("no e-mail address")
    render = _renderer(settings, kind, facts)
    return Email(
        to=facts.email,
        subject=" ".join(render("subject.txt").split()),
        text=_tidy(render("body.txt")),
        html=render("body.html"),
        sender=settings.email_sender,
        attachments=facts.attachments,
    )


def render_sms(settings: Settings, kind: str, facts: MessageFacts) -> Sms:
    """Return the text, in one paragraph. Raises: ValueError without a number; TemplateError (UndefinedError)."""
    if not facts.phone:
        raise ValueError("no phone number")
    text = plain_sms(_renderer(settings, kind, facts)("sms.txt"))
    return Sms(to=facts.phone, text=text, sender=settings.sms_sender)


def has_email(settings: Settings, kind: str) -> bool:
    """Whether a kind is written as an e-mail as well; a code that proves a phone is not."""
    return (settings.root / "templates" / "messages" / kind / "body.txt").is_file()


def _renderer(settings: Settings, kind: str, facts: MessageFacts) -> Callable[[str], str]:
    language = facts.language if facts.language in LANGUAGES else "en"
    environment = _environment(settings.root, language)
    base = settings.public_url
    context: Mapping[str, object] = {
        "clinic_name": settings.clinic_name,
        "clinic_phone": settings.clinic_phone,
        "language": language,
        "portal_url": lambda path: f"{base}{path}",
        "portal_host": base.partition("://")[2],
        "unless_dearer": _unless_dearer,
        **facts.context,
    }
    return lambda name: environment.get_template(f"messages/{kind}/{name}").render(context)


@functools.cache
def _environment(root: Path, language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(root / "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    translations = _translations(root, language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # the i18n extension adds it
        translations.gettext, translations.ngettext, newstyle=True
    )
    environment.filters.update(_filters(language))
    return environment


def _translations(root: Path, language: str) -> NullTranslations:
    # English is the language of the msgids: it has no catalogue, and none is looked for.
    return Translations.load(root / "clinic_portal" / "translations", [language])


def _filters(language: str) -> dict[str, Callable[..., str]]:
    def clinic_time(moment: datetime, tz: str) -> str:
        return time_in_words(moment, tz, language)

    def clinic_date(moment: datetime | date, tz: str = "UTC", *, year: bool = False, inside: bool = False) -> str:
        return day_in_words(moment, tz, language, year=year, inside=inside)

    def clinic_datetime(moment: datetime, tz: str, *, inside: bool = False) -> str:
        return moment_in_words(moment, tz, language, inside=inside)

    def clinic_zone(tz: str) -> str:
        return zone_in_words(tz, language)

    def money(amount: Money) -> str:
        return money_in_words(amount, language)

    def unbroken(number: str) -> str:
        return number.replace(" ", "\N{NO-BREAK SPACE}")

    def local_text(texts: LocalizedText) -> str:
        return localized(texts, language)

    return {
        "clinic_time": clinic_time,
        "clinic_date": clinic_date,
        "clinic_datetime": clinic_datetime,
        "clinic_zone": clinic_zone,
        "money": money,
        "local_text": local_text,
        "unbroken": unbroken,
    }


def _unless_dearer(*wordings: str) -> str:
    return min(
        wordings, key=lambda words: sms_size(plain_sms(words)).segments
    )  # The first of those that cost as little.


def _tidy(text: str) -> str:
    """Return the text with at most one empty line in a row, so that conditions in a template leave no holes."""
    lines: list[str] = []
    for line in (raw.strip() for raw in text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip() + "\n"
