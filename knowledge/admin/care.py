"""Admin of the knowledge's care: all tests, findings and gaps, to search and to sort out as the pages do."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin_audit import ReadOnlyAdmin
from accounts.models import User
from accounts.throttle import address_of
from knowledge.care.gaps import gap_decide
from knowledge.care.reviews import finding_decide
from knowledge.care.tests_running import search_tests_start
from knowledge.care.tests_services import search_test_delete
from knowledge.models import Collection, Finding, Gap, SearchTest, SearchTestResult, SearchTestRun

# So many are decided by one press.
AT_ONCE = 500


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"actor": cast("User", request.user), "address": address_of(request) or None}


class CareAdmin(ReadOnlyAdmin):
    """Rows are decided about in the list, by actions, and on the managers' page that `page` leads to."""

    actions_on_top = True

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may see the list may decide (`admin.action` asks)."""
        return self.has_view_permission(request)


@admin.register(SearchTest)
class SearchTestAdmin(CareAdmin):
    list_display = ("__str__", "collection", "place", "made_by", "created_at")
    list_filter = ("collection",)
    list_select_related = ("collection", "made_by")
    search_fields = ("question", "passage", "documents__title")
    fields = ("page", "collection", "question", "documents", "passage", "made_by", "created_at")
    readonly_fields = ("page",)
    actions = ("run", "take_away")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        last = SearchTestRun.objects.filter(
            collection=OuterRef(OuterRef("collection")), state=SearchTestRun.State.DONE
        ).order_by("-id")
        result = SearchTestResult.objects.filter(test=OuterRef("pk"), run=Subquery(last.values("pk")[:1]))
        return (
            super()
            .get_queryset(request)
            .annotate(last_rank=Subquery(result.values("rank")[:1]), has_run=Exists(result))
        )

    @admin.display(description=_("found at place"), ordering="last_rank")
    def place(self, row: Any) -> Any:
        return row.last_rank or (_("not found") if row.has_run else "–")

    @admin.display(description=_("where it is looked after"))
    def page(self, row: SearchTest) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("knowledge-tests", args=[row.collection_id]), row.collection.name
        )

    @admin.action(description=_("Run the tests of these collections now"), permissions=["decide"])
    def run(self, request: HttpRequest, queryset: QuerySet[SearchTest]) -> None:
        collections = Collection.objects.filter(pk__in=queryset.order_by().values("collection"))
        for collection in collections:
            search_tests_start(collection=collection, actor=cast("User", request.user))
        told = ngettext(
            "The tests of %d collection run.", "The tests of %d collections run.", len(collections)
        )
        self.message_user(request, told % len(collections), messages.SUCCESS)

    @admin.action(description=_("Take these questions away"), permissions=["decide"])
    def take_away(self, request: HttpRequest, queryset: QuerySet[SearchTest]) -> None:
        rows = list(queryset[:AT_ONCE])
        for row in rows:
            search_test_delete(test=row, **_who(request))
        told = ngettext("%d question is gone.", "%d questions are gone.", len(rows))
        self.message_user(request, told % len(rows), messages.SUCCESS)


@admin.register(Finding)
class FindingAdmin(CareAdmin):
    list_display = ("kind", "document", "other", "collection", "state", "decision", "decided_by", "found_at")
    list_filter = ("state", "kind", "decision", "collection")
    list_select_related = ("document", "other", "collection", "decided_by")
    search_fields = ("document__title", "other__title", "collection__name")
    fields = (
        *("page", "kind", "document", "other", "collection", "state", "decision"),
        *("decided_by", "decided_at", "found_at"),
    )
    readonly_fields = ("page",)
    actions = ("keep", "not_one", "open_again")

    @admin.display(description=_("where it is decided"))
    def page(self, row: Finding) -> str:
        address = f"{reverse('knowledge-findings')}?kind={row.kind}&state={row.state}"
        return format_html('<a href="{}">{}</a>', address, row.get_kind_display())

    @admin.action(description=_("Leave them as they are: both are right"), permissions=["decide"])
    def keep(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        self._decided(request, queryset.filter(state=Finding.State.OPEN), Finding.Decision.KEEP)

    @admin.action(description=_("They are none"), permissions=["decide"])
    def not_one(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        self._decided(request, queryset.filter(state=Finding.State.OPEN), Finding.Decision.NOT_ONE)

    @admin.action(description=_("Open them again"), permissions=["decide"])
    def open_again(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        self._decided(request, queryset.filter(state=Finding.State.DISMISSED), Finding.Decision.NONE)

    def _decided(self, request: HttpRequest, rows: QuerySet[Finding], decision: str) -> None:
        found = list(rows[:AT_ONCE])
        for row in found:
            finding_decide(finding=row, decision=decision, **_who(request))
        told = ngettext("%d finding is decided.", "%d findings are decided.", len(found))
        self.message_user(request, told % len(found), messages.SUCCESS)


@admin.register(Gap)
class GapAdmin(CareAdmin):
    list_display = ("label", "count", "language", "state", "document", "decided_by", "last_at")
    list_filter = ("state", "language")
    list_select_related = ("document", "decided_by")
    search_fields = ("label", "members__question__text")
    fields = (
        *("page", "label", "language", "state", "count", "first_at", "last_at", "questions"),
        *("document", "decided_by", "decided_at"),
    )
    readonly_fields = ("page", "questions")
    actions = ("leave", "open_again")

    @admin.display(description=_("where it is answered"))
    def page(self, row: Gap) -> str:
        address = f"{reverse('knowledge-gaps')}?state={row.state}"
        return format_html('<a href="{}">{}</a>', address, row.get_state_display())

    @admin.display(description=_("as it was asked"))
    def questions(self, row: Gap) -> str:
        asked = row.members.order_by("-question__asked_at").values_list("question__text", flat=True)
        return "\n".join(text for text in asked[:50] if text) or "–"

    @admin.action(description=_("Leave them as they are"), permissions=["decide"])
    def leave(self, request: HttpRequest, queryset: QuerySet[Gap]) -> None:
        self._decided(request, queryset.filter(state=Gap.State.OPEN), Gap.State.IGNORED)

    @admin.action(description=_("Open them again"), permissions=["decide"])
    def open_again(self, request: HttpRequest, queryset: QuerySet[Gap]) -> None:
        self._decided(request, queryset.exclude(state=Gap.State.OPEN), Gap.State.OPEN)

    def _decided(self, request: HttpRequest, rows: QuerySet[Gap], state: str) -> None:
        # What the list is filtered by may join; each gap once.
        keys: list[UUID] = list(rows.order_by().values_list("pk", flat=True).distinct()[:AT_ONCE])
        for row in Gap.objects.filter(pk__in=keys):
            gap_decide(gap=row, state=state, **_who(request))
        told = ngettext("%d gap is decided.", "%d gaps are decided.", len(keys))
        self.message_user(request, told % len(keys), messages.SUCCESS)
