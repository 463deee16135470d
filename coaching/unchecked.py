"""An alert where a conversation could not be read a second time for what must be hidden."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from coaching.alerts import alert_raise, call_time
from coaching.models import CHECK, Alert, Severity
from conversations.models import Conversation
from conversations.services import conversation_lock


def unchecked_tell(conversation_id: UUID) -> None:
    """Raise it once. The outbox's handler."""
    if not Conversation.objects.filter(pk=conversation_id).exists():
        return
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        if Alert.objects.filter(conversation=conversation, rule_key=CHECK).exists():
            return
        now = timezone.now()
        alert_raise(
            alert=Alert(
                conversation=conversation,
                rule_key=CHECK,
                title=_("Redaction check does not finish"),
                reason=_("What was said could not be read a second time. Summary and score wait for it."),
                severity=Severity.BAD,
                at_ms=call_time(conversation, conversation.ended_at or now),
                raised_at=now,
            ),
            team_id=conversation.agent.team_id if conversation.agent else None,
        )
