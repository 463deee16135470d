"""What was asked of the knowledge, and what became of the passages that were found."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel

QUESTION_LENGTH = 2_000
COMMENT_LENGTH = 300


class KnowledgeQuestion(TimeOrderedModel):
    """A question that somebody asked, or that a customer's words put. `text` is redacted before it is kept.

    `team`, `queue`, `channel` and `language` say for whom it was asked (`documents.audience.Audience`), as plain
    values: they stay when the team goes. `confidence`: how likely the best passage answered it; `answered`: whether
    something was shown as an answer. `conversation_id`: of a call or chat; conversations are another room's.
    """

    class Source(models.TextChoices):
        SEARCH = "search", _("search")
        API = "api", _("API")
        LIVE = "live", _("call")
        REPLY = "reply", _("suggested reply")
        ANSWER = "answer", _("composed answer")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        IN_GAP = "in_gap", _("in a gap")
        SETTLED = "settled", _("settled")

    asked_at = models.DateTimeField(_("asked"), default=timezone.now)
    source = models.CharField(_("asked by"), max_length=8, choices=Source)
    text = models.CharField(_("question"), max_length=QUESTION_LENGTH, blank=True, default="")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    conversation_id = models.UUIDField(null=True, blank=True)
    team = models.UUIDField(null=True, blank=True)
    queue = models.UUIDField(null=True, blank=True)
    channel = models.CharField(max_length=8, blank=True, default="")
    language = models.CharField(_("language"), max_length=12, blank=True, default="")
    confidence = models.FloatField(
        _("confidence"), default=0.0, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    answered = models.BooleanField(_("answered"), default=False)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)

    class Meta:
        verbose_name = _("question asked")
        verbose_name_plural = _("questions asked")
        ordering = ["-asked_at", "-id"]
        indexes = [
            models.Index(fields=["asked_at"], name="knowledge_question_asked"),
            models.Index(
                fields=["state", "asked_at"],
                name="knowledge_question_open",
                condition=models.Q(answered=False),
            ),
            models.Index(
                fields=["conversation_id"],
                name="knowledge_question_of",
                condition=models.Q(conversation_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class PassageUse(TimeOrderedModel):
    """Something that became of a passage, `body[start:end]` of a version. Each thing once for a person and a question.

    `shown`: it was on somebody's screen as an answer; `opened`: they went to its document; `used`: they said so, or
    said its words; `helpful` and `wrong`: what they think of it, the later one counts. `comment` is redacted.
    """

    class Kind(models.TextChoices):
        SHOWN = "shown", _("shown")
        OPENED = "opened", _("opened")
        USED = "used", _("used")
        HELPFUL = "helpful", _("helpful")
        WRONG = "wrong", _("wrong")

    question = models.ForeignKey(
        KnowledgeQuestion, null=True, blank=True, on_delete=models.CASCADE, related_name="uses"
    )
    document = models.ForeignKey("knowledge.Document", on_delete=models.CASCADE, related_name="uses")
    version = models.PositiveIntegerField(_("version"))
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    kind = models.CharField(_("what"), max_length=8, choices=Kind)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    conversation_id = models.UUIDField(null=True, blank=True)
    at = models.DateTimeField(_("at"), default=timezone.now)
    comment = models.CharField(_("comment"), max_length=COMMENT_LENGTH, blank=True, default="")

    class Meta:
        verbose_name = _("use of a passage")
        verbose_name_plural = _("uses of passages")
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "question",
                    "document",
                    "version",
                    "start",
                    "end",
                    "kind",
                    "person",
                    "conversation_id",
                ],
                name="passage_use_once",
                # Of somebody who was deleted, rows may come to look alike.
                condition=models.Q(person__isnull=False),
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["document", "kind"], name="passage_use_of"),
            models.Index(fields=["at"], name="passage_use_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.document_id} {self.start}"
