"""Admin of experiments: put together, started, looked at, stopped."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.admin_audit import AuditedAdmin
from accounts.errors import Conflict
from accounts.throttle import address_of
from coaching.experiment_chart import charts
from coaching.experiment_plan import experiment_outlook, outlook_words
from coaching.experiment_report import experiment_result
from coaching.experiment_words import verdict, warnings
from coaching.experiments import (
    FIELDS,
    experiment_change,
    experiment_complaints,
    experiment_create,
    experiment_delete,
    experiment_start,
    experiment_stop,
)
from coaching.models import Experiment, Policy
from conversations.models import Disposition

State = Experiment.State


class ExperimentForm(forms.ModelForm):
    """`wanted` is what the services take."""

    dispositions = forms.MultipleChoiceField(
        label=_("Dispositions to count"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    conversion_dispositions = forms.MultipleChoiceField(
        label=_("Converted: dispositions"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Experiment
        fields = ("policy", *FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = list(Disposition.objects.filter(active=True).values_list("key", "name"))
        for name in ("dispositions", "conversion_dispositions"):
            chosen = [key for key in getattr(self.instance, name) if key not in dict(known)]
            choices = [*known, *((key, _t("%(key)s (gone)") % {"key": key}) for key in chosen)]
            self.fields[name].choices = choices  # type: ignore[attr-defined]
            if not choices:
                self.fields[name].help_text = _t("There are no dispositions yet.")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if not self.errors:
            trial = Experiment(**{name: cleaned[name] for name in FIELDS})
            for field, sentence in experiment_complaints(trial).items():
                self.add_error(field, sentence)
        return cleaned

    def wanted(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("policy", *FIELDS)}


@admin.register(Experiment)
class ExperimentAdmin(AuditedAdmin):
    form = ExperimentForm
    list_display = ("name", "policy", "shown_state", "unit", "primary", "started_at", "ended_at")
    list_filter = ("state", ("policy", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("policy",)
    search_fields = ("name", "policy__name")
    actions_detail: tuple[str, ...] = ("open_result",)
    warn_unsaved_form = True
    without = _(
        "An experiment tells whether a policy helps: some agents, or calls, do without it, and both are compared."
    )
    fieldsets = (
        (None, {"fields": ("name", "policy")}),
        (_("Who does without"), {"fields": (("unit", "holdout_percent"), "only_touched")}),
        (
            _("What decides"),
            {
                "fields": (("primary", "worth"),),
                "description": _("Chosen before it starts, so that nobody picks what looks best afterwards."),
            },
        ),
        (
            _("Where outcomes are"),
            {
                "fields": (
                    "csat_field",
                    ("conversion_field", "conversion_dispositions"),
                    ("dispositions", "dispositions_better"),
                ),
                "description": _(
                    "Handle time is always compared; the others where it is said what they are."
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        return super().get_queryset(request).defer("policy__draft")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.result_page)
        own = path("<uuid:experiment_id>/result/", view, name="coaching_experiment_result")
        return [own, *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and (obj is None or obj.state == State.DRAFT)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and (obj is None or obj.state == State.DRAFT)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Several at once could take away what was tried.
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form of a draft; of what has been started, its result."""
        obj = self.get_object(request, object_id)
        if obj is not None and obj.state != State.DRAFT and self.has_view_permission(request, obj):
            return HttpResponseRedirect(_page(obj))
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Experiment, form: Any, change: bool) -> None:
        wanted = form.wanted()
        if change:
            row = experiment_change(experiment=obj, **_who(request), **wanted)
        else:
            row = experiment_create(**_who(request), **wanted)
            obj._state.adding = False
        for field in Experiment._meta.concrete_fields:
            setattr(obj, field.attname, getattr(row, field.attname))

    def delete_model(self, request: HttpRequest, obj: Experiment) -> None:
        experiment_delete(experiment=obj, **_who(request))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # The services have written to the audit log.
        return super(AuditedAdmin, self).log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super(AuditedAdmin, self).log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return super(AuditedAdmin, self).log_deletions(request, queryset)

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(_page(obj))

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(_page(obj))

    @action(description=_("Start and result"), url_path="open-result", icon="science", permissions=["view"])
    def open_result(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:coaching_experiment_result", args=[object_id]))

    def result_page(self, request: HttpRequest, experiment_id: UUID) -> HttpResponse:
        """The verdict, both sides, what speaks against believing it; started and stopped here."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Experiment.objects.select_related("policy", "started_by").defer("policy__draft")
        row = rows.filter(pk=experiment_id).first()
        if row is None:
            raise Http404("no such experiment")
        if request.method == "POST":
            return self._do(request, row)
        result = experiment_result(row)
        words, act = verdict(row, result)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": row.name,
            "experiment": row,
            "result": result,
            "verdict": words,
            "act": act,
            "warnings": warnings(row, result),
            "charts": charts(row, result),
            "outlook": outlook_words(row, experiment_outlook(row)) if row.state == State.DRAFT else [],
            "may_change": self.has_change_permission(request),
        }
        return TemplateResponse(request, "admin/coaching/experiment.html", context)

    def _do(self, request: HttpRequest, row: Experiment) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        work = {"start": experiment_start, "stop": experiment_stop}.get(request.POST.get("do", ""))
        if work is None:
            raise Http404("no such thing to do")
        try:
            work(experiment=row, **_who(request))
        except Conflict as error:
            self.message_user(request, str(error), messages.ERROR)
        except ValidationError as error:
            for message in error.messages:
                self.message_user(request, message, messages.ERROR)
        return HttpResponseRedirect(_page(row))

    @display(
        description=_("state"),
        ordering="state",
        label={State.RUNNING: "success", State.DRAFT: "warning", State.STOPPED: "default"},
    )
    def shown_state(self, obj: Experiment) -> tuple[str, str]:
        return obj.state, obj.get_state_display()


def experiments_of(policy: Policy) -> SafeString:
    """For the policy's page: the experiment that runs, or the way to a new one and to those there were. One query."""
    rows = list(policy.experiments.order_by("-created_at")[:20])
    running = next((row for row in rows if row.state == State.RUNNING), None)
    new = f"{reverse('admin:coaching_experiment_add')}?policy={policy.pk}"
    before = f"{reverse('admin:coaching_experiment_changelist')}?policy__id__exact={policy.pk}"
    links = [(_page(running), _t("Running: %(name)s") % {"name": running.name})] if running else []
    links += [] if running else [(new, _t("Try whether it helps"))]
    links += [(before, _t("All of this policy"))] if rows else []
    return format_html_join(
        " · ", '<a class="text-primary-600 underline dark:text-primary-500" href="{}">{}</a>', links
    )


def _page(row: Experiment) -> str:
    return reverse("admin:coaching_experiment_result", args=[row.pk])


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user, "address": address_of(request) or None}
