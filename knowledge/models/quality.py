"""What is wrong with documents: found twice, contradicting, stale; and questions that nothing answers, in gaps."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from knowledge.models.documents import Collection, Document
from knowledge.models.usage import KnowledgeQuestion


class KnowledgeReview(TimeOrderedModel):
    """One look through all documents and questions: how far it is, and what it found. `counts`: by kind of finding."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    progress = models.PositiveSmallIntegerField(_("per cent"), default=0)
    counts = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    heard_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("review of knowledge")
        verbose_name_plural = _("reviews of knowledge")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], name="knowledge_review_waits_once", condition=Q(state="waiting")
            )
        ]

    def __str__(self) -> str:
        return f"{self.created_at}"

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED}


class Finding(TimeOrderedModel):
    """Something that somebody should look at. `key` is the same in each review as long as the texts are.

    `facts` by kind. Two documents: `left` and `right`, each `{version, start, end, path, text, marks}` with `text` the
    passage, `marks` what differs in it; `share` of a duplicate; `what` of a contradiction (a kind of value, or
    "denial"). Stale: `reason` (see `Reason`) and `day`.
    """

    class Kind(models.TextChoices):
        CONTRADICTION = "contradiction", _("contradiction")
        DUPLICATE = "duplicate", _("twice")
        STALE = "stale", _("stale")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DISMISSED = "dismissed", _("left as it is")
        RESOLVED = "resolved", _("resolved")

    class Decision(models.TextChoices):
        NONE = "", ""
        KEEP = "keep", _("both are right")
        NOT_ONE = "not_one", _("it is none")
        WITHDREW = "withdrew", _("a document was withdrawn")
        GONE = "gone", _("it is gone")

    class Reason(models.TextChoices):
        REVIEW = "review", _("its review is due")
        OVER = "over", _("it holds no more")
        UNUSED = "unused", _("nobody has seen it for long")
        SOURCE = "source", _("where it came from cannot be read")

    kind = models.CharField(_("what"), max_length=13, choices=Kind)
    key = models.CharField(max_length=64, unique=True)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="findings")
    document = models.ForeignKey(
        Document, null=True, blank=True, on_delete=models.CASCADE, related_name="findings"
    )
    other = models.ForeignKey(Document, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    weight = models.FloatField(default=0.0)
    facts = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    decision = models.CharField(
        _("decided"), max_length=8, choices=Decision, blank=True, default=Decision.NONE
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    found_at = models.DateTimeField(_("found"), auto_now_add=True)

    class Meta:
        verbose_name = _("finding in documents")
        verbose_name_plural = _("findings in documents")
        ordering = ["-weight", "id"]
        indexes = [models.Index(fields=["state", "kind"], name="knowledge_finding_state")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Gap(TimeOrderedModel):
    """Questions of one matter that nothing answered. It keeps its key as it grows.

    `label`: the question that is most like all of them. `document`: what answers it, as somebody said.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        SETTLED = "settled", _("answered")
        IGNORED = "ignored", _("left as it is")

    label = models.CharField(_("question"), max_length=300)
    language = models.CharField(_("language"), max_length=12, blank=True, default="")
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    count = models.PositiveIntegerField(_("asked"), default=0)
    first_at = models.DateTimeField(_("first asked"))
    last_at = models.DateTimeField(_("last asked"))
    document = models.ForeignKey(Document, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("gap in the knowledge")
        verbose_name_plural = _("gaps in the knowledge")
        ordering = ["-count", "-last_at"]
        indexes = [models.Index(fields=["state", "-count"], name="knowledge_gap_state")]

    def __str__(self) -> str:
        return self.label


class GapQuestion(models.Model):
    """That a question belongs to a gap. It goes with its question, when what was asked is forgotten."""

    question = models.OneToOneField(
        KnowledgeQuestion, primary_key=True, on_delete=models.CASCADE, related_name="in_gap"
    )
    gap = models.ForeignKey(Gap, on_delete=models.CASCADE, related_name="members")

    def __str__(self) -> str:
        return f"{self.gap_id} {self.question_id}"
