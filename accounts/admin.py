"""Admin of people: who they are, their teams and queues, keys for programs, the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline
from unfold.decorators import action, display

from accounts.admin_audit import AuditedAdmin, ReadOnlyAdmin
from accounts.admin_forms import ApiKeyForm, PersonForm, TeamForm, roles_here
from accounts.invitations import invitation_send
from accounts.models import ApiKey, AuditEvent, Queue, Team, TelephonyIdentity, User
from accounts.permissions import Permission, Role
from accounts.services import api_key_create, api_key_revoke, user_save
from accounts.throttle import address_of
from tenants.scope import PUBLIC, current_schema

# Roles come from one matrix in code; Django's own groups mean nothing here.
admin.site.unregister(Group)


class RoleFilter(admin.SimpleListFilter):
    title = _("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return roles_here()

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(role=self.value()) if self.value() else queryset


class PasswordFilter(admin.SimpleListFilter):
    """Who has not come in yet: the people to send an invitation to."""

    title = _("password")
    parameter_name = "password"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("set", _("set")), ("none", _("not set yet"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        unusable = Q(password__startswith="!") | Q(password="")  # noqa: S106 how Django marks that there is none
        if self.value() == "none":
            return queryset.filter(unusable)
        return queryset.exclude(unusable) if self.value() == "set" else queryset


class IdentityInline(TabularInline):
    model = TelephonyIdentity
    extra = 0
    fields = ("provider", "agent_id")
    tab = True


@admin.register(User)
class UserAdmin(AuditedAdmin):
    form = PersonForm
    list_display = ("name", "email", "role_label", "team", "is_active", "password_state", "last_login")
    list_filter = (RoleFilter, "team", "is_active", PasswordFilter)
    list_select_related = ("team",)
    search_fields = ("name", "email", "identities__agent_id", "external_id")
    autocomplete_fields = ("team",)
    ordering = ("name",)
    list_per_page = 50
    warn_unsaved_form = True
    actions = ("invite", "deactivate", "activate")
    actions_list = ("import_people",)
    inlines = (IdentityInline,)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        platform = current_schema() == PUBLIC
        person = (
            ("email", "name", "role", "is_active")
            if platform
            else (
                "email",
                "name",
                ("role", "team"),
                "is_active",
                "external_id",
            )
        )
        return ((None, {"fields": person}), (_("Signing in"), {"fields": ("password_new", "invite")}))

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None and obj.role == Role.AGENT else ()

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        hidden = {"team"} if current_schema() == PUBLIC else set()
        return [name for name in columns if name not in hidden]

    def get_list_filter(self, request: HttpRequest) -> Any:
        if current_schema() == PUBLIC:
            return ("is_active", PasswordFilter)
        return super().get_list_filter(request)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type("PersonFormFor", (form,), {"actor": request.user})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Conversations and judgements point at people: who leaves is made inactive.
        return False

    def save_model(self, request: HttpRequest, obj: User, form: PersonForm, change: bool) -> None:
        user_save(
            user=obj,
            actor=request.user,  # type: ignore[arg-type]
            password=form.cleaned_data["password_new"] or None,
            address=address_of(request) or None,
        )
        if form.cleaned_data["invite"]:
            transaction.on_commit(lambda: self._invite(request, [obj]))

    def _audit(self, request: HttpRequest, obj: Any, action: str, message: Any = None) -> None:
        """The services have noted it, with more detail than Django's message has."""

    def _invite(self, request: HttpRequest, people: list[User]) -> None:
        try:
            for person in people:
                invitation_send(user=person, actor=request.user, request=request)  # type: ignore[arg-type]
        except OSError:
            self.message_user(
                request, _t("The mail could not be sent. Look at the mail settings."), messages.ERROR
            )
            return
        sent = ngettext("%d invitation is on its way.", "%d invitations are on their way.", len(people))
        self.message_user(request, sent % len(people), messages.SUCCESS)

    @display(
        description=_("role"),
        ordering="role",
        label={"admin": "info", "supervisor": "info", "analyst": "info", "platform": "info"},
    )
    def role_label(self, obj: User) -> tuple[str, Any]:
        return obj.role, obj.get_role_display()

    @display(description=_("password"), label={"set": "success", "none": "warning"})
    def password_state(self, obj: User) -> tuple[str, Any]:
        return ("set", _("set")) if obj.has_usable_password() else ("none", _("not set yet"))

    @action(description=_("Import people"), url_path="import", icon="upload", permissions=["import"])
    def import_people(self, request: HttpRequest) -> HttpResponse:
        return redirect("people-import")

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.may(Permission.PEOPLE_IMPORT))  # type: ignore[union-attr]

    @admin.action(description=_("Send an invitation"))
    def invite(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        people = list(queryset.filter(is_active=True)[:200])
        if people:
            self._invite(request, people)

    def _switch(self, request: HttpRequest, queryset: QuerySet[User], active: bool) -> None:
        changed = 0
        for person in queryset.exclude(pk=str(request.user.pk)).filter(is_active=not active):
            person.is_active = active
            user_save(user=person, actor=request.user, address=address_of(request) or None)  # type: ignore[arg-type]
            changed += 1
        words = ngettext("%d person changed.", "%d people changed.", changed) % changed
        self.message_user(request, words, messages.SUCCESS)

    @admin.action(description=_("Make inactive: they cannot sign in"))
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._switch(request, queryset, active=False)

    @admin.action(description=_("Make active"))
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._switch(request, queryset, active=True)


@admin.register(Team)
class TeamAdmin(AuditedAdmin):
    form = TeamForm
    list_display = ("name", "looked_after_by", "people", "waiting_in")
    search_fields = ("name",)
    autocomplete_fields = ("supervisors",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return (
            super()
            .get_queryset(request)
            .prefetch_related("supervisors", "queues")
            .annotate(active_members=Count("members", filter=Q(members__is_active=True), distinct=True))
        )

    @display(description=_("supervisors"))
    def looked_after_by(self, obj: Team) -> str:
        return ", ".join(person.name for person in obj.supervisors.all()) or "–"

    @display(description=_("active people"), ordering="active_members")
    def people(self, obj: Any) -> int:
        return int(obj.active_members)

    @display(description=_("queues"))
    def waiting_in(self, obj: Team) -> str:
        return ", ".join(queue.name for queue in obj.queues.all()) or "–"


@admin.register(Queue)
class QueueAdmin(AuditedAdmin):
    list_display = ("name", "key", "taken_by")
    list_filter = ("teams",)
    search_fields = ("name", "key")
    autocomplete_fields = ("teams",)
    prepopulated_fields = {"key": ("name",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Queue]:
        return super().get_queryset(request).prefetch_related("teams")

    @display(description=_("teams"))
    def taken_by(self, obj: Queue) -> str:
        return ", ".join(team.name for team in obj.teams.all()) or "–"


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin):
    list_display = ("name", "prefix", "owner", "scopes_shown", "state", "last_used_at", "expires_at")
    list_filter = ("owner", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("name", "prefix", "owner__name", "owner__email")
    autocomplete_fields = ("owner",)
    actions = ("revoke",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = ApiKeyForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("name", "owner", "scopes", "expires_at")
        return (
            "name",
            "owner",
            "prefix",
            "scopes_shown",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # A key that means something else tomorrow would surprise who relies on it: make a new one.
        return tuple(name for name in self.get_fields(request, obj) if name != "name") if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.pk, "scopes": ["read"]}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # revoked instead, so that the audit log keeps what it points at

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        data = form.cleaned_data
        key, secret = api_key_create(
            owner=data["owner"], name=data["name"], scopes=data["scopes"], expires_at=data["expires_at"]
        )
        obj.__dict__.update(key.__dict__)
        self.message_user(
            request,
            _t("The key is %(secret)s . Copy it now: it is stored nowhere and not shown again.")
            % {"secret": secret},
            messages.WARNING,
        )

    @display(description=_("scopes"))
    def scopes_shown(self, obj: ApiKey) -> str:
        return ", ".join(obj.scopes)

    @display(description=_("state"), label={"usable": "success", "revoked": "danger", "expired": "warning"})
    def state(self, obj: ApiKey) -> tuple[str, Any]:
        if obj.revoked_at is not None:
            return "revoked", _("revoked")
        return ("usable", _("usable")) if obj.is_usable else ("expired", _("not usable"))

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        keys = list(queryset.filter(revoked_at__isnull=True))
        for key in keys:
            api_key_revoke(key=key, actor=request.user)  # type: ignore[arg-type]
        words = ngettext("%d key revoked.", "%d keys revoked.", len(keys)) % len(keys)
        self.message_user(request, words, messages.SUCCESS)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "actor", "action", "object_type", "object_link", "address")
    list_filter = ("action", "object_type", ("actor", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("actor",)
    search_fields = ("action", "object_id", "actor__name", "actor__email")
    date_hierarchy = "occurred_at"
    list_per_page = 50

    @display(description=_("which"))
    def object_link(self, obj: AuditEvent) -> str:
        from django.urls import NoReverseMatch
        from django.utils.html import format_html

        name = obj.object_type.replace(".", "_")
        try:
            url = reverse(f"admin:{name}_change", args=(obj.object_id,))
        except NoReverseMatch:
            return obj.object_id
        return format_html('<a href="{}">{}</a>', url, obj.object_id[-12:])
