"""Where Amazon Connect calls in: a contact flow's Lambda function, and contact or agent events."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import structlog
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conversations.correlation import WaitingFull, events_take
from conversations.live.calls import CallRefused
from integrations import hooks
from integrations.connections import connection_seen
from integrations.models import TelephonyConnection
from integrations.selectors import connection_find
from integrations.telephony.connect.account import SOURCE, hook_secrets
from integrations.telephony.connect.contact import BadEvent, contact_event
from integrations.telephony.connect.contacts import contacts_follow
from integrations.telephony.connect.lifecycle import instance_of, translate
from integrations.telephony.connect.services import contact_take

log = structlog.get_logger(__name__)

EVENTS_AT_ONCE = 100


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@csrf_exempt
@require_POST
def contact_hook(request: HttpRequest, connection_id: str) -> JsonResponse:
    """A contact flow's event, as its Lambda function got it. Signed. Answers a flat map of texts, as the flow needs."""
    try:
        connection, said = _read(request, connection_id, keys=False)
        event = contact_event(said)
        _instance_check(connection, [event.instance_arn])
        noted = contact_take(connection=connection, event=event)
    except _Refused as refused:
        return _no(refused.status, refused.reason)
    except BadEvent as error:
        return _no(400, str(error))
    except CallRefused as refused:
        return _no(409, refused.reason)
    conversation = str(noted.conversation_id) if noted.conversation_id else ""
    return JsonResponse({"status": noted.status, "conversation": conversation})


@csrf_exempt
@require_POST
def events_hook(request: HttpRequest, connection_id: str) -> JsonResponse:
    """One contact or agent event, or a list of them. Signed, or with the connection's secret as a fixed key."""
    try:
        connection, said = _read(request, connection_id, keys=True)
        events = said if isinstance(said, list) else [said]
        if len(events) > EVENTS_AT_ONCE:
            raise _Refused(413, "too many events at once")
        _instance_check(connection, [instance_of(event) for event in events])
        translated = [each for event in events for each in translate(event)]
        kept = contacts_follow(connection=connection, events=translated)
        joined = events_take(provider=SOURCE, events=kept)
    except _Refused as refused:
        return _no(refused.status, refused.reason)
    except BadEvent as error:
        return _no(400, str(error))
    except WaitingFull:
        return _no(503, "too much waits for calls that never came")
    return JsonResponse({"events": len(translated), "joined": joined}, status=202)


def _read(request: HttpRequest, connection_id: str, *, keys: bool) -> tuple[TelephonyConnection, Any]:
    """The connection that a request is for, and what it says, once it is known to be from there."""
    connection = connection_find(provider=SOURCE, ident=connection_id)
    if connection is None:
        raise _Refused(404, "no such connection")
    if int(request.META.get("CONTENT_LENGTH") or 0) > hooks.BODY_BYTES:
        raise _Refused(413, "too big")
    body = request.body
    secrets = hook_secrets(connection)
    key = request.headers.get(hooks.KEY_HEADER, "")
    try:
        if keys and key:
            hooks.hook_key_verify(secrets, key)
        else:
            hooks.hook_verify(
                secrets,
                timestamp=request.headers.get(hooks.TIMESTAMP_HEADER, ""),
                signature=request.headers.get(hooks.SIGNATURE_HEADER, ""),
                body=body,
                now=time.time(),
            )
    except hooks.HookRefused as refused:
        log.warning("hook.refused", connection=str(connection.pk), reason=refused.reason)
        raise _Refused(401, refused.reason) from None
    connection_seen(connection)
    try:
        return connection, json.loads(body)
    except ValueError:
        raise _Refused(400, "not JSON") from None


def _instance_check(connection: TelephonyConnection, instances: Iterable[str]) -> None:
    wanted = connection.setting("instance_arn")
    if wanted and any(instance and instance != wanted for instance in instances):
        raise _Refused(403, "of another Connect instance")


def _no(status: int, reason: str) -> JsonResponse:
    return JsonResponse({"error": reason}, status=status)
