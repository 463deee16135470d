"""How conversations were judged: evaluations of an agent's part, their answers, and what agents object to."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from accounts.models import Team
from conversations.models import Conversation
from qa.models.scorecards import ScorecardRevision


class Evaluation(TimeOrderedModel):
    """One judgement of one agent's part of a conversation, by a revision that it keeps.

    `total`: 0-100 over what applies, or none when nothing applies. `segments`: [from_ms, to_ms] of the agent's part,
    empty for all of it. `unscored`: why there is no score. `counts`: it is the one that figures are reckoned from.
    `replaced_at`: since when another one stands in its place. `judges`: what answered, {"moment": "moments 1", …}.
    `needs_person`: some answer of it is so unsure that somebody should look. `retry_at`: when a model that could not
    answer is asked again, after `tries` times.
    """

    class Kind(models.TextChoices):
        AUTOMATIC = "automatic", _("automatic")
        PERSON = "person", _("by a person")
        SECOND = "second", _("second review")
        CALIBRATION = "calibration", _("calibration")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("submitted")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        DISPUTED = "disputed", _("disputed")
        RESOLVED = "resolved", _("resolved")

    class Unscored(models.TextChoices):
        NO_WORDS = "no_words", _("nothing was said")
        TOO_SHORT = "too_short", _("too short")
        VOICEMAIL = "voicemail", _("voicemail")
        GAPS = "gaps", _("too much of the transcript is missing")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="evaluations")
    revision = models.ForeignKey(ScorecardRevision, on_delete=models.PROTECT)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="evaluations",
    )
    team = models.ForeignKey(
        Team, verbose_name=_("team then"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.AUTOMATIC)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.SUBMITTED)
    evaluator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    segments = models.JSONField(default=list, blank=True)
    total = models.DecimalField(_("total"), max_digits=5, decimal_places=2, null=True)
    auto_failed = models.BooleanField(_("auto-failed"), default=False)
    unscored = models.CharField(_("not scored"), max_length=12, blank=True, default="", choices=Unscored)
    needs_person = models.BooleanField(_("unsure"), default=False)
    counts = models.BooleanField(_("counts in figures"), default=True)
    judges = models.JSONField(default=dict, blank=True)
    comment = models.CharField(_("comment"), max_length=1000, blank=True, default="")
    spent_seconds = models.PositiveIntegerField(_("time taken (s)"), default=0)
    created_at = models.DateTimeField(_("judged"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    released_at = models.DateTimeField(_("shown to the agent"), null=True, blank=True)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    replaced_at = models.DateTimeField(_("replaced"), null=True, blank=True)
    retry_at = models.DateTimeField(_("model asked again"), null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "revision", "agent"],
                name="evaluation_automatic_once",
                condition=Q(kind="automatic", replaced_at__isnull=True),
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["conversation", "revision", "agent", "evaluator"],
                name="evaluation_person_once",
                condition=Q(kind__in=["person", "second"], replaced_at__isnull=True),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(total__isnull=True) | Q(total__gte=0, total__lte=100),
                name="evaluation_total_range",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="evaluation_newest"),
            models.Index(fields=["agent", "-created_at"], name="evaluation_agent"),
            models.Index(
                fields=["-created_at"],
                name="evaluation_unsure",
                condition=Q(needs_person=True, replaced_at__isnull=True),
            ),
            models.Index(
                fields=["updated_at"], name="evaluation_open", condition=Q(state__in=["draft", "disputed"])
            ),
            models.Index(fields=["retry_at"], name="evaluation_retry", condition=Q(retry_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}: {self.total}"


class Answer(TimeOrderedModel):
    """The answer to one criterion; see `qa.answers`. `automatic` stays when a person overrides `value`, with why.

    `evidence`: list of {"utterance", "start", "end", "at_ms"}; for an absence, {"searched": [from_ms, to_ms], "for"};
    for a field or a figure of the call, {"marked", "at_ms"}. `score`: what the answer is worth, 0-100; none where it
    is worth nothing either way. `confidence`: 0-1, of the automatic answer; `reason`: its own, in a sentence; `judge`:
    what gave it: a judge's revision, of a language model with the model and the revision of the prompt. `open_why`:
    why there is none.
    """

    class OpenWhy(models.TextChoices):
        NO_MODEL = "no_model", _("no language model is set up")
        OVER_BUDGET = "over_budget", _("what may be spent on language models this month is spent")
        AWAY = "away", _("the language model was away")
        BUSY = "busy", _("the language model had too much to do")
        SLOW = "slow", _("the language model did not answer in time")
        REFUSED = "refused", _("the language model’s server refused us")
        UNSUPPORTED = "unsupported", _("the language model’s server does not take such requests")
        BROKEN = "broken", _("what the language model answered could not be read")
        SILENT = "silent", _("the language model left it out")
        STRANGE = "strange", _("the language model gave an answer that there is not")
        VOID = "void", _("what was quoted was not said")
        UNSHOWN = "unshown", _("no words of theirs show it")
        TOO_LONG = "too_long", _("the conversation is too long to be read at once")
        NOT_ASKED = "not_asked", _("the language model was not asked")
        FAILED = "failed", _("what answers it failed")

    # `answer_once_per_criterion` begins with it.
    evaluation = models.ForeignKey(
        Evaluation, on_delete=models.CASCADE, related_name="answers", db_index=False
    )
    criterion_key = models.CharField(max_length=40)
    position = models.PositiveSmallIntegerField()
    value = models.CharField(max_length=1000, blank=True, default="")
    automatic = models.CharField(max_length=1000, blank=True, default="")
    score = models.FloatField(null=True)
    confidence = models.FloatField(null=True)
    evidence = models.JSONField(default=list)
    reason = models.CharField(max_length=300, blank=True, default="")
    judge = models.CharField(max_length=260, blank=True, default="")
    open_why = models.CharField(max_length=12, blank=True, default="", choices=OpenWhy)
    comment = models.CharField(max_length=500, blank=True, default="")
    override_reason = models.CharField(max_length=300, blank=True, default="")
    overridden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    overridden_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        ordering = ["evaluation", "position"]
        constraints = [
            # With what it is worth, so that reports add answers up without reading them.
            models.UniqueConstraint(
                fields=["evaluation", "criterion_key"], include=["score"], name="answer_once_per_criterion"
            )
        ]

    def __str__(self) -> str:
        return f"{self.criterion_key}: {self.value}"


class QualitySettings(models.Model):
    """How this company scores and shows scores. One row; without it, the defaults."""

    class Release(models.TextChoices):
        PERSON = "person", _("when somebody releases them")
        AT_ONCE = "at_once", _("at once")

    only = models.BooleanField(primary_key=True, default=True, editable=False)
    release = models.CharField(
        _("agents see automatic scores"), max_length=8, choices=Release, default=Release.PERSON
    )
    shortest_seconds = models.PositiveSmallIntegerField(
        _("shortest call that is scored, in seconds"), default=30, validators=[MaxValueValidator(3600)]
    )
    gap_percent = models.PositiveSmallIntegerField(
        _("not scored when so much of the sound is missing, in percent"),
        default=20,
        validators=[MaxValueValidator(100)],
    )
    unsure_percent = models.PositiveSmallIntegerField(
        _("people look at answers less sure than, in percent"),
        default=60,
        validators=[MaxValueValidator(100)],
        help_text=_("Such evaluations stand on the work list."),
    )
    show_automatic = models.BooleanField(
        _("evaluators see the automatic answers"),
        default=True,
        help_text=_("Never in second reviews and calibration, which are blind."),
    )
    kappa_percent = models.PositiveSmallIntegerField(
        _("least kappa of an automatic criterion, in percent"),
        default=60,
        validators=[MaxValueValidator(100)],
        help_text=_("Agreement with people beyond chance. Below it the page of agreement warns."),
    )
    dispute_days = models.PositiveSmallIntegerField(
        _("days to dispute a score"), default=7, validators=[MaxValueValidator(365)]
    )
    resolve_days = models.PositiveSmallIntegerField(
        _("days to resolve a dispute"), default=5, validators=[MaxValueValidator(365)]
    )

    class Meta:
        verbose_name = _("quality settings")
        verbose_name_plural = _("quality settings")
        constraints = [models.CheckConstraint(condition=Q(only=True), name="quality_settings_only_row")]

    def __str__(self) -> str:
        return str(_("Quality settings"))
