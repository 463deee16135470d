"""Admin of knowledge: collections, and documents whose text goes through the service."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from knowledge.documents.forms import languages_read
from knowledge.documents.services import document_save
from knowledge.models import Channel, Chunk, Collection, Document, DocumentVersion


class DocumentForm(forms.ModelForm):
    class Meta:
        model = Document
        fields = ("collection", "title", "body", "valid_from", "valid_to")
        widgets = {"body": UnfoldAdminTextareaWidget(attrs={"rows": 28})}
        help_texts = {"body": _("In Markdown. Headings cut it into the passages that search finds.")}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        # The service knows what is wrong with a document; it is asked here, before the page says it is saved.
        try:
            with transaction.atomic():
                document_save(**cleaned, document=None if self.instance._state.adding else self.instance)
                transaction.set_rollback(True)
        except ValidationError as error:
            self.add_error(None, error)
        return cleaned


class PassageInline(TabularInline):
    """How the text is cut, as search finds it."""

    model = Chunk
    fields = ("position", "heading_path", "text")
    readonly_fields = fields
    extra = 0
    can_delete = False
    tab = True
    verbose_name_plural = _("passages")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Chunk]:
        return super().get_queryset(request).defer("search")


@admin.register(Document)
class DocumentAdmin(ModelAdmin):
    form = DocumentForm
    list_display = ("title", "collection", "version", "passage_count", "valid_from", "valid_to", "updated_at")
    list_filter = ("collection", "valid_to")
    search_fields = ("title", "body")
    list_select_related = ("collection",)
    inlines = (PassageInline,)
    readonly_fields = ("version", "as_readers_see_it")
    fieldsets = (
        (None, {"fields": ("collection", "title", "body")}),
        (_("When it holds"), {"fields": ("valid_from", "valid_to"), "description": _("Empty: always.")}),
        (_("Version"), {"fields": ("version", "as_readers_see_it")}),
    )
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).annotate(passages=Count("chunks"))

    @admin.display(description=_("passages"), ordering="passages")
    def passage_count(self, row: Any) -> int:
        return int(row.passages)

    @admin.display(description=_("as it is found"))
    def as_readers_see_it(self, row: Document) -> str:
        if row._state.adding:
            return "–"
        return format_html(
            '<a href="{}">{}</a>', reverse("knowledge-care", args=[row.pk]), _("Passages and versions")
        )

    def save_model(self, request: HttpRequest, obj: Document, form: Any, change: bool) -> None:
        saved = document_save(
            collection=obj.collection,
            title=obj.title,
            body=obj.body,
            valid_from=obj.valid_from,
            valid_to=obj.valid_to,
            document=obj if change else None,
            actor=request.user,  # type: ignore[arg-type]
        )
        obj.pk, obj.version, obj.sha256 = saved.pk, saved.version, saved.sha256
        obj._state.adding = False
        if saved.versions.filter(state=DocumentVersion.State.HELD).exists():
            messages.warning(
                request, _("It reads as if it held personal data, and waits until somebody has looked.")
            )


class CollectionAdminForm(forms.ModelForm):
    channels = forms.MultipleChoiceField(
        label=_("Channels"),
        choices=Channel.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    languages = forms.CharField(
        label=_("Customers' languages"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("With commas: en, de, pt-BR."),
    )

    class Meta:
        model = Collection
        fields = "__all__"  # noqa: DJ007 the fieldsets below name them

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["languages"] = ", ".join(self.instance.languages)

    def clean_languages(self) -> list[str]:
        return languages_read(self.cleaned_data["languages"])


@admin.register(Collection)
class CollectionAdmin(ModelAdmin):
    list_display = ("name", "language", "owner", "document_count", "review_on")
    list_filter = ("language", "review_on")
    search_fields = ("name",)
    form = CollectionAdminForm
    autocomplete_fields = ("owner", "teams", "queues")
    list_select_related = ("owner",)
    fieldsets = (
        (None, {"fields": ("name", "language", "owner", "review_on")}),
        (
            _("For whom"),
            {
                "fields": ("teams", "queues", "channels", "languages"),
                "description": _("What is left empty leaves nobody out."),
            },
        ),
        (_("When it holds"), {"fields": ("valid_from", "valid_to"), "description": _("Empty: always.")}),
        (_("Personal data"), {"fields": ("on_private",)}),
        (_("In calls"), {"fields": ("cards",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        return super().get_queryset(request).annotate(documents_held=Count("documents"))

    @admin.display(description=_("documents"), ordering="documents_held")
    def document_count(self, row: Any) -> int:
        return int(row.documents_held)
