"""Where jambonz says what became of a call: an application's call status hook, with user and password."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conversations.correlation import WaitingFull, events_take
from integrations.receiving import Refused, guarded, json_of
from integrations.telephony.jambonz.codec import SOURCE
from integrations.telephony.jambonz.lifecycle import translate
from integrations.telephony.jambonz.vendor import is_known


@csrf_exempt
@require_POST
def status_hook(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Take a call status. 204 for all from whom it should be, also for calls that are not ours."""
    try:
        guarded(
            request,
            provider=SOURCE,
            ident=connection_id,
            proof=lambda connection, secrets: is_known(
                connection, secrets, request.headers.get("Authorization", "")
            ),
        )
        said = json_of(request)
        events_take(provider=SOURCE, events=translate(said, request.GET.dict(), received_at=timezone.now()))
    except Refused as refused:
        return refused.answer()
    except WaitingFull:
        return HttpResponse(status=503)
    return HttpResponse(status=204)
