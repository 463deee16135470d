"""Where Amazon Connect calls in: a contact flow's Lambda function, and contact or agent events."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conversations.correlation import WaitingFull, events_take
from conversations.live.calls import CallRefused
from integrations.models import TelephonyConnection
from integrations.receiving import Refused, signed_json
from integrations.telephony.connect.account import SOURCE, hook_secrets
from integrations.telephony.connect.contact import BadEvent, contact_event
from integrations.telephony.connect.contacts import contacts_follow
from integrations.telephony.connect.lifecycle import instance_of, translate
from integrations.telephony.connect.services import contact_take

EVENTS_AT_ONCE = 100


@csrf_exempt
@require_POST
def contact_hook(request: HttpRequest, connection_id: str) -> JsonResponse:
    """A contact flow's event, as its Lambda function got it. Signed. Answers a flat map of texts, as the flow needs."""
    try:
        connection, said = signed_json(
            request, provider=SOURCE, ident=connection_id, secrets=hook_secrets, keys=False
        )
        event = contact_event(said)
        _instance_check(connection, [event.instance_arn])
        noted = contact_take(connection=connection, event=event)
    except Refused as refused:
        return refused.answer()
    except BadEvent as error:
        return Refused(400, str(error)).answer()
    except CallRefused as refused:
        return Refused(409, refused.reason).answer()
    conversation = str(noted.conversation_id) if noted.conversation_id else ""
    return JsonResponse({"status": noted.status, "conversation": conversation})


@csrf_exempt
@require_POST
def events_hook(request: HttpRequest, connection_id: str) -> JsonResponse:
    """One contact or agent event, or a list of them. Signed, or with the connection's secret as a fixed key."""
    try:
        connection, said = signed_json(
            request, provider=SOURCE, ident=connection_id, secrets=hook_secrets, keys=True
        )
        events = said if isinstance(said, list) else [said]
        if len(events) > EVENTS_AT_ONCE:
            raise Refused(413, "too many events at once")
        _instance_check(connection, [instance_of(event) for event in events])
        translated = [each for event in events for each in translate(event)]
        kept = contacts_follow(connection=connection, events=translated)
        joined = events_take(provider=SOURCE, events=kept)
    except Refused as refused:
        return refused.answer()
    except BadEvent as error:
        return Refused(400, str(error)).answer()
    except WaitingFull:
        return Refused(503, "too much waits for calls that never came").answer()
    return JsonResponse({"events": len(translated), "joined": joined}, status=202)


def _instance_check(connection: TelephonyConnection, instances: Iterable[str]) -> None:
    wanted = connection.setting("instance_arn")
    if wanted and any(instance and instance != wanted for instance in instances):
        raise Refused(403, "of another Connect instance")
