"""Admin of providers: accounts, who does which task in which order, the company's own words, its chat model."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldBooleanSwitchWidget

from accounts.admin_audit import AuditedAdmin
from accounts.throttle import address_of
from providers.key_admin import KeyedAdmin, SecretForm
from providers.models import ChatServer, Keyterm, ProviderAccount, Route
from providers.reading import chat_try
from providers.selectors import trial_choice
from providers.services import chat_server_vouch
from providers.speech import speech_try


class ProviderAccountForm(SecretForm):
    moves = frozenset({"vendor", "base_url"})

    class Meta:
        model = ProviderAccount
        fields = ("vendor", "name", "base_url", "secret", "options", "active")


class ChatServerForm(SecretForm):
    inside = forms.BooleanField(
        label=gettext_lazy("Runs inside our trust boundary"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy(
            "Whoever ticks this says that the company trusts this server with personal information that was missed so "
            "far: whole calls go there, and nothing of them may be kept or passed on. Without it, it does only tasks "
            "that a route gives it, with redacted text."
        ),
    )

    class Meta:
        model = ChatServer
        fields = (
            *("name", "base_url", "model", "secret", "characters", "inside", "active"),
            *("price_in", "price_out", "most_at_once", "per_minute"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["inside"].initial = self.instance.inside


@admin.register(ProviderAccount)
class ProviderAccountAdmin(KeyedAdmin):
    form = ProviderAccountForm
    list_display = ("name", "vendor", "base_url", "active", "key_there")
    list_filter = ("active", "vendor")
    search_fields = ("name", "base_url")
    actions = ("try_it",)

    @admin.action(description=gettext_lazy("Try it: have it hear a second of sound"), permissions=["change"])
    def try_it(self, request: HttpRequest, queryset: QuerySet[ProviderAccount]) -> None:
        self.try_each(request, queryset[:5], lambda account: speech_try(trial_choice(account)))


@admin.register(Route)
class RouteAdmin(AuditedAdmin):
    without = gettext_lazy("The recogniser that this installation brings hears every call then.")
    list_display = ("task", "language", "position", "chosen", "active")
    list_filter = ("active", "task", "language")
    list_select_related = ("account",)
    search_fields = ("provider", "account__name", "language")
    ordering = ("task", "language", "position")

    @admin.display(description=gettext_lazy("who"))
    def chosen(self, route: Route) -> str:
        return route.account.name if route.account is not None else route.get_provider_display()


@admin.register(Keyterm)
class KeytermAdmin(AuditedAdmin):
    list_display = ("term", "language", "active")
    list_filter = ("active", "language")
    search_fields = ("term",)


@admin.register(ChatServer)
class ChatServerAdmin(KeyedAdmin):
    form = ChatServerForm
    without = gettext_lazy(
        "Everything goes on without a model: what that means says the page “Language models”."
    )
    list_display = ("name", "base_url", "model", "active", "is_inside", "inside_at", "inside_by", "key_there")
    list_filter = ("active",)
    list_select_related = ("inside_by",)
    search_fields = ("name", "base_url", "model")
    readonly_fields = ("inside_at", "inside_by")
    actions = ("try_it",)

    @admin.display(description=gettext_lazy("inside"), boolean=True)
    def is_inside(self, server: ChatServer) -> bool:
        return server.inside

    def save_model(self, request: HttpRequest, obj: ChatServer, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        actor: Any = request.user
        ticked, address = form.cleaned_data["inside"], address_of(request) or None
        if "inside" in form.changed_data:
            chat_server_vouch(server=obj, inside=ticked, actor=actor, address=address)
        elif ticked and not obj.inside:
            # The tick was there for the former address; nobody has said it of this one.
            chat_server_vouch(server=obj, inside=False, actor=actor, address=address)
            self.message_user(
                request,
                _("It is another server than before. Tick “inside” again if that is inside, too."),
                messages.WARNING,
            )

    @admin.action(description=gettext_lazy("Try it: have it read a made-up call"), permissions=["change"])
    def try_it(self, request: HttpRequest, queryset: QuerySet[ChatServer]) -> None:
        self.try_each(request, queryset[:3], chat_try)


from providers import language_admin, search_admin  # noqa: E402, F401  Django looks for admin pages here
