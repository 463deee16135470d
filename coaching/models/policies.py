"""Policies, their rules, and what was published of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from accounts.models import Team
from moments.models import MomentDefinition


class Policy(TimeOrderedModel):
    """A set of rules for everyone or for one team. Edited as a draft, effective once published."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")

    class Scope(models.TextChoices):
        ALL = "all", _("everyone")
        TEAM = "team", _("one team")

    name = models.CharField(_("name"), max_length=80, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    scope = models.CharField(_("for"), max_length=6, choices=Scope, default=Scope.ALL)
    team = models.ForeignKey(Team, verbose_name=_("team"), null=True, blank=True, on_delete=models.PROTECT)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="all", team__isnull=True) | Q(scope="team", team__isnull=False),
                name="policy_team_iff_scope_team",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Rule(TimeOrderedModel):
    """When a moment occurs (and another does not follow in time), show something."""

    class Kind(models.TextChoices):
        HINT = "hint", _("hint")
        CHECKLIST = "checklist", _("checklist item")
        ALERT = "alert", _("supervisor alert")

    class Label(models.TextChoices):
        SAY = "Say", _("Say")
        DO = "Do", _("Do")
        KNOW = "Know", _("Know")

    class Severity(models.TextChoices):
        WARN = "warn", _("look at it")
        BAD = "bad", _("act now")

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(_("show"), max_length=10, choices=Kind, default=Kind.HINT)
    when = models.ForeignKey(
        MomentDefinition, verbose_name=_("when"), on_delete=models.PROTECT, related_name="rules_when"
    )
    unless = models.ForeignKey(
        MomentDefinition,
        verbose_name=_("unless followed by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rules_unless",
    )
    wait_seconds = models.PositiveIntegerField(_("within seconds"), default=0)
    withdraw_on = models.ForeignKey(
        MomentDefinition,
        verbose_name=_("withdraw on"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rules_withdraw",
    )
    label = models.CharField(_("label"), max_length=4, choices=Label, default=Label.SAY)
    title = models.CharField(_("line"), max_length=90)
    say = models.TextField(_("words to say"), max_length=600, blank=True, default="")
    severity = models.CharField(_("severity"), max_length=4, choices=Severity, default=Severity.WARN)
    priority = models.PositiveSmallIntegerField(_("priority"), default=50, help_text=_("Higher comes first."))
    cooldown_seconds = models.PositiveIntegerField(_("not again for seconds"), default=60)
    once = models.BooleanField(_("once per conversation"), default=False)
    expires_seconds = models.PositiveIntegerField(_("leaves after seconds"), default=120)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering = ["policy", "position", "id"]

    def __str__(self) -> str:
        return self.title


class PolicyRevision(TimeOrderedModel):
    """A policy as published: `spec` is what the engine was given. Never edited."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    published_at = models.DateTimeField(_("published"), auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("policy revision")
        verbose_name_plural = _("policy revisions")
        ordering = ["policy", "-number"]
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="policy_revision_once")]

    def __str__(self) -> str:
        return f"{self.policy} revision {self.number}"
