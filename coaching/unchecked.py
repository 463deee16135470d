"""An alert where a conversation could not be read a second time for what must be hidden."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from coaching.models import Alert, Severity
from conversations import news
from conversations.models import Conversation
from conversations.services import conversation_lock, event_append

RULE = "redaction.check"


def alert_raise(conversation_id: UUID) -> None:
    """Raise it once. The outbox's handler."""
    if not Conversation.objects.filter(pk=conversation_id).exists():
        return
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        if Alert.objects.filter(conversation=conversation, rule_key=RULE).exists():
            return
        now = timezone.now()
        begun = conversation.started_at or conversation.announced_at
        ended = conversation.ended_at or now
        row = Alert.objects.create(
            conversation=conversation,
            revision=None,
            rule_key=RULE,
            title=_("Redaction check does not finish"),
            reason=_("What was said could not be read a second time. Summary and score wait for it."),
            severity=Severity.BAD,
            at_ms=max(0, round((ended - begun).total_seconds() * 1000)),
            raised_at=now,
        )
        event_append(conversation_id=conversation_id, kind="alert", row=row)
        news.tell(kind=news.ALERT_RAISED, conversation_id=conversation_id, ref=row.pk)
