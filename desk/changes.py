"""What agents change from the desk, by request. Each calls one service and answers with JSON.

The pages follow the conversation's events for what changed; answers only say that it was done.
"""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching.access import guidance_for
from coaching.alerts import hand_lower, hand_raise
from coaching.mutes import mute_end, mute_set, mutes_shown
from coaching.playbooks import playbook_begin, revision_id
from coaching.tidings import playbook_move
from conversations.access import conversation_for
from conversations.consent import consent_record
from conversations.events import stamp
from conversations.models import ConsentRecord, Conversation, Disposition, Purpose, Summary, SummaryLine
from conversations.notes import note_save
from conversations.pci import pci_pause, pci_resume, source_of
from conversations.summaries import (
    summary_confirm,
    summary_edit,
    summary_line_add,
    summary_line_remove,
    summary_line_restore,
    summary_text,
)
from desk import answers
from desk.answering import answers_json, body, words
from desk.keys import keys_save

LINE_MAX = 2000
NOTE_MAX = 8000


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _own(user: User, conversation_id: UUID) -> Conversation:
    """The agent's own conversation; to supervisors and colleagues there is none here to change."""
    conversation = conversation_for(user, conversation_id)
    if conversation.agent_id != user.pk:
        raise Http404("not this person's conversation")
    return conversation


def _line(user: User, line_id: UUID) -> SummaryLine:
    return get_object_or_404(
        SummaryLine.objects.select_related("summary"), pk=line_id, summary__conversation__agent=user
    )


def _summary(user: User, conversation_id: UUID) -> Summary:
    return get_object_or_404(
        Summary.objects.select_related("template").prefetch_related("lines"),
        conversation=_own(user, conversation_id),
    )


def _line_shown(line: SummaryLine) -> JsonResponse:
    return JsonResponse({"id": str(line.pk), "text": line.text, "removed": line.removed})


# --- The agent ------------------------------------------------------------------------------------------


@answers_json(Permission.GUIDANCE_ANSWER, "POST")
def guidance(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"id", "action", "reason"?, "shown_ms_ago"?}`, for a page whose socket is away."""
    user = _user(request)
    given = answers.parse(body(request))
    answers.answer_give(user=user, conversation=conversation_for(user, conversation_id), given=given)
    return JsonResponse({"id": str(given.guidance_id)})


@answers_json(Permission.GUIDANCE_ANSWER, "POST")
def mute(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"id", "whole_kind"?}`: nothing more of this rule, or of its kind, until the shift is over."""
    user, content = _user(request), body(request)
    conversation = _own(user, conversation_id)
    row = guidance_for(user, str(content.get("id", "")))
    if row.conversation_id != conversation.pk:
        raise Http404("no such guidance in this conversation")
    mute_set(user=user, guidance=row, whole_kind=content.get("whole_kind") is True)
    return JsonResponse({"mutes": mutes_shown(user)})


@answers_json(Permission.GUIDANCE_ANSWER, "POST")
def step(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"id", "step"}`: go on at another step of the playbook that the step `id` belongs to.

    `{"revision", "playbook"}`: begin one of those that the call offers.
    """
    user, content = _user(request), body(request)
    conversation = _own(user, conversation_id)
    if "playbook" in content:
        wanted = words(content, "playbook", maximum=80)
        playbook_begin(
            conversation=conversation, revision=revision_id(content.get("revision")), playbook=wanted
        )
        return JsonResponse({"playbook": wanted})
    row = guidance_for(user, str(content.get("id", "")))
    if row.conversation_id != conversation.pk:
        raise Http404("no such guidance in this conversation")
    wanted = words(content, "step", maximum=80)
    playbook_move(step=row, to=wanted)
    return JsonResponse({"step": wanted})


@answers_json(Permission.GUIDANCE_ANSWER, "POST")
def mute_over(request: HttpRequest, mute_id: UUID) -> HttpResponse:
    """Show it again."""
    user = _user(request)
    mute_end(user=user, mute_id=mute_id)
    return JsonResponse({"mutes": mutes_shown(user)})


