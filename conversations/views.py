"""Pages of past conversations: the list with its search, and one conversation with player and transcript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from accounts.models import Queue, Team, User
from accounts.permissions import Permission, Role
from accounts.services import audit
from accounts.throttle import address_of
from accounts.views import needs
from conversations.access import conversation_for
from conversations.chat_lines import is_connected
from conversations.chat_words import chat_words
from conversations.filters import ConversationFilter
from conversations.live_summary import so_far
from conversations.models import ChatMessage, ConsentRecord, Conversation, Disposition, Purpose
from conversations.playback import download_response, recording_for, recording_note, recording_response
from conversations.recording_links import DOWNLOAD, FORMS, PLAY, LinkExpired, link_make, link_open
from conversations.redaction.kept_page import kept_data
from conversations.redaction.policy import redaction_policy
from conversations.review import Review, agents_until, review, transcript_text
from conversations.selectors import (
    COUNTED,
    Facet,
    conversations_search,
    facets,
    place_in,
    scores_unseen,
)
from conversations.spoken import source_names
from tenants.scope import current_schema

TABS = ("summary", "guidance", "score", "events", "details")
AGENTS_OFFERED = 500
REFUSING = (ConsentRecord.State.REFUSED, ConsentRecord.State.WITHDRAWN)


def _user(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]


def filters_given(request: HttpRequest) -> tuple[dict[str, str], list[str]]:
    """The filters in the address that make sense, and the names of those that do not."""
    given = {name: request.GET[name] for name in ConversationFilter.base_filters if request.GET.get(name)}
    wrong = list(ConversationFilter(given, Conversation.objects.none()).form.errors)
    return {name: value for name, value in given.items() if name not in wrong}, wrong


# --- The list -------------------------------------------------------------------------------------------


@needs(Permission.CONVERSATION_READ_OWN)
@require_safe
def conversations_page(request: HttpRequest) -> HttpResponse:
    """Search, filters as chips, facets, fifty rows."""
    user = _user(request)
    filters, wrong = filters_given(request)
    cursor = request.GET.get("cursor", "")
    try:
        page = conversations_search(user=user, filters=filters, cursor=cursor)
    except ValidationError:
        # The cursor is all that can be wrong by now: begin at the newest.
        cursor, wrong = "", [*wrong, "cursor"]
        page = conversations_search(user=user, filters=filters)
    offered = options(user)
    rows = [
        {"row": row, "html": mark_safe(row.matched.html) if row.matched else ""}  # noqa: S308 escaped in marking
        for row in page.rows
    ]
    context = {
        "filters": filters,
        "link": urlencode(filters),
        "chips": _chips(filters, offered),
        "wrong": wrong,
        "facets": _facets_named(facets(user=user, filters=filters)),
        "counted": COUNTED,
        "options": offered,
        "rows": rows,
        "next": page.next,
        "cursor": cursor,
        "words": filters.get("q", ""),
        "today": timezone.localdate(),
        "scores": user.may(Permission.EVALUATION_READ),
    }
    return render(request, "conversations/list.html", context)


def _facets_named(found: dict[str, list[Facet]]) -> dict[str, list[Facet]]:
    """With words for sources; one source alone is no choice."""
    names = source_names()
    sources = [replace(one, label=names.get(one.value, one.label)) for one in found["source"]]
    if len(sources) < 2 and not any(one.on for one in sources):
        sources = []
    return {**found, "source": sources}


def options(user: User) -> dict[str, list[tuple[str, str]]]:
    """What the filter form offers: value and label by field. At most five queries."""
    definition = apps.get_model("moments", "MomentDefinition")
    found: dict[str, list[tuple[str, str]]] = {
        "queue": list(Queue.objects.values_list("key", "name")),
        "moment": list(definition.objects.values_list("key", "name")),
        "disposition": list(Disposition.objects.values_list("key", "name")),
        "channel": [(value, str(label)) for value, label in Conversation.Channel.choices],
        "state": [(value, str(label)) for value, label in Conversation.State.choices],
        "source": list(source_names().items()),
    }
    if user.may(Permission.CONVERSATION_READ_TEAM):
        agents, teams = User.objects.filter(role=Role.AGENT), Team.objects.all()
        if not user.may(Permission.CONVERSATION_READ_ALL):
            agents, teams = agents.filter(team__supervisors=user), teams.filter(supervisors=user)
        found["agent"] = [
            (str(pk), name) for pk, name in agents.order_by("name").values_list("pk", "name")[:AGENTS_OFFERED]
        ]
        found["team"] = [(str(pk), name) for pk, name in teams.values_list("pk", "name")]
    return found


def _chips(filters: dict[str, str], offered: dict[str, list[tuple[str, str]]]) -> list[dict[str, str]]:
    """The filters in words, each with the address of the list without it. Words have their own box."""
    labels = {name: str(one.label) for name, one in ConversationFilter.base_filters.items()}
    chips = []
    for name, value in filters.items():
        if name == "q":
            continue
        shown = dict(offered.get(name, [])).get(value, value)
        if name in {"unmatched", "hinted", "alerted"}:
            shown = _("yes") if value.lower() in {"true", "1"} else _("no")
        without = urlencode({key: given for key, given in filters.items() if key != name})
        chips.append({"name": name, "label": labels[name], "value": shown, "without": without})
    return chips


# --- One conversation -----------------------------------------------------------------------------------


@needs(Permission.CONVERSATION_READ_OWN)
@require_safe
def conversation_page(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Player over transcript; summary, guidance, score, events and details beside them."""
    user = _user(request)
    conversation = conversation_for(user, conversation_id)
    filters, _wrong = filters_given(request)
    shown = review(user=user, conversation=conversation, words=filters.get("q", ""))
    tab = request.GET.get("tab", "")
    policy = redaction_policy()
    context = {
        "review": shown,
        "conversation": conversation,
        "filters": filters,
        "link": urlencode(filters),
        "place": place_in(user=user, filters=filters, conversation=conversation),
        "tab": tab if tab in TABS else "summary",
        # A report leads to an answer of a score.
        "opened": request.GET.get("answer", ""),
        "player": player_data(user, shown),
        "hiding": hiding_data(conversation, policy.types)
        if user.may(Permission.CONVERSATION_REDACT)
        else None,
        "kept": kept_data(user, policy),
        "may_download": user.may(Permission.RECORDING_DOWNLOAD),
        "may_override": user.may(Permission.EVALUATION_OVERRIDE),
        "blind": not shown.scores
        and not conversation.is_live
        and bool(scores_unseen(user, {conversation.pk})),
        "no_sound": _no_sound(user, shown),
        "live_words": live_words(shown, policy.types) if conversation.is_live else None,
        "joining": joining_data(user, shown),
        "floor": user.may(Permission.FLOOR_WATCH),
        "now": timezone.now(),
        "so_far": so_far(conversation) if conversation.is_live else None,
    }
    return render(request, "conversations/conversation.html", context)


