"""Signatures after the Standard Webhooks specification, v1: HMAC-SHA256 over `<id>.<timestamp>.<body>`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable

SECRET_MARK = "whsec_"  # noqa: S105 - what secrets begin with, as the specification has it
SECRET_BYTES = 32


def secret_make() -> bytes:
    return os.urandom(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """The secret as receivers are given it."""
    return SECRET_MARK + base64.b64encode(secret).decode()


def signature(secrets: Iterable[bytes], *, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature a secret, so that receivers may know the old or the new one."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    made = (
        base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in secrets
    )
    return " ".join(f"v1,{one}" for one in made)
