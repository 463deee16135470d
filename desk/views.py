"""The agent's desk, and what its page reads. The floor is in `floor.py`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from coaching.alerts import hands_wanted
from coaching.mutes import mutes_shown
from conversations.access import conversation_for
from conversations.redaction.kept_page import kept_data
from conversations.redaction.policy import redaction_policy
from desk import wording
from desk.answering import answers_json
from desk.keys import actions, keys_of
from desk.selectors import call_open, desk_state


def _url(name: str) -> str:
    """The address of another room's page, or nothing where that room does not offer it."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _hidden(user: User) -> dict[str, Any]:
    """How hidden words are called, and what this person needs to see those that are kept. One query."""
    policy = redaction_policy()
    return {"redactions": wording.redaction_labels(policy), "kept": kept_data(user, policy)}


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def desk_page(request: HttpRequest) -> dict[str, Any]:
    """What the desk holds when it opens: the call that is on it now, and all that does not change while it is open."""
    user = _user(request)
    state = desk_state(user)
    # The oldest live call is the one that somebody is talking in.
    first = state["calls"][0]["id"] if state["calls"] else None
    return {
        "state": state,
        "call": call_open(user, conversation_for(user, first)) if first else None,
        "words": wording.desk(),
        **_hidden(user),
        "me": {"id": str(user.pk), "name": user.name},
        "signIn": reverse("sign-in"),
        "conversations": _url("conversations"),
        "keys": keys_of(user),
        "keyNames": actions(),
        "mutes": mutes_shown(user),
        "hands": hands_wanted(user),
    }


@needs(Permission.DESK_WORK)
@require_GET
@ensure_csrf_cookie
def desk(request: HttpRequest) -> HttpResponse:
    """The agent's desk, with the call that is on it now, so that it can be read before the socket is open."""
    user = _user(request)
    queues = list(user.team.queues.values_list("name", flat=True)) if user.team else []
    context = {
        "page": desk_page(request),
        "queues": queues,
        "search_url": _url("knowledge-search"),
        "answer_url": _url("knowledge-answer"),
        # The sample call is a higher room's: its card is named here, not imported.
        "sample": user.may(Permission.DEMO_PLAY) and request.tenant.plan == "demo",  # type: ignore[attr-defined]
    }
    return render(request, "desk/desk.html", context)


@answers_json(Permission.DESK_WORK, "GET")
def state(request: HttpRequest) -> HttpResponse:
    """The agent's live calls and tray, for a page that was away."""
    return JsonResponse(desk_state(_user(request)))


@answers_json(Permission.CONVERSATION_READ_OWN, "GET")
def call(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """One call with all that a page shows of it."""
    user = _user(request)
    return JsonResponse(call_open(user, conversation_for(user, conversation_id)))
