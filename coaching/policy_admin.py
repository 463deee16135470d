"""Admin of policies: drafted, handed in, published, compared, rolled back; what went wrong, and who changed what."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from accounts.admin_audit import page_of
from accounts.admin_publish import PublishAdmin, ReadOnlyInline
from accounts.errors import Conflict
from accounts.throttle import address_of
from coaching import exchange
from coaching.builder_admin import EditingAdmin
from coaching.comparing import revision_changes, settings_of
from coaching.experiment_admin import experiments_of
from coaching.import_admin import ImportAdmin
from coaching.models import SCOPED, Policy, PolicyRevision
from coaching.policy_form import PolicyForm
from coaching.scopes import scope_in_words, scope_names
from coaching.selectors import policy_log, policy_trouble
from coaching.services import (
    policy_complaints,
    policy_create,
    policy_draft_save,
    policy_publish,
    policy_retire,
    policy_roll_back,
    policy_send_back,
    policy_submit,
)

LOG = 30


def _told_once(work: Callable[[Any, Policy], Any]) -> Callable[[Any, Policy], Any]:
    """What a page says of a policy, worked out once: the admin asks for each field several times."""

    @wraps(work)
    def told(self: Any, obj: Policy) -> Any:
        known = obj.__dict__.setdefault("_told", {})
        if work.__name__ not in known:
            known[work.__name__] = work(self, obj)
        return known[work.__name__]

    return told


class RevisionInline(ReadOnlyInline):
    model = PolicyRevision
    fields = ("number", "published_at", "published_by", "share", "brought_back", "compare")
    readonly_fields = fields
    verbose_name_plural = _("revisions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyRevision]:
        return super().get_queryset(request).select_related("published_by").defer("document", "names")

    @admin.display(description=_("agents"))
    def share(self, obj: PolicyRevision) -> str:
        return f"{obj.rollout_percent} %"

    @admin.display(description=_("brought back"))
    def brought_back(self, obj: PolicyRevision) -> str:
        return "–" if obj.restores is None else str(obj.restores)

    @admin.display(description=_("what changed"))
    def compare(self, obj: PolicyRevision) -> SafeString:
        url = reverse("admin:coaching_policy_compare", args=[obj.policy_id])
        return format_html('<a href="{}?to={}">{}</a>', url, obj.number, _t("Compare"))


@admin.register(Policy)
class PolicyAdmin(ImportAdmin, EditingAdmin, PublishAdmin):
    form = PolicyForm
    list_display = ("name", "shown_state", "effect", "whom", "revision_number", "updated_at")
    list_filter = ("state",)
    search_fields = ("name",)
    readonly_fields = ("standing", "complaints", "experiments", "trouble", "log")
    inlines = (RevisionInline,)
    actions_detail: tuple[str, ...] = (
        "publish",
        "submit",
        "send_back",
        "roll_back",
        "retire",
        "open_try",
        "open_backtest",
        "compare_page",
        "export",
    )
    fieldsets = (
        (None, {"fields": ("name", "standing", "complaints")}),
        (_("What it says"), {"fields": ("draft",)}),
        (
            _("For whom"),
            {
                "fields": (
                    ("teams", "agents"),
                    ("queues", "channels"),
                    ("languages", "days"),
                    ("from_time", "until_time"),
                    "combine",
                ),
                "description": _(
                    "All that is chosen must fit; nothing chosen is everyone. The nearest counts first: "
                    "agent, team, queue, channel, language, time."
                ),
            },
        ),
        (
            _("When, and for how many"),
            {"fields": ("starts_at", "ends_at", "rollout_percent", "experiments")},
        ),
        (_("What went wrong lately"), {"fields": ("trouble",)}),
        (_("Who did what"), {"fields": ("log",)}),
    )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what can be done now: all of them side by side are wider than the page."""
        shown = super().get_actions_detail(request, object_id)
        policy = self.get_object(request, str(object_id))
        idle = _pointless(policy) if isinstance(policy, Policy) else ()
        return [one for one in shown if not one.action_name.endswith(idle)]

    def get_fieldsets(self, request: HttpRequest, obj: Policy | None = None) -> Any:
        """A policy that is not there yet has nothing to tell of itself."""
        if obj is not None:
            return self.fieldsets
        told = set(self.readonly_fields)
        kept: list[Any] = []
        for title, how in self.fieldsets:
            fields: list[Any] = [name for name in cast("Any", how["fields"]) if name not in told]
            if fields:
                kept.append((title, {**how, "fields": fields}))
        return kept

    def get_inlines(self, request: HttpRequest, obj: Policy | None = None) -> Any:
        return self.inlines if obj is not None else ()

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.compare_view)
        return [path("<path:object_id>/compare/", view, name="coaching_policy_compare"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        rows = super().get_queryset(request).annotate(newest=Max("revisions__number"))
        return rows.select_related("submitted_by")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What was shown to agents points at its revision: a policy is retired instead.
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or not obj.revisions.exists()
        )

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        wanted = form.wanted()
        if change:
            row = policy_draft_save(policy=obj, **_who(request), **wanted)
        else:
            row = policy_create(**_who(request), **wanted)
            obj._state.adding = False
        for field in Policy._meta.concrete_fields:
            setattr(obj, field.attname, getattr(row, field.attname))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # The services have written to the audit log.
        return super(PublishAdmin.__mro__[1], self).log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super(PublishAdmin.__mro__[1], self).log_change(request, obj, message)

    def revision_publish(self, request: HttpRequest, obj: Policy) -> PolicyRevision:
        return policy_publish(policy=obj, **_who(request))

    def revision_retire(self, request: HttpRequest, obj: Policy) -> None:
        policy_retire(policy=obj, **_who(request))

    # --- Buttons ------------------------------------------------------------------------------------------

    @action(description=_("Hand in"), url_path="submit", icon="rate_review", permissions=["change"], dialog={
        "title": _("Hand the draft in for review?"),
        "description": _("Somebody else looks at it and publishes it."),
        "form_class": BaseDialogForm,
        "form_submit_text": _("Hand in"),
    })  # fmt: skip
    def submit(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._do(request, object_id, policy_submit, _t("The draft waits for review."))

    @action(description=_("Send back"), url_path="send-back", icon="undo", permissions=["change"], dialog={
        "title": _("Give the draft back to who wrote it?"),
        "form_class": BaseDialogForm,
        "form_submit_text": _("Send back"),
    })  # fmt: skip
    def send_back(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._do(request, object_id, policy_send_back, _t("The draft is back with who wrote it."))

    @action(description=_("Roll back"), url_path="roll-back", icon="history", permissions=["change"], dialog={
        "title": _("Bring back the revision before the last?"),
        "description": _("It is published as a new revision, for all agents and at once."),
        "form_class": BaseDialogForm,
        "form_submit_text": _("Roll back"),
    })  # fmt: skip
    def roll_back(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        obj = self.get_object(request, object_id)
        newest = obj.revisions.order_by("-number").values_list("number", flat=True).first() if obj else None
        if newest is None or newest < 2:
            self.message_user(request, _t("There is no revision before."), messages.ERROR)
            return page_of(request, self.model, object_id)
        return self._roll_back(request, object_id, newest - 1)

    @action(description=_("Compare"), url_path="changes", icon="difference", permissions=["view"])
    def compare_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:coaching_policy_compare", args=[object_id]))

    @action(description=_("Export"), url_path="export", icon="download", permissions=["view"])
    def export(self, request: HttpRequest, object_id: str) -> HttpResponse:
        obj = self._found(request, object_id)
        return HttpResponse(
            exchange.write(exchange.policy_file(obj), "yaml"),
            content_type="application/yaml; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="policy-{obj.pk}.yaml"'},
        )

    def _roll_back(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        def work(**kwargs: Any) -> Any:
            return policy_roll_back(number=number, **kwargs)

        words = _t("Revision %(number)d is in effect again for new conversations.") % {"number": number}
        return self._do(request, object_id, work, words)

    def _do(self, request: HttpRequest, object_id: str, work: Any, words: str) -> HttpResponse:
        obj = self._found(request, object_id)
        try:
            work(policy=obj, **_who(request))
        except ValidationError as error:
            for message in error.messages:
                self.message_user(request, message, messages.ERROR)
        except Conflict as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, words, messages.SUCCESS)
        return page_of(request, self.model, object_id)

    def _found(self, request: HttpRequest, object_id: str) -> Policy:
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404("no such policy")
        return obj  # type: ignore[no-any-return]

    # --- Two revisions beside each other --------------------------------------------------------------------

    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """`from` and `to` name revisions; without `to` it is the draft, without `from` the revision before."""
        obj = self._found(request, object_id)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if request.method == "POST":
            if not self.has_change_permission(request, obj):
                raise PermissionDenied
            return self._roll_back(request, object_id, _number(request.POST.get("number")) or 0)
        rows = list(obj.revisions.select_related("published_by").order_by("-number")[:200])
        by_number = {row.number: row for row in rows}
        after = by_number.get(_number(request.GET.get("to")) or 0)
        before = by_number.get(_number(request.GET.get("from")) or 0)
        if before is None:
            before = by_number.get(after.number - 1) if after else (rows[0] if rows else None)
        later: Policy | PolicyRevision = after or obj
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": obj.name,
            "policy": obj,
            "revisions": rows,
            "before": before,
            "after": after,
            "changes": revision_changes(obj, before, after),
            "settings": settings_of(later, scope_names([later.scope])),
            "back": reverse("admin:coaching_policy_change", args=[obj.pk]),
            "may_change": self.has_change_permission(request, obj),
        }
        return TemplateResponse(request, "admin/coaching/policy_compare.html", context)

    # --- What the list and the page say -----------------------------------------------------------------------

    @display(
        description=_("state"),
        ordering="state",
        label={
            Policy.State.PUBLISHED: "success",
            Policy.State.REVIEW: "info",
            Policy.State.DRAFT: "warning",
            Policy.State.RETIRED: "default",
        },
    )
    def shown_state(self, obj: Policy) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @admin.display(description=_("in effect"), boolean=True)
    def effect(self, obj: Policy) -> bool:
        return obj.in_use_from is not None

    @admin.display(description=_("for"))
    def whom(self, obj: Policy) -> str:
        words = getattr(self, "_words", None)
        return scope_in_words(obj.scope, words or scope_names([obj.scope]))

    @admin.display(description=_("revision"), ordering="newest")
    def revision_number(self, obj: Any) -> int | None:
        return obj.newest

    @admin.display(description=_("standing"))
    @_told_once
    def standing(self, obj: Policy) -> str:
        newest = obj.revisions.order_by("-number").first() if obj.pk else None
        if obj.state == Policy.State.REVIEW:
            who = obj.submitted_by.name if obj.submitted_by else _t("somebody")
            return _t("Handed in by %(name)s: waits for somebody to publish it or send it back.") % {
                "name": who
            }
        if newest is None:
            return _t("Draft: agents see nothing of it until it is published.")
        if obj.in_use_from is None:
            return _t("Retired: no effect on new conversations.")
        if _differs(obj, newest):
            return _t("Changed since revision %(number)d: publish to make the change effective.") % {
                "number": newest.number
            }
        return _t("Revision %(number)d is in effect, as shown here.") % {"number": newest.number}

    @admin.display(description=_("experiments"))
    @_told_once
    def experiments(self, obj: Policy) -> SafeString | str:
        return experiments_of(obj) if obj.pk and obj.in_use_from is not None else "–"

    @admin.display(description=_("to look at"))
    @_told_once
    def complaints(self, obj: Policy) -> SafeString | str:
        found = policy_complaints(obj) if obj.pk else []
        return render_to_string("admin/coaching/policy_complaints.html", {"found": found}) if found else "–"

    @admin.display(description=_("rules that failed or were late"))
    @_told_once
    def trouble(self, obj: Policy) -> SafeString | str:
        found = policy_trouble(obj) if obj.pk else []
        if not found:
            return _t("Nothing in the last two weeks.")
        names = {
            thing["id"]: thing.get("name", "")
            for part in ("rules", "behaviours", "playbooks")
            for thing in obj.draft.get(part, ())
        }
        rows = [(names.get(one.rule_key) or one.rule_key or _t("all of it"), one) for one in found]
        return render_to_string("admin/coaching/policy_trouble.html", {"rows": rows})

    @admin.display(description=_("last changes"))
    @_told_once
    def log(self, obj: Policy) -> SafeString | str:
        rows = list(policy_log(obj)[:LOG]) if obj.pk else []
        return render_to_string("admin/coaching/policy_log.html", {"rows": rows}) if rows else "–"


def _differs(policy: Policy, newest: PolicyRevision) -> bool:
    return newest.document != policy.draft or any(
        getattr(newest, name) != getattr(policy, name) for name in SCOPED
    )


def _pointless(policy: Policy) -> tuple[str, ...]:
    """The buttons that would do nothing to a policy as it stands."""
    newest = policy.revisions.order_by("-number").first()
    idle = []
    if policy.state != Policy.State.REVIEW:
        idle.append("send_back")
    else:
        idle.append("submit")
    if newest is None:
        idle += ["roll_back", "compare_page"]
    elif newest.number < 2:
        idle.append("roll_back")
    if policy.in_use_from is None:
        idle.append("retire")
    elif newest is not None and policy.state == Policy.State.PUBLISHED and not _differs(policy, newest):
        idle += ["publish", "submit"]
    return tuple(idle)


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user, "address": address_of(request) or None}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else None
