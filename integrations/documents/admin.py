"""Admin of documents on their way in: files to look at; sources are made and fetched here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.admin_audit import AuditedAdmin, ReadOnlyAdmin
from accounts.admin_publish import ReadOnlyInline
from accounts.errors import Conflict
from accounts.throttle import address_of
from integrations.documents.models import DocumentFile, KnowledgeSource, SourcePage
from integrations.documents.source_services import SETTINGS, source_delete, source_fetch, source_save

_STATES = {"waiting": "info", "reading": "info", "done": "success", "failed": "danger"}


@admin.register(DocumentFile)
class DocumentFileAdmin(ReadOnlyAdmin):
    """Every file, what became of it, and why it failed. They are brought and tried again on their collection's page."""

    list_display = (
        "name",
        "state_label",
        "outcome",
        "collection",
        "size_bytes",
        "attempts",
        "error",
        "changed_at",
    )
    list_filter = ("state", "outcome", "upload__source", "upload__collection")
    list_select_related = ("upload__collection",)
    search_fields = ("name", "upload__name")
    fields = (
        "upload",
        "name",
        "document",
        "state",
        "outcome",
        "error",
        "size_bytes",
        "attempts",
        "changed_at",
    )
    readonly_fields = fields

    @display(description=_("state"), ordering="state", label=_STATES)
    def state_label(self, row: DocumentFile) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("collection"), ordering="upload__collection__name")
    def collection(self, row: DocumentFile) -> Any:
        return row.upload.collection


