"""Plays a sample call to an agent, through the way in for audio like any other call."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache as store
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.ids import new_id
from accounts.models import TelephonyIdentity, User
from conversations.models import Conversation
from demo.provision import ingest_key
from demo.scripts import SampleCall, sample_calls
from integrations.telephony.native.client import AudioClient, IngestRefused, IngestUnreachable, Played
from integrations.telephony.native.codec import SOURCE
from tenants.models import Domain
from tenants.scope import PUBLIC, current_schema, schema_scope

log = structlog.get_logger(__name__)

# The task must have been picked up by then, so that the sound in the browser and the audio sent begin together.
LEAD_MS = 900
# Nobody waits longer for a call that was asked for.
EXPIRES_SECONDS = 5


def start_message(call: SampleCall, *, call_id: str, agent_id: str) -> dict[str, Any]:
    """What a telephony would tell us of this call (the `start` of docs/ingest.md)."""
    customer = call.script["customer"]
    return {
        "call": {
            "id": call_id,
            "agent": agent_id,
            "queue": slugify(call.script["queue"]),
            "customer": {
                "reference": customer["reference"],
                "name": customer["name"],
                "segment": customer["segment"][:40],
                "fields": customer.get("fields", {}),
            },
            "metadata": {"sample": call.key},
        },
        "audio": {"roles": ["agent", "customer"]},
    }


def play_request(*, user: User, key: str) -> dict[str, Any]:
    """Have a sample call played to `user` by a worker. Returns its call id and in how many ms it begins.

    Raises `ValidationError` for an unknown call and for who has no number in the telephony; `Conflict` while
    another call of theirs is on.
    """
    from demo.tasks import sample_call_play

    if key not in sample_calls():
        raise ValidationError(_("There is no such sample call."))
    identity = TelephonyIdentity.objects.filter(user=user, provider=SOURCE).first()
    if identity is None:
        raise ValidationError(_("You have no number in the telephony; ask an admin for one."))
    on = Conversation.objects.filter(
        agent=user, state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE]
    )
    # A second click arrives before the first call is there.
    if on.exists() or not store.add(f"demo-play:{user.pk}", 1, timeout=EXPIRES_SECONDS):
        raise Conflict(_("You are in a call already."))
    call_id = f"sample-{new_id()}"
    begins_at = time.time() + LEAD_MS / 1000
    sample_call_play.apply_async(
        kwargs={"key": key, "agent_id": identity.agent_id, "call_id": call_id, "begins_at": begins_at},
        expires=EXPIRES_SECONDS,
    )
    return {"call": call_id, "begins_in_ms": LEAD_MS}


def play(
    *, key: str, agent_id: str, call_id: str, begins_at: float = 0.0, speed: float = 1.0
) -> Played | None:
    """Send a sample call, in the current company, as its telephony would. Returns when all of it is safe.

    None where the way in did not take it; the log says why. `begins_at`: seconds since 1970.
    """
    call = sample_calls()[key]
    schema = current_schema()
    with schema_scope(PUBLIC):
        domains = Domain.objects.filter(tenant__schema_name=schema, is_primary=True)
        host = domains.values_list("domain", flat=True).first()
    client = AudioClient(settings.INGEST_URL, str(host), ingest_key(schema))

    async def send() -> Played:
        await asyncio.sleep(max(0.0, begins_at - time.time()))
        return await client.play(call.sound, start_message(call, call_id=call_id, agent_id=agent_id), speed)

    try:
        return asyncio.run(send())
    except (IngestRefused, IngestUnreachable) as error:
        log.warning(
            "demo.not_played", call=call_id, error=type(error).__name__, code=getattr(error, "code", None)
        )
        return None
