"""What supervisors change from the floor, by request. Each calls one service and answers with JSON."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from accounts.permissions import Permission
from coaching.access import alert_for, whisper_for
from coaching.alerts import alert_claim, alert_release, alert_resolve
from coaching.models import Alert
from coaching.shifts import shift_mark, shifts_now
from coaching.whispers import whisper_answer, whisper_send
from conversations.access import conversation_for
from conversations.services import conversation_attach
from desk.answering import answers_json, body, words
from desk.floor_selectors import agents_attachable
from desk.views import _user

# As it is typed; what is kept has its own length.
WHISPER_MAX = 1000


@answers_json(Permission.IDENTITY_ATTACH, "POST")
def attach(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"agent": id}`: say whose call an unmatched one is; the telephony's agent id is remembered."""
    user = _user(request)
    conversation = conversation_for(user, conversation_id)
    if not conversation.is_unmatched:
        raise ValidationError(_("This call is somebody's already."))
    try:
        wanted = UUID(str(body(request).get("agent")))
    except ValueError:
        raise ValidationError(_("Choose an agent.")) from None
    agent = agents_attachable(user).filter(pk=wanted).first()
    if agent is None:
        raise ValidationError(_("Choose an agent of one of your teams."))
    conversation_attach(conversation=conversation, user=agent)
    return JsonResponse({"agent": {"id": str(agent.pk), "name": agent.name}})


@answers_json(Permission.ALERT_RESOLVE, "POST")
def claim(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Take an alert; 409 where somebody else was quicker."""
    user = _user(request)
    return _alert(alert_claim(alert=alert_for(user, alert_id), user=user))


@answers_json(Permission.ALERT_RESOLVE, "POST")
def release(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    user = _user(request)
    return _alert(alert_release(alert=alert_for(user, alert_id), user=user))


@answers_json(Permission.ALERT_RESOLVE, "POST")
def resolve(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    user = _user(request)
    return _alert(alert_resolve(alert=alert_for(user, alert_id), user=user))


def _alert(row: Alert) -> JsonResponse:
    return JsonResponse({"state": row.state, "assignee": str(row.assignee_id) if row.assignee_id else None})


@answers_json(Permission.ALERT_RESOLVE, "POST")
def shift(request: HttpRequest) -> HttpResponse:
    """`{"on": true | false | null}`: on shift, off, or as the open floor says. Answers with who is on now."""
    user, on = _user(request), body(request).get("on")
    if on is not None and not isinstance(on, bool):
        raise ValidationError(_("“on” is true, false or null."))
    shift_mark(user=user, on=on)
    return JsonResponse({"shifts": shifts_now(user)})


@answers_json(Permission.WHISPER_SEND, "POST")
def whisper(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"text"}`: a line for the agent of a live call. Answers with it as it is kept, which is redacted."""
    user = _user(request)
    text = words(body(request), "text", maximum=WHISPER_MAX)
    row = whisper_send(conversation=conversation_for(user, conversation_id), user=user, text=text)
    return JsonResponse({"id": str(row.pk), "text": row.text})


@answers_json(Permission.GUIDANCE_ANSWER, "POST")
def whisper_answered(request: HttpRequest, whisper_id: UUID) -> HttpResponse:
    """`{"answer": "seen" | "thanks" | "ok"}`, by the agent of the call."""
    user = _user(request)
    answer = words(body(request), "answer", maximum=6)
    row = whisper_answer(whisper=whisper_for(user, whisper_id), user=user, answer=answer)
    return JsonResponse({"id": str(row.pk), "answer": row.answer})
