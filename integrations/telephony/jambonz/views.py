"""Where jambonz says what became of a call: an application's call status hook, with user and password."""

from __future__ import annotations

import json

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import throttle
from conversations.correlation import WaitingFull, events_take
from integrations import hooks
from integrations.connections import connection_seen
from integrations.selectors import connection_find, connection_secrets
from integrations.telephony.jambonz.codec import SOURCE
from integrations.telephony.jambonz.lifecycle import translate
from integrations.telephony.jambonz.vendor import is_known

log = structlog.get_logger(__name__)

# Wrong passwords from one address, before it is not listened to for a while.
GUESSES = throttle.Limit("jambonz-status", times=30, seconds=300)


@csrf_exempt
@require_POST
def status_hook(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Take a call status. 204 for all from whom it should be, also for calls that are not ours."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > hooks.BODY_BYTES:
        return HttpResponse(status=413)
    address = throttle.address_of(request)
    if throttle.seconds_left(GUESSES, address=address, place=connection_id):
        return HttpResponse(status=429)
    connection = connection_find(provider=SOURCE, ident=connection_id)
    authorization = request.headers.get("Authorization", "")
    if connection is None or not is_known(connection, connection_secrets(connection), authorization):
        throttle.note(GUESSES, address=address, place=connection_id)
        log.warning("jambonz.status_refused", connection=str(connection.pk) if connection else "")
        return HttpResponse(status=403)
    connection_seen(connection)
    try:
        said = json.loads(request.body)
    except (ValueError, RecursionError):
        return HttpResponse(status=400)
    try:
        events_take(provider=SOURCE, events=translate(said, request.GET.dict(), received_at=timezone.now()))
    except WaitingFull:
        return HttpResponse(status=503)
    return HttpResponse(status=204)
