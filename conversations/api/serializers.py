"""How conversations and what belongs to them look in the API: the items of events, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import PersonSerializer
from conversations.models import (
    CallPhase,
    ChatMessage,
    Conversation,
    Recording,
    Speaker,
    Summary,
    SummaryLine,
)

Serializer = serializers.Serializer[Any]


class CustomerSerializer(Serializer):
    reference = serializers.CharField()
    name = serializers.CharField()
    segment = serializers.CharField()
    fields = serializers.DictField()  # type: ignore[assignment]


class PhaseSerializer(Serializer):
    phase = serializers.ChoiceField(CallPhase.Phase.choices)
    at = serializers.DateTimeField()
    from_ms = serializers.IntegerField(help_text="Where in the call's audio it begins.")


class ConversationSerializer(Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(Conversation.State.choices)
    end_reason = serializers.CharField()
    channel = serializers.ChoiceField(Conversation.Channel.choices)
    direction = serializers.ChoiceField(Conversation.Direction.choices)
    phase = serializers.ChoiceField(
        CallPhase.Phase.choices,
        allow_null=True,
        help_text="As the telephony told last; null where it tells none.",
    )
    phase_since = serializers.DateTimeField(allow_null=True)
    phases = PhaseSerializer(many=True, help_text="What the call has been through, in order.")
    language = serializers.CharField()
    queue = serializers.CharField(allow_null=True, help_text="The queue's name.")
    agent = PersonSerializer(allow_null=True)
    unmatched = serializers.CharField(
        allow_null=True, help_text="The agent's id at the provider, while nobody is attached."
    )
    customer = CustomerSerializer(allow_null=True)
    disposition = serializers.CharField(allow_null=True)
    announced_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    words_erased_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when nothing that was said is kept any more."
    )


class UtteranceSerializer(Serializer):
    id = serializers.UUIDField()
    n = serializers.IntegerField(help_text="Its number in the conversation, from 1, without gaps.")
    speaker = serializers.ChoiceField(Speaker.choices)
    start_ms = serializers.IntegerField()
    end_ms = serializers.IntegerField()
    text = serializers.CharField(help_text="Redacted: [CREDIT_CARD] and the like stand for what was said.")
    sentiment = serializers.FloatField(allow_null=True, help_text="The customer's, -1 to 1.")
    revision = serializers.IntegerField()


class UtteranceReadSerializer(UtteranceSerializer):
    delivery = serializers.ChoiceField(
        ChatMessage.Delivery.choices,
        allow_null=True,
        help_text="Of what the agent or a supervisor wrote here in a chat: whether the chat system confirmed it. "
        "missed: it failed, or was not confirmed before the chat ended.",
    )


class UtteranceFoundSerializer(UtteranceSerializer):
    conversation = serializers.UUIDField()


class SummaryLineSerializer(Serializer):
    id = serializers.UUIDField()
    section = serializers.CharField(help_text="A section's key.")
    section_label = serializers.CharField()
    kind = serializers.CharField(help_text="The section's kind: lines, or the kind of a field.")
    text = serializers.CharField()
    value = serializers.JSONField(
        allow_null=True, help_text="Of a field that is no text: its value in its type, read from the words."
    )
    who = serializers.CharField(help_text="Who made a promise: agent or customer.")
    due_on = serializers.DateField(allow_null=True, help_text="By when, where that was said.")
    original = serializers.CharField(help_text="What stood there before the agent's edit, or nothing.")
    evidence = serializers.ListField(child=serializers.UUIDField(), help_text="Utterances it rests on.")
    removed = serializers.BooleanField()
    way = serializers.ChoiceField(SummaryLine.Way.choices, help_text="How it was first made.")


class SummarySectionShownSerializer(Serializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField())
    instruction = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]


class SummaryTemplateNamedSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    revision = serializers.IntegerField()


class SummarySerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    origin = serializers.ChoiceField(Summary.Origin.choices)
    origin_label = serializers.CharField()
    state = serializers.ChoiceField(Summary.State.choices)
    created_at = serializers.DateTimeField()
    confirm_by = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    confirmed_by = PersonSerializer(allow_null=True)
    model = serializers.CharField(help_text="Which model wrote it; empty: taken from the transcript.")
    prompt_revision = serializers.IntegerField(help_text="0: the prompt as installed.")
    template = SummaryTemplateNamedSerializer(allow_null=True, help_text="null: the one of the house.")
    sections = SummarySectionShownSerializer(many=True)
    fields = serializers.DictField(  # type: ignore[assignment]
        help_text="Values of the fields by their keys: text, digits, {amount, currency}, ISO date, bool, or null."
    )
    lines = SummaryLineSerializer(many=True)


class LineChangeSerializer(Serializer):
    """At least one of the two."""

    text = serializers.CharField(required=False, max_length=400)
    removed = serializers.BooleanField(required=False, help_text="true leaves it out, false brings it back.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Give text or removed.")
        return attrs


class LineAddSerializer(Serializer):
    section = serializers.CharField(max_length=40, help_text="A key of the summary's sections.")
    text = serializers.CharField(max_length=400)


class ConfirmSerializer(Serializer):
    disposition = serializers.SlugField(required=False, help_text="A disposition's key.")


class AttachSerializer(Serializer):
    user = serializers.UUIDField(help_text="The agent whose call it is.")


class SnapshotSerializer(Serializer):
    head = serializers.IntegerField(help_text="The last event's sequence number: ask for events after it.")
    items = serializers.DictField(
        child=serializers.ListField(child=serializers.DictField()), help_text="By kind, as in events."
    )


class EventSerializer(Serializer):
    seq = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    data = serializers.DictField(help_text="The item as it is now; replaces the one of that kind and id.")  # type: ignore[assignment]


class EventsSerializer(Serializer):
    head = serializers.IntegerField(help_text="The last event there is.")
    next = serializers.IntegerField(help_text="Ask for events after this one.")
    events = EventSerializer(many=True)


class RecordingSerializer(serializers.ModelSerializer[Recording]):
    """`url` plays, `download_url` gives it to take away (null without that permission); both expire unless begun."""

    url = serializers.CharField(read_only=True)
    download_url = serializers.CharField(read_only=True, allow_null=True)
    url_expires_at = serializers.DateTimeField(read_only=True)

    class Meta:
        model = Recording
        fields = (
            "id",
            "conversation",
            "codec",
            "sample_rate",
            "channels",
            "duration_ms",
            "size_bytes",
            "sha256",
            "redacted_intervals",
            "peaks",
            "created_at",
            "url",
            "download_url",
            "url_expires_at",
        )


class RedactionAskedSerializer(serializers.Serializer[Any]):
    """Which characters of an utterance's text to hide, as what. `revision`: of the utterance as it was read."""

    utterance = serializers.UUIDField()
    start = serializers.IntegerField(min_value=0)
    end = serializers.IntegerField(min_value=1)
    type = serializers.RegexField(
        r"^[A-Z][A-Z_]{1,31}$",
        help_text="CREDIT_CARD, NAME, … or a type of the company's own.",
    )
    revision = serializers.IntegerField(min_value=1, required=False)
