"""Admin page of the servers that search asks."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin_audit import AuditedAdmin
from accounts.services import audit
from providers.admin import SecretForm
from providers.models import SearchServer
from providers.searching import search_server_try
from providers.services import account_secret_set
from tenants.keys import SealError


class SearchServerForm(SecretForm):
    class Meta:
        model = SearchServer
        fields = (
            "kind",
            "name",
            "base_url",
            "model",
            "secret",
            "dimensions",
            "shorten",
            "query_prefix",
            "passage_prefix",
            "deadline_ms",
            "active",
        )


@admin.register(SearchServer)
class SearchServerAdmin(AuditedAdmin):
    form = SearchServerForm
    without = gettext_lazy("Search goes by words alone, which works without any server.")
    list_display = ("name", "kind", "base_url", "model", "dimensions", "active", "key_there")
    list_filter = ("active", "kind")
    search_fields = ("name", "base_url", "model")
    actions = ("try_it",)

    @admin.display(description=gettext_lazy("key"), boolean=True)
    def key_there(self, server: SearchServer) -> bool:
        return server.has_secret

    def save_model(self, request: HttpRequest, obj: SearchServer, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("secret"):
            account_secret_set(account=obj, secret=form.cleaned_data["secret"], actor=request.user)  # type: ignore[arg-type]

    @admin.action(description=gettext_lazy("Try it: ask it about made-up words"), permissions=["change"])
    def try_it(self, request: HttpRequest, queryset: QuerySet[SearchServer]) -> None:
        for server in queryset[:3]:
            audit(actor=request.user, action="searchserver.try", thing=server)  # type: ignore[arg-type]
            try:
                trial = search_server_try(server)
            except SealError:
                self.message_user(
                    request, f"{server.name}: " + _("Its key does not open. Give it again."), messages.ERROR
                )
                continue
            level = messages.SUCCESS if trial.good else messages.ERROR
            self.message_user(request, f"{server.name}: {trial.words}", level)