def player_data(user: User, shown: Review) -> dict[str, Any] | None:
    """What the player draws: peaks (0-100, ten a second and side), silenced stretches and moments in ms."""
    recording = shown.recording
    if recording is None or not user.may(Permission.RECORDING_PLAY):
        return None
    return {
        "duration_ms": recording.duration_ms,
        "peaks": recording.peaks,
        "redacted": recording.redacted_intervals,
        "sides": shown.sides,
        "moments": [
            {"id": moment["id"], "at_ms": moment["at_ms"], "name": moment["name"]} for moment in shown.moments
        ],
        "words": player_words(),
    }


def player_words() -> dict[str, str]:
    """What the player says."""
    return {
        "play": _("Play"),
        "pause": _("Pause"),
        "trouble": _("The recording could not be loaded."),
        "of": _("{now} of {all}"),
        "mute": _("Mute this side"),
        "unmute": _("Hear this side"),
    }


def hiding_data(conversation: Conversation, types: Mapping[str, str]) -> dict[str, Any]:
    """What the page needs to let somebody hide words of the transcript. `types`: the company's, by name."""
    return {
        "url": reverse("api-conversation-redactions", args=[conversation.pk]),
        "kinds": {f"[{name}]": label for name, label in types.items()},
        "choices": list(types.items()),
        "words": {
            "hidden_thing": _("hidden: {label}"),
            "hidden": _("Hidden here. The sound follows within a minute; load the page anew to hear it."),
            "not_hidden": _("The words could not be hidden. Please try again."),
        },
    }


def live_words(shown: Review, types: Mapping[str, str]) -> dict[str, Any]:
    """What the page needs to follow a call that is under way."""
    return {
        "names": shown.names,
        "agents": agents_until(
            (one["at_ms"], one["from"]["name"] if one["from"] else "") for one in shown.handovers
        ),
        "redactions": {f"[{name}]": label for name, label in types.items()},
        "sign_in_url": reverse("sign-in"),
        "changed": _("More has happened since this page was loaded."),
        "ended": _("The call has ended. Load the page anew for its recording, summary and score.")
        if shown.conversation.channel == Conversation.Channel.VOICE
        else _("The chat has ended. Load the page anew for its summary and score."),
        "play_from": _("Play from {time}"),
        "undelivered": str(ChatMessage.Delivery.MISSED.label),
        "words": {
            "hidden_thing": _("hidden: {label}"),
            "lost": _(
                "Connection lost. This page keeps what it has and catches up by itself. Last heard {time}."
            ),
            "lost_never": _("No connection yet. This page goes on trying."),
            "try_now": _("Try now"),
            "signed_out": _("You are signed out. What you see stays until you leave this page."),
            "sign_in": _("Sign in"),
            "back": _("Connected again."),
        },
    }


