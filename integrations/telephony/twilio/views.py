"""Where Twilio says what became of a stream or a call: status callbacks, signed over their address and fields."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conversations.correlation import WaitingFull
from conversations.live.wire import ProtocolError
from integrations.receiving import Refused, guarded
from integrations.telephony.twilio.codec import SOURCE
from integrations.telephony.twilio.lifecycle import translate
from integrations.telephony.twilio.services import ENDS, lifecycle_note, live_call
from integrations.telephony.twilio.signature import is_signed
from integrations.telephony.twilio.tasks import AFTER_SECONDS, stream_ended
from integrations.telephony.twilio.vendor import check_account
from tenants.scope import current_schema

log = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
def status_hook(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Take a status callback. 204 for all that is signed, also for calls that are not ours or over."""
    try:
        connection = guarded(
            request,
            provider=SOURCE,
            ident=connection_id,
            proof=lambda _connection, secrets: _signed(request, secrets),
        )
    except Refused as refused:
        return refused.answer()
    try:
        check_account(connection, request.POST.get("AccountSid", ""))
    except ProtocolError:
        return HttpResponse(status=403)
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


def _signed(request: HttpRequest, secrets: Iterable[str]) -> bool:
    # Twilio signs what it was given, which is https, whatever lies between it and us.
    url = f"https://{request.get_host()}{request.get_full_path()}"
    fields = [(name, value) for name, values in request.POST.lists() for value in values]
    return is_signed(request.headers.get("X-Twilio-Signature", ""), secrets, url, fields)
