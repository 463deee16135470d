"""Answers that people prepared, or that were drafted for them: for questions that are asked often."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel

WORDINGS_MOST, WORDING_LENGTH, ANSWER_LENGTH = 20, 300, 2_000


class PreparedAnswer(TimeOrderedModel):
    """An answer with the wordings of its question, served where one of them is asked.

    `locked`: a person wrote or changed it; what is generated never takes its place. `review`: why it is not served
    although it is approved ("" otherwise): its documents do not say it any more. `vouched`: whoever approved it stands
    for what the check of support does not find in so many words; it holds while the cited words stand there. `words`:
    by which it is looked for.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("approved")
        RETIRED = "retired", _("retired")

    questions = ArrayField(
        models.CharField(max_length=WORDING_LENGTH), verbose_name=_("questions"), size=WORDINGS_MOST
    )
    answer = models.TextField(_("answer"), blank=True, default="", max_length=ANSWER_LENGTH)
    language = models.CharField(_("language"), max_length=12, default="en")
    collection = models.ForeignKey(
        "knowledge.Collection",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("for the audience of"),
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.DRAFT)
    locked = models.BooleanField(_("written by a person"), default=False)
    vouched = models.BooleanField(default=False)
    review = models.CharField(_("to be reviewed"), max_length=200, blank=True, default="")
    words = ArrayField(models.CharField(max_length=WORDING_LENGTH), default=list, editable=False)
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("prepared answer")
        verbose_name_plural = _("prepared answers")
        ordering = ["-changed_at", "-id"]
        indexes = [GinIndex(fields=["words"], name="prepared_answer_words")]

    def __str__(self) -> str:
        return self.questions[0] if self.questions else str(self.pk)

    def clean(self) -> None:
        super().clean()
        self.questions = list(dict.fromkeys(" ".join(one.split()) for one in self.questions if one.strip()))
        if not self.questions:
            raise ValidationError({"questions": _("Write at least one question.")})
        if len(self.answer) > ANSWER_LENGTH:
            raise ValidationError({"answer": _("An answer may be 2,000 characters long.")})


class PreparedCitation(TimeOrderedModel):
    """Where a prepared answer stands: `quote` is `[start, end)` of a version of a document."""

    prepared = models.ForeignKey(PreparedAnswer, on_delete=models.CASCADE, related_name="citations")
    document = models.ForeignKey("knowledge.Document", on_delete=models.CASCADE, related_name="+")
    version = models.PositiveIntegerField(_("version"))
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    quote = models.TextField()

    class Meta:
        verbose_name = _("citation")
        verbose_name_plural = _("citations")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.document_id} {self.version} {self.start}"
