"""What every SMS sender promises, asked of the embedded default and of SNS."""

import time
from urllib.parse import parse_qs
from uuid import uuid4

import pytest

from clinic_portal.providers.errors import ProviderError
from clinic_portal.providers.sms.base import Sms, SmsSender
from clinic_portal.providers.sms.sns import SnsSmsSender
from tests.providers.gateways import SmsGateway
from tests.providers.servers import CHECKED_STOP, LISTED_STOP, SNS, CannedAws, sns_error, sns_list

ANA = "+351912345601"
CHECKED = f"""<CheckIfPhoneNumberIsOptedOutResponse xmlns="{SNS}">
<CheckIfPhoneNumberIsOptedOutResult><isOptedOut>{{}}</isOptedOut></CheckIfPhoneNumberIsOptedOutResult>
</CheckIfPhoneNumberIsOptedOutResponse>"""


def sms(to: str = ANA, text="A sua consulta é amanhã às 9:30.", sender: str = "Clinica") -> Sms:
    return Sms(to=to, text=text, sender=sender)


class TestEverySmsSender:
    @pytest.mark.parametrize(
        "text",
        ["Your visit is tomorrow at 9:30.", "Até amanhã, João: ção, Ünï 😀👩‍⚕️\nlinha dois & <três> + 100%", "é" * 1600],
        ids=["ascii", "unicode", "long"],
    )
    def test_delivers_the_text_unchanged(self, sms_gateway: SmsGateway, text: str) -> None:
        accepted = sms_gateway.sender.send(sms(text=text), idempotency_key=uuid4(), timeout_s=30)

        assert [(found.to, found.text) for found in sms_gateway.sent()] == [(ANA, text)]
        assert accepted.vendor_id

    @pytest.mark.parametrize("sender", ["", "Clinica", "Clinic2", "+351912345698"])
    def test_takes_a_name_a_number_or_nothing_as_sender(self, sms_gateway: SmsGateway, sender: str) -> None:
        sms_gateway.sender.send(sms(sender=sender), idempotency_key=uuid4(), timeout_s=30)

        assert len(sms_gateway.sent()) == 1

    def test_two_keys_make_two_messages_with_ids_of_their_own(self, sms_gateway: SmsGateway) -> None:
        ids = {sms_gateway.sender.send(sms(), idempotency_key=uuid4(), timeout_s=30).vendor_id for _ in range(2)}

        assert len(ids) == len(sms_gateway.sent()) == 2

    def test_repeating_a_key_makes_a_second_message_only_where_the_vendor_cannot_help_it(
        self, sms_gateway: SmsGateway
    ) -> None:
        key = uuid4()
        for _ in range(3):
            sms_gateway.sender.send(sms(), idempotency_key=key, timeout_s=30)

        assert len(sms_gateway.sent()) == (1 if sms_gateway.sender.deduplicates else 3)

    @pytest.mark.parametrize(
        ("refused", "code"),
        [
            ({"to": "+351123"}, "sms.number_invalid"),
            ({"to": "912345601"}, "sms.number_invalid"),
            ({"to": "+351 912 345 601"}, "sms.number_invalid"),
            ({"to": "+999912345601"}, "sms.number_invalid"),
            ({"to": ""}, "sms.number_invalid"),
            ({"to": "+351912345601\n+351912345602"}, "sms.number_invalid"),
            ({"to": "\ud800"}, "sms.number_invalid"),
            ({"text": " \n"}, "sms.empty"),
            ({"text": "a" * 1601}, "sms.too_long"),
            ({"sender": "Clínica"}, "sms.sender_invalid"),
            ({"sender": "TwelveLetter"}, "sms.sender_invalid"),
            ({"sender": "12345"}, "sms.sender_invalid"),
        ],
    )
    def test_refuses_for_good_what_no_vendor_can_deliver(
        self, sms_gateway: SmsGateway, refused: dict[str, str], code: str
    ) -> None:
        with pytest.raises(ProviderError) as caught:
            sms_gateway.sender.send(sms(**refused), idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == (code, False)
        assert sms_gateway.sent() == []

    def test_text_that_no_wire_can_carry_does_not_break_it(self, sms_gateway: SmsGateway) -> None:
        sms_gateway.sender.send(sms(text="lone \udcff surrogate"), idempotency_key=uuid4(), timeout_s=30)

        assert [found.text for found in sms_gateway.sent()] == ["lone ? surrogate"]

    def test_a_phone_that_answered_stop_is_refused_for_good(self, sms_gateway: SmsGateway) -> None:
        with pytest.raises(ProviderError) as caught:
            sms_gateway.sender.send(sms(CHECKED_STOP), idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == ("sms.opted_out", False)
        assert sms_gateway.sent() == []

    def test_who_answered_stop_can_be_read_and_undone(self, sms_gateway: SmsGateway) -> None:
        before = sms_gateway.sender.opted_out(timeout_s=30)
        assert LISTED_STOP in before
        assert ANA not in before

        sms_gateway.sender.opt_in(LISTED_STOP, timeout_s=30)

        assert sms_gateway.sender.opted_out(timeout_s=30) == before - {LISTED_STOP}

    def test_an_outage_is_an_outage_for_the_list_as_well(self, sms_outage: SmsSender) -> None:
        for call in (lambda: sms_outage.opted_out(timeout_s=0.6), lambda: sms_outage.opt_in(ANA, timeout_s=0.6)):
            with pytest.raises(ProviderError) as caught:
                call()
            assert caught.value.retryable

    def test_an_outage_is_retryable_and_ends_within_the_time_limit(self, sms_outage: SmsSender) -> None:
        # The first client that is made takes boto3 a moment, on a busy machine a long one; the limit is on the network.
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(ProviderError) as caught:
                sms_outage.send(sms(), idempotency_key=uuid4(), timeout_s=0.6)

        assert caught.value.retryable
        assert caught.value.code in {"sms.timeout", "sms.unreachable", "sms.inbox_unwritable"}
        assert time.monotonic() - started < 5


class TestSns:
    def test_publishes_as_transactional_with_the_sender(self, canned_aws: CannedAws) -> None:
        canned_aws.answers["CheckIfPhoneNumberIsOptedOut"] = [(200, CHECKED.format("false").encode())] * 3
        canned_aws.body = (
            b"<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>"
        )
        sender = canned_aws.sender

        accepted = sender.send(sms(), idempotency_key=uuid4(), timeout_s=30)
        sender.send(sms(sender="+351912345699"), idempotency_key=uuid4(), timeout_s=30)
        sender.send(sms(sender=""), idempotency_key=uuid4(), timeout_s=30)

        assert accepted.vendor_id == "m-1"
        assert canned_aws.actions == ["CheckIfPhoneNumberIsOptedOut", "Publish"] * 3
        assert [self._attributes(request) for request in canned_aws.requests[1::2]] == [
            {"AWS.SNS.SMS.SMSType": "Transactional", "AWS.SNS.SMS.SenderID": "Clinica"},
            {"AWS.SNS.SMS.SMSType": "Transactional", "AWS.MM.SMS.OriginationNumber": "+351912345699"},
            {"AWS.SNS.SMS.SMSType": "Transactional"},
        ]

    @pytest.mark.parametrize(
        ("status", "vendor_code", "code", "retryable"),
        [
            (400, "OptedOut", "sms.opted_out", False),
            (400, "InvalidParameter", "sms.refused", False),
            (400, "Throttling", "sms.throttled", True),
            (429, "Throttled", "sms.throttled", True),
            (403, "AuthorizationError", "sms.credentials", True),
            (403, "InvalidClientTokenId", "sms.credentials", True),
            (500, "InternalError", "sms.vendor_down", True),
            (400, "NeverHeardOf", "sms.refused", False),
            (429, "NeverHeardOf", "sms.throttled", True),
            (503, "NeverHeardOf", "sms.vendor_down", True),
        ],
    )
    def test_translates_the_vendors_code_after_one_attempt(
        self, canned_aws: CannedAws, status: int, vendor_code: str, code: str, retryable: bool
    ) -> None:
        canned_aws.status, canned_aws.body = status, sns_error(vendor_code)
        sender = canned_aws.sender

        with pytest.raises(ProviderError) as caught:
            sender.send(sms(), idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == (code, retryable)
        assert len(canned_aws.requests) == len(set(canned_aws.actions))

    def test_a_stop_is_asked_for_before_anything_is_published(self, canned_aws: CannedAws) -> None:
        # SNS takes a text for such a phone, gives it an id, and drops it: publishing would tell nothing.
        canned_aws.answers["CheckIfPhoneNumberIsOptedOut"] = [(200, CHECKED.format("true").encode())]
        with pytest.raises(ProviderError) as caught:
            canned_aws.sender.send(sms(), idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == ("sms.opted_out", False)
        assert canned_aws.actions == ["CheckIfPhoneNumberIsOptedOut"]

    def test_an_account_that_may_only_publish_publishes(self, canned_aws: CannedAws) -> None:
        denied = sns_error("AuthorizationError")
        canned_aws.answers["CheckIfPhoneNumberIsOptedOut"] = [(403, denied)]
        canned_aws.body = (
            b"<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>"
        )

        assert canned_aws.sender.send(sms(), idempotency_key=uuid4(), timeout_s=30).vendor_id == "m-1"

    def test_an_outage_while_asking_keeps_the_text_for_later(self, canned_aws: CannedAws) -> None:
        canned_aws.answers["CheckIfPhoneNumberIsOptedOut"] = [(500, sns_error("InternalError"))]
        with pytest.raises(ProviderError) as caught:
            canned_aws.sender.send(sms(), idempotency_key=uuid4(), timeout_s=30)

        assert caught.value.retryable
        assert canned_aws.actions == ["CheckIfPhoneNumberIsOptedOut"]

    def test_the_list_is_read_page_by_page(self, canned_aws: CannedAws) -> None:
        pages = [sns_list(ANA, next_token="more"), sns_list(CHECKED_STOP)]
        canned_aws.answers["ListPhoneNumbersOptedOut"] = [(200, page) for page in pages]

        assert canned_aws.sender.opted_out(timeout_s=30) == {ANA, CHECKED_STOP}
        assert ["nextToken=more" in request for request in canned_aws.requests] == [False, True]

    def test_a_list_of_which_a_page_is_missing_is_no_list(self, canned_aws: CannedAws) -> None:
        canned_aws.answers["ListPhoneNumbersOptedOut"] = [
            (200, sns_list(ANA, next_token="more")),
            (429, sns_error("Throttled")),
        ]
        with pytest.raises(ProviderError) as caught:
            canned_aws.sender.opted_out(timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == ("sms.throttled", True)

    @pytest.mark.parametrize(
        ("status", "vendor_code", "code", "retryable"),
        [
            (400, "InvalidParameter", "sms.opt_in_refused", False),
            (429, "Throttled", "sms.throttled", True),
            (403, "AuthorizationError", "sms.credentials", True),
        ],
    )
    def test_a_second_opt_in_within_thirty_days_is_refused_for_now(
        self, canned_aws: CannedAws, status: int, vendor_code: str, code: str, retryable: bool
    ) -> None:
        canned_aws.status, canned_aws.body = status, sns_error(vendor_code)
        with pytest.raises(ProviderError) as caught:
            canned_aws.sender.opt_in(ANA, timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == (code, retryable)

    @pytest.mark.parametrize(("status", "body"), [(200, b"not xml <"), (200, b""), (200, b"<a/>"), (502, b"<html>")])
    def test_an_answer_that_is_no_answer_is_retryable(self, canned_aws: CannedAws, status: int, body: bytes) -> None:
        canned_aws.status, canned_aws.body = status, body
        sender = canned_aws.sender

        with pytest.raises(ProviderError) as caught:
            sender.send(sms(), idempotency_key=uuid4(), timeout_s=30)

        assert caught.value.retryable

    def test_missing_credentials_keep_the_message(self, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

        with pytest.raises(ProviderError) as caught:
            SnsSmsSender(region="eu-west-1", endpoint_url=moto).send(sms(), idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == ("sms.credentials", True)

    def test_an_endpoint_that_is_no_url_is_noticed_at_once(self) -> None:
        with pytest.raises(ValueError, match="endpoint"):
            SnsSmsSender(region="eu-west-1", endpoint_url="localhost")

    @staticmethod
    def _attributes(request: str) -> dict[str, str]:
        fields = {name: values[0] for name, values in parse_qs(request).items()}
        prefix = "MessageAttributes.entry."
        return {
            value: fields[name.replace(".Name", ".Value.StringValue")]
            for name, value in fields.items()
            if name.startswith(prefix) and name.endswith(".Name")
        }
