"""The page of recognisers: how each does, in plain words; try one out, or use one again that was left alone."""

from __future__ import annotations

import redis
import structlog
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import AuditEvent
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from providers.health import breaker_reset, known_keys, providers_health
from providers.models import Route
from providers.selectors import DEFAULT, SpeechChoice, default_choice, trial_choice
from providers.services import recogniser_audit
from providers.speech import speech_try
from tenants.keys import SealError
from tenants.scope import current_schema

log = structlog.get_logger(__name__)


@needs(Permission.ADMIN_CONFIGURE)
@require_safe
def health_page(request: HttpRequest) -> HttpResponse:
    """The company's recognisers."""
    try:
        found = providers_health()
    except redis.RedisError as error:
        log.warning("providers.health_not_read", error=type(error).__name__)
        found = None
    return render(
        request,
        "providers/health.html",
        {"providers": found, "routed": Route.objects.filter(active=True).exists()},
    )


@needs(Permission.ADMIN_CONFIGURE)
@require_POST
def health_reset(request: HttpRequest, key: str) -> HttpResponse:
    """Have every worker use this recogniser again."""
    _choice(key)
    try:
        breaker_reset(key=key)
    except redis.RedisError:
        messages.error(request, _("That did not work just now. Try again in a moment."))
    else:
        _audit(request, "recogniser.reset", key)
        messages.success(request, _("It will be used again within a few seconds."))
    return redirect("providers-health")


@needs(Permission.ADMIN_CONFIGURE)
@require_POST
def health_try(request: HttpRequest, key: str) -> HttpResponse:
    """Have this recogniser hear a second of sound, and say what came of it."""
    try:
        choice = _choice(key)
    except SealError:
        messages.error(request, _("Its key does not open. Give it again."))
        return redirect("providers-health")
    _audit(request, "recogniser.try", key)
    trial = speech_try(choice)
    (messages.success if trial.good else messages.error)(request, trial.words)
    return redirect("providers-health")


def _choice(key: str) -> SpeechChoice:
    """The recogniser of this key. Raises `Http404`, `SealError`."""
    known = known_keys()
    if key not in known:
        raise Http404("no such recogniser")
    account = known[key]
    if account is not None:
        return trial_choice(account)
    return default_choice() if key == DEFAULT else SpeechChoice(current_schema(), key, key)


def _audit(request: HttpRequest, action: str, key: str) -> AuditEvent:
    return recogniser_audit(
        actor=request.user,  # type: ignore[arg-type]
        action=action,
        key=key,
        address=address_of(request) or None,
    )
