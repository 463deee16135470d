"""Classifiers of intents: the labelled examples, what was learned from them, and what they heard since."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel


class TrainingSet(TimeOrderedModel):
    """Labelled examples as they were given. Never changed; a version of a classifier names the set it learned from."""

    task = models.SlugField(_("task"), max_length=60)
    source = models.CharField(_("file"), max_length=120)
    sha256 = models.CharField(max_length=64)
    examples = models.PositiveIntegerField(_("examples"), default=0)
    intents = models.PositiveIntegerField(_("intents"), default=0)
    # [line, sentence] of what could not be used.
    complaints = models.JSONField(_("lines left out"), default=list)
    created_at = models.DateTimeField(_("given"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("training set")
        verbose_name_plural = _("training sets")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.task}: {self.source}"


class IntentExample(TimeOrderedModel):
    """One labelled text, redacted by the company's policy as live words are. The intent `oos`: out of scope."""

    training_set = models.ForeignKey(TrainingSet, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField()
    text = models.TextField()
    intent = models.CharField(max_length=80)

    class Meta:
        verbose_name = _("labelled example")
        verbose_name_plural = _("labelled examples")
        ordering = ["training_set", "line"]

    def __str__(self) -> str:
        return f"{self.intent}, line {self.line}"


class Classifier(TimeOrderedModel):
    """One version of what tells a task's intents. At most one version of a task is live."""

    class State(models.TextChoices):
        TRAINING = "training", _("training")
        FAILED = "failed", _("failed")
        CANDIDATE = "candidate", _("candidate")
        LIVE = "live", _("live")
        RETIRED = "retired", _("retired")

    class Drift(models.TextChoices):
        UNKNOWN = "unknown", _("too few calls yet")
        NONE = "none", _("none")
        SOME = "some", _("some")
        MUCH = "much", _("much")

    task = models.SlugField(_("task"), max_length=60)
    version = models.PositiveIntegerField(_("version"))
    training_set = models.ForeignKey(
        TrainingSet, verbose_name=_("training set"), on_delete=models.PROTECT, related_name="classifiers"
    )
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.TRAINING)
    # What refusing may cost: the share of in-scope texts that are told rightly and refused all the same.
    refuse_cost = models.FloatField(
        _("what refusing may cost"),
        default=0.007,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.2)],
        help_text=_("Share of in-scope texts, told rightly, that may be refused with the out-of-scope ones."),
    )
    with_vectors = models.BooleanField(
        _("learn from vectors, too"),
        default=False,
        help_text=_(
            "The company’s server for vectors of texts is sent the examples, and later what is said, without what "
            "reads as personal data. Where it does not answer in time, words alone decide."
        ),
    )
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    progress = models.PositiveSmallIntegerField(_("progress"), default=0)
    problem = models.CharField(_("problem"), max_length=300, blank=True, default="")
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # When training last told how far it is, by any worker.
    seen_at = models.DateTimeField(null=True)
    trained_at = models.DateTimeField(_("trained"), null=True)
    live_from = models.DateTimeField(_("live since"), null=True)
    retired_at = models.DateTimeField(_("retired"), null=True)
    drift = models.CharField(_("drift"), max_length=7, choices=Drift, default=Drift.UNKNOWN)
    drift_figures = models.JSONField(default=dict, blank=True)
    drift_told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("intent classifier")
        verbose_name_plural = _("intent classifiers")
        ordering = ["task", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["task", "version"], name="classifier_version_once"),
            models.UniqueConstraint(fields=["task"], condition=Q(state="live"), name="classifier_one_live"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.version}"


class StoredModel(models.Model):
    """The bytes of what was learned, apart from the classifier so that no list reads them."""

    classifier = models.OneToOneField(
        Classifier, primary_key=True, on_delete=models.CASCADE, related_name="stored"
    )
    sha256 = models.CharField(max_length=64)
    data = models.BinaryField()

    class Meta:
        verbose_name = _("stored model")
        verbose_name_plural = _("stored models")

    def __str__(self) -> str:
        return f"{self.classifier_id}"


class ClassifierTally(TimeOrderedModel):
    """What a classifier told in calls: scores of what it accepted, by bin, and how many texts it refused.

    One row a call, without the call; the watch sums those of a day up to one. Kept for as long as drift looks back.
    """

    classifier = models.ForeignKey(Classifier, on_delete=models.CASCADE, related_name="tallies")
    day = models.DateField()
    scores = models.JSONField(default=list)
    refused = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    summed = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("classifier's tally")
        verbose_name_plural = _("classifiers' tallies")
        ordering = ["classifier", "day"]
        indexes = [models.Index(fields=["classifier", "day"], name="classifier_tally_day")]

    def __str__(self) -> str:
        return f"{self.classifier_id} on {self.day}"
