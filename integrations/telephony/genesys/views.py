"""Where Genesys Cloud's notifications come in: by a customer's relay, or by Amazon EventBridge."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conversations.correlation import WaitingFull, events_take
from integrations.receiving import Refused, signed_json
from integrations.telephony.genesys.codec import SOURCE
from integrations.telephony.genesys.lifecycle import MAX_NOTIFICATIONS, translate


@csrf_exempt
@require_POST
def events_hook(request: HttpRequest, connection_id: str) -> JsonResponse:
    """One notification, or a list of them. Signed, or with the connection's secret as a fixed key."""
    try:
        _connection, said = signed_json(request, provider=SOURCE, ident=connection_id, keys=True)
    except Refused as refused:
        return refused.answer()
    if isinstance(said, list) and len(said) > MAX_NOTIFICATIONS:
        return Refused(413, "too many notifications at once").answer()
    events = translate(said, received_at=timezone.now())
    try:
        joined = events_take(provider=SOURCE, events=events)
    except WaitingFull:
        return Refused(503, "too much waits for calls that never came").answer()
    except ValueError as error:
        return Refused(400, str(error)).answer()
    return JsonResponse({"events": len(events), "joined": joined}, status=202)
