"""Where Genesys Cloud's notifications come in: by a customer's relay, or by Amazon EventBridge."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import replace

import structlog
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conversations.correlation import WaitingFull, conversation_by, events_take
from conversations.models import CallPhase
from conversations.phases import LifecycleEvent
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
    joined = 0
    try:
        for event in events:
            joined += events_take(provider=SOURCE, events=list(_news([event])))
    except WaitingFull:
        return _no(503, "too much waits for calls that never came")
    except ValueError as error:
        return _no(400, str(error))
    return JsonResponse({"events": len(events), "joined": joined}, status=202)


def _news(events: Iterable[LifecycleEvent]) -> Iterable[LifecycleEvent]:
    """The events, without phases that the call is in already: a whole conversation comes with every small change."""
    for event in events:
        call = conversation_by(SOURCE, event.identifiers) if event.phase is not None else None
        last = (
            CallPhase.objects.filter(conversation=call, refused=False).order_by("-at", "-pk").first()
            if call is not None
            else None
        )
        same = last is not None and (last.phase, last.provider_agent_id) == (event.phase, event.agent)
        yield replace(event, phase=None) if same else event


def _no(status: int, reason: str) -> JsonResponse:
    return JsonResponse({"error": reason}, status=status)
