"""Summaries: what a company wants them to be made of, what a conversation came to, and what agents made of that."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models.calls import Conversation
from engines.language.summary.template import (
    DEFAULT,
    INSTRUCTION_LENGTH,
    MOST_LINES,
    TITLE_LENGTH,
    Section,
    section_made,
)


class SummaryTemplate(TimeOrderedModel):
    """What summaries of a queue, of a channel or of the company are made of: a draft in rows, used by its revisions.

    The nearest holds: queue and channel, queue, channel, company. Published ones are switched off, not deleted.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    queue = models.ForeignKey(
        "accounts.Queue",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("queue"),
        help_text=_("Empty: all queues without a template of their own."),
    )
    channel = models.CharField(
        _("channel"),
        max_length=8,
        choices=Conversation.Channel,
        blank=True,
        default="",
        help_text=_("Empty: calls and chats."),
    )
    active = models.BooleanField(_("in use"), default=False, editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("summary template")
        verbose_name_plural = _("summary templates")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SummarySection(TimeOrderedModel):
    """A section of a template's draft: lines of text, or one typed value for other programs."""

    class Kind(models.TextChoices):
        LINES = "lines", _("lines of text")
        TEXT = "text", _("field: one line of text")
        NUMBER = "number", _("field: number")
        AMOUNT = "amount", _("field: amount of money")
        DATE = "date", _("field: date")
        YES_NO = "yes_no", _("field: yes or no")
        CHOICE = "choice", _("field: choice")

    class Source(models.TextChoices):
        REASON = "reason", _("why the customer called")
        DONE = "done", _("steps that were taken")
        OUTCOME = "outcome", _("how it ended, in their words")
        PROMISES = "promises", _("promises, with who and by when")
        NEXT_STEPS = "next_steps", _("next steps")
        QUESTIONS = "questions", _("what the customer asked")
        AMOUNTS = "amounts", _("amounts of money")
        PROMISED_BY = "promised_by", _("earliest date of a promise")
        RESOLUTION = "resolution", _("resolved, not resolved, transferred, call back")
        RESOLVED = "resolved", _("whether it is resolved")
        FOLLOW_UP = "follow_up", _("whether something is still to be done")
        FEELING = "feeling", _("how the customer sounded at the end")

    template = models.ForeignKey(SummaryTemplate, on_delete=models.CASCADE, related_name="sections")
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    key = models.CharField(
        _("key"),
        max_length=40,
        validators=[
            RegexValidator(r"\A[a-z][a-z0-9_]*\Z", _("Small letters, digits and _, a letter first."))
        ],
        help_text=_("What other programs know it by: small letters, digits and _."),
    )
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    instruction = models.CharField(
        _("instruction"),
        max_length=INSTRUCTION_LENGTH,
        blank=True,
        default="",
        help_text=_("What belongs there; read by a model, and by agents."),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.LINES)
    choices = models.JSONField(
        _("choices"),
        default=list,
        blank=True,
        help_text=_('Of a choice: ["Billing", "Delivery"]. A source that chooses by itself needs none.'),
    )
    required = models.BooleanField(
        _("required"), default=False, help_text=_("Filled from the transcript where a model leaves it empty.")
    )
    source = models.CharField(
        _("filled without a model by"),
        max_length=12,
        choices=Source,
        blank=True,
        default="",
        help_text=_("Empty: only by a model, or by the agent."),
    )
    most = models.PositiveSmallIntegerField(
        _("lines at most"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_LINES)],
    )

    class Meta:
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        ordering = ["template", "position", "pk"]

    def __str__(self) -> str:
        return self.title


class SummaryTemplateRevision(TimeOrderedModel):
    """A template as it was published; summaries point at it. `spec`: {"sections": [...]}, as the engine stores them."""

    template = models.ForeignKey(SummaryTemplate, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField(_("revision"))
    spec = models.JSONField()
    published_at = models.DateTimeField(_("published"), auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("published by"),
    )

    class Meta:
        verbose_name = _("revision of a summary template")
        verbose_name_plural = _("revisions of summary templates")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="summary_revision_once")]

    def __str__(self) -> str:
        return f"{self.template_id} {self.number}"

    @property
    def sections(self) -> tuple[Section, ...]:
        return tuple(section_made(one) for one in self.spec["sections"])


