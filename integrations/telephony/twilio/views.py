"""Where Twilio says what became of a stream or a call: status callbacks, signed over their address and fields."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import throttle
from conversations.correlation import WaitingFull
from conversations.live.wire import ProtocolError
from integrations import hooks
from integrations.connections import connection_seen
from integrations.selectors import connection_find, connection_secrets
from integrations.telephony.twilio.codec import SOURCE
from integrations.telephony.twilio.lifecycle import translate
from integrations.telephony.twilio.services import ENDS, lifecycle_note, live_call
from integrations.telephony.twilio.signature import is_signed
from integrations.telephony.twilio.tasks import AFTER_SECONDS, stream_ended
from integrations.telephony.twilio.vendor import check_account
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

# Wrong signatures from one address, before it is not listened to for a while.
GUESSES = throttle.Limit("twilio-status", times=30, seconds=300)


@csrf_exempt
@require_POST
def status_hook(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Take a status callback. 204 for all that is signed, also for calls that are not ours or over."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > hooks.BODY_BYTES:
        return HttpResponse(status=413)
    address = throttle.address_of(request)
    if throttle.seconds_left(GUESSES, address=address, place=connection_id):
        return HttpResponse(status=429)
    connection = connection_find(provider=SOURCE, ident=connection_id)
    fields = [(name, value) for name, values in request.POST.lists() for value in values]
    # Twilio signs what it was given, which is https, whatever lies between it and us.
    url = f"https://{request.get_host()}{request.get_full_path()}"
    signature = request.headers.get("X-Twilio-Signature", "")
    if connection is None or not is_signed(signature, connection_secrets(connection), url, fields):
        throttle.note(GUESSES, address=address, place=connection_id)
        log.warning("twilio.status_refused", connection=str(connection.pk) if connection else "")
        return HttpResponse(status=403)
    try:
        check_account(connection, request.POST.get("AccountSid", ""))
    except ProtocolError:
        return HttpResponse(status=403)
    connection_seen(connection)
    event = request.POST.get("StreamEvent") or request.POST.get("CallStatus", "")
    try:
        lifecycle_note(translate(request.POST.dict(), request.GET.dict(), received_at=timezone.now()))
    except WaitingFull:
        return HttpResponse(status=503)
    reason = ENDS.get(event)
    if reason is not None:
        conversation = live_call(call_sid=request.POST.get("CallSid", ""))
        log.info("twilio.status", status_event=event, conversation=str(conversation or ""))
        if conversation is not None:
            asked = {"schema": current_schema(), "conversation_id": str(conversation), "reason": reason}
            stream_ended.apply_async(kwargs=asked, countdown=AFTER_SECONDS)
    return HttpResponse(status=204)
