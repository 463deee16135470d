"""Writes to facts: one row a conversation, reckoned from what is stored; written anew when it changes."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import Avg, Count, F, Q, Sum
from django.utils import timezone

from analytics.models import ConversationFact
from coaching.models import Alert, Guidance
from conversations.models import Conversation, Speaker, Summary, Utterance
from qa.models import Evaluation
from tenants.companies import company_zone


def company_today() -> date:
    """Today, where this company is. One query."""
    return timezone.now().astimezone(company_zone()).date()


def fact_write(conversation_id: UUID) -> ConversationFact | None:
    """Write an ended conversation's figures, from what is known of it now. None while it goes on, or if it is gone.

    A handler of the outbox: runs when the conversation has ended, when it is scored or a score changes, and when
    its wrap-up is over. Handle time runs to the confirmation of the summary; a wrap-up that nobody worked on does
    not count.
    """
    with transaction.atomic():
        # One writer at a time, so that the last one to read is the last one to write.
        rows = Conversation.objects.select_for_update(no_key=True, of=("self",))
        conversation = rows.filter(pk=conversation_id).first()
        if conversation is None or conversation.is_live:
            return None
        begin = conversation.started_at or conversation.announced_at
        talk = Utterance.objects.filter(conversation_id=conversation_id).aggregate(
            agent=Sum(F("end_ms") - F("start_ms"), filter=Q(speaker=Speaker.AGENT)),
            customer=Sum(F("end_ms") - F("start_ms"), filter=Q(speaker=Speaker.CUSTOMER)),
            sentiment=Avg("sentiment", filter=Q(speaker=Speaker.CUSTOMER)),
        )
        # What was held back nobody saw; whose words were said was taken up, with or without a click.
        hints = (
            Guidance.objects.filter(conversation_id=conversation_id, kind=Guidance.Kind.HINT)
            .exclude(state=Guidance.State.HELD)
            .aggregate(
                shown=Count("pk"),
                accepted=Count("pk", filter=Q(state=Guidance.State.ACCEPTED) | Q(used_at__isnull=False)),
            )
        )
        fact, _created = ConversationFact.objects.update_or_create(
            conversation=conversation,
            defaults={
                "day": begin.astimezone(company_zone()).date(),
                "agent_id": conversation.agent_id,
                "handle_seconds": _handle_seconds(conversation),
                "agent_talk_ms": talk["agent"] or 0,
                "customer_talk_ms": talk["customer"] or 0,
                "hints_shown": hints["shown"],
                "hints_accepted": hints["accepted"],
                "alerts": Alert.objects.filter(conversation_id=conversation_id).count(),
                "sentiment": talk["sentiment"],
                "score": Evaluation.objects.filter(conversation_id=conversation_id, counts=True).aggregate(
                    mean=Avg("total")
                )["mean"],
            },
        )
    return fact


def fact_write_job(conversation_id: UUID) -> None:
    """Handler of the outbox."""
    fact_write(conversation_id)


def _handle_seconds(conversation: Conversation) -> int:
    begin, end, closed = conversation.started_at, conversation.ended_at, conversation.closed_at
    if begin is None or end is None:
        return 0
    confirmed = Summary.objects.filter(conversation_id=conversation.pk, state=Summary.State.CONFIRMED)
    worked_until = confirmed.values_list("confirmed_at", flat=True).first()
    # Confirmed after its time had run out: nobody worked on it all the while.
    if worked_until is not None and closed is not None and worked_until <= closed:
        end = max(end, worked_until)
    return max(0, round((end - begin).total_seconds()))
