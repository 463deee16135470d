"""Admin of the side panel: which pages may show it, and who is signed in to it now."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from accounts.admin_audit import OneRowAdmin, ReadOnlyAdmin
from accounts.services import audit
from accounts.throttle import address_of
from desk.models import PanelSession, PanelSettings


@admin.register(PanelSettings)
class PanelSettingsAdmin(OneRowAdmin):
    without = _("No other page may show the panel then.")
    list_display = ("__str__", "pages")

    @display(description=_("pages that may show it"))
    def pages(self, obj: PanelSettings) -> str:
        return ", ".join(obj.origins) or "–"


@admin.register(PanelSession)
class PanelSessionAdmin(ReadOnlyAdmin):
    """Sign-ins of side panels; they end by themselves, when their person signs out, or here."""

    list_display = ("user", "created_at", "is_open", "expires_at", "ends_at")
    list_select_related = ("user",)
    list_filter = (("user", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("user__name", "user__email")
    fields = ("user", "created_at", "expires_at", "ends_at", "revoked_at")
    actions = ("end_now",)

    @display(description=_("open"), boolean=True)
    def is_open(self, obj: PanelSession) -> bool:
        return obj.revoked_at is None and obj.expires_at is not None and obj.expires_at > timezone.now()

    @action(description=_("End these panels"))
    def end_now(self, request: HttpRequest, queryset: QuerySet[PanelSession]) -> None:
        ended = 0
        for panel in queryset.filter(revoked_at__isnull=True):
            PanelSession.objects.filter(pk=panel.pk).update(revoked_at=timezone.now())
            audit(
                actor=request.user,  # type: ignore[arg-type]
                action="panel.end",
                thing=panel,
                address=address_of(request) or None,
            )
            ended += 1
        messages.success(request, ngettext("%d panel ended.", "%d panels ended.", ended) % ended)
