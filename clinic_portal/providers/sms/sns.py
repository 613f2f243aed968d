"""Amazon SNS, which has no idempotency key for SMS: a retry after a lost answer can arrive twice.

It takes a text for a number whose owner answered STOP, gives it an id and drops it; only a log of the account says so
afterwards. So every text asks first, and the whole list is read from time to time.
"""

import logging
from typing import TYPE_CHECKING
from uuid import UUID

import boto3
from botocore.config import Config

from clinic_portal.providers.aws import AwsAccess, ClientCache, VendorCodes, translated
from clinic_portal.providers.base import Accepted, Channel, well_formed
from clinic_portal.providers.errors import ProviderError
from clinic_portal.providers.sms.base import Sms, check_sms

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sns.type_defs import MessageAttributeValueTypeDef

log = logging.getLogger(__name__)

#: Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors; those that every AWS
#: service shares are in `aws.py`.
_CODES: VendorCodes = {
    "InvalidParameter": ("sms.refused", False),
    "InvalidParameterValue": ("sms.refused", False),
    "ParameterValueInvalid": ("sms.refused", False),
    "ValidationException": ("sms.refused", False),
    "OptedOut": ("sms.opted_out", False),
    "OptedOutException": ("sms.opted_out", False),
    "EndpointDisabled": ("sms.refused", False),
    "AuthorizationError": ("sms.credentials", True),
    "InvalidSecurity": ("sms.credentials", True),
    "InternalError": ("sms.vendor_down", True),
    "Throttled": ("sms.throttled", True),
}

#: Once in 30 days for a number, else "InvalidParameter".
#: Source: https://docs.aws.amazon.com/sns/latest/api/API_OptInPhoneNumber.html
_OPT_IN_CODES: VendorCodes = {
    **_CODES,
    "InvalidParameter": ("sms.opt_in_refused", False),
    "InvalidParameterValue": ("sms.opt_in_refused", False),
    "ValidationException": ("sms.opt_in_refused", False),
}

#: What asking whether somebody answered STOP may take of the time for a text.
_SHARE_OF_ASKING = 0.4


class SnsSmsSender:
    """Publishes straight to a phone number, as a transactional text."""

    name = "sns"
    deduplicates = False

    def __init__(
        self,
        *,
        region: str,
        endpoint_url: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
    ) -> None:
        """Without keys, boto3's own chain finds them (environment, profile, instance role)."""
        access = AwsAccess(region, endpoint_url, access_key_id, secret_access_key)

        def connect(config: Config) -> "SNSClient":
            return boto3.session.Session(**access.credentials()).client(
                "sns", region_name=access.region, endpoint_url=access.endpoint_url, config=config
            )

        self._clients = ClientCache(connect)

    def send(self, sms: Sms, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        """See `SmsSender.send`. Raises: ProviderError with a code of `_CODES`, of `aws.py` or of `check_sms`."""
        del idempotency_key  # SNS has no use for it outside of FIFO topics.
        check_sms(sms)
        asking_s = timeout_s * _SHARE_OF_ASKING
        if self._is_opted_out(sms.to, timeout_s=asking_s):
            raise ProviderError("sms.opted_out", retryable=False)
        with translated(Channel.SMS, _CODES):
            answer = self._clients.get(timeout_s - asking_s).publish(
                PhoneNumber=sms.to, Message=well_formed(sms.text), MessageAttributes=_attributes(sms.sender)
            )
            return Accepted(answer["MessageId"])

    def opted_out(self, *, timeout_s: float) -> frozenset[str]:
        """See `SmsSender.opted_out`. Raises: ProviderError with a code of `_CODES` or of `aws.py`."""
        found: set[str] = set()
        with translated(Channel.SMS, _CODES):
            # A hundred numbers a page.
            for page in self._clients.get(timeout_s).get_paginator("list_phone_numbers_opted_out").paginate():
                found.update(page.get("phoneNumbers", []))
        return frozenset(found)

    def opt_in(self, number: str, *, timeout_s: float) -> None:
        """See `SmsSender.opt_in`. Raises: ProviderError with a code of `_OPT_IN_CODES` or of `aws.py`."""
        with translated(Channel.SMS, _OPT_IN_CODES):
            self._clients.get(timeout_s).opt_in_phone_number(phoneNumber=number)

    def _is_opted_out(self, number: str, *, timeout_s: float) -> bool:
        try:
            with translated(Channel.SMS, _CODES):
                answer = self._clients.get(timeout_s).check_if_phone_number_is_opted_out(phoneNumber=number)
                return bool(answer.get("isOptedOut"))
        except ProviderError as error:
            if error.code != "sms.credentials":
                raise
            # An account that may only publish: better sent into the dark than not at all.
            log.warning("sms_opt_out_unknown", extra={"error": error.code})
            return False


def _attributes(sender: str) -> dict[str, "MessageAttributeValueTypeDef"]:
    """Source: https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html."""
    attributes: dict[str, MessageAttributeValueTypeDef] = {
        "AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}
    }
    if sender:
        key = "AWS.MM.SMS.OriginationNumber" if sender.startswith("+") else "AWS.SNS.SMS.SenderID"
        attributes[key] = {"DataType": "String", "StringValue": sender}
    return attributes
