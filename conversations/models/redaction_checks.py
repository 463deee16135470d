"""What became of redaction: second readings, spans for people to judge, their judgements, history read again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models.calls import Conversation, Redaction, Utterance


class RedactionCheck(TimeOrderedModel):
    """The second reading of a conversation that is over. `policy` is the fingerprint of what it was read by."""

    class State(models.TextChoices):
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    conversation = models.OneToOneField(
        Conversation, on_delete=models.CASCADE, related_name="redaction_check"
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RUNNING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    utterances = models.PositiveIntegerField(_("utterances"), default=0)
    found = models.PositiveIntegerField(_("found"), default=0)
    took_ms = models.PositiveIntegerField(_("took (ms)"), default=0)
    policy = models.CharField(_("policy"), max_length=32, blank=True, default="")
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")
    begun_at = models.DateTimeField(_("begun"), auto_now_add=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    alerted_at = models.DateTimeField(_("alert raised"), null=True, blank=True)

    class Meta:
        verbose_name = _("redaction check")
        verbose_name_plural = _("redaction checks")
        ordering = ["-begun_at"]
        indexes = [
            models.Index(fields=["begun_at"], name="redaction_check_open", condition=~Q(state="done")),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.state}"


class RedactionReview(TimeOrderedModel):
    """A span that somebody should look at. What it was is gone; `shape` ("dddd", "Aaaa") is kept where it was seen.

    Type, score, detector and pass are those of the finding, which may have become part of a wider one since.
    """

    class Because(models.TextChoices):
        UNCERTAIN = "uncertain", _("uncertain")
        SECOND = "second", _("found only afterwards")
        DISPUTED = "disputed", _("detectors disagree")

    class State(models.TextChoices):
        OPEN = "open", _("to look at")
        CONFIRMED = "confirmed", _("confirmed")
        FALSE_ALARM = "false_alarm", _("false alarm")

    redaction = models.OneToOneField(
        Redaction, null=True, blank=True, on_delete=models.SET_NULL, related_name="review"
    )
    utterance = models.ForeignKey(Utterance, on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="redaction_reviews")
    type = models.CharField(_("type"), max_length=40)
    score = models.FloatField(_("score"))
    detector = models.CharField(_("detector"), max_length=40)
    found_in = models.CharField(_("found"), max_length=8, choices=Redaction.Pass)
    because = models.CharField(_("why"), max_length=10, choices=Because)
    shape = models.CharField(max_length=80, blank=True, default="")
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(_("noted"), auto_now_add=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("redaction to review")
        verbose_name_plural = _("redactions to review")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["-id"], name="redaction_review_open", condition=Q(state="open")),
            models.Index(fields=["decided_at"], name="redaction_review_decided"),
        ]

    def __str__(self) -> str:
        return f"{self.type} in {self.utterance_id}, {self.state}"


class LabelledSpan(TimeOrderedModel):
    """A judgement as an example to learn from: redacted words around it, never the words that were hidden.

    `start` and `end` are the placeholder's in `context`; `surrogate` is made up and takes its place in an export.
    """

    class Verdict(models.TextChoices):
        CONFIRMED = "confirmed", _("confirmed")
        FALSE_ALARM = "false_alarm", _("false alarm")
        MISSED = "missed", _("missed, hidden by hand")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="labelled_spans")
    utterance = models.ForeignKey(Utterance, on_delete=models.CASCADE, related_name="+")
    review = models.OneToOneField(
        RedactionReview, null=True, blank=True, on_delete=models.CASCADE, related_name="example"
    )
    type = models.CharField(_("type"), max_length=40)
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict)
    speaker = models.CharField(_("speaker"), max_length=12)
    context = models.TextField(_("words around it"))
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    shape = models.CharField(_("shape"), max_length=80, blank=True, default="")
    surrogate = models.CharField(_("surrogate"), max_length=120, blank=True, default="")
    detector = models.CharField(_("detector"), max_length=40, blank=True, default="")
    score = models.FloatField(_("score"), null=True)
    created_at = models.DateTimeField(_("decided"), auto_now_add=True)

    class Meta:
        verbose_name = _("labelled span")
        verbose_name_plural = _("labelled spans")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.type} {self.verdict}"


class RedactionRun(TimeOrderedModel):
    """Reading history again after the policy became stricter: how far it has come. `cursor` is the last one done."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    since = models.DateTimeField(_("calls since"), null=True, blank=True)
    until = models.DateTimeField(_("calls until"))
    policy = models.CharField(_("policy"), max_length=32, blank=True, default="")
    total = models.PositiveIntegerField(_("conversations"), default=0)
    done = models.PositiveIntegerField(_("read"), default=0)
    found = models.PositiveIntegerField(_("found"), default=0)
    failed = models.PositiveIntegerField(_("not read"), default=0)
    cursor = models.UUIDField(null=True, blank=True)
    is_open = models.BooleanField(default=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    seen_at = models.DateTimeField(_("last step"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("re-redaction")
        verbose_name_plural = _("re-redactions")
        ordering = ["-created_at"]
        constraints = [
            # One at a time.
            models.UniqueConstraint(
                fields=["is_open"], name="redaction_run_one_open", condition=Q(is_open=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.done}/{self.total}"
