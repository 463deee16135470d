"""Admin of history scored anew: how far each run is, and what it changes."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from accounts.admin_audit import ReadOnlyAdmin
from accounts.errors import Conflict
from qa.models import Evaluation, Rescore
from qa.rescoring import rescore_cancel, rescore_resume


@admin.register(Rescore)
class RescoreAdmin(ReadOnlyAdmin):
    """How far re-scorings are, and what they change. Begun on the page of a scorecard."""

    list_display = (
        "created_at",
        "revision",
        "preview",
        "state",
        "progress",
        "changed",
        "kept",
        "before",
        "after",
    )
    list_filter = ("state", "preview")
    list_select_related = ("revision__template",)
    fields = (
        ("revision", "preview", "state"),
        ("since", "until"),
        ("progress", "failed", "last_error"),
        ("changed", "up", "down", "kept"),
        ("before", "after", "unscored"),
        ("with_model", "requests", "cost"),
        ("started_by", "created_at", "ended_at"),
    )
    actions = ("resume", "cancel")

    @admin.action(description=_("Resume"))
    def resume(self, request: HttpRequest, queryset: QuerySet[Rescore]) -> None:
        for run in queryset:
            try:
                rescore_resume(run_id=run.pk, actor=request.user)  # type: ignore[arg-type]
            except Conflict as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, _t("It goes on where it was."), messages.SUCCESS)

    @admin.action(description=_("Cancel"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[Rescore]) -> None:
        for run in queryset:
            rescore_cancel(run_id=run.pk, actor=request.user)  # type: ignore[arg-type]

    @admin.display(description=_("progress"))
    def progress(self, obj: Rescore) -> str:
        return f"{obj.done} / {obj.total}"

    @admin.display(description=_("mean before"))
    def before(self, obj: Rescore) -> str:
        return _mean(obj, "before")

    @admin.display(description=_("mean after"))
    def after(self, obj: Rescore) -> str:
        return _mean(obj, "after")

    @admin.display(description=_("higher"))
    def up(self, obj: Rescore) -> int:
        return int(obj.figures.get("up", 0))

    @admin.display(description=_("lower"))
    def down(self, obj: Rescore) -> int:
        return int(obj.figures.get("down", 0))

    @admin.display(description=_("requests to the language model"))
    def requests(self, obj: Rescore) -> str:
        told = obj.figures.get("model")
        return "–" if told is None else f"{told['requests']}"

    @admin.display(description=_("their cost, as estimated"))
    def cost(self, obj: Rescore) -> str:
        told = obj.figures.get("model")
        if told is None:
            return "–"
        if not Decimal(told["cost"]):
            return _t("no price is set (%(n)d tokens)") % {"n": told["tokens_in"] + told["tokens_out"]}
        return f"{Decimal(told['cost']):.2f}"

    @admin.display(description=_("without a score"))
    def unscored(self, obj: Rescore) -> str:
        labels = dict(Evaluation.Unscored.choices)
        told = obj.figures.get("unscored", {})
        return ", ".join(f"{labels.get(why, why)}: {n}" for why, n in sorted(told.items())) or "–"


def _mean(run: Rescore, name: str) -> str:
    total, n = run.figures.get(name, (0, 0))
    return f"{total / n:.1f} ({n})" if n else "–"
