"""Drafts tried on the past: what each rule would have done, and whether that was right."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from coaching.models.policies import Policy, PolicyRevision
from conversations.models import Conversation


class Backtest(TimeOrderedModel):
    """A document played over past conversations, newest first, beside what is published.

    `document` and `names` are kept as they were when it was asked for; `against` is the revision it is compared with.
    `cursor` is the last conversation done: they are taken in the order of falling keys below `from_id`. `calls`: how
    many were within the policy's scope. `hints`: {"draft": {"3": 12}, "published": ...}: in 12 calls 3 things were
    shown to the agent.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    policy = models.ForeignKey(
        Policy, verbose_name=_("policy"), on_delete=models.CASCADE, related_name="backtests"
    )
    against = models.ForeignKey(
        PolicyRevision, verbose_name=_("against"), null=True, blank=True, on_delete=models.CASCADE
    )
    document = models.JSONField()
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    last = models.PositiveIntegerField(_("conversations asked for"))
    total = models.PositiveIntegerField(_("conversations"), default=0)
    done = models.PositiveIntegerField(_("played"), default=0)
    calls = models.PositiveIntegerField(_("within the policy's scope"), default=0)
    failed = models.PositiveIntegerField(_("not played"), default=0)
    hints = models.JSONField(default=dict)
    seconds = models.FloatField(_("seconds"), default=0)
    from_id = models.UUIDField(null=True, editable=False)
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
        verbose_name = _("backtest")
        verbose_name_plural = _("backtests")
        ordering = ["-created_at"]
        constraints = [
            # One at a time: it takes what processor there is.
            models.UniqueConstraint(fields=["is_open"], name="backtest_one_open", condition=Q(is_open=True))
        ]

    def __str__(self) -> str:
        return f"{self.policy} {self.done}/{self.total}"


class BacktestHit(TimeOrderedModel):
    """Something that a rule would have done in a past conversation. No words: `sequence` names the utterance."""

    class Side(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="hits")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    side = models.CharField(max_length=10, choices=Side)
    # Of the rule, behaviour or playbook.
    rule_key = models.CharField(max_length=80)
    at_ms = models.PositiveIntegerField()
    sequence = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name = _("backtest hit")
        verbose_name_plural = _("backtest hits")
        ordering = ["-conversation_id", "at_ms"]
        indexes = [models.Index(fields=["backtest", "side", "rule_key"], name="backtest_hit_rule")]

    def __str__(self) -> str:
        return f"{self.rule_key} at {self.at_ms} ms"


class RuleLabel(TimeOrderedModel):
    """Somebody's word on whether a rule is right to act at one place of a past conversation."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    rule_key = models.CharField(max_length=80)
    # The utterance; 0: nobody's words, but the passing of time.
    sequence = models.PositiveIntegerField()
    right = models.BooleanField(_("right"))
    labelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("label of a rule")
        verbose_name_plural = _("labels of rules")
        constraints = [
            models.UniqueConstraint(
                fields=["rule_key", "conversation", "sequence"], name="rule_label_once_a_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule_key} {'right' if self.right else 'wrong'}"
