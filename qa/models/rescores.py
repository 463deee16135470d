"""History scored anew after a scorecard, a moment or a classifier changed."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from qa.models.scorecards import ScorecardRevision


class Rescore(TimeOrderedModel):
    """Past conversations judged by one revision, newest first; with `preview`, nothing of it is kept but the figures.

    `cursor` is the last conversation that a worker has taken: they go by falling keys, some at a time (`RescorePiece`).
    `changed`: evaluations whose
    total is another than before; `kept`: those that people have touched, left as they are. `figures`: {"before":
    [sum, n], "after": [sum, n], "up": n, "down": n, "unscored": {reason: n}, "model": {"requests": n, "tokens_in": n,
    "tokens_out": n, "cost": "…"}}, the last of a preview: what a run that asks the language model would take.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    revision = models.ForeignKey(
        ScorecardRevision, verbose_name=_("revision"), on_delete=models.CASCADE, related_name="rescores"
    )
    preview = models.BooleanField(_("preview"), default=True)
    since = models.DateTimeField(_("calls since"))
    until = models.DateTimeField(_("calls until"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    total = models.PositiveIntegerField(_("conversations"), default=0)
    done = models.PositiveIntegerField(_("judged"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    kept = models.PositiveIntegerField(_("left as they are"), default=0)
    failed = models.PositiveIntegerField(_("not judged"), default=0)
    with_model = models.BooleanField(
        _("asks the language model"),
        default=False,
        help_text=_("Otherwise what it said before stays, and what it never answered is for people."),
    )
    figures = models.JSONField(default=dict)
    cursor = models.UUIDField(null=True, editable=False)
    is_open = models.BooleanField(default=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("asked by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    seen_at = models.DateTimeField(_("last step"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("re-scoring")
        verbose_name_plural = _("re-scorings")
        ordering = ["-created_at"]
        constraints = [
            # One at a time: it takes what processor there is.
            models.UniqueConstraint(fields=["is_open"], name="rescore_one_open", condition=Q(is_open=True))
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.done}/{self.total}"


class RescorePiece(TimeOrderedModel):
    """Conversations of a run that one worker has taken. `left`: those that are not judged yet; without any it is gone.

    What is judged of it and what is left are written in one transaction, so that each is judged and counted once.
    """

    run = models.ForeignKey(Rescore, on_delete=models.CASCADE, related_name="pieces")
    left = ArrayField(models.UUIDField())

    class Meta:
        verbose_name = _("piece of a re-scoring")
        verbose_name_plural = _("pieces of re-scorings")

    def __str__(self) -> str:
        return f"{self.run_id}: {len(self.left)}"
