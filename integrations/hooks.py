"""HTTP requests that vendors and customers' functions send us: who may, and that nobody sends them a second time.

`hook_verify` is for senders of our own recipes, which sign: HMAC-SHA256 with the connection's secret over
`<timestamp>.<body>`. `hook_key_verify` is for services that can only send a fixed header. Vendors with signatures of
their own bring their own check.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

# How far a signature's time may lie from ours. What is repeated within it must be harmless: receivers are idempotent.
WINDOW_SECONDS = 300
TIMESTAMP_HEADER = "X-Hook-Timestamp"
SIGNATURE_HEADER = "X-Hook-Signature"
KEY_HEADER = "X-Api-Key"
# A vendor's event is some kilobytes.
BODY_BYTES = 256 * 1024

_SIGNATURE = re.compile(r"v1=[0-9a-f]{64}")


class HookRefused(Exception):
    """The request is not from whom it should be. `reason` is for the sender; it quotes nothing of the request."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def hook_sign(secret: str, timestamp: int, body: bytes) -> str:
    """What a sender puts into `SIGNATURE_HEADER`; `timestamp`: seconds since 1970, as in `TIMESTAMP_HEADER`."""
    mac = hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256)
    return f"v1={mac.hexdigest()}"


def hook_verify(secrets: Iterable[str], *, timestamp: str, signature: str, body: bytes, now: float) -> None:
    """Check a signed request. `secrets`: all that are good now; `now`: seconds since 1970. Raises `HookRefused`.

    `signature` may hold several, separated by spaces, while the sender changes its secret.
    """
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise HookRefused("no timestamp")
    if abs(now - int(timestamp)) > WINDOW_SECONDS:
        raise HookRefused("the timestamp is too far from now")
    given = [each for each in signature.split(" ")[:4] if _SIGNATURE.fullmatch(each)]
    good = [hook_sign(secret, int(timestamp), body) for secret in secrets if secret]
    # Every pair is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(one, other) for one in given for other in good]
    if not any(matches):
        raise HookRefused("the signature is not valid")


def hook_key_verify(secrets: Iterable[str], given: str) -> None:
    """Check a fixed key. Raises `HookRefused`."""
    matches = [hmac.compare_digest(given.encode(), secret.encode()) for secret in secrets if secret]
    if not any(matches):
        raise HookRefused("the key is not valid")