@answers_json(Permission.DESK_WORK, "POST")
def hand(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"raised": true | false}`: ask a supervisor to come to this call, or no longer."""
    user, raised = _user(request), body(request).get("raised")
    conversation = _own(user, conversation_id)
    if not isinstance(raised, bool):
        raise ValidationError(_("“raised” is true or false."))
    if raised:
        hand_raise(conversation=conversation, agent=user)
    else:
        hand_lower(conversation=conversation, agent=user)
    return JsonResponse({"raised": raised})


@answers_json(Permission.DESK_WORK, "POST")
def keys(request: HttpRequest) -> HttpResponse:
    """`{"keys": {"w": "q"}}`: the keys that this person wants instead; `{}` for those that come with the desk."""
    wanted = body(request).get("keys")
    if not isinstance(wanted, dict) or len(wanted) > 40:
        raise ValidationError(_("“keys” is an object."))
    return JsonResponse({"keys": keys_save(user=_user(request), keys=wanted)})


@answers_json(Permission.DESK_WORK, "POST")
def note(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"text"}`. Answers with the text as it was kept, which is redacted."""
    user = _user(request)
    conversation = _own(user, conversation_id)
    saved = note_save(
        conversation=conversation, user=user, text=words(body(request), "text", maximum=NOTE_MAX)
    )
    if saved is None:
        return JsonResponse({"text": "", "updated_at": None})
    return JsonResponse({"text": saved.text, "updated_at": stamp(saved.updated_at)})


# What an agent hears a caller say of their consent; how it was asked for in a menu is the telephony's to tell.
_SAID = (ConsentRecord.State.GIVEN, ConsentRecord.State.WITHDRAWN)
_ASKED = (Purpose.RECORD, Purpose.ASSIST)


@answers_json(Permission.DESK_WORK, "POST")
def consent(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"state": "given" | "withdrawn", "purposes": ["record", "assist"]}`: what the caller has just said."""
    user, content = _user(request), body(request)
    conversation = _own(user, conversation_id)
    state, purposes = content.get("state"), content.get("purposes")
    if state not in _SAID:
        raise ValidationError(_("“state” is given or withdrawn."))
    if not isinstance(purposes, list) or not purposes or any(one not in _ASKED for one in purposes):
        raise ValidationError(_("Choose recording, transcription, or both."))
    now = timezone.now()
    # One after the other, since each asks the call's buffer where it stands; said again, it changes nothing.
    for purpose in sorted(set(purposes)):
        consent_record(
            conversation=conversation, purpose=purpose, state=state, source="agent", at=now, actor=user
        )
    return JsonResponse({"state": state})


@answers_json(Permission.DESK_WORK, "POST")
def card_pause(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"paused": true | false}`: nothing of the sound is recorded while a card is given."""
    user, paused = _user(request), body(request).get("paused")
    conversation = _own(user, conversation_id)
    if not isinstance(paused, bool):
        raise ValidationError(_("“paused” is true or false."))
    change = pci_pause if paused else pci_resume
    change(
        conversation=conversation,
        source=source_of(user),
        actor=user,
        address=address_of(request) or None,
    )
    return JsonResponse({"paused": paused})


@answers_json(Permission.SUMMARY_EDIT_OWN, "POST")
def line_add(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"section", "text"}`."""
    user, content = _user(request), body(request)
    summary = _summary(user, conversation_id)
    text = words(content, "text", maximum=LINE_MAX)
    section = words(content, "section", maximum=40)
    return _line_shown(summary_line_add(summary=summary, user=user, section=section, text=text))


@answers_json(Permission.SUMMARY_EDIT_OWN, "POST")
def line_edit(request: HttpRequest, line_id: UUID) -> HttpResponse:
    """`{"text"}`. The line as it was stays beside it."""
    user = _user(request)
    text = words(body(request), "text", maximum=LINE_MAX)
    return _line_shown(summary_edit(line=_line(user, line_id), user=user, text=text))


@answers_json(Permission.SUMMARY_EDIT_OWN, "POST")
def line_remove(request: HttpRequest, line_id: UUID) -> HttpResponse:
    user = _user(request)
    return _line_shown(summary_line_remove(line=_line(user, line_id), user=user))


@answers_json(Permission.SUMMARY_EDIT_OWN, "POST")
def line_restore(request: HttpRequest, line_id: UUID) -> HttpResponse:
    user = _user(request)
    return _line_shown(summary_line_restore(line=_line(user, line_id), user=user))


@answers_json(Permission.SUMMARY_EDIT_OWN, "POST")
def confirm(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"disposition": id | null}`: confirm the summary and end the wrap-up."""
    user = _user(request)
    chosen = body(request).get("disposition")
    disposition = None
    if chosen is not None:
        try:
            disposition = Disposition.objects.filter(pk=UUID(str(chosen))).first()
        except ValueError:
            disposition = None
        if disposition is None:
            raise ValidationError(_("There is no such way to end a conversation."))
    summary = summary_confirm(summary=_summary(user, conversation_id), user=user, disposition=disposition)
    return JsonResponse({"state": summary.state})


@answers_json(Permission.CONVERSATION_READ_OWN, "GET")
def text(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The summary as plain text, for whoever may read the conversation."""
    conversation = conversation_for(_user(request), conversation_id)
    rows = Summary.objects.select_related("template").prefetch_related("lines")
    summary = get_object_or_404(rows, conversation=conversation)
    return HttpResponse(summary_text(summary), content_type="text/plain; charset=utf-8")
