"""Admin of language models: routes, prompts with their evaluation sets, budgets, and what calls took."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin_audit import AuditedAdmin, ReadOnlyAdmin
from engines.language.registry import TASKS
from providers.evaluating_start import evaluation_start
from providers.language_services import (
    case_clean,
    revision_publish,
    revision_roll_back,
    revision_save,
)
from providers.models import (
    EvaluationCase,
    LanguageRoute,
    ModelBudget,
    ModelCall,
    PromptEvaluation,
    PromptRevision,
)

TRIED_SHARE = 10


def _tasks(empty: Any = None) -> list[tuple[str, Any]]:
    listed: list[tuple[str, Any]] = [(name, f"{task.label} ({name})") for name, task in TASKS.items()]
    return listed if empty is None else [("", empty), *listed]


class _TaskForm(forms.ModelForm):
    """A form whose task is one of those that there are."""

    every: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "task" in self.fields:
            self.fields["task"] = forms.ChoiceField(
                label=_("Task"),
                choices=_tasks(self.every),
                required=self.every is None,
                widget=UnfoldAdminSelectWidget(choices=_tasks(self.every)),
                help_text=self.fields["task"].help_text,
            )


class LanguageRouteForm(_TaskForm):
    class Meta:
        model = LanguageRoute
        fields = (
            *("task", "position", "server", "model", "parameters", "deadline_ms"),
            *("price_in", "price_out", "active"),
        )


class BudgetForm(_TaskForm):
    every = gettext_lazy("all tasks together")

    class Meta:
        model = ModelBudget
        fields = ("task", "monthly_cost", "monthly_tokens", "alert_percent", "alert_to", "active")


class CaseForm(_TaskForm):
    class Meta:
        model = EvaluationCase
        fields = ("task", "variables", "expectation", "note", "active")

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                case_clean(self.instance)
            except ValidationError as error:
                self.add_error(None, error)


class RevisionForm(_TaskForm):
    class Meta:
        model = PromptRevision
        fields = ("task", "system", "user", "note")


@admin.register(LanguageRoute)
class LanguageRouteAdmin(AuditedAdmin):
    form = LanguageRouteForm
    without = gettext_lazy("The chat server that does every task is asked, where there is one.")
    list_display = ("task", "position", "server", "model", "deadline_ms", "active")
    list_filter = ("active", "task")
    list_select_related = ("server",)
    search_fields = ("task", "model", "server__name")
    ordering = ("task", "position")


@admin.register(ModelBudget)
class ModelBudgetAdmin(AuditedAdmin):
    form = BudgetForm
    without = gettext_lazy("Nothing stops models, whatever they cost.")
    list_display = ("__str__", "monthly_cost", "monthly_tokens", "alert_percent", "active")


@admin.register(EvaluationCase)
class EvaluationCaseAdmin(AuditedAdmin):
    form = CaseForm
    without = gettext_lazy("A prompt is published only after it was tried on cases.")
    list_display = ("__str__", "task", "source", "active", "created_at")
    list_filter = ("active", "source", "task")
    search_fields = ("note",)


@admin.register(PromptRevision)
class PromptRevisionAdmin(AuditedAdmin):
    form = RevisionForm
    without = gettext_lazy("Each task goes by the words that this installation brings.")
    list_display = ("task", "number", "state", "share_shown", "note", "published_at")
    list_display_links = ("task", "number")
    list_filter = ("state", "task")
    search_fields = ("note", "system", "user")
    ordering = ("task", "-number")
    readonly_fields = ("state", "share_shown", "reached")
    actions = ("evaluate", "publish", "publish_share", "roll_back")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        task = TASKS.get(str(given.get("task", "")))
        return given if task is None else {"system": task.prompt.system, "user": task.prompt.user} | given

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = tuple(self.readonly_fields)
        if obj is None:
            return shown
        return (*shown, "task") if obj.changeable else (*shown, "task", "system", "user", "note")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What calls went by stays, as their rows name it."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.changeable)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # All at once is no way to delete what may have been published.
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    @admin.display(description=gettext_lazy("share"))
    def share_shown(self, row: PromptRevision) -> str:
        return f"{row.share} %" if row.state == PromptRevision.State.PUBLISHED else "–"

    @admin.display(description=gettext_lazy("last figures"))
    def reached(self, row: PromptRevision) -> str:
        last = row.evaluations.first() if row.pk and not row._state.adding else None
        if last is None:
            return _("not tried yet")
        return _("%(score).3f on %(cases)d cases by %(model)s, %(failed)d without an answer") % {
            "score": last.score,
            "cases": last.cases,
            "model": last.model,
            "failed": last.failed,
        }

    def save_model(self, request: HttpRequest, obj: PromptRevision, form: Any, change: bool) -> None:
        if not obj.changeable:
            return
        actor: Any = request.user
        if not change:
            obj.created_by = actor
        revision_save(revision=obj, actor=actor)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # The service has noted it.
        return super(AuditedAdmin, self).log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super(AuditedAdmin, self).log_change(request, obj, message)

    def _each(self, request: HttpRequest, rows: QuerySet[PromptRevision], work: Any, said: Any) -> None:
        for row in rows[:10]:
            try:
                work(row)
            except ValidationError as error:
                self.message_user(request, f"{row}: {' '.join(error.messages)}", messages.ERROR)
            else:
                self.message_user(request, f"{row}: {said}", messages.SUCCESS)

    @admin.action(description=gettext_lazy("Evaluate on the evaluation set"), permissions=["change"])
    def evaluate(self, request: HttpRequest, queryset: QuerySet[PromptRevision]) -> None:
        self._each(
            request,
            queryset,
            lambda row: evaluation_start(revision=row, actor=request.user),
            _("It is being tried. Load this page again in a moment."),
        )

    @admin.action(description=gettext_lazy("Publish for all calls"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[PromptRevision]) -> None:
        actor: Any = request.user
        self._each(
            request, queryset, lambda row: revision_publish(revision=row, actor=actor), _("It is published.")
        )

    @admin.action(description=gettext_lazy("Try on a tenth of the calls"), permissions=["change"])
    def publish_share(self, request: HttpRequest, queryset: QuerySet[PromptRevision]) -> None:
        actor: Any = request.user
        self._each(
            request,
            queryset,
            lambda row: revision_publish(revision=row, share=TRIED_SHARE, actor=actor),
            _("It is tried on a tenth of the calls."),
        )

    @admin.action(description=gettext_lazy("Roll back"), permissions=["change"])
    def roll_back(self, request: HttpRequest, queryset: QuerySet[PromptRevision]) -> None:
        actor: Any = request.user
        self._each(
            request,
            queryset,
            lambda row: revision_roll_back(revision=row, actor=actor),
            _("It is rolled back: what held before holds again."),
        )


@admin.register(PromptEvaluation)
class PromptEvaluationAdmin(ReadOnlyAdmin):
    list_display = ("task", "revision", "model", "score", "cases", "failed", "p50_ms", "cost", "at")
    list_filter = ("task",)
    list_select_related = ("revision",)


@admin.register(ModelCall)
class ModelCallAdmin(ReadOnlyAdmin):
    list_display = (
        *("at", "task", "model", "revision", "outcome", "tokens_in", "tokens_out", "cost", "took_ms"),
        "first_ms",
    )
    list_filter = ("task", "outcome")
    show_full_result_count = False
