"""The public schema: companies, their hosts and their data keys."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_tenants.models import DomainMixin, TenantMixin


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
