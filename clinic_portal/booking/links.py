"""The link in a message that opens one visit, or one offer, without signing in: its reference and a signature (ADR 4).

Nothing is stored: the signature is made from the reference under the installation's secret key. Whoever has the link sees when
and where, and may confirm, move or cancel this one visit; the visit's name and notes are for those who sign in.
"""

import hashlib
import hmac

from clinic_portal.booking.queries.appointments import AppointmentFacts
from clinic_portal.core.ids import SPOKEN_ALPHABET
from clinic_portal.core.settings import Settings

REFERENCE_LENGTH = 8
#: 45 bits: at sixty tries a minute nobody finds one, and an SMS has room for it.
SIGNATURE_LENGTH = 10

#: What a code is for: one for a visit opens no offer.
VISIT, OFFER = "visit-link", "offer-link"


def visit_link_path(settings: Settings, appointment: AppointmentFacts) -> str:
    """Return the path of a visit's own page: "/v/<code>". It stays the same when the visit is moved."""
    return f"/v/{appointment.reference}{_signature(settings, VISIT, appointment.reference)}"


def reference_of_link(settings: Settings, visit_code: str) -> str | None:
    """Return the reference of the visit that a code opens; None when nobody was given this code."""
    return _reference_of(settings, VISIT, visit_code)


def offer_link_path(settings: Settings, reference: str) -> str:
    """Return the path of an offer's own page: "/offers/<code>"."""
    return f"/offers/{reference}{_signature(settings, OFFER, reference)}"


def reference_of_offer_link(settings: Settings, offer_code: str) -> str | None:
    """Return the reference of the offer that a code opens; None when nobody was given this code."""
    return _reference_of(settings, OFFER, offer_code)


def _reference_of(settings: Settings, kind: str, code: str) -> str | None:
    typed = code.upper()
    reference, signature = typed[:REFERENCE_LENGTH], typed[REFERENCE_LENGTH:]
    if not hmac.compare_digest(signature.encode(), _signature(settings, kind, reference).encode()):
        return None
    return reference


def _signature(settings: Settings, kind: str, reference: str) -> str:
    digest = hmac.digest(settings.secret_key.encode(), f"{kind}:{reference}".encode(), hashlib.sha256)
    number, letters = int.from_bytes(digest), []
    for _ in range(SIGNATURE_LENGTH):
        number, place = divmod(number, len(SPOKEN_ALPHABET))
        letters.append(SPOKEN_ALPHABET[place])
    return "".join(letters)
