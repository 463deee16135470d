"""Pages of the supervisors' floor: the calls now, and which alerts anybody acts on."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from accounts.permissions import Permission
from accounts.views import needs
from coaching.alert_figures import DAYS, RETIRE_FROM, RETIRE_SHARE, alert_figures
from coaching.shifts import shifts_now
from coaching.whispers import TEXT_LENGTH
from desk import wording
from desk.floor_selectors import agents_attachable, floor_rows, floor_tiles, queues_watched, teams_watched
from desk.selectors import now_ms
from desk.views import _hidden, _url, _user


@needs(Permission.FLOOR_WATCH)
@require_GET
@ensure_csrf_cookie
def floor(request: HttpRequest) -> HttpResponse:
    """The supervisor's floor with the rows as they are now."""
    user = _user(request)
    past = _url("conversations")
    page: dict[str, Any] = {
        "now": now_ms(),
        "rows": floor_rows(user),
        "tiles": floor_tiles(user),
        "teams": teams_watched(user),
        "queues": queues_watched(user),
        "shifts": shifts_now(user),
        "agents": [
            {"id": str(agent.pk), "name": agent.name, "team": str(agent.team_id)}
            for agent in agents_attachable(user)
        ],
        "words": wording.floor(),
        **_hidden(user),
        "me": {"id": str(user.pk), "name": user.name},
        "signIn": reverse("sign-in"),
        "conversations": past,
    }
    today = timezone.localdate(timezone=ZoneInfo(request.tenant.time_zone)).isoformat()  # type: ignore[attr-defined]
    context = {"page": page, "today": f"{past}?since={today}", "whisper_max": TEXT_LENGTH}
    return render(request, "desk/floor.html", context)


@needs(Permission.ALERT_RESOLVE)
@require_GET
def rules(request: HttpRequest) -> HttpResponse:
    """How many alerts of each rule anybody acted on, and which rules could go."""
    user = _user(request)
    configures = user.may(Permission.ADMIN_CONFIGURE)
    context = {
        "rules": alert_figures(user=user),
        "days": DAYS,
        "from_count": RETIRE_FROM,
        "share": round(RETIRE_SHARE * 100),
        "policies_url": reverse("admin:coaching_policy_changelist") if configures else "",
        "teams_url": reverse("admin:coaching_teamalerts_changelist") if configures else "",
    }
    return render(request, "desk/alert_rules.html", context)
