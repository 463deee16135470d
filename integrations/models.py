"""The company's telephony: which connections may send calls, and where what they say about a call belongs."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from integrations.documents.models import DocumentFile as DocumentFile
from integrations.documents.models import DocumentUpload as DocumentUpload
from integrations.documents.models import KnowledgeSource as KnowledgeSource
from integrations.documents.models import SourcePage as SourcePage
from integrations.mapping import TARGET_PATTERN
from integrations.telephony.connect.models import KvsStream as KvsStream
from integrations.uploads.models import Upload as Upload
from integrations.uploads.models import UploadedCall as UploadedCall
from integrations.webhooks.models import WebhookAttempt as WebhookAttempt
from integrations.webhooks.models import WebhookDelivery as WebhookDelivery
from integrations.webhooks.models import WebhookEndpoint as WebhookEndpoint
from integrations.webhooks.models import WebhookMessage as WebhookMessage


class Provider(models.TextChoices):
    """Whose calls. The value is also the provider of agents' telephony identities."""

    TWILIO = "twilio", _("Twilio Media Streams")
    GENESYS = "genesys", _("Genesys Cloud AudioHook")
    CONNECT = "connect", _("Amazon Connect")
    JAMBONZ = "jambonz", _("jambonz (SIPREC)")
    FIVE9 = "five9", _("Five9")
    NICE = "nice", _("NICE CXone")
    NATIVE = "native", _("own protocol")


class TelephonyConnection(TimeOrderedModel):
    """One account of a vendor that may send this company calls. The secret is sealed; nothing shows it again."""

    provider = models.CharField(_("vendor"), max_length=20, choices=Provider)
    name = models.CharField(_("name"), max_length=80, unique=True)
    settings = models.JSONField(
        _("settings"),
        default=dict,
        blank=True,
        help_text=_("Names of the vendor's account and so on, as docs/telephony.md gives them per vendor."),
    )
    active = models.BooleanField(_("active"), default=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    secret_sealed = models.BinaryField(null=True, editable=False)
    secret_version = models.PositiveIntegerField(default=0, editable=False)
    # The one before, while the vendor is being given the new one.
    former_sealed = models.BinaryField(null=True, editable=False)
    former_version = models.PositiveIntegerField(default=0, editable=False)
    former_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("telephony connection")
        verbose_name_plural = _("telephony connections")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def has_secret(self) -> bool:
        return self.secret_sealed is not None

    def setting(self, name: str) -> str:
        """A setting as text; "" when it is not there."""
        value: Any = self.settings.get(name, "") if isinstance(self.settings, dict) else ""
        return value if isinstance(value, str) else ""


class AttributeMapping(TimeOrderedModel):
    """What a vendor's attribute is to us. Of a connection, or of all connections of a vendor.

    `source` is a path into what the vendor says of a call, such as `customParameters.agent`.
    """

    connection = models.ForeignKey(
        TelephonyConnection, models.CASCADE, null=True, blank=True, related_name="mappings"
    )
    provider = models.CharField(_("vendor"), max_length=20, choices=Provider, blank=True)
    source = models.CharField(_("attribute"), max_length=200, blank=True)
    target = models.CharField(
        _("field"),
        max_length=80,
        validators=[RegexValidator(TARGET_PATTERN)],
        help_text=_(
            "agent, queue, language, direction, customer.reference, customer.name, customer.segment or metadata.…"
        ),
    )
    default = models.CharField(_("default"), max_length=200, blank=True)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("attribute mapping")
        verbose_name_plural = _("attribute mappings")
        ordering = ("order", "id")
        constraints = [
            models.CheckConstraint(
                name="mapping_of_connection_or_vendor",
                condition=models.Q(connection__isnull=False, provider="")
                | models.Q(connection__isnull=True) & ~models.Q(provider=""),
            ),
            models.CheckConstraint(
                name="mapping_says_something", condition=~models.Q(source="") | ~models.Q(default="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"