class SourceForm(forms.ModelForm):
    """What a source is set to, in fields; which of them count, the kind says."""

    url = forms.CharField(
        label=_("Address"),
        widget=UnfoldAdminTextInputWidget,
        help_text=_(
            "Of the site or its sitemap; of the service, like https://company.zendesk.com; of the feed."
        ),
    )
    mode = forms.ChoiceField(
        label=_("Pages by"),
        choices=[("crawl", _("following links")), ("sitemap", _("the sitemap"))],
        widget=UnfoldAdminSelectWidget,
        required=False,
    )
    hosts = forms.CharField(
        label=_("Further hosts"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("With commas."),
    )
    paths = forms.CharField(
        label=_("Only paths that begin with"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Like /help/, /faq; empty: all."),
    )
    max_pages = forms.IntegerField(
        label=_("At most so many pages"), required=False, min_value=1, widget=UnfoldAdminIntegerFieldWidget
    )
    locale = forms.CharField(
        label=_("Language"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("As the service calls it: en-us (Zendesk), en_US (Salesforce)."),
    )
    fields_read = forms.CharField(
        label=_("Fields with text"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Of Knowledge__kav, like Answer__c, Summary."),
    )
    client_id = forms.CharField(
        label=_("Client id"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("For OAuth by client credentials. Empty: the secret is an access token."),
    )
    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text=_("Sealed; nothing shows it again. Empty: it stays as it is."),
    )
    names = forms.CharField(
        label=_("Names of the feed's fields"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Like items=data.articles, id=key, html=body, next=links.next; empty: JSON Feed 1.1."),
    )

    class Meta:
        model = KnowledgeSource
        fields = ("collection", "name", "kind", "every_hours", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance.settings
        for name in ("url", "mode", "max_pages", "locale", "client_id"):
            self.initial.setdefault(name, kept.get(name, ""))
        self.initial.update(
            hosts=", ".join(kept.get("hosts", [])),
            paths=", ".join(kept.get("paths", [])),
            fields_read=", ".join(kept.get("fields", [])),
            names=", ".join(f"{key}={value}" for key, value in kept.get("names", {}).items()),
        )

    def settings_given(self) -> dict[str, Any]:
        """The settings of the chosen kind, as the service takes them."""
        data = self.cleaned_data
        given: dict[str, Any] = {
            name: data.get(name) for name in ("url", "mode", "max_pages", "locale", "client_id")
        }
        given.update(
            hosts=_listed(data["hosts"]), paths=_listed(data["paths"]), fields=_listed(data["fields_read"])
        )
        pairs = [one.partition("=") for one in _listed(data["names"])]
        given["names"] = {name.strip(): value.strip() for name, _sign, value in pairs}
        return {name: value for name, value in given.items() if value and name in SETTINGS[data["kind"]]}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        # The service knows what is wrong with a source; it is asked here, before the page says it is saved.
        try:
            with transaction.atomic():
                source_save(source=None if self.instance._state.adding else self.instance, **self.given())
                transaction.set_rollback(True)
        except ValidationError as error:
            known = {name: words for name, words in error.message_dict.items() if name in self.fields}
            rest = [
                word
                for name, words in error.message_dict.items()
                if name not in self.fields
                for word in words
            ]
            self.add_error(None, ValidationError(rest)) if rest else self.add_error(
                None, ValidationError(known)
            )
        return cleaned

    def given(self) -> dict[str, Any]:
        data = self.cleaned_data
        # A source stays with its collection, which is shown only once it is there.
        names = ("collection", "name", "kind", "every_hours", "active")
        fields = {name: data[name] for name in names if name in data}
        return {**fields, "settings": self.settings_given(), "secret": data["secret"] or None}


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


class SourcePageInline(ReadOnlyInline):
    """Its pages, those with something wrong first."""

    model = SourcePage
    fields = ("url", "outcome", "error", "document", "fetched_at")
    readonly_fields = fields
    ordering = ("-error", "url")
    per_page = 50
    show_change_link = False


@admin.register(KnowledgeSource)
class KnowledgeSourceAdmin(AuditedAdmin):
    form = SourceForm
    without = _("Collections hold what people bring. A source keeps one in step with a site or a service.")
    list_display = ("name", "kind", "collection", "state_label", "synced_at", "every_hours", "active")
    list_filter = ("kind", "state", "collection")
    search_fields = ("name",)
    list_select_related = ("collection",)
    readonly_fields = ("state_label", "error", "what_it_did", "synced_at")
    actions_detail = ("fetch_now",)
    inlines = (SourcePageInline,)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        state = ((_("Last fetch"), {"fields": self.readonly_fields}),) if obj else ()
        return (
            (None, {"fields": ("name", "collection", "kind", "url", "every_hours", "active")}),
            (_("Website"), {"fields": ("mode", "paths", "hosts", "max_pages")}),
            (_("Service or feed"), {"fields": ("client_id", "secret", "locale", "fields_read", "names")}),
            *state,
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "collection") if obj else self.readonly_fields

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    @display(description=_("state"), ordering="state", label={"idle": "success", "failed": "danger"})
    def state_label(self, row: KnowledgeSource) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("what it did"))
    def what_it_did(self, row: KnowledgeSource) -> str:
        return ", ".join(f"{word} {count}" for word, count in row.counts.items()) or "–"

    def save_model(self, request: HttpRequest, obj: KnowledgeSource, form: Any, change: bool) -> None:
        saved = source_save(
            source=obj if change else None,
            actor=request.user,  # type: ignore[arg-type]
            address=address_of(request) or None,
            **form.given(),
        )
        obj.pk = saved.pk
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: KnowledgeSource) -> None:
        source_delete(source=obj, actor=request.user, address=address_of(request) or None)  # type: ignore[arg-type]

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            self.delete_model(request, row)

    @action(description=_("Fetch now"), url_path="fetch-now", permissions=["change"])
    def fetch_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        try:
            if row is not None:
                source_fetch(source=row, actor=request.user, address=address_of(request) or None)  # type: ignore[arg-type]
                messages.success(request, gettext("It is fetched soon."))
        except Conflict as error:
            messages.error(request, str(error))
        return redirect("admin:integrations_knowledgesource_change", object_id)
