"""The public schema: companies, their hosts and their data keys."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_tenants.clone import CloneSchema
from django_tenants.models import DomainMixin, TenantMixin
from django_tenants.utils import schema_exists

from tenants.migrating import schema_make
from tenants.scope import connection


class Tenant(TenantMixin):
    """A company. Its data lives in `schema_name`; `template` is the migrated schema that new ones are cloned from."""

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")
        CLOSING = "closing", _("closing")
        TEMPLATE = "template", _("template")

    name = models.CharField(_("name"), max_length=120)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.ACTIVE)
    region = models.CharField(_("region"), max_length=20, default="local")
    plan = models.CharField(_("plan"), max_length=40, default="standard")
    time_zone = models.CharField(_("time zone"), max_length=60, default="Europe/London")
    languages = models.JSONField(_("languages"), default=list, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def create_schema(
        self, check_if_exists: bool = False, sync_schema: bool = True, verbosity: int = 1
    ) -> bool:
        """Clone the template with its rows: migrations, content types, permissions. Returns whether it was made.

        django-tenants would go through all migrations afterwards, half a second to find that none is left; and where
        the template lacks some, note them as done. The template itself is what all migrations make.
        """
        if check_if_exists and schema_exists(self.schema_name):
            return False
        base = settings.TENANT_BASE_SCHEMA
        if self.schema_name == base or not schema_exists(base):
            schema_make(self.schema_name)
        else:
            CloneSchema().clone_schema(base, self.schema_name, self.clone_mode)
        connection.set_schema_to_public()
        return True

    @property
    def is_open(self) -> bool:
        return self.state == self.State.ACTIVE


class Domain(DomainMixin):
    """A host name that leads to a company."""

    class Meta:
        verbose_name = _("host name")
        verbose_name_plural = _("host names")
        ordering = ["domain"]


class TenantKey(models.Model):
    """A company's data key, wrapped by the platform's. Retired versions stay to read what they sealed."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="keys")
    version = models.PositiveIntegerField()
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("data key")
        verbose_name_plural = _("data keys")
        constraints = [models.UniqueConstraint(fields=["tenant", "version"], name="tenantkey_version_once")]

    def __str__(self) -> str:
        return f"{self.tenant} key {self.version}"
