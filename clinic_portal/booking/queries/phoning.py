"""Whom no message about an offer reaches: somebody at the desk has to phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry, WaitingOffer
from clinic_portal.booking.queries.recipients import hears, is_reachable, stand_ins
from clinic_portal.booking.queries.staff import GONE_OUT, ON_ITS_WAY, phone_of, reached
from clinic_portal.booking.queries.standing import standings
from clinic_portal.booking.queries.waiting import OfferFacts, offer_facts_of
from clinic_portal.booking.rules import OfferState, Standing
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import AccountId, FacilityId, OfferId, PatientId
from clinic_portal.notifications.queries import list_messages
from clinic_portal.patients.queries import PatientFacts, find_patients, patients_for_staff

OFFERED = ("time_offered",)
#: For how long the message about an offer may be on its way: the offer itself does not stand much longer.
PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True)
class ToPhone:
    """An open offer of which no message reaches the patient: somebody has to phone before it ends."""

    offer: OfferFacts
    patient: str
    #: E.164; empty when the clinic knows no number.
    phone: str


@dataclass(frozen=True)
class _Unheard:
    offer: WaitingOffer
    entry: WaitingEntry
    patient: PatientFacts
    #: The account that acts for the patient, perhaps their own.
    stand_in: AccountId | None


def hears_of_offers(db: Session, entry: WaitingEntry, *, today: date) -> bool:
    """Whether an offer reaches who waits, or who acts for them, by SMS or e-mail: otherwise the desk phones them."""
    patient = find_patients(db, [PatientId(entry.patient_id)])[PatientId(entry.patient_id)]
    asked_by = AccountId(entry.account_id) if entry.account_id else None
    return hears(db, patient, asked_by, today=today)


def offers_to_phone(db: Session, clock: Clock, facility_id: FacilityId, *, actor: Actor) -> Sequence[ToPhone]:
    """Return the offers of a facility's times that can be taken and of which no message reaches the patient.

    Those that end first at first. A message that is on its way counts for five minutes. For staff of this facility only:
    the caller has checked that.
    """
    found = _unheard(db, clock.now(), facility_id)
    if not found:
        return []
    now = standings(db, clock, [(one.offer, one.entry) for one in found])
    people = patients_for_staff(db, {PatientId(one.patient.id) for one in found}, actor=actor)
    return [
        ToPhone(
            offer_facts_of(one.offer),
            people[PatientId(one.patient.id)].full_name,
            phone_of(db, one.patient, one.stand_in),
        )
        for one in found
        if now[OfferId(one.offer.id)] is Standing.OPEN
    ]


def unheard_offers(db: Session, *, now: datetime) -> Sequence[OfferId]:
    """Return every facility's open offers of which no message reaches the patient. For jobs."""
    return [OfferId(one.offer.id) for one in _unheard(db, now)]


def is_told_in_vain(db: Session, offer_id: OfferId) -> bool:
    """Whether no message of an offer went out and none will: not one is still on its way."""
    states = {message.state for message in list_messages(db, subject_ids=[offer_id], kinds=OFFERED)}
    return not states & (GONE_OUT | ON_ITS_WAY)


def _unheard(db: Session, now: datetime, facility_id: FacilityId | None = None) -> Sequence[_Unheard]:
    """Return the open offers that nobody could be told of: four statements, however many there are."""
    statement = (
        select(WaitingOffer, WaitingEntry)
        .join(WaitingEntry, WaitingEntry.id == WaitingOffer.entry_id)
        .where(WaitingOffer.state == OfferState.OPEN, WaitingOffer.ends_at > now)
        .order_by(WaitingOffer.ends_at, WaitingOffer.id)
    )
    if facility_id is not None:
        statement = statement.where(WaitingOffer.facility_id == facility_id)
    rows = db.execute(statement).all()
    if not rows:
        return []
    told = reached(db, {offer.id: offer.made_at for offer, _ in rows}, OFFERED, now=now, patience=PATIENCE)
    people = find_patients(db, {PatientId(entry.patient_id) for _, entry in rows})
    asked = {
        offer.id: (PatientId(entry.patient_id), AccountId(entry.account_id) if entry.account_id else None)
        for offer, entry in rows
    }
    acting, found = stand_ins(db, asked, today=now.date()), []
    for offer, entry in rows:
        patient, stand_in = people[PatientId(entry.patient_id)], acting[offer.id]
        # A message for which there is no address need not have failed before somebody phones.
        if offer.id not in told or not (is_reachable(patient) or stand_in):
            found.append(_Unheard(offer, entry, patient, stand_in))
    return found
