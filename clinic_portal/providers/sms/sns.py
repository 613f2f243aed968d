"""Amazon SNS, which has no idempotency key for SMS: a retry after a lost answer can arrive twice."""

from typing import TYPE_CHECKING
from uuid import UUID

import boto3
from botocore.config import Config

from clinic_portal.providers.aws import AwsAccess, ClientCache, VendorCodes, translated
from clinic_portal.providers.base import Accepted, Channel, well_formed
from clinic_portal.providers.sms.base import Sms, check_sms

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sns.type_defs import MessageAttributeValueTypeDef

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
        with translated(Channel.SMS, _CODES):
            answer = self._clients.get(timeout_s).publish(
                PhoneNumber=sms.to, Message=well_formed(sms.text), MessageAttributes=_attributes(sms.sender)
            )
            return Accepted(answer["MessageId"])


def _attributes(sender: str) -> dict[str, "MessageAttributeValueTypeDef"]:
    """Source: https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html."""
    attributes: dict[str, MessageAttributeValueTypeDef] = {
        "AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}
    }
    if sender:
        key = "AWS.MM.SMS.OriginationNumber" if sender.startswith("+") else "AWS.SNS.SMS.SenderID"
        attributes[key] = {"DataType": "String", "StringValue": sender}
    return attributes
