"""What was uploaded, and what became of each call in it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel


class Upload(TimeOrderedModel):
    """One request, or one run of the command: who brought which files, and when. What became of them, its calls say."""

    class Source(models.TextChoices):
        PAGE = "page", _("page")
        API = "api", _("API")
        COMMAND = "command", _("command")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("by")
    )
    source = models.CharField(_("source"), max_length=8, choices=Source)
    # Redacted, as every name that comes with a file is: people put phone numbers into them.
    name = models.CharField(_("name"), max_length=200)
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class UploadedCall(TimeOrderedModel):
    """One file of an upload on its way to a conversation.

    The file lies in storage under `storage_key`, sealed under a key of its own; both go once it is heard. So do
    `sealed_details`, what was said about the call when it was brought. `error`: in words for people.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DECODING = "decoding", _("decoding")
        TRANSCRIBING = "transcribing", _("transcribing")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="calls")
    name = models.CharField(_("file"), max_length=200)
    size_bytes = models.PositiveBigIntegerField(_("size"), default=0)
    duration_ms = models.PositiveIntegerField(_("length"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.WAITING)
    error = models.CharField(_("error"), max_length=300, blank=True, default="")
    progress = models.FloatField(_("progress"), default=0.0)
    conversation = models.ForeignKey(
        "conversations.Conversation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    storage_key = models.CharField(max_length=200, blank=True, default="")
    wrapped_key = models.BinaryField(null=True)
    key_version = models.PositiveIntegerField(default=0)
    sealed_details = models.BinaryField(null=True)
    # Which try this is for people: after one that ended incomplete the next begins its conversation anew.
    tries = models.PositiveSmallIntegerField(default=1)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("uploaded call")
        verbose_name_plural = _("uploaded calls")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(progress__gte=0, progress__lte=1), name="uploaded_call_progress_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "failed"]) | ~Q(storage_key=""),
                name="uploaded_call_has_a_file",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="uploaded_call_due",
                condition=Q(state__in=["waiting", "decoding", "transcribing"]),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED}

    @property
    def may_retry(self) -> bool:
        """Whether another try makes sense: it failed, and its file is still here."""
        return self.state == self.State.FAILED and bool(self.storage_key)
