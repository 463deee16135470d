"""The side panel: the desk in a frame of somebody else's page, 320 to 420 px wide.

The page itself holds nobody's data and asks for no cookie. A pop-up signs in, in our own origin, and hands over a code;
what the panel then reads and changes goes by its own token to `/panel/…`, which never looks at a cookie, so that no
other site can make a browser ask for anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import keeps_opener, needs
from conversations.access import conversations_visible
from conversations.correlation import conversations_by
from desk import wording
from desk.answering import View, answers_json, body, refusal, words
from desk.models import PanelSession, PanelSettings
from desk.panel_tokens import Granted, panel_code, panel_end, panel_exchange, panel_of_token, panel_renew
from desk.views import desk_page
from knowledge.pages.answers import knowledge_answer
from knowledge.pages.feedback import knowledge_feedback
from knowledge.pages.search import knowledge_search

ID_MAX = 120
PROVIDER_MAX = 40
SECRET_MAX = 100


def policy_of(request: HttpRequest, ancestors: list[str]) -> str:
    """The panel's Content-Security-Policy: nothing from elsewhere, and only these pages may frame it."""
    scheme = "wss" if request.is_secure() else "ws"
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            # The kit and our own elements set sizes by style attributes; no style sheet comes from elsewhere.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "media-src 'self'",
            # Older browsers do not take 'self' for sockets.
            f"connect-src 'self' {scheme}://{request.get_host()}",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {' '.join(ancestors) or chr(39) + 'none' + chr(39)}",
        ]
    )


@require_GET
@xframe_options_exempt
def panel(request: HttpRequest) -> HttpResponse:
    """`?conversation=ID&provider=NAME`: the frame's page, the same for everybody; what it shows comes by token."""
    settings = PanelSettings.objects.first()
    ancestors = settings.origins if settings else []
    page = {
        "words": wording.panel(),
        "handOver": reverse("panel-hand-over"),
    }
    context = {
        "page": page,
        "search_url": reverse("panel-knowledge"),
        # The page's own prefix leads to `panel-answer`.
        "answer_url": reverse("knowledge-answer"),
    }
    response = render(request, "desk/panel.html", context)
    response["Content-Security-Policy"] = policy_of(request, ancestors)
    if not ancestors:
        response["X-Frame-Options"] = "DENY"
    # Whoever is signed in elsewhere, this page is the same, and must never hold anything of theirs.
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


@keeps_opener
@needs(Permission.DESK_WORK)
@require_GET
@ensure_csrf_cookie
def hand_over(request: HttpRequest) -> HttpResponse:
    """`?challenge=…`: what the pop-up shows once its person is signed in; gives the code to the panel and closes."""
    page = {
        "challenge": request.GET.get("challenge", ""),
        "url": reverse("panel-code"),
        "words": {
            "done": _("Signed in. This window can be closed."),
            "alone": _(
                "The panel that opened this window is gone. Close it and sign in from the panel again."
            ),
            "failed": _("That did not work: {why} Close this window and sign in from the panel again."),
            "offline": _("there is no connection."),
        },
    }
    response = render(request, "desk/hand_over.html", {"page": page})
    response["Content-Security-Policy"] = policy_of(request, [])
    return response


@answers_json(Permission.DESK_WORK, "POST")
def code(request: HttpRequest) -> HttpResponse:
    """`{"challenge"}` from the pop-up, by its cookie: `{"code"}`, good once and for a minute."""
    challenge = words(body(request), "challenge", maximum=SECRET_MAX)
    session_key = request.session.session_key or ""
    made = panel_code(user=request.user, session_key=session_key, challenge=challenge)  # type: ignore[arg-type]
    return _secret({"code": made})


@csrf_exempt
@answers_json(None, "POST")
def token(request: HttpRequest) -> HttpResponse:
    """`{"code", "verifier"}`: a token for the panel that asked for this code. No cookie is looked at."""
    content = body(request)
    granted = panel_exchange(
        code=words(content, "code", maximum=SECRET_MAX),
        verifier=words(content, "verifier", maximum=SECRET_MAX),
        address=address_of(request) or None,
    )
    if granted is None:
        return refusal(403, "permission_denied", _("This sign-in is over. Please sign in again."))
    return _granted(granted)


def _granted(granted: Granted) -> HttpResponse:
    # How long, not until when: the clock of who reads it may be wrong.
    lasts = granted.expires_at - timezone.now()
    return _secret({"token": granted.token, "expires_in_ms": round(lasts.total_seconds() * 1000)})


def _secret(content: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(content)
    response["Cache-Control"] = "no-store"
    return response


def by_token(view: View) -> View:
    """The same view for the panel: its person is who holds the token in the header. Cookies mean nothing here."""

    @csrf_exempt  # no cookie is looked at, so no other site can send one along
    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
        found = panel_of_token(secret.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            return refusal(401, "not_authenticated", _("You are signed out."))
        request.user = found.user
        request.panel = found  # type: ignore[attr-defined]
        response = view(request, *args, **kwargs)
        response.setdefault("Cache-Control", "no-store")
        return response

    return answering


def _panel(request: HttpRequest) -> PanelSession:
    found: PanelSession = request.panel  # type: ignore[attr-defined]
    return found


@by_token
@answers_json(Permission.DESK_WORK, "POST")
def renew(request: HttpRequest) -> HttpResponse:
    """A new token for one that still works. The old one is good for another minute."""
    granted = panel_renew(panel=_panel(request))
    if granted is None:
        return refusal(401, "not_authenticated", _("You are signed out."))
    return _granted(granted)


@by_token
@answers_json(Permission.DESK_WORK, "POST")
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this panel and the browser's sign-in that it came from."""
    panel_end(panel=_panel(request))
    return JsonResponse({})


@by_token
@answers_json(Permission.DESK_WORK, "GET")
def start(request: HttpRequest) -> HttpResponse:
    """What the desk's page would hold, and the conversation that the frame's address names, if it is known."""
    page = desk_page(request)
    # Links out of the frame would open pages that may not be framed and have no cookie there.
    return JsonResponse({**page, "kept": None, "conversations": "", **_named(request)})


@by_token
@answers_json(Permission.DESK_WORK, "GET")
def find(request: HttpRequest) -> HttpResponse:
    """`?conversation=ID&provider=NAME`: `{"conversation": id | null}`, null until it is known and this agent's."""
    return JsonResponse(_named(request))


def _named(request: HttpRequest) -> dict[str, Any]:
    wanted = request.GET.get("conversation", "").strip()
    provider = request.GET.get("provider", "").strip().lower()
    user = request.user
    assert isinstance(user, User)
    if not wanted or len(wanted) > ID_MAX or len(provider) > PROVIDER_MAX:
        return {"conversation": None}
    # Somebody else's call is not known here, whatever its id; nor is one that is nobody's yet.
    own = conversations_by(provider, [wanted]).filter(agent=user, pk__in=conversations_visible(user))
    found = own.values_list("pk", flat=True).first()
    return {"conversation": None if found is None else str(found)}


knowledge: Callable[..., HttpResponse] = by_token(knowledge_search)
answer: Callable[..., HttpResponse] = by_token(knowledge_answer)
feedback: Callable[..., HttpResponse] = by_token(knowledge_feedback)
