"""Models of the next step: what was learned from past dialogues and playbooks, a version at a time."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel

# A threshold that no probability reaches.
NEVER = 1.1


class NextStepVersion(TimeOrderedModel):
    """One version of what suggests the next step. At most one is live.

    `playbooks`: by task, the replies, the graph and the words that can be said, as they were given. `threshold`: the
    probability from which a suggestion is shown, set so that of those above it enough were right in cross-validation;
    above 1 where no probability was enough. `progress` is of training, 0 to 100.
    """

    class State(models.TextChoices):
        TRAINING = "training", _("training")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        CANDIDATE = "candidate", _("candidate")
        LIVE = "live", _("live")
        RETIRED = "retired", _("retired")

    version = models.PositiveIntegerField(_("version"), unique=True)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.CANDIDATE)
    source = models.CharField(_("file"), max_length=120)
    sha256 = models.CharField(max_length=64)
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    dialogues = models.PositiveIntegerField(_("dialogues"))
    playbooks = models.JSONField(_("playbooks"), default=dict)
    threshold = models.FloatField(_("shown from a probability of"), default=NEVER)
    figures = models.JSONField(_("figures"), default=dict)
    progress = models.PositiveSmallIntegerField(_("progress"), default=0)
    problem = models.CharField(_("problem"), max_length=300, blank=True, default="")
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)
    # When training last told how far it is, by any worker.
    seen_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    live_from = models.DateTimeField(_("live since"), null=True)

    class Meta:
        verbose_name = _("next-step model")
        verbose_name_plural = _("next-step models")
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="live"), name="next_step_one_live")
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.version}"


class NextStepFile(models.Model):
    """The bytes of what was learned, apart from its version so that no list reads them."""

    version = models.OneToOneField(
        NextStepVersion, primary_key=True, on_delete=models.CASCADE, related_name="file"
    )
    sha256 = models.CharField(max_length=64)
    data = models.BinaryField()

    class Meta:
        verbose_name = _("file of a next-step model")
        verbose_name_plural = _("files of next-step models")

    def __str__(self) -> str:
        return f"{self.version_id}"


class NextStepTraining(models.Model):
    """What a version under way learns from, and how far it is; gone once it is learned.

    `dialogues`: redacted, as compressed JSON Lines. `with_labels`: the calls in which agents answered suggestions are
    still to be added. `done`: by the number of each part of the trial that has been
    done, what it counted, so that a training that was broken off goes on where it was.
    """

    version = models.OneToOneField(
        NextStepVersion, primary_key=True, on_delete=models.CASCADE, related_name="training"
    )
    dialogues = models.BinaryField()
    with_labels = models.BooleanField(default=False)
    done = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("training of a next-step model")
        verbose_name_plural = _("trainings of next-step models")

    def __str__(self) -> str:
        return f"{self.version_id}"
