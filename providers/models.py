"""Which server does which task for this company."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel


class Route(TimeOrderedModel):
    """The provider of one task. No row: the installation's default.

    A company chooses from what the installation offers and can name nothing else: a provider is code that runs.
    """

    class Task(models.TextChoices):
        SPEECH_LIVE = "speech_live", _("live speech to text")

    class Provider(models.TextChoices):
        POCKETSPHINX = "pocketsphinx", _("pocketsphinx, embedded (English)")

    task = models.CharField(_("task"), max_length=20, choices=Task, unique=True)
    provider = models.CharField(_("provider"), max_length=40, choices=Provider)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("provider route")
        verbose_name_plural = _("provider routes")

    def __str__(self) -> str:
        return f"{self.get_task_display()}: {self.provider}"
