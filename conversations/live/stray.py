"""Calls that nobody follows although they have not ended: Redis lost their announcement, or all workers were away.

Announcing them again is enough. A worker that claims one goes on from its last commit, and ends it as incomplete when
no audio is left and no line comes back.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import redis
import structlog
from django.conf import settings
from django.utils import timezone

from conversations.models import CallOwner, Conversation
from tenants import names
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

AT_ONCE = 200


def calls_announce_stray() -> list[UUID]:
    """Announce the current company's stray calls again. A followed call writes a checkpoint every few seconds."""
    quiet = timedelta(seconds=max(60.0, 3 * settings.INGEST_RESUME_SECONDS))
    stale = list(
        # Uploaded calls are no worker's: their own sweep starts them again.
        CallOwner.objects.exclude(conversation__provider=Conversation.UPLOADED)
        .filter(
            conversation__state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE],
            wrapped_key__isnull=False,
            updated_at__lt=timezone.now() - quiet,
        )
        .values_list("pk", "conversation__channel")
    )
    if not stale:
        return []
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        known = {
            fields[b"conversation"].decode()
            for name in (names.CALLS_NEW, names.CHATS_NEW)
            for _entry, fields in client.xrange(name)
        }
        # Those that wait for a worker are known; many of them must not hide the others.
        strays = [(ident, channel) for ident, channel in stale if str(ident) not in known][:AT_ONCE]
        for ident, channel in strays:
            log.warning("call.stray", conversation=str(ident))
            name = names.CHATS_NEW if channel == Conversation.Channel.CHAT else names.CALLS_NEW
            client.xadd(name, {"schema": current_schema(), "conversation": str(ident)})
    return [ident for ident, _channel in strays]
