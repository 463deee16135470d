"""Kinesis Video Streams by boto3: where a stream's media is read, and its fragments. Blocking: run it in threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

READ_BYTES = 65_536
CONNECT_SECONDS = 5
# The service sends nothing while nobody speaks into the stream; a fragment comes every second otherwise.
READ_SECONDS = 15


@dataclass(frozen=True, slots=True)
class KvsAccess:
    """Where and as whom to read. Without keys: as the environment says (instance role, AWS_* variables).

    `role_arn` is assumed with what the keys or the environment give. `endpoint_url` is for tests and private links.
    """

    region: str
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    role_arn: str = ""
    external_id: str = ""
    endpoint_url: str = ""


class KvsError(Exception):
    """The service refused, or is not there. `reason`: a short word for the call's account; `again`: try later."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again


# Error codes of GetDataEndpoint and GetMedia, and of a fragment's AWS_KINESISVIDEO_ERROR_CODE.
_REASONS = {
    "ResourceNotFoundException": ("kvs_stream_not_found", False),
    "NotAuthorizedException": ("kvs_not_authorized", False),
    "AccessDeniedException": ("kvs_not_authorized", False),
    "AccessDenied": ("kvs_not_authorized", False),
    "UnrecognizedClientException": ("kvs_not_authorized", False),
    "InvalidSignatureException": ("kvs_not_authorized", False),
    "InvalidArgumentException": ("kvs_invalid_argument", False),
    "ClientLimitExceededException": ("kvs_client_limit", True),
    "ConnectionLimitExceededException": ("kvs_connection_limit", True),
    "InvalidEndpointException": ("kvs_endpoint_changed", True),
    # AWS_KINESISVIDEO_ERROR_CODE, "GetMedia" in the service's reference.
    "3002": ("kvs_write_error", True),
    "4000": ("kvs_stream_not_found", False),
    "4001": ("kvs_no_data", True),
    "4002": ("kvs_key_not_found", False),
    "4003": ("kvs_key_disabled", False),
    "4004": ("kvs_key_invalid", False),
    "4005": ("kvs_key_invalid", False),
    "4006": ("kvs_key_invalid", False),
    "5000": ("kvs_internal_error", True),
}


def kvs_error(code: str) -> KvsError:
    """The error for one of the service's codes; what is not known may pass."""
    reason, again = _REASONS.get(code, ("kvs_error", True))
    return KvsError(reason, again=again)


class Media(Protocol):
    """GetMedia's answer while it comes."""

    def read(self) -> bytes:
        """What has come, at least a byte; b"" at the end. Blocks. Raises `KvsError` when the connection breaks."""

    def close(self) -> None:
        """Break off, also a read that waits in another thread."""


class _Payload:
    def __init__(self, payload: Any) -> None:
        # The stream of boto3 waits until it has as much as was asked for; the one within gives what there is.
        self._raw = payload.__enter__()

    def read(self) -> bytes:
        try:
            data: bytes = self._raw.read1(READ_BYTES)
            return data
        except urllib3.exceptions.ReadTimeoutError:
            return b""  # nothing came for so long that the stream is as good as ended here
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
            # The last two: the connection was closed under a read, here or there.
            raise KvsError("kvs_connection_lost", again=True) from None

    def close(self) -> None:
        # Closing waits for a read that is under way; shutting the socket down ends it.
        with suppress(ValueError, RuntimeError, OSError, AttributeError):
            self._raw.shutdown()


class KvsClient:
    """One connection's access to its streams. Thread-safe. Raises `KvsError`."""

    def __init__(self, access: KvsAccess) -> None:
        self._access = access
        self._session: Any = None
        self._endpoints: dict[tuple[str, str], str] = {}

    def media(self, stream_arn: str, *, after_fragment: str = "", since: datetime | None = None) -> Media:
        """Start reading behind a fragment, or at a time, or with what comes from now on."""
        if after_fragment:
            start: dict[str, Any] = {
                "StartSelectorType": "FRAGMENT_NUMBER",
                "AfterFragmentNumber": after_fragment,
            }
        elif since is not None:
            start = {"StartSelectorType": "PRODUCER_TIMESTAMP", "StartTimestamp": since}
        else:
            start = {"StartSelectorType": "NOW"}
        with self._errors(stream_arn, "GET_MEDIA"):
            client = self._client("kinesis-video-media", self._endpoint(stream_arn, "GET_MEDIA"))
            return _Payload(client.get_media(StreamARN=stream_arn, StartSelector=start)["Payload"])

    def fragments(self, stream_arn: str, numbers: list[str]) -> Media:
        """Read these fragments from what the stream has kept."""
        api = "GET_MEDIA_FOR_FRAGMENT_LIST"
        with self._errors(stream_arn, api):
            client = self._client("kinesis-video-archived-media", self._endpoint(stream_arn, api))
            answer = client.get_media_for_fragment_list(StreamARN=stream_arn, Fragments=numbers)
            return _Payload(answer["Payload"])

    # --- boto3 --------------------------------------------------------------------------------------------

    def _endpoint(self, stream_arn: str, api: str) -> str:
        known = self._endpoints.get((stream_arn, api))
        if known is None:
            control = self._client("kinesisvideo", self._access.endpoint_url or None)
            answer = control.get_data_endpoint(StreamARN=stream_arn, APIName=api)
            known = self._endpoints[stream_arn, api] = str(answer["DataEndpoint"])
        return known

    def _client(self, service: str, endpoint: str | None) -> Any:
        if self._session is None:
            self._session = _session(self._access)
        return self._session.client(
            service,
            endpoint_url=endpoint,
            # Repeating is for whoever follows the call: it knows how long that is of use.
            config=Config(
                connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1}
            ),
        )

    @contextmanager
    def _errors(self, stream_arn: str, api: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            # Its message may quote what was asked for; the code does not.
            found = kvs_error(str(error.response.get("Error", {}).get("Code", "")))
            self._endpoints.pop((stream_arn, api), None)
            raise found from None
        except (BotoCoreError, HTTPClientError) as error:
            self._endpoints.pop((stream_arn, api), None)
            again = type(error).__name__ not in {"NoCredentialsError", "PartialCredentialsError"}
            raise KvsError("kvs_unreachable" if again else "kvs_not_authorized", again=again) from None


def _session(access: KvsAccess) -> Any:
    session = boto3.Session(
        region_name=access.region,
        aws_access_key_id=access.access_key_id or None,
        aws_secret_access_key=access.secret_access_key or None,
    )
    if not access.role_arn:
        return session
    more = {"ExternalId": access.external_id} if access.external_id else {}
    given = session.client("sts").assume_role(
        RoleArn=access.role_arn, RoleSessionName="kvs-reader", DurationSeconds=3600, **more
    )["Credentials"]
    return boto3.Session(
        region_name=access.region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
