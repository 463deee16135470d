"""What rules did beside showing something, and whether agents did what was expected of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from coaching.models.policies import PolicyRevision
from conversations.models import Conversation, Utterance


class RuleEffect(TimeOrderedModel):
    """What a rule did beside showing something: a tag, a disposition, a message to other systems.

    `value`: the tag, the disposition's key, or the message's note; from the policy, never from what was said.
    `reason`, `evidence` and `cause` as in `Guidance`. `done`: False where it could not be done (`refused` says why).
    """

    class Kind(models.TextChoices):
        TAG = "tag", _("tag")
        DISPOSITION = "disposition", _("disposition")
        WEBHOOK = "webhook", _("message to other systems")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="rule_effects")
    revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT)
    rule_key = models.CharField(max_length=80)
    action = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(_("what"), max_length=12, choices=Kind)
    value = models.CharField(_("value"), max_length=300, blank=True, default="")
    refused = models.CharField(_("not done because"), max_length=80, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")
    evidence = models.JSONField(default=list)
    cause = models.ForeignKey(Utterance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at_ms = models.PositiveIntegerField()
    created_at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("act of a rule")
        verbose_name_plural = _("acts of rules")
        ordering = ["conversation", "at_ms", "id"]
        indexes = [models.Index(fields=["-created_at"], name="rule_effect_newest")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.value}"


class BehaviourOutcome(TimeOrderedModel):
    """Whether an agent did what was expected in one situation, with the words that show it.

    `situation` and `evidence`: lists of {"utterance", "start", "end"}; the second is empty where it was missed.
    """

    class Result(models.TextChoices):
        DONE = "done", _("done")
        MISSED = "missed", _("missed")

    # `behaviour_of_conversation` begins with it.
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="behaviours", db_index=False
    )
    revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT)
    behaviour_key = models.CharField(max_length=80)
    name = models.CharField(max_length=120)
    weight = models.FloatField(default=1)
    result = models.CharField(max_length=6, choices=Result)
    situation = models.JSONField(default=list)
    evidence = models.JSONField(default=list)
    reason = models.CharField(max_length=500, blank=True, default="")
    at_ms = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("behaviour observed")
        verbose_name_plural = _("behaviours observed")
        ordering = ["conversation", "at_ms", "id"]
        indexes = [
            models.Index(fields=["conversation", "behaviour_key"], name="behaviour_of_conversation"),
            models.Index(
                fields=["behaviour_key", "-created_at"],
                name="behaviour_missed",
                condition=Q(result="missed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.result}"
