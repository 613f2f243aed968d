"""Amazon SES, which has no idempotency key: a retry after a lost answer can arrive twice.

SES puts its own Message-ID in the place of ours; the one that it returns is what bounces name.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import boto3
from botocore.config import Config

from clinic_portal.providers.aws import AwsAccess, ClientCache, VendorCodes, translated
from clinic_portal.providers.base import Accepted, Channel
from clinic_portal.providers.email.base import Email
from clinic_portal.providers.email.mime import build_envelope

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client

#: A paused account or an unverified domain is ours to repair and no reason to lose a message.
#: Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors; those that
#: every AWS service shares are in `aws.py`.
_CODES: VendorCodes = {
    "MessageRejected": ("email.refused", False),
    "BadRequestException": ("email.refused", False),
    "InvalidParameterValue": ("email.refused", False),
    "NotFoundException": ("email.misconfigured", True),
    "MailFromDomainNotVerifiedException": ("email.sender_unverified", True),
    "SendingPausedException": ("email.account_paused", True),
    "AccountSuspendedException": ("email.account_suspended", True),
    "LimitExceededException": ("email.throttled", True),
    "TooManyRequestsException": ("email.throttled", True),
}


class SesEmailSender:
    """Sends the finished MIME message, so that attachments and the calendar file stay as they were built."""

    name = "ses"
    deduplicates = False

    def __init__(
        self,
        *,
        region: str,
        now: Callable[[], datetime],
        endpoint_url: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
    ) -> None:
        """Without keys, boto3's own chain finds them (environment, profile, instance role)."""
        access = AwsAccess(region, endpoint_url, access_key_id, secret_access_key)

        def connect(config: Config) -> "SESV2Client":
            return boto3.session.Session(**access.credentials()).client(
                "sesv2", region_name=access.region, endpoint_url=access.endpoint_url, config=config
            )

        self._clients = ClientCache(connect)
        self._now = now

    def send(self, email: Email, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        """See `EmailSender.send`. Raises: ProviderError with a code of `_CODES`, of `aws.py` or of `build_envelope`."""
        envelope = build_envelope(email, idempotency_key=idempotency_key, date=self._now())
        with translated(Channel.EMAIL, _CODES):
            answer = self._clients.get(timeout_s).send_email(
                # No FromEmailAddress: SES then takes the From header as it stands, with the clinic's name.
                Destination={"ToAddresses": [envelope.to]},
                Content={"Raw": {"Data": envelope.as_bytes()}},
            )
            return Accepted(answer["MessageId"])
