"""The second reading: a conversation that is over is read whole, and what it still holds is hidden everywhere.

An outbox job after the call's end. Nothing is made of the words before it is done: summary, score and whatever else
reads them follow on `CHECKED`. It may run twice, is tried again with growing pauses, and raises an alert when it does
not get done. First come rules and the trained model; then the company's own chat model, where it has one inside its
trust boundary (`providers.reading`), is sent what they left. What the first found is hidden though the second is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from time import monotonic
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.errors import Conflict, error_place
from conversations import outbox
from conversations.hiding import Hiding, spans_hide
from conversations.models import Conversation, OutboxJob, Redaction, RedactionCheck, Utterance
from conversations.redaction.kept import kept_drop
from conversations.redaction.policy import config_for_speech
from conversations.redaction.uncertain import reviews_note
from conversations.redaction.written import written_redact
from conversations.services import call_lock
from engines.redaction.actions import stand_in
from engines.redaction.hindsight import Line, NotRead, Reader, RuleReader, together
from engines.redaction.redactor import RedactionConfig
from engines.redaction.vocabulary import placeholder
from providers.reading import chat_mark, chat_reader

log = structlog.get_logger(__name__)

TASK = "redaction.check"
# Outbox events: its words may be used from now on; nobody could read them again, so that people must look.
CHECKED = "conversation.checked"
UNCHECKED = "conversation.unchecked"
# Four tries take some four minutes; the outbox goes on trying after that.
ALERT_AFTER = 4
# Counts up when reading itself learns something new, so that history that was read before is read again.
_READING = 1
_TRIES = 3

_READERS: list[Reader] = [RuleReader()]


def reader_add(reader: Reader) -> None:
    """Have `reader` read along in every second reading. Called from an app's `ready()`; a name counts once.

    For what runs where every company trusts it with what it may not keep, and for nothing else.
    """
    if all(one.name != reader.name for one in _READERS):
        _READERS.append(reader)


def policy_mark(config: RedactionConfig, along: str | None = None) -> str:
    """A fingerprint of what is read for, without any secret: the same for the same policy and readers.

    `along` is what reads beside the rules; None asks for it.
    """
    along = chat_mark() if along is None else along
    told = [
        _READING,
        sorted(config.enabled_types),
        config.regions,
        config.actions,
        [repr(one) for one in config.custom],
        config.extra,
        config.model,
        [one.name for one in _READERS],
        # Only where there are any, so that what was read before there could be is known as read.
        *([sorted(config.apart)] if config.apart else ()),
        *([along] if along else ()),
    ]
    return sha256(repr(told).encode()).hexdigest()[:32]


def redaction_check(conversation_id: UUID) -> None:
    """Read a conversation that is over, and let what waits for that begin. The outbox's handler; idempotent."""
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None or conversation.is_live:
        return
    check, _created = RedactionCheck.objects.get_or_create(conversation=conversation)
    if check.state == RedactionCheck.State.DONE:
        with transaction.atomic():
            outbox.jobs_announce(event=CHECKED, conversation_id=conversation_id)
        return
    # Counted before it is tried: a worker that dies of it has tried, too.
    RedactionCheck.objects.filter(pk=check.pk).update(
        attempts=F("attempts") + 1, state=RedactionCheck.State.RUNNING
    )
    try:
        conversation_read(conversation_id, found_in=Redaction.Pass.SECOND)
    except Exception as error:
        _failed(check.pk, failed_at(error))
        raise


def failed_at(error: Exception) -> str:
    """What went wrong and where, without a word of what was read."""
    why = f" ({error.fault})" if isinstance(error, NotRead) else ""
    return f"{type(error).__name__}{why} at {error_place(error)}"[:200]


def conversation_read(conversation_id: UUID, *, found_in: str) -> int:
    """Read a conversation that is over and hide what is found, by the policy of now. Returns how much that was.

    Raises `Conflict` where its words keep changing meanwhile.
    """
    begun = monotonic()
    config = config_for_speech()
    for left in reversed(range(_TRIES)):
        try:
            return _read(conversation_id, config, found_in, begun)
        except Conflict:
            if not left:
                raise
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class _Reading:
    """What readers found in the texts of now: what to hide, its words, and where detectors named it differently."""

    utterances: int
    hidings: list[Hiding]
    words: dict[Hiding, str] = field(repr=False)
    disputed: set[Hiding]


