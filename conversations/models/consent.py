"""Consent: what a company asks for, by region and purpose, and what each caller has said."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models.calls import Conversation


class Purpose(models.TextChoices):
    """What a call is used for. Assist: it is transcribed and understood. Train: models may learn from it."""

    RECORD = "record", _("recording")
    ASSIST = "assist", _("transcription and guidance")
    TRAIN = "train", _("training of models")


class ConsentRule(TimeOrderedModel):
    """What has to be so before calls of a region may be used for a purpose. Region "" holds where no other does.

    `unknown_allows`: what counts while nobody has said anything.
    """

    class Mode(models.TextChoices):
        NONE = "none", _("nothing to ask")
        ANNOUNCE = "announce", _("callers are told")
        OPT_IN = "opt_in", _("callers agree")
        OPT_OUT = "opt_out", _("callers may refuse")

    class Withdrawal(models.TextChoices):
        STOP = "stop", _("stop from then on")
        ERASE = "erase", _("stop, and erase what there is")

    region = models.CharField(
        _("region"),
        max_length=20,
        blank=True,
        default="",
        help_text=_("As calls name it in metadata.region, e.g. DE or US-CA. Empty: all others."),
    )
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose)
    mode = models.CharField(_("what is needed"), max_length=8, choices=Mode)
    unknown_allows = models.BooleanField(
        _("allowed while unknown"),
        default=False,
        help_text=_("Whether the purpose is allowed while nothing is known of the caller's consent."),
    )
    on_withdrawal = models.CharField(
        _("on withdrawal"), max_length=5, choices=Withdrawal, default=Withdrawal.STOP
    )

    class Meta:
        verbose_name = _("consent rule")
        verbose_name_plural = _("consent rules")
        ordering = ["region", "purpose"]
        constraints = [models.UniqueConstraint(fields=["region", "purpose"], name="consent_rule_once")]

    def __str__(self) -> str:
        return f"{self.region or '*'} {self.purpose}: {self.mode}"


class ConsentRecord(TimeOrderedModel):
    """Evidence: at `at`, this was said about a purpose in a conversation, and how we know. Never changed."""

    class State(models.TextChoices):
        ANNOUNCED = "announced", _("announced")
        GIVEN = "given", _("given")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose)
    state = models.CharField(_("state"), max_length=10, choices=State)
    at = models.DateTimeField(_("at"))
    at_ms = models.PositiveIntegerField(_("at (ms)"))
    source = models.CharField(_("how we know"), max_length=40)
    evidence = models.CharField(_("evidence"), max_length=200, blank=True, default="")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["conversation", "at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "purpose", "state", "source", "at"], name="consent_record_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.purpose} {self.state}"
