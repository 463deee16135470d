"""Policies: what was drafted, what was published of it, for whom, and what went wrong with its rules."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel

FORMAT = 1


def empty_document() -> dict[str, Any]:
    """A policy document that says nothing yet."""
    return {"format": FORMAT, "rules": [], "behaviours": [], "playbooks": []}


class Severity(models.TextChoices):
    WARN = "warn", _("look at it")
    BAD = "bad", _("act now")


class Combine(models.TextChoices):
    """What a policy does to those whose scope is wider than its own."""

    ALSO = "also", _("beside policies for more people")
    INSTEAD = "instead", _("instead of policies for more people")


class Scoped(models.Model):
    """For which conversations a policy is, from when, and for how many of the agents.

    `scope`: {"agents": [user id], "teams": [team id], "queues": [queue key], "channels": [...], "languages": [...],
    "time": {"days": ["mon"], "from": "08:00", "until": "17:00"}}; what is not named is not asked for, {} is the whole
    organisation. All that is named must fit. See `coaching.scopes`.
    """

    scope = models.JSONField(_("for"), default=dict, blank=True)
    combine = models.CharField(_("is in effect"), max_length=8, choices=Combine, default=Combine.ALSO)
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    rollout_percent = models.PositiveSmallIntegerField(
        _("share of agents (%)"),
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("The others stay with the revision before."),
    )

    class Meta:
        abstract = True


SCOPED = ("scope", "combine", "starts_at", "ends_at", "rollout_percent")


class Policy(Scoped, TimeOrderedModel):
    """A set of rules, behaviours and playbooks. Edited as one draft, effective once it is published.

    `draft` is the document that the next revision is made of (see `engines.rules.spec`). In effect is what
    `in_use_from` says: the number of the first revision that may still be somebody's (None: nothing is in effect),
    whatever `state` the draft is in. `writers`: who has changed the draft since it was last published.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        REVIEW = "review", _("waits for review")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")

    name = models.CharField(_("name"), max_length=80, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    draft = models.JSONField(_("draft"), default=empty_document)
    in_use_from = models.PositiveIntegerField(null=True, blank=True, editable=False)
    writers = ArrayField(models.UUIDField(), default=list, blank=True, editable=False)
    submitted_at = models.DateTimeField(_("handed in"), null=True, blank=True, editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("handed in by"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(starts_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="policy_ends_after_it_starts",
            )
        ]

    def __str__(self) -> str:
        return self.name


class PolicyRevision(Scoped, TimeOrderedModel):
    """A policy as published: `document` is what the engine was given, `names` what its moments were called.

    Never edited. `restores`: the number of the earlier revision that it brought back.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    names = models.JSONField(default=dict)
    restores = models.PositiveIntegerField(null=True)
    published_at = models.DateTimeField(_("published"), auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("published by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("policy revision")
        verbose_name_plural = _("policy revisions")
        ordering = ["policy", "-number"]
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="policy_revision_once")]

    def __str__(self) -> str:
        return f"{self.policy} revision {self.number}"


class RuleFault(TimeOrderedModel):
    """How often something of a revision went wrong on one day, and how: the call went on without it."""

    class Kind(models.TextChoices):
        ERROR = "error", _("failed")
        LATE = "late", _("came too late")
        UNCONFIRMED = "unconfirmed", _("taken back: said otherwise in the end")

    revision = models.ForeignKey(PolicyRevision, on_delete=models.CASCADE, related_name="faults")
    # Of the rule, behaviour or playbook; empty where all of the revision is meant.
    rule_key = models.CharField(_("rule"), max_length=80, blank=True, default="")
    kind = models.CharField(_("what"), max_length=12, choices=Kind)
    day = models.DateField(_("day"))
    count = models.PositiveIntegerField(_("times"), default=0)
    # The kind of error and the place in the code, never its message: that may hold what was said.
    last = models.CharField(_("last"), max_length=200, blank=True, default="")
    last_at = models.DateTimeField(_("last at"))

    class Meta:
        verbose_name = _("trouble with a rule")
        verbose_name_plural = _("trouble with rules")
        ordering = ["-day", "rule_key"]
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "rule_key", "kind", "day"], name="rule_fault_once_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule_key} {self.kind} {self.day}: {self.count}"