def _read(conversation_id: UUID, config: RedactionConfig, found_in: str, begun: float) -> int:
    along = chat_mark()
    mark = policy_mark(config, along)
    reading = _reading(conversation_id, config, _READERS)
    with transaction.atomic():
        found = _hide(conversation_id, config, found_in, reading)
        if along:
            checks = RedactionCheck.objects.filter(conversation=conversation_id)
            counted = checks.update(found=F("found") + found)
        else:
            _done(conversation_id, mark, found, reading, begun)
    if along:
        reader = chat_reader()
        # Read anew, so that what was found by now is not sent.
        reading = _reading(conversation_id, config, [] if reader is None else [reader])
        with transaction.atomic():
            more = _hide(conversation_id, config, found_in, reading)
            _done(conversation_id, mark, more if counted else found + more, reading, begun)
        found += more
    log.info("redaction.read", conversation=str(conversation_id), found=found, found_in=str(found_in))
    return found


def _reading(conversation_id: UUID, config: RedactionConfig, readers: Sequence[Reader]) -> _Reading:
    rows = list(
        Utterance.objects.filter(conversation=conversation_id)
        .order_by("start_ms", "sequence")
        .only("speaker", "text", "start_ms", "end_ms", "revision")
    )
    lines = [Line(row.speaker, row.text, row.start_ms, row.end_ms) for row in rows]
    reading = _Reading(len(rows), [], {}, set())
    for one in together(lines, chain.from_iterable(reader.read(lines, config) for reader in readers)):
        row, span = rows[one.line], one.span
        said = row.text[span.start : span.end]
        # A part of a number may be all that one turn holds, so its last four digits are not shown.
        instead = stand_in(config.action(span.type), span.type, said, key=config.hash_key, whole=False)
        hiding = Hiding(row.pk, row.revision, span, instead or placeholder(span.type))
        reading.hidings.append(hiding)
        reading.words[hiding] = said
        if one.disputed:
            reading.disputed.add(hiding)
    return reading


def _hide(conversation_id: UUID, config: RedactionConfig, found_in: str, reading: _Reading) -> int:
    """Hide what was found, within the caller's transaction, and list what people should look at."""
    # Before what is written below: people write summaries and notes at the same time.
    call_lock(conversation_id)
    made = spans_hide(
        conversation_id=conversation_id,
        hidings=reading.hidings,
        found_in=found_in,
        margin_ms=config.beep_margin_ms,
    )
    kept_drop(conversation_id=conversation_id, types=config.apart)
    written = written_redact(conversation_id=conversation_id, config=config)
    reviews_note(
        conversation_id=conversation_id,
        made=[(redaction, reading.words[hiding], hiding in reading.disputed) for redaction, hiding in made],
    )
    return len(made) + written


def _done(conversation_id: UUID, mark: str, found: int, reading: _Reading, begun: float) -> None:
    """Let what waits for the reading begin, within the caller's transaction."""
    RedactionCheck.objects.update_or_create(
        conversation_id=conversation_id,
        defaults={
            "state": RedactionCheck.State.DONE,
            "utterances": reading.utterances,
            "took_ms": round(1000 * (monotonic() - begun)),
            "policy": mark,
            "last_error": "",
            "done_at": timezone.now(),
        },
    )
    if found:
        RedactionCheck.objects.filter(conversation=conversation_id).update(found=F("found") + found)
    outbox.jobs_announce(event=CHECKED, conversation_id=conversation_id)


# --- What does not get done -----------------------------------------------------------------------------


def _failed(check_id: UUID, place: str) -> None:
    with transaction.atomic():
        check = RedactionCheck.objects.select_for_update().get(pk=check_id)
        check.last_error = place
        if check.attempts >= outbox.MAX_ATTEMPTS:
            check.state = RedactionCheck.State.FAILED
        check.save(update_fields=["last_error", "state"])
        if check.attempts >= ALERT_AFTER:
            _alert(check)


def _alert(check: RedactionCheck) -> None:
    """Tell people, once, within the caller's transaction: higher rooms and mail follow the event."""
    if check.alerted_at is None:
        check.alerted_at = timezone.now()
        check.save(update_fields=["alerted_at"])
        outbox.jobs_announce(event=UNCHECKED, conversation_id=check.conversation_id)
        log.error("redaction.unchecked", conversation=str(check.conversation_id), error=check.last_error)


def checks_given_up() -> int:
    """Note what the outbox has given up without our hearing of it (a worker that died of it). Returns how many."""
    given_up = OutboxJob.objects.filter(
        task=TASK, done_at__isnull=True, attempts__gte=outbox.MAX_ATTEMPTS, due_at__lte=timezone.now()
    ).exclude(conversation__redaction_check__state=RedactionCheck.State.FAILED)
    found = 0
    for job in given_up[:100]:
        with transaction.atomic():
            check, _created = RedactionCheck.objects.select_for_update().get_or_create(
                conversation_id=job.conversation_id
            )
            if check.state != RedactionCheck.State.DONE:
                check.state = RedactionCheck.State.FAILED
                check.last_error = check.last_error or job.last_error or "a worker went away with it"
                check.save(update_fields=["state", "last_error"])
                _alert(check)
                found += 1
    return found
