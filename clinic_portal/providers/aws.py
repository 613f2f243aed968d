"""What the Amazon adapters share: credentials, clients with a time limit, and the error codes of every AWS service."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypedDict, TypeVar
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from clinic_portal.providers.base import Channel
from clinic_portal.providers.errors import ProviderError

Client = TypeVar("Client")

#: AWS code -> (our code, retryable).
VendorCodes = Mapping[str, tuple[str, bool]]

#: AWS code -> (last part of our code, retryable). A wrong credential is ours to repair and no reason to lose a message.
#: Source: https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
_COMMON_CODES: VendorCodes = {
    "AccessDenied": ("credentials", True),
    "AccessDeniedException": ("credentials", True),
    "ExpiredToken": ("credentials", True),
    "ExpiredTokenException": ("credentials", True),
    "IncompleteSignature": ("credentials", True),
    "InvalidClientTokenId": ("credentials", True),
    "MissingAuthenticationToken": ("credentials", True),
    "NotAuthorized": ("credentials", True),
    "OptInRequired": ("credentials", True),
    "RequestExpired": ("credentials", True),
    "SignatureDoesNotMatch": ("credentials", True),
    "UnrecognizedClientException": ("credentials", True),
    "InternalFailure": ("vendor_down", True),
    "ServiceUnavailable": ("vendor_down", True),
    "RequestThrottled": ("throttled", True),
    "Throttling": ("throttled", True),
    "ThrottlingException": ("throttled", True),
    "TooManyRequestsException": ("throttled", True),
    "ValidationError": ("refused", False),
}

_CREDENTIAL_FAULTS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
)


class Credentials(TypedDict):
    """The arguments of a boto3 session; None leaves the choice to boto3."""

    aws_access_key_id: str | None
    aws_secret_access_key: str | None


@dataclass(frozen=True)
class AwsAccess:
    """Where a service is and who we are there."""

    region: str
    endpoint_url: str | None
    access_key_id: str | None
    secret_access_key: str | None = field(repr=False)

    def __post_init__(self) -> None:
        """Raises: ValueError for an endpoint that is no URL, which boto3 would only notice at the first message."""
        if self.endpoint_url is not None and not urlsplit(self.endpoint_url).hostname:
            raise ValueError("The AWS endpoint is not a URL with a host")

    def credentials(self) -> Credentials:
        """What boto3's session wants."""
        return {"aws_access_key_id": self.access_key_id, "aws_secret_access_key": self.secret_access_key}


class ClientCache(Generic[Client]):
    """One boto3 client for each time limit, because boto3 takes the limit only when a client is made.

    Clients may be shared by threads; making them may not, hence the lock.
    """

    def __init__(self, connect: Callable[[Config], Client]) -> None:
        self._connect = connect
        self._clients: dict[float, Client] = {}
        self._lock = threading.Lock()

    def get(self, timeout_s: float) -> Client:
        """The client whose calls end within `timeout_s`: a third of it to connect, the rest to wait for the answer."""
        with self._lock:
            if timeout_s not in self._clients:
                self._clients[timeout_s] = self._connect(_config(timeout_s))
            return self._clients[timeout_s]


def _config(timeout_s: float) -> Config:
    # One attempt: the outbox retries, and it is the only one that counts and spaces the attempts.
    return Config(
        connect_timeout=timeout_s / 3,
        read_timeout=timeout_s * 2 / 3,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )


@contextmanager
def translated(channel: Channel, codes: VendorCodes) -> Iterator[None]:
    """Turns every error of boto3 into ours. A code that nobody listed is retryable if the answer was 429 or 5xx."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise _provider_error(error, channel=channel, codes=codes) from error
    except (ResponseParserError, KeyError) as error:
        # An answer that is none, or without the id that it promises: a proxy's, or half of one.
        raise ProviderError(f"{channel}.vendor_down", retryable=True) from error


def _provider_error(error: BotoCoreError | ClientError, *, channel: Channel, codes: VendorCodes) -> ProviderError:
    if isinstance(error, ClientError):
        return _answered(error, channel=channel, codes=codes)
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return ProviderError(f"{channel}.timeout", retryable=True)
    if isinstance(error, HTTPClientError | BotoConnectionError):
        return ProviderError(f"{channel}.unreachable", retryable=True)
    if isinstance(error, _CREDENTIAL_FAULTS):
        return ProviderError(f"{channel}.credentials", retryable=True)
    if isinstance(error, ParamValidationError):
        return ProviderError(f"{channel}.refused", retryable=False)
    # What is left never reached the vendor (an unreadable profile, an unknown region): ours to repair.
    return ProviderError(f"{channel}.misconfigured", retryable=True)


def _answered(error: ClientError, *, channel: Channel, codes: VendorCodes) -> ProviderError:
    vendor_code = str(error.response.get("Error", {}).get("Code", ""))
    if vendor_code in codes:
        code, retryable = codes[vendor_code]
        return ProviderError(code, retryable=retryable)
    if vendor_code in _COMMON_CODES:
        suffix, retryable = _COMMON_CODES[vendor_code]
        return ProviderError(f"{channel}.{suffix}", retryable=retryable)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status == 429:
        return ProviderError(f"{channel}.throttled", retryable=True)
    if status >= 500:
        return ProviderError(f"{channel}.vendor_down", retryable=True)
    return ProviderError(f"{channel}.refused", retryable=False)
