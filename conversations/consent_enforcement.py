"""What a conversation that has ended may not keep for want of consent."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from conversations import outbox
from conversations.consent import CHANGED, State, consent_now, marks_of, region_of, rule_for
from conversations.erasure import recording_erase, utterances_erase, words_erase
from conversations.live.coverage import Coverage
from conversations.live.timeline import Timeline
from conversations.models import (
    CallOwner,
    ConsentRecord,
    ConsentRule,
    Conversation,
    LegalHold,
    Purpose,
    Recording,
    Utterance,
)
from conversations.recordings import recording_rewrite
from conversations.retention import held

REASON = "no consent"


def consent_enforce(conversation_id: UUID) -> None:
    """Erase what a conversation that has ended may not keep any more. An outbox handler: it may run again.

    Runs when a call ends, when a caller's word or the call's region comes after that, and when a legal hold is lifted:
    while one stands nothing is erased.
    """
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None or conversation.is_live:
        return
    if Conversation.objects.filter(held(), pk=conversation_id).exists():
        return
    marks, timeline = marks_of(conversation), Timeline()
    for mark in marks:
        timeline.add(mark)
    ever = {purpose: any(m["allowed"] for m in marks if m["purpose"] == purpose) for purpose in Purpose}
    if not (ever[Purpose.RECORD] and ever[Purpose.ASSIST]):
        recording_erase(conversation_id=conversation_id, reason=REASON)
    else:
        _sound_hide(conversation_id, timeline)
    spoken = Utterance.objects.filter(conversation_id=conversation_id).exclude(text="")
    unheard = [pk for pk, at_ms in spoken.values_list("pk", "start_ms") if timeline.unheard(at_ms)]
    if unheard and not ever[Purpose.ASSIST]:
        words_erase(conversation_id=conversation_id, reason=REASON)
    elif unheard:
        # Said before it was known, or in the moment that the word took to reach the worker.
        utterances_erase(conversation_id=conversation_id, utterances=unheard, reason=REASON)
    _withdrawals_enforce(conversation)


def _withdrawals_enforce(conversation: Conversation) -> None:
    withdrawn = set(
        ConsentRecord.objects.filter(conversation=conversation, state=State.WITHDRAWN).values_list(
            "purpose", flat=True
        )
    )
    region, now = region_of(conversation), consent_now(conversation)
    for purpose in sorted(withdrawn):
        rule = rule_for(region, purpose)
        if now[purpose] or rule is None or rule.on_withdrawal != ConsentRule.Withdrawal.ERASE:
            continue
        recording_erase(conversation_id=conversation.pk, reason="consent withdrawn")
        if purpose == Purpose.ASSIST:
            words_erase(conversation_id=conversation.pk, reason="consent withdrawn")


def _sound_hide(conversation_id: UUID, timeline: Timeline) -> None:
    """Beep what was recorded before it was known that it may not be; what the live way kept out is silent."""
    owner = CallOwner.objects.filter(pk=conversation_id).first()
    if owner is None or not owner.recorded_ms:
        return
    if owner.wrapped_key is None and not Recording.objects.filter(conversation_id=conversation_id).exists():
        return
    kept_out = Coverage(owner.engine_state.get("recording", {}).get("kept_out", []))
    late = Coverage(timeline.silent(owner.recorded_ms)).without(kept_out)
    recording_rewrite(
        conversation_id=conversation_id,
        intervals=[
            (channel, *stretch) for stretch in late for channel in range(owner.audio_format["channels"])
        ],
    )


def hold_lifted(hold: LegalHold) -> None:
    """What a legal hold kept against the callers' word goes now, unless another one keeps it."""
    of_it = Q(pk=hold.conversation_id) if hold.conversation_id else Q(customer=hold.customer_id)  # type: ignore[attr-defined]
    ended = Conversation.objects.filter(of_it, ended_at__isnull=False)
    for conversation_id in ended.values_list("pk", flat=True):
        outbox.jobs_announce(event=CHANGED, conversation_id=conversation_id, because=str(hold.pk))
