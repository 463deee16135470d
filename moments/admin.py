"""Admin of moments: what to listen for, its revisions, and how often each was heard lately."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action

from accounts.admin_audit import AuditedAdmin, ReadOnlyAdmin
from accounts.admin_publish import ReadOnlyInline
from moments.admin_classifiers import ClassifierAdmin, TrainingSetAdmin
from moments.admin_names import ListedNameAdmin
from moments.asking import question_notes
from moments.forms import MomentForm
from moments.installing import library_install, library_offered
from moments.languages import SPOKEN_FORMS, notes_for, other_languages
from moments.models import MomentDefinition, MomentOccurrence, MomentRevision
from moments.services import moment_save

__all__ = [
    "ClassifierAdmin",
    "ListedNameAdmin",
    "MomentDefinitionAdmin",
    "MomentOccurrenceAdmin",
    "TrainingSetAdmin",
]

LATELY = timedelta(days=7)
# Of which kinds it is told what they cannot do in other languages, and of which of what is named.
NOTED = (
    ("examples", ""),
    ("sentiment", ""),
    ("phrase", ""),
    ("pattern", ""),
    *(("entity", one) for one in sorted(SPOKEN_FORMS)),
)


class RevisionInline(ReadOnlyInline):
    """What the engine was given, newest first. Read only: a published revision is never edited."""

    model = MomentRevision
    fields = ("number", "created_at", "created_by", "spec")
    readonly_fields = fields
    verbose_name_plural = _("revisions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MomentRevision]:
        return super().get_queryset(request).select_related("created_by")


@admin.register(MomentDefinition)
class MomentDefinitionAdmin(AuditedAdmin):
    form = MomentForm
    list_display = (
        "name",
        "key",
        "kind",
        "speaker",
        "active",
        "revision_number",
        "heard_lately",
        "updated_at",
    )
    list_filter = ("active", "kind", "speaker")
    search_fields = ("name", "key")
    autocomplete_fields = ("expected", "after")
    prepopulated_fields = {"key": ("name",)}
    inlines = (RevisionInline,)
    actions_list = ("library",)
    change_form_after_template = "admin/moments/try_meaning.html"
    warn_unsaved_form = True
    fieldsets = (
        (None, {"fields": ("name", "key", "active")}),
        (
            _("What is said"),
            {"fields": ("kind", "speaker", "phrases", "pattern", "entity", "reject_negated")},
        ),
        (_("Sentences to check it by"), {"fields": ("examples", "counter_examples")}),
        (
            _("What is missing"),
            {
                "fields": ("expected", "after", "within_seconds"),
                "description": _(
                    "Only for the kind “something missing”: what should be said, after what, and how soon."
                ),
            },
        ),
        (
            _("What is meant"),
            {
                "fields": ("task", "intent", "question", "least_score"),
                "description": _(
                    "Of the kind “intent”: which classifier tells it, and which of its intents. Of the kind "
                    "“meaning, by examples”, whose sentences stand above: how near it must be, if not as near as "
                    "was learned from them. Of the kind “question asked of a model”: the question, asked beside the "
                    "call about its last turns where a published policy listens for it, and heard once a call."
                ),
            },
        ),
        (
            _("How things are"),
            {
                "fields": ("mood", "field", "field_test", "values", "limit", "turns"),
                "description": _(
                    "Only for the kinds “customer’s sentiment” and “field of the call”: heard when it becomes so."
                ),
            },
        ),
    )
    conditional_fields = {
        "phrases": "kind == 'phrase'",
        "pattern": "kind == 'pattern'",
        "entity": "kind == 'entity'",
        "reject_negated": "kind == 'phrase' || kind == 'pattern'",
        "speaker": "kind != 'metadata'",
        "examples": "['phrase', 'pattern', 'entity', 'examples'].includes(kind)",
        "counter_examples": "['phrase', 'pattern', 'entity', 'examples'].includes(kind)",
        "expected": "kind == 'absence'",
        "after": "kind == 'absence'",
        "within_seconds": "kind == 'absence'",
        "task": "kind == 'intent'",
        "intent": "kind == 'intent'",
        "question": "kind == 'question'",
        "least_score": "['intent', 'examples', 'question'].includes(kind)",
        "mood": "kind == 'sentiment'",
        "turns": "kind == 'sentiment'",
        "field": "kind == 'metadata'",
        "field_test": "kind == 'metadata'",
        "values": "kind == 'metadata' && (field_test == 'is' || field_test == 'is_not')",
        "limit": "kind == 'sentiment' || field_test == 'above' || field_test == 'below'",
    }

    @action(
        description=_("Ready-made moments"), url_path="library", icon="library_add", permissions=["library"]
    )
    def library(self, request: HttpRequest) -> HttpResponse:
        """The library: what there is, and a POST that adds what was chosen."""
        errors: list[str] = []
        if request.method == "POST":
            try:
                made = library_install(
                    keys=request.POST.getlist("key"),
                    actor=request.user,  # type: ignore[arg-type]
                )
            except ValidationError as error:
                errors = error.messages
            else:
                words = ngettext("%d moment added.", "%d moments added.", len(made)) % len(made)
                self.message_user(request, words, messages.SUCCESS)
                return redirect("admin:moments_momentdefinition_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Ready-made moments"),
            "offered": library_offered(),
            "errors": errors,
        }
        return TemplateResponse(request, "admin/moments/library.html", context)

    def has_library_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request))

    class Media:
        css = {"all": ("css/classifiers.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[MomentDefinition]:
        since = timezone.now() - LATELY
        return (
            super()
            .get_queryset(request)
            .annotate(
                newest=Max("revisions__number"),
                heard=Count("occurrences", filter=Q(occurrences__created_at__gte=since), distinct=True),
            )
        )

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Policies and scorecards name moments by key.
        return ("key",) if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """With what a kind cannot do in languages that calls are in, or without a model; the page shows that of the
        kind that is chosen."""
        notes = _notes(request)
        if not notes:
            return self.fieldsets
        first, said, *rest = self.fieldsets
        return [first, (said[0], {**said[1], "description": notes}), *rest]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Nothing that a judgement points at is deleted: a moment is switched off instead.
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or not obj.revisions.exists()
        )

    def save_model(self, request: HttpRequest, obj: MomentDefinition, form: Any, change: bool) -> None:
        moment_save(definition=obj, actor=request.user)  # type: ignore[arg-type]

    @admin.display(description=_("revision"), ordering="newest")
    def revision_number(self, obj: Any) -> int | None:
        return obj.newest

    @admin.display(description=_("heard in 7 days"), ordering="heard")
    def heard_lately(self, obj: Any) -> int:
        return int(obj.heard)


@admin.register(MomentOccurrence)
class MomentOccurrenceAdmin(ReadOnlyAdmin):
    """Where moments were heard; the words are on the conversation's own page."""

    list_display = ("created_at", "definition", "named", "conversation", "at_ms")
    list_filter = ("definition",)
    list_select_related = ("definition", "conversation")
    search_fields = ("definition__name", "definition__key", "conversation__provider_call_id")
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = (
        "definition",
        "revision",
        "conversation",
        "at_ms",
        "score",
        "named",
        "searched_from_ms",
        "searched_to_ms",
        "created_at",
    )
    readonly_fields = ("named",)

    @admin.display(description=_("named"))
    def named(self, obj: MomentOccurrence) -> str:
        return ", ".join(obj.names) or "–"


def _notes(request: HttpRequest) -> SafeString:
    known: SafeString | None = getattr(request, "_moment_notes", None)
    if known is None:
        others = other_languages()
        told = [(kind, entity, note) for kind, entity in NOTED for note in notes_for(kind, entity, others)]
        told += [(MomentDefinition.Kind.QUESTION.value, "", note) for note in question_notes()]
        known = format_html_join("", '<span class="ic-note" data-kind="{}" data-entity="{}">{}</span>', told)
        request._moment_notes = known  # type: ignore[attr-defined]
    return known
