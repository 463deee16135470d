"""How guidance looks in the API: the items of events, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coaching.models import Guidance

Serializer = serializers.Serializer[Any]


class PlaceSerializer(Serializer):
    """Words in an utterance: characters `[start, end)` of its text."""

    utterance = serializers.UUIDField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()


class LatencySerializer(Serializer):
    """Milliseconds to the channel and to the agent's screen, from the last sound and from the words being final."""

    heard_to_sent = serializers.IntegerField(allow_null=True)
    heard_to_shown = serializers.IntegerField(allow_null=True)
    final_to_sent = serializers.IntegerField(allow_null=True)
    final_to_shown = serializers.IntegerField(allow_null=True)


class PolicyRevisionSerializer(Serializer):
    policy = serializers.CharField()
    number = serializers.IntegerField()


class GuidanceSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    kind = serializers.ChoiceField(Guidance.Kind.choices)
    label = serializers.CharField(help_text="Say, Do or Know.")  # type: ignore[assignment]
    title = serializers.CharField()
    say = serializers.CharField()
    reason = serializers.CharField()
    evidence = PlaceSerializer(many=True)
    priority = serializers.IntegerField()
    position = serializers.IntegerField()
    optional = serializers.BooleanField(help_text="Whether an agent may mute it.")
    playbook = serializers.CharField(help_text="Of a step: its playbook's id in the policy.")
    step = serializers.CharField()
    state = serializers.ChoiceField(Guidance.State.choices)
    outcome = serializers.ChoiceField(Guidance.Outcome.choices)
    payload = serializers.DictField(help_text="What its kind has beside: a passage, a field and its value.")
    dismiss_reason = serializers.CharField()
    wrong = serializers.BooleanField(help_text="The agent said that it does not belong here.")
    used_ms = serializers.IntegerField(allow_null=True, help_text="When its words were said after it.")
    at_ms = serializers.IntegerField()
    expires_ms = serializers.IntegerField(allow_null=True)
    spoken_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    shown_at = serializers.DateTimeField(allow_null=True)
    settled_ms = serializers.IntegerField(allow_null=True)
    rule = serializers.CharField()
    latency_ms = LatencySerializer()
    revision = PolicyRevisionSerializer()


class GuidanceAnswerSerializer(Serializer):
    action = serializers.ChoiceField(["seen", "accept", "dismiss", "wrong", "undo"])
    reason = serializers.CharField(required=False, max_length=400, help_text="Why it was dismissed.")


class GuidanceMoveSerializer(Serializer):
    step = serializers.CharField(max_length=80, help_text="The id of a step, as in `payload.steps`.")


class PlaybookSerializer(Serializer):
    revision = serializers.UUIDField()
    playbook = serializers.CharField(help_text="Its id in the policy.")
    policy = serializers.CharField()
    title = serializers.CharField()


class PlaybookBeginSerializer(Serializer):
    conversation = serializers.UUIDField()
    revision = serializers.UUIDField(help_text="As `playbooks` names it.")
    playbook = serializers.CharField(max_length=80)


class GuidanceMuteSerializer(Serializer):
    whole_kind = serializers.BooleanField(default=False, help_text="All of this kind, not this rule alone.")


class MuteSerializer(Serializer):
    id = serializers.UUIDField()
    kind = serializers.CharField(help_text="A kind of guidance, or empty where it is one rule.")
    rule = serializers.CharField()
    title = serializers.CharField()
    until = serializers.DateTimeField()
