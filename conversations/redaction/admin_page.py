"""The redaction policy in admin: one page to read, to try and to change, with its revisions below."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin_audit import ReadOnlyAdmin
from accounts.errors import Conflict
from accounts.models import User
from accounts.throttle import address_of, note, seconds_left
from conversations.models import PciPause, RedactionPolicy
from conversations.redaction.policy import Policy, redaction_policy
from conversations.redaction.policy_changes import needs_again, policy_check, policy_save
from conversations.redaction.policy_form import (
    blank_type,
    groups,
    own_types,
    own_types_sent,
    policy_from,
    policy_of,
    roles,
)
from conversations.redaction.trying import TEXT_MAX, TRIES, Preview, preview, sentence_try
from engines.redaction.vocabulary import PROFILES
from tenants.scope import current_schema

REVISIONS = 12


@admin.register(RedactionPolicy)
class RedactionPolicyAdmin(ReadOnlyAdmin):
    """What the company hides. Saving writes a new revision; none is ever changed."""

    list_display = ("revision",)
    list_select_related = ("changed_by",)

    def get_urls(self) -> list[Any]:
        trying = path(
            "try/",
            self.admin_site.admin_view(self.try_view),
            name="conversations_redactionpolicy_try",
        )
        return [trying, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the policy; `do=preview` shows what was sent and what it would hide more, `do=save` saves it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self._page(request, redaction_policy())
        data = request.POST
        policy, errors = policy_from(data)
        if errors:
            return self._page(request, policy, errors=errors)
        try:
            if data.get("do") != "save":
                checked = policy_check(policy, reasons=False)
                return self._page(request, checked, shown=preview(checked))
            row = policy_save(
                policy=policy,
                reason=data.get("reason", ""),
                actor=request.user if isinstance(request.user, User) else None,
                revision=int(data["revision"]) if data.get("revision", "").isdecimal() else -1,
                address=address_of(request) or None,
            )
        except ValidationError as error:
            return self._page(request, policy, errors=error.message_dict)
        except ValueError as error:
            return self._page(request, policy, errors={"form": [str(error)]})
        except Conflict as error:
            return self._page(request, policy, errors={"form": [str(error)]})
        words = _("Saved as revision %(number)d. New calls obey it at once.") % {"number": row.revision}
        self.message_user(request, words)
        return HttpResponseRedirect(reverse("admin:conversations_redactionpolicy_changelist"))

    def _page(
        self,
        request: HttpRequest,
        policy: Policy,
        *,
        errors: dict[str, list[str]] | None = None,
        shown: Preview | None = None,
    ) -> TemplateResponse:
        errors, posted = errors or {}, request.POST
        kept = list(RedactionPolicy.objects.select_related("changed_by")[:REVISIONS])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Redaction policy"),
            "policy": policy,
            "regions": " ".join(policy.regions),
            "minutes": posted.get("pci_minutes", policy.pci_minutes),
            "revision": posted.get("revision", kept[0].revision if kept else 0),
            "reason": posted.get("reason", ""),
            "profiles": [
                {
                    "value": value,
                    "label": label,
                    "words": _PROFILE_WORDS[value],
                    "count": len(PROFILES[value]),
                }
                for value, label in RedactionPolicy.Profile.choices
            ],
            "groups": groups(policy, errors),
            "roles": roles(policy.may_see),
            "own": own_types_sent(posted, errors) if errors else own_types(policy, errors),
            "blank": blank_type(),
            "errors": errors,
            "own_errors": errors.get("custom", ()),
            "preview": shown,
            "revisions": kept,
            "again": needs_again(),
            "text_max": TEXT_MAX,
            "changed": bool(posted),
        }
        template = "admin/conversations/redaction_policy.html"
        return TemplateResponse(request, template, context, status=400 if errors else 200)

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Spans of `text` under the policy that the page holds, saved or not. Neither stored nor logged."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return JsonResponse({"error": {"message": _("This address takes POST.")}}, status=405)
        who, where = str(request.user.pk), current_schema()
        if seconds_left(TRIES, address=who, place=where):
            return JsonResponse({"error": {"message": _("Too many tries. Wait a minute.")}}, status=429)
        note(TRIES, address=who, place=where)
        text = request.POST.get("text", "")
        if not text.strip() or len(text) > TEXT_MAX:
            words = _("Give a text of at most %(most)d characters.") % {"most": TEXT_MAX}
            return JsonResponse({"error": {"message": words}}, status=400)
        try:
            answer = sentence_try(text, policy_check(policy_of(request.POST), reasons=False))
        except ValidationError as error:
            return JsonResponse({"error": {"message": " ".join(error.messages)}}, status=400)
        return JsonResponse(answer, headers={"Cache-Control": "no-store"})


_PROFILE_WORDS = {
    "cards_and_secrets": gettext_lazy(
        "Card numbers, security codes and passwords, and numbers that may be part of them. Names stay."
    ),
    "standard": gettext_lazy("Also who somebody is, how to reach them, and the numbers that name them."),
    "strict": gettext_lazy("Also places, dates, ages and organisations, which point at somebody together."),
}


@admin.register(PciPause)
class PciPauseAdmin(ReadOnlyAdmin):
    """When calls were paused because a card was given, and who or what did it."""

    list_display = ("paused_at", "conversation", "source", "paused_by", "resumed_at", "ended_by")
    list_filter = ("source", "ended_by")
    list_select_related = ("conversation", "paused_by")
    date_hierarchy = "paused_at"
    show_full_result_count = False
