"""Where Genesys Cloud's notifications come in: by a customer's relay, or by Amazon EventBridge."""

from __future__ import annotations

import json
import time

import structlog
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conversations.correlation import WaitingFull, events_take
from integrations import hooks
from integrations.connections import connection_seen
from integrations.selectors import connection_find, connection_secrets
from integrations.telephony.genesys.codec import SOURCE
from integrations.telephony.genesys.lifecycle import MAX_NOTIFICATIONS, translate

log = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
def events_hook(request: HttpRequest, connection_id: str) -> JsonResponse:
    """One notification, or a list of them. Signed, or with the connection's secret as a fixed key."""
    connection = connection_find(provider=SOURCE, ident=connection_id)
    if connection is None:
        return _no(404, "no such connection")
    if int(request.META.get("CONTENT_LENGTH") or 0) > hooks.BODY_BYTES:
        return _no(413, "too big")
    secrets, key = connection_secrets(connection), request.headers.get(hooks.KEY_HEADER, "")
    try:
        if key:
            hooks.hook_key_verify(secrets, key)
        else:
            hooks.hook_verify(
                secrets,
                timestamp=request.headers.get(hooks.TIMESTAMP_HEADER, ""),
                signature=request.headers.get(hooks.SIGNATURE_HEADER, ""),
                body=request.body,
                now=time.time(),
            )
    except hooks.HookRefused as refused:
        log.warning("hook.refused", connection=str(connection.pk), reason=refused.reason)
        return _no(401, refused.reason)
    connection_seen(connection)
    try:
        said = json.loads(request.body)
    except (ValueError, RecursionError):
        return _no(400, "not JSON")
    if isinstance(said, list) and len(said) > MAX_NOTIFICATIONS:
        return _no(413, "too many notifications at once")
    events = translate(said, received_at=timezone.now())
    try:
        joined = events_take(provider=SOURCE, events=events)
    except WaitingFull:
        return _no(503, "too much waits for calls that never came")
    except ValueError as error:
        return _no(400, str(error))
    return JsonResponse({"events": len(events), "joined": joined}, status=202)


def _no(status: int, reason: str) -> JsonResponse:
    return JsonResponse({"error": reason}, status=status)
