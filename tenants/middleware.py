"""The host names the company, for HTTP and for WebSocket alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import set_urlconf
from django.utils import timezone
from django_tenants.middleware.main import TenantMainMiddleware
from django_tenants.utils import remove_www

from tenants.models import Domain, Tenant
from tenants.scope import PUBLIC, TenantThreads, connection

Scope = dict[str, Any]


def host_name(netloc: str) -> str:
    """The name that a company is looked up by: lower case, without port and `www.`, the same for every door."""
    return str(remove_www(netloc.rsplit(":", 1)[0].lower()))


class TenantMiddleware(TenantMainMiddleware):
    """Set the schema by host. Unknown host: 404. A company that is not active: a page that says so."""

    @staticmethod
    def hostname_from_request(request: HttpRequest) -> str:
        return host_name(request.get_host())

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        try:
            response = super().process_request(request)
        except Http404:
            return self._refuse(request, "tenants/unknown_host.html", 404)
        if response is not None:
            return response
        if not request.tenant.is_open:  # type: ignore[attr-defined]
            return self._refuse(request, "tenants/not_active.html", 503)
        # Pages speak of the company's own hours; what is stored and what the API says stays UTC.
        timezone.activate(request.tenant.time_zone)  # type: ignore[attr-defined]
        return None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        timezone.deactivate()
        return response

    def _refuse(self, request: HttpRequest, template: str, status: int) -> HttpResponse:
        from django.conf import settings

        connection.set_schema_to_public()
        request.urlconf = settings.PUBLIC_SCHEMA_URLCONF  # type: ignore[attr-defined]
        set_urlconf(settings.PUBLIC_SCHEMA_URLCONF)
        return render(request, template, status=status)


def tenant_by_host(host: str) -> Tenant | None:
    """Read the active company behind a `host_name`. Run it in the public schema."""
    domain = Domain.objects.select_related("tenant").filter(domain=host).first()
    if domain is None or not domain.tenant.is_open or domain.tenant.schema_name == PUBLIC:
        return None
    return domain.tenant


def host_of(scope: Scope) -> str:
    """The host name that an ASGI connection asked for, as `host_name` has it."""
    for name, value in scope["headers"]:
        if name == b"host":
            return host_name(value.decode("latin-1"))
    return ""


class TenantWebSocket:
    """ASGI middleware: put the company's schema into `scope["schema"]`, or close an unknown host's socket."""

    def __init__(self, inner: Callable[..., Awaitable[None]], threads: TenantThreads) -> None:
        self.inner = inner
        self.threads = threads

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        tenant = await self.threads.run(PUBLIC, tenant_by_host, host_of(scope))
        if tenant is None:
            await receive()
            await send({"type": "websocket.close", "code": 4404, "reason": "unknown host"})
            return
        await self.inner({**scope, "schema": tenant.schema_name, "tenant_name": tenant.name}, receive, send)
