"""Admin page of the servers that search asks."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from providers.key_admin import KeyedAdmin, SecretForm
from providers.models import SearchServer
from providers.searching import search_server_try


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
class SearchServerAdmin(KeyedAdmin):
    form = SearchServerForm
    without = gettext_lazy("Search goes by words alone, which works without any server.")
    list_display = ("name", "kind", "base_url", "model", "dimensions", "active", "key_there")
    list_filter = ("active", "kind")
    search_fields = ("name", "base_url", "model")
    actions = ("try_it",)

    @admin.action(description=gettext_lazy("Try it: ask it about made-up words"), permissions=["change"])
    def try_it(self, request: HttpRequest, queryset: QuerySet[SearchServer]) -> None:
        self.try_each(request, queryset[:3], search_server_try)
