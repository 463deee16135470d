"""What a conversation that has ended may not keep for want of consent."""

from __future__ import annotations

from uuid import UUID

from conversations.consent import State, consent_now, marks_of, region_of, rule_for
from conversations.erasure import recording_erase, words_erase
from conversations.models import ConsentRecord, ConsentRule, Conversation, Purpose


def consent_enforce(conversation_id: UUID) -> None:
    """Erase what a conversation that has ended may not keep any more. An outbox handler: it may run again.

    Runs when a call ends, and when a caller's word comes after that.
    """
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None or conversation.is_live:
        return
    region = region_of(conversation)
    withdrawn = set(
        ConsentRecord.objects.filter(conversation=conversation, state=State.WITHDRAWN).values_list(
            "purpose", flat=True
        )
    )
    now = consent_now(conversation)
    marks = [mark for mark in marks_of(conversation) if mark["purpose"] == Purpose.RECORD]
    if not any(mark["allowed"] for mark in marks):
        recording_erase(conversation_id=conversation_id, reason="no consent")
    for purpose in sorted(withdrawn):
        rule = rule_for(region, purpose)
        if now[purpose] or rule is None or rule.on_withdrawal != ConsentRule.Withdrawal.ERASE:
            continue
        recording_erase(conversation_id=conversation_id, reason="consent withdrawn")
        if purpose == Purpose.ASSIST:
            words_erase(conversation_id=conversation_id, reason="consent withdrawn")