class Summary(TimeOrderedModel):
    """What a conversation came to. `origin` says how it was written; lines keep the original beside the edit.

    `template` is null for the one of the house. Of a model's: which one, by which revision of the prompt, how many
    lines it claimed, how many of them nothing bore out; `fault`: why none was asked or did not answer in time.
    What became of the lines is counted when the agent confirms: those that the machine `offered`, those of them
    `accepted` as they were, `edited`, `left_out`, lines `added`, and how far edits went (`distance`, 0 to 1, a mean
    over what was offered; a line left out counts as 1). `moments`: utterances in which one was heard, `covered`: those
    of them that a line rests on.
    """

    class Origin(models.TextChoices):
        EXTRACTIVE = "extractive", _("taken from the transcript")
        MODEL = "model", _("written by a model")

    class State(models.TextChoices):
        DRAFT = "draft", _("to confirm")
        CONFIRMED = "confirmed", _("confirmed")
        UNCONFIRMED = "unconfirmed", _("unconfirmed")

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="summary")
    origin = models.CharField(_("origin"), max_length=12, choices=Origin)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT)
    created_at = models.DateTimeField(_("written"), auto_now_add=True)
    confirm_by = models.DateTimeField(_("to confirm by"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    template = models.ForeignKey(
        SummaryTemplateRevision, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    model = models.CharField(_("model"), max_length=200, blank=True, default="")
    prompt_revision = models.PositiveIntegerField(_("prompt revision"), default=0)
    fault = models.CharField(max_length=20, blank=True, default="")
    claimed = models.PositiveSmallIntegerField(default=0)
    unsupported = models.PositiveSmallIntegerField(default=0)
    offered = models.PositiveSmallIntegerField(default=0)
    accepted = models.PositiveSmallIntegerField(default=0)
    edited = models.PositiveSmallIntegerField(default=0)
    left_out = models.PositiveSmallIntegerField(default=0)
    added = models.PositiveSmallIntegerField(default=0)
    distance = models.FloatField(null=True, blank=True)
    moments = models.PositiveIntegerField(default=0)
    covered = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("summary")
        verbose_name_plural = _("summaries")
        indexes = [models.Index(fields=["created_at"], name="summary_created")]

    def __str__(self) -> str:
        return f"summary of {self.conversation_id}"

    @property
    def sections(self) -> Sequence[Section]:
        """What it is made of. Needs its template at hand."""
        return self.template.sections if self.template is not None else DEFAULT


class SummaryLine(TimeOrderedModel):
    """One line, or the value of a field. `evidence`: ids of the utterances it rests on.

    `original` is kept when the agent edits `text`. `way`: how it was first made. Of a promise: `who` made it ("agent",
    "customer") and the day it is due.
    """

    class Way(models.TextChoices):
        EXTRACTIVE = "extractive", _("taken from the transcript")
        MODEL = "model", _("written by a model")
        AGENT = "agent", _("added by the agent")

    summary = models.ForeignKey(Summary, on_delete=models.CASCADE, related_name="lines")
    section = models.CharField(max_length=40)
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=400)
    original = models.CharField(max_length=400, blank=True, default="")
    evidence = models.JSONField(default=list)
    removed = models.BooleanField(default=False)
    edited_at = models.DateTimeField(null=True, blank=True)
    way = models.CharField(max_length=12, choices=Way, default=Way.EXTRACTIVE)
    who = models.CharField(max_length=8, blank=True, default="")
    due_on = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = _("summary line")
        verbose_name_plural = _("summary lines")
        ordering = ["summary", "position"]

    def __str__(self) -> str:
        return f"{self.section} {self.position}"


class SummaryCase(models.Model):
    """A conversation whose summary is an evaluation case: what hides and erases its words reaches the case."""

    conversation = models.OneToOneField(
        Conversation, on_delete=models.CASCADE, primary_key=True, related_name="summary_case"
    )
    case = models.OneToOneField(
        "providers.EvaluationCase", on_delete=models.CASCADE, related_name="summary_case"
    )

    class Meta:
        verbose_name = _("summary as an evaluation case")
        verbose_name_plural = _("summaries as evaluation cases")

    def __str__(self) -> str:
        return f"case of {self.conversation_id}"


class SummarySettings(models.Model):
    """What becomes of agents' edits. One row; without it, what the defaults say."""

    class Edits(models.TextChoices):
        OFF = "off", _("nothing")
        DRAFT = "draft", _("a draft, which an admin takes into use")
        USE = "use", _("a case in use, at once")

    only = models.BooleanField(primary_key=True, default=True, editable=False)
    edits = models.CharField(
        _("a summary that its agent has corrected becomes an evaluation case"),
        max_length=8,
        choices=Edits,
        default=Edits.DRAFT,
        help_text=_("Where the customer agrees that models may learn from the conversation."),
    )
    cases_most = models.PositiveSmallIntegerField(
        _("at most so many of them"),
        default=200,
        validators=[MaxValueValidator(5000)],
        help_text=_("The oldest draft makes room for a new one. What is in use stays."),
    )

    class Meta:
        verbose_name = _("summary settings")
        verbose_name_plural = _("summary settings")
        constraints = [models.CheckConstraint(condition=Q(only=True), name="summary_settings_only_row")]

    def __str__(self) -> str:
        return str(_("Summary settings"))
