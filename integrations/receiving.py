"""What vendors send us by HTTP: from which connection a request is, and what it says. Each vendor's views are thin.

`guarded` is for vendors with proofs of their own (a signature over a form, a password); `signed_json` for our recipes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from django.http import HttpRequest, JsonResponse

from accounts import throttle
from integrations import hooks
from integrations.connections import connection_seen
from integrations.models import TelephonyConnection
from integrations.selectors import connection_find, connection_secrets

log = structlog.get_logger(__name__)

# Wrong proofs from one address for one connection, before it is not listened to for a while.
GUESSES, GUESSES_SECONDS = 30, 300

Secrets = Callable[[TelephonyConnection], tuple[str, ...]]
Proof = Callable[[TelephonyConnection, tuple[str, ...]], bool]


class Refused(Exception):
    """A request is not taken: `status` of HTTP, and why in words that quote nothing of it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    def answer(self) -> JsonResponse:
        return JsonResponse({"error": self.reason}, status=self.status)


def guarded(request: HttpRequest, *, provider: str, ident: str, proof: Proof) -> TelephonyConnection:
    """The connection of this vendor that a request is for. `proof`: whether it fits one of these secrets.

    Who guesses too often is not listened to. Raises `Refused`.
    """
    _check_size(request)
    limit = throttle.Limit(f"{provider}-status", times=GUESSES, seconds=GUESSES_SECONDS)
    address = throttle.address_of(request)
    if throttle.seconds_left(limit, address=address, place=ident):
        raise Refused(429, "too many wrong requests")
    connection = connection_find(provider=provider, ident=ident)
    if connection is None or not proof(connection, connection_secrets(connection)):
        throttle.note(limit, address=address, place=ident)
        log.warning(
            "hook.refused", provider=provider, connection=str(connection.pk) if connection else "", status=403
        )
        raise Refused(403, "not from this connection")
    connection_seen(connection)
    return connection


def signed_json(
    request: HttpRequest,
    *,
    provider: str,
    ident: str,
    secrets: Secrets = connection_secrets,
    keys: bool,
) -> tuple[TelephonyConnection, Any]:
    """The connection that a request is for, and what it says, once it is known to be from there. Raises `Refused`.

    `secrets`: those of a connection that such requests are signed with. `keys`: whether the secret itself will do, for
    senders that cannot sign.
    """
    connection = connection_find(provider=provider, ident=ident)
    if connection is None:
        raise Refused(404, "no such connection")
    _check_size(request)
    try:
        _check_sender(request, secrets(connection), keys=keys)
    except hooks.HookRefused as refused:
        log.warning("hook.refused", provider=provider, connection=str(connection.pk), reason=refused.reason)
        raise Refused(401, refused.reason) from None
    connection_seen(connection)
    return connection, json_of(request)


def json_of(request: HttpRequest) -> Any:
    """What a request's body says. Raises `Refused`."""
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refused(400, "not JSON") from None


def _check_size(request: HttpRequest) -> None:
    if int(request.META.get("CONTENT_LENGTH") or 0) > hooks.BODY_BYTES:
        raise Refused(413, "too big")


def _check_sender(request: HttpRequest, secrets: Iterable[str], *, keys: bool) -> None:
    key = request.headers.get(hooks.KEY_HEADER, "")
    if keys and key:
        hooks.hook_key_verify(secrets, key)
        return
    hooks.hook_verify(
        secrets,
        timestamp=request.headers.get(hooks.TIMESTAMP_HEADER, ""),
        signature=request.headers.get(hooks.SIGNATURE_HEADER, ""),
        body=request.body,
        now=time.time(),
    )
