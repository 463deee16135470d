"""Who may write a live call: claims by epoch.

A consumer group gives every call to one worker, but does not fence: a worker that was thought dead can still write.
So a claim raises the call's epoch in PostgreSQL, and every write is conditional on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations import consent, lifecycle, news, pci
from conversations.live.stages import CallContext
from conversations.live.timeline import TALK
from conversations.models import CallOwner, Conversation
from conversations.redaction.policy import config_for_speech, redaction_policy
from conversations.redaction.resumed import redactor_resumed
from conversations.services import event_append
from engines.redaction.redactor import RedactionConfig
from engines.redaction.stream import StreamRedactor
from providers.selectors import SpeechChoice, keyterms, speech_plan
from tenants import keys
from tenants.scope import current_schema

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Superseded(Exception):
    """Another worker has claimed the call since. Stop, and write nothing."""


@dataclass(frozen=True)
class Claim:
    """What a worker needs to go on with a call from its last commit.

    `key` opens its buffered audio; `speech` names the company's recognisers in order of preference, and `keyterms`
    are words that they should know.
    """

    context: CallContext
    epoch: int
    key: bytes
    audio_format: dict[str, Any]
    coverage: list[list[list[int]]]
    engine_state: dict[str, Any]
    utterances: int
    recorded_ms: int
    speech: tuple[SpeechChoice, ...]
    keyterms: tuple[str, ...] = ()
    # What the database knows of the call's phases, agents and consent (see `timeline`), and which phases are heard.
    marks: list[dict[str, Any]] = field(default_factory=list)
    heard_phases: frozenset[str] = TALK
    # What the company hides, as its policy was when the call was claimed.
    redaction: RedactionConfig = field(default_factory=RedactionConfig)
    # Whether the call pauses by itself while a card is given.
    card_pause: bool = False
    # When the conversation began, by the wall.
    started_at: datetime = _LONG_AGO


def call_claim(*, conversation_id: UUID, worker: str) -> Claim | None:
    """Take the call, whoever had it before. None: it has ended already, or its audio is gone."""
    with transaction.atomic():
        owner = (
            CallOwner.objects.select_for_update(of=("self", "conversation"))
            .select_related("conversation")
            .filter(pk=conversation_id)
            .first()
        )
        if owner is None or not owner.conversation.is_live or owner.wrapped_key is None:
            return None
        conversation = owner.conversation
        owner.epoch += 1
        owner.worker = worker
        owner.save(update_fields=["epoch", "worker", "updated_at"])
        if conversation.state == Conversation.State.ANNOUNCED:
            conversation.state = Conversation.State.LIVE
            conversation.started_at = conversation.started_at or timezone.now()
            conversation.save(update_fields=["state", "started_at"])
            event_append(conversation_id=conversation.pk, kind="conversation", row=conversation)
            if not conversation.is_uploaded:
                news.tell(kind=news.STARTED, conversation_id=conversation.pk)
    schema, policy = current_schema(), redaction_policy()
    redaction = config_for_speech(policy)
    agent = conversation.agent
    return Claim(
        context=CallContext(
            schema=schema,
            conversation_id=conversation.pk,
            agent_id=conversation.agent_id,
            team_id=agent.team_id if agent else None,
            queue_id=conversation.queue_id,
            language=conversation.language,
            live=not conversation.is_uploaded,
            channel=conversation.channel,
        ),
        epoch=owner.epoch,
        key=keys.unwrap(
            schema, bytes(owner.wrapped_key), owner.key_version, bound_to=f"call:{conversation.pk}"
        ),
        audio_format=owner.audio_format,
        coverage=owner.coverage,
        engine_state=_state(owner, redaction),
        utterances=owner.utterances,
        recorded_ms=owner.recorded_ms,
        marks=[
            *lifecycle.marks_of(conversation.pk),
            *consent.marks_of(conversation),
            *pci.marks_of(conversation.pk),
        ],
        heard_phases=lifecycle.heard_phases(),
        speech=speech_plan(conversation.language, live=not conversation.is_uploaded),
        keyterms=keyterms(conversation.language),
        redaction=redaction,
        card_pause=policy.pci_auto,
        started_at=conversation.started_at or conversation.announced_at,
    )


def _state(owner: CallOwner, redaction: RedactionConfig) -> dict[str, Any]:
    """The state of the last commit, with what of the stages' is kept apart because it does not change.

    Redaction goes on from what is stored of the call where another version of ours has written its state.
    """
    state: dict[str, Any] = owner.engine_state
    if "redaction" in state and not StreamRedactor.reads(state["redaction"]):
        resumed = redactor_resumed(state["redaction"], redaction, owner.conversation_id)
        state = {**state, "redaction": resumed.state()}
    fixed: dict[str, Any] = owner.fixed_state or {}
    if not fixed:
        return state
    stages = state.get("stages", {})
    return {
        **state,
        "stages": {key: {**fixed.get(key, {}), **own} for key, own in stages.items()},
    }
