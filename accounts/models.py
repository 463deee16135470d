"""Users, teams, queues, identities, keys and the audit log of one company."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from accounts.permissions import Permission, Role, administers, allows
from tenants.scope import PUBLIC, current_schema


class Team(TimeOrderedModel):
    """People who work together, and who looks after them."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    supervisors = models.ManyToManyField(
        "accounts.User", verbose_name=_("supervisors"), related_name="supervised_teams", blank=True
    )

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Queue(TimeOrderedModel):
    """Where calls wait; `key` is its name in the telephony."""

    key = models.SlugField(_("key"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=80)
    teams = models.ManyToManyField(Team, verbose_name=_("teams"), related_name="queues", blank=True)

    class Meta:
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, TimeOrderedModel):
    """A person who signs in with their e-mail address. What they may do follows from `role` alone."""

    email = models.EmailField(_("e-mail"))
    name = models.CharField(_("name"), max_length=120)
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.AGENT)
    team = models.ForeignKey(
        Team, verbose_name=_("team"), related_name="members", null=True, blank=True, on_delete=models.SET_NULL
    )
    is_active = models.BooleanField(_("active"), default=True)
    locale = models.CharField(_("language"), max_length=12, default="en-gb")
    external_id = models.CharField(_("external id"), max_length=120, blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.name

    def may(self, permission: Permission) -> bool:
        """Whether an active user's role allows this, where they are."""
        return self.is_active and self._at_home and allows(self.role, permission)

    @property
    def _at_home(self) -> bool:
        """A platform operator's role means something on the platform's own host alone, whoever wrote it elsewhere."""
        return self.role != Role.PLATFORM or current_schema() == PUBLIC

    @property
    def initials(self) -> str:
        parts = self.name.split()
        return "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper()

    def get_full_name(self) -> str:
        return self.name

    # What Django's admin asks for.
    @property
    def is_staff(self) -> bool:
        return self.may(Permission.ADMIN_CONFIGURE) or self.may(Permission.PLATFORM_OPERATE)

    @property
    def is_superuser(self) -> bool:
        return False

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Django's `app.action_model`; the action makes no difference, what is read-only says so itself."""
        app, _dot, codename = perm.partition(".")
        label = f"{app}.{codename.partition('_')[2]}"
        return self.is_active and self._at_home and administers(self.role, label)

    def has_perms(self, perms: Iterable[str], obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff


class TelephonyIdentity(TimeOrderedModel):
    """Who an agent is in a telephony provider: one identity per user and provider."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="identities", verbose_name=_("person")
    )
    provider = models.CharField(_("provider"), max_length=40, default="native")
    agent_id = models.CharField(_("agent id there"), max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("telephony identity")
        verbose_name_plural = _("telephony identities")
        constraints = [
            models.UniqueConstraint(fields=["provider", "agent_id"], name="identity_one_person"),
            models.UniqueConstraint(fields=["user", "provider"], name="identity_one_per_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.agent_id}"


class ApiKey(TimeOrderedModel):
    """A key for programs. Only a hash of the secret is stored; the key acts as its owner within its scopes."""

    name = models.CharField(_("name"), max_length=80)
    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_keys", verbose_name=_("owner")
    )
    prefix = models.CharField(_("begins with"), max_length=12, unique=True, editable=False)
    hash = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=12), verbose_name=_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_usable(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired and self.owner.is_active


class AuditEvent(TimeOrderedModel):
    """Who did what to which thing, and from where. Append-only; never holds customers' words."""

    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(_("action"), max_length=60)
    object_type = models.CharField(_("what"), max_length=60)
    object_id = models.CharField(_("which"), max_length=60)
    address = models.GenericIPAddressField(_("from"), null=True)
    changes = models.JSONField(_("changes"), default=dict)
    occurred_at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit log")
        ordering = ["-occurred_at"]
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_object")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"