def joining_data(user: User, shown: Review) -> dict[str, Any] | None:
    """What the page needs to let a supervisor take part in a chat that goes on; whoever has it writes at the desk."""
    conversation = shown.conversation
    if not conversation.is_live or conversation.channel != Conversation.Channel.CHAT:
        return None
    if conversation.agent_id == user.pk or not user.may(Permission.WHISPER_SEND):
        return None
    # As far as pages need them: to say which message did not go out.
    ours = {one["utterance"] for one in shown.messages}
    spoken = [one for one in shown.spoken if one["id"] in ours]
    return {
        "url": reverse("floor-message", args=[conversation.pk]),
        "me": str(user.pk),
        "writable": is_connected(current_schema()),
        "items": {"conversation": [shown.shown], "message": shown.messages, "utterance": spoken},
        "words": chat_words(),
    }


def _no_sound(user: User, shown: Review) -> str:
    """Why there is nothing to play, in words; nothing where there is."""
    conversation, ledger = shown.conversation, shown.ledger
    if shown.recording is not None:
        if user.may(Permission.RECORDING_PLAY):
            return ""
        return _("This call is recorded, but your role does not listen to recordings.")
    if conversation.channel != Conversation.Channel.VOICE:
        return _("A written conversation has no recording.")
    if conversation.is_live:
        return _("The recording can be played once the call has ended.")
    if any(one["purpose"] != Purpose.TRAIN and one["state"] in REFUSING for one in shown.consents):
        return _("The caller did not agree to be recorded, so there is no recording.")
    if conversation.words_erased_at is not None:
        return _("The recording is no longer kept.")
    if ledger is not None and any(ledger.recorded_ms):
        return _("The recording is being put together. It is usually there within a minute of the end.")
    if conversation.provider == Conversation.IMPORTED:
        return _("This conversation was imported as text, so there is no recording.")
    if ledger is not None and not any(ledger.received_ms):
        return _("No audio arrived for this call, so there is no recording.")
    return _("There is no recording of this call. The transcript is all that was kept.")


@needs(Permission.RECORDING_PLAY)
@require_safe
def recording(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The way to the sound of a conversation: a link of its own each time."""
    return _to_link(request, conversation_id, PLAY)


@needs(Permission.RECORDING_DOWNLOAD)
@require_safe
def recording_download(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The same, to take away: as it is kept, or with `?as=wav` as WAV."""
    form = request.GET.get("as", "")
    if form not in FORMS:
        raise Http404("no such form")
    return _to_link(request, conversation_id, DOWNLOAD, form)


def _to_link(request: HttpRequest, conversation_id: UUID, purpose: str, form: str = "") -> HttpResponse:
    user = _user(request)
    found = recording_for(user, conversation_for(user, conversation_id))
    path, _until = link_make(user=user, recording=found, purpose=purpose, request=request, form=form)
    return HttpResponseRedirect(path, headers={"Cache-Control": "private, no-store"})


@require_safe
def recording_sound(request: HttpRequest, token: str) -> HttpResponse:
    """The sound that a link allows to hear or to take away, in parts. The link, not the sign-in, lets in."""
    try:
        link = link_open(request, token)
    except LinkExpired:
        return HttpResponse(_("This link has expired."), status=410, headers={"Cache-Control": "no-store"})
    if link.purpose == DOWNLOAD:
        return cast(HttpResponse, download_response(request, link.user, link.recording, form=link.form))
    response = recording_response(request, link.recording)
    if request.method == "GET" and response.status_code in {200, 206}:
        recording_note(user=link.user, recording=link.recording, address=address_of(request) or None)
    return cast(HttpResponse, response)


@needs(Permission.CONVERSATION_READ_OWN)
@require_GET
def transcript(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The transcript as a text file; taking it out of the house is noted in the audit log."""
    user = _user(request)
    conversation = conversation_for(user, conversation_id)
    text = transcript_text(conversation=conversation)
    audit(actor=user, action="conversation.export", thing=conversation, address=address_of(request) or None)
    return HttpResponse(
        text,
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{conversation.pk}.txt"',
            "Cache-Control": "private, no-store",
        },
    )
