"""What the worker runs. All are safe to run twice and at the same time."""

import logging
from uuid import UUID

from clinic_portal.core.heartbeat import beat
from clinic_portal.core.ids import MessageId
from clinic_portal.core.jobs import open_job
from clinic_portal.notifications.delivery import make_senders
from clinic_portal.notifications.queries import STOP_READER, SWEEPER
from clinic_portal.notifications.use_cases.deliver_message import deliver_message as deliver
from clinic_portal.notifications.use_cases.opt_in_numbers import opt_in_numbers as opt_in
from clinic_portal.notifications.use_cases.read_stops import read_stops as read
from clinic_portal.notifications.use_cases.sweep_outbox import sweep_outbox as sweep
from clinic_portal.providers.sms.factory import make_sms_sender

log = logging.getLogger(__name__)


def deliver_message(*message_ids: str) -> None:
    """Deliver one message, or those that were queued together: nudged after the commit that queued them.

    Each for itself: what one runs into is raised when all were tried.
    """
    failures: list[Exception] = []
    for message_id in message_ids:
        try:
            _deliver(message_id)
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0] if len(failures) == 1 else ExceptionGroup("messages were not delivered", failures)


def _deliver(message_id: str) -> None:
    with open_job() as job:
        state = deliver(
            job.db,
            job.clock,
            message_id=MessageId(UUID(message_id)),
            settings=job.settings,
            senders=make_senders(job.settings, job.clock.now),
        )
    log.info("message_tried", extra={"message_id": message_id, "state": state})


def sweep_outbox() -> None:
    """Deliver what nobody was nudged for and repair what was left behind: every ten seconds or so."""
    with open_job() as job:
        done = sweep(job.db, job.clock, settings=job.settings, senders=make_senders(job.settings, job.clock.now))
        beat(job.db, job.clock, SWEEPER)
    log.info("outbox_swept", extra={"tried": done.tried, "sent": done.sent, "taken_back": done.taken_back})


def opt_in_numbers() -> None:
    """Tell the vendor whose phones want SMS again: nudged after the commit that noted it."""
    with open_job() as job:
        done = opt_in(job.db, job.clock, sender=make_sms_sender(job.settings, job.clock.now))
    log.info("numbers_opted_in", extra={"done": done})


def read_stops() -> None:
    """Carry out what nobody was nudged for, then read the vendor's list of phones that answered STOP: every ten minutes."""
    with open_job() as job:
        sender = make_sms_sender(job.settings, job.clock.now)
        opt_in(job.db, job.clock, sender=sender)
        if read(job.db, job.clock, sender=sender):
            beat(job.db, job.clock, STOP_READER)
