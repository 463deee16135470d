"""Conversations and what belongs to each. One module a subject; all models are imported from here."""

from conversations.models.calls import (
    CallLedger,
    CallOwner,
    Conversation,
    ConversationEvent,
    Customer,
    Disposition,
    Note,
    OutboxJob,
    Participant,
    Recording,
    Redaction,
    Speaker,
    Utterance,
)
from conversations.models.chats import Chat, ChatMessage
from conversations.models.consent import ConsentRecord, ConsentRule, Purpose
from conversations.models.hidden import HiddenStretch
from conversations.models.kept import KeptValue
from conversations.models.lifecycle import (
    CallPhase,
    ConversationIdentifier,
    Handover,
    VoiceSettings,
    WaitingMetadata,
)
from conversations.models.redaction import CustomInformation, PciPause, RedactionPolicy, RedactionRule
from conversations.models.redaction_checks import (
    LabelledSpan,
    RedactionCheck,
    RedactionReview,
    RedactionRun,
)
from conversations.models.retention import LegalHold, RetentionRule, RetentionRun
from conversations.models.summaries import (
    Summary,
    SummaryCase,
    SummaryLine,
    SummarySection,
    SummarySettings,
    SummaryTemplate,
    SummaryTemplateRevision,
)

__all__ = [
    "CallLedger",
    "CallOwner",
    "CallPhase",
    "Chat",
    "ChatMessage",
    "ConsentRecord",
    "ConsentRule",
    "Conversation",
    "ConversationEvent",
    "ConversationIdentifier",
    "CustomInformation",
    "Customer",
    "Disposition",
    "Handover",
    "HiddenStretch",
    "KeptValue",
    "LabelledSpan",
    "LegalHold",
    "Note",
    "OutboxJob",
    "Participant",
    "PciPause",
    "Purpose",
    "Recording",
    "Redaction",
    "RedactionCheck",
    "RedactionPolicy",
    "RedactionReview",
    "RedactionRule",
    "RedactionRun",
    "RetentionRule",
    "RetentionRun",
    "Speaker",
    "Summary",
    "SummaryCase",
    "SummaryLine",
    "SummarySection",
    "SummarySettings",
    "SummaryTemplate",
    "SummaryTemplateRevision",
    "Utterance",
    "VoiceSettings",
    "WaitingMetadata",
]
