"""What a company's policy keeps for some roles of what is hidden: sealed, and apart from all that is said."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.calls import Redaction


class KeptValue(models.Model):
    """The words behind one redaction, sealed under the company's data key of `key_version` and bound to that row.

    A table of its own, so that nothing that reads redactions ever has them in hand; it goes with its redaction.
    """

    redaction = models.OneToOneField(
        Redaction, primary_key=True, on_delete=models.CASCADE, related_name="kept"
    )
    sealed = models.BinaryField()
    key_version = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("kept value")
        verbose_name_plural = _("kept values")

    def __str__(self) -> str:
        return f"kept of {self.redaction_id}"
