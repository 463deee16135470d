"""The end of a call: one state for the conversation, the account of its audio, and the jobs that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conversations import news, outbox
from conversations.live.coverage import Coverage
from conversations.live.stages import Batch
from conversations.live.timeline import Missing
from conversations.live.wire import STOP as STOP
from conversations.models import CallLedger, Conversation, Participant
from conversations.publish import tell_agent
from conversations.services import call_lock, event_append
from tenants.scope import current_schema

# Why a call ended, as the ledger says it; `STOP` alone is a complete call.
NO_STOP = "no_stop"
SPEECH_FAILED = "speech_failed"
FAILED = "failed"
AUDIO_LOST = "audio_lost"


@dataclass(frozen=True)
class Gap:
    """A stretch of one channel, in milliseconds, that is missing, and why."""

    channel: int
    from_ms: int
    to_ms: int
    cause: str


@dataclass(frozen=True)
class Account:
    """Milliseconds of audio: what came, what was heard of it on each channel, what was recorded, what is missing."""

    reason: str
    received_ms: int
    transcribed_ms: list[int]
    recorded_ms: int
    gaps: list[Gap]


def account_of(
    *,
    reason: str,
    received_ms: int,
    coverage: Sequence[Coverage],
    unheard: Mapping[str, Coverage],
    recorded_ms: int,
    lost: Sequence[Sequence[int]],
    missing: Sequence[Missing],
) -> Account:
    """Draw up the account of a call: every millisecond of each channel is transcribed, or missing for a cause.

    `unheard`: what was not to be heard, by cause; it counts as covered, and not as transcribed. `lost`: what the
    buffer lost; `missing`: what the telephony did not deliver. Both were heard as silence.
    """
    # One worker may have passed over for one cause what the next one passes over for another: each counts once.
    passed = Coverage()
    by_cause: list[tuple[str, list[list[int]]]] = []
    for cause, stretches in sorted(unheard.items()):
        by_cause.append((cause, [list(stretch) for stretch in stretches.without(passed)]))
        for start, end in stretches.as_lists():
            passed.add(start, end)
    by_cause.append(("audio lost", Coverage(lost).as_lists()))
    gaps = [
        Gap(channel, start, end, cause)
        for channel in range(len(coverage))
        for cause, found in (
            *by_cause,
            *_missing_of(channel, missing),
            ("not transcribed", [list(gap) for gap in coverage[channel].gaps(received_ms)]),
        )
        for start, end in found
    ]
    return Account(
        reason=reason,
        received_ms=received_ms,
        transcribed_ms=[max(0, each.total - passed.total) for each in coverage],
        recorded_ms=recorded_ms,
        gaps=gaps,
    )


def _missing_of(channel: int, missing: Sequence[Missing]) -> list[tuple[str, list[list[int]]]]:
    """What the telephony did not deliver of a channel, by cause; what several lines said of it counts once."""
    found: dict[str, Coverage] = {}
    for each in missing:
        if each.channel in (None, channel):
            found.setdefault(each.cause, Coverage()).add(each.from_ms, each.to_ms)
    return [(cause, stretches.as_lists()) for cause, stretches in found.items()]


def _state_for(reason: str) -> str:
    return Conversation.State.WRAP_UP if reason == STOP else Conversation.State.INCOMPLETE


def end_prepare(*, batch: Batch, account: Account, ended_at: datetime) -> None:
    """Put the end of a call into its last batch. Reads what the final event shows; writes within the batch's commit.

    `ended_at`: when the call was over, which is earlier than now where its words came late.
    """
    schema = current_schema()
    conversation = Conversation.objects.select_related("agent", "customer", "queue", "disposition").get(
        pk=batch.conversation_id
    )
    conversation.state = _state_for(account.reason)
    conversation.end_reason = account.reason
    began = conversation.started_at or conversation.announced_at
    conversation.ended_at = ended_at = max(began, ended_at)
    if conversation.is_uploaded:
        # It was over before it came here, and there is nobody to wrap it up.
        conversation.ended_at = began + timedelta(milliseconds=account.received_ms)
        if conversation.state == Conversation.State.WRAP_UP:
            conversation.state = Conversation.State.COMPLETED
    if conversation.state in {Conversation.State.COMPLETED, Conversation.State.INCOMPLETE}:
        conversation.closed_at = conversation.ended_at

    def write() -> None:
        # Somebody may have attached the call to its agent since it was read.
        conversation.agent = User.objects.filter(conversations=conversation.pk).first()
        conversation.save(update_fields=["state", "end_reason", "ended_at", "closed_at"])
        Participant.objects.filter(conversation=conversation, left_at__isnull=True).update(left_at=ended_at)
        _ledger_close(conversation.pk, account)
        kind = news.COMPLETED if account.reason == STOP else news.INCOMPLETE
        news.tell(kind=kind, conversation_id=conversation.pk)
        if conversation.agent_id is not None and not conversation.is_uploaded:
            agent_id, state = conversation.agent_id, conversation.state
            transaction.on_commit(lambda: tell_agent(schema, agent_id, conversation.pk, state))

    batch.write(write)
    batch.event("conversation", conversation)
    batch.announce(outbox.ENDED)


def _ledger_close(conversation_id: UUID, account: Account) -> None:
    channels = len(account.transcribed_ms)
    CallLedger.objects.filter(conversation_id=conversation_id, state=CallLedger.State.OPEN).update(
        state=CallLedger.State.COMPLETED if account.reason == STOP else CallLedger.State.INCOMPLETE,
        reason=account.reason,
        closed_at=timezone.now(),
        received_ms=[account.received_ms] * channels,
        transcribed_ms=account.transcribed_ms,
        recorded_ms=[account.recorded_ms] * channels,
        gaps=[asdict(gap) for gap in account.gaps],
    )


def call_fail(*, conversation_id: UUID, reason: str) -> bool:
    """End a call that no worker can finish: with what was committed, and its ledger saying why."""
    with transaction.atomic():
        call_lock(conversation_id)
        conversation = (
            Conversation.objects.select_for_update(of=("self",))
            .select_related("agent", "customer", "queue", "disposition", "owner")
            .filter(pk=conversation_id, state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE])
            .first()
        )
        if conversation is None:
            return False
        owner = conversation.owner
        owner.epoch += 1  # whoever still holds the call writes nothing any more
        owner.save(update_fields=["epoch", "updated_at"])
        batch = Batch(conversation.pk)
        # By what was committed: what came behind it is not known any more.
        coverage, state = [Coverage(intervals) for intervals in owner.coverage], owner.engine_state
        account = account_of(
            reason=reason,
            received_ms=max((high for each in coverage for _low, high in each.as_lists()), default=0),
            coverage=coverage,
            unheard={cause: Coverage(stretches) for cause, stretches in state.get("unheard", {}).items()},
            recorded_ms=owner.recorded_ms,
            lost=state.get("lost", []),
            missing=[],
        )
        end_prepare(batch=batch, account=account, ended_at=timezone.now())
        for write in batch.writes:
            write()
        for kind, row in batch.events:
            event_append(conversation_id=conversation.pk, kind=kind, row=row)
        outbox.jobs_announce(event=outbox.ENDED, conversation_id=conversation.pk)
    return True
