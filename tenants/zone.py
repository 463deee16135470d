"""Pages and figures in the company's own time zone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


def request_zone(request: HttpRequest) -> ZoneInfo:
    """The time zone of the company whose host was asked."""
    tenant: Any = getattr(request, "tenant", None)
    return ZoneInfo(tenant.time_zone if tenant is not None else "UTC")


def in_company_time(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Run a view, its templates included, in the company's time zone: what "today" means, how times are printed."""

    @wraps(view)
    def timed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with timezone.override(request_zone(request)):
            return view(request, *args, **kwargs)

    return timed
