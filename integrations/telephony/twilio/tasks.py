"""A stream's end is looked at a little later: its last messages may still be on their way in."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from redis.exceptions import RedisError

from integrations.telephony.twilio.services import call_end
from tenants.scope import schema_scope

# Longer than a line that broke counts as attached.
AFTER_SECONDS = 8


@shared_task(autoretry_for=(RedisError,), retry_backoff=True, max_retries=5)
def stream_ended(*, schema: str, conversation_id: str, reason: str) -> None:
    """End the call if no line is attached to it any more."""
    with schema_scope(schema):
        call_end(conversation_id=UUID(conversation_id), reason=reason)
