"""The list of findings that people look at: who sees which, what they decide, and what becomes of a decision.

A false alarm is noted and stays hidden: what it was is not kept. Every decision becomes a labelled example.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from conversations.access import conversations_visible
from conversations.hiding import words_hide
from conversations.models import LabelledSpan, Recording, Redaction, RedactionReview, Utterance
from conversations.recordings import recording_rewrite
from conversations.redaction.labelled import surrogate_for
from conversations.redaction.uncertain import shape_of
from engines.redaction.vocabulary import PLACEHOLDER, placeholder

State = RedactionReview.State
CONTEXT_TURNS = 3
QUEUE_SHOWN = 100
DECISIONS = {"confirm": State.CONFIRMED, "false_alarm": State.FALSE_ALARM}
_VERDICT = {
    State.CONFIRMED: LabelledSpan.Verdict.CONFIRMED,
    State.FALSE_ALARM: LabelledSpan.Verdict.FALSE_ALARM,
}


def reviews_visible(user: User) -> QuerySet[RedactionReview]:
    """Findings to look at, or looked at, in conversations that this person may read, newest first.

    Those whose finding is gone, because its words were erased, are not there any more.
    """
    return (
        RedactionReview.objects.filter(conversation__in=conversations_visible(user).order_by().values("pk"))
        .filter(Q(redaction__isnull=False) | ~Q(state=State.OPEN))
        .select_related(
            "redaction", "utterance", "conversation__agent", "conversation__customer", "decided_by"
        )
        .defer("utterance__words", "utterance__search")
        .order_by("-id")
    )


def reviews_open(user: User, *, type_name: str = "", because: str = "") -> QuerySet[RedactionReview]:
    """What this person has to look at, filtered by type and why."""
    rows = reviews_visible(user).filter(state=State.OPEN)
    if type_name:
        rows = rows.filter(type=type_name)
    return rows.filter(because=because) if because else rows


def review_for(user: User, review_id: UUID) -> RedactionReview:
    """One that this person may see. `Http404` where there is none."""
    row = reviews_visible(user).filter(pk=review_id).first()
    if row is None:
        raise Http404("no such finding")
    return row


def open_by(user: User) -> dict[str, dict[str, int]]:
    """How many are open, by type and by why: `{"type": {…}, "because": {…}}`, most first. One query."""
    rows = (
        reviews_visible(user)
        .filter(state=State.OPEN)
        .order_by()
        .values("type", "because")
        .annotate(count=Count("pk"))
        .values_list("type", "because", "count")
    )
    found: dict[str, dict[str, int]] = {"type": {}, "because": {}}
    for type_name, because, count in rows:
        for counts, name in ((found["type"], type_name), (found["because"], because)):
            counts[name] = counts.get(name, 0) + count
    return {
        by: dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))) for by, counts in found.items()
    }


@dataclass(frozen=True, slots=True)
class Around:
    """A finding with the turns around it, in the order of time. `start` and `end` are its place in its own turn."""

    review: RedactionReview
    turns: list[Utterance]
    start: int
    end: int

    @property
    def from_ms(self) -> int:
        """Where in the call the finding's turn begins."""
        return int(self.review.utterance.start_ms)

    @property
    def until_ms(self) -> int:
        """Where in the call the finding's turn ends."""
        return int(self.review.utterance.end_ms)


def around(review: RedactionReview) -> Around:
    """Read what was said just before and after. Two queries."""
    own = review.utterance
    rows = Utterance.objects.filter(conversation=review.conversation_id).defer("words", "search")
    before = rows.filter(
        Q(start_ms__lt=own.start_ms) | Q(start_ms=own.start_ms, sequence__lte=own.sequence)
    ).order_by("-start_ms", "-sequence")[: CONTEXT_TURNS + 1]
    after = rows.filter(
        Q(start_ms__gt=own.start_ms) | Q(start_ms=own.start_ms, sequence__gt=own.sequence)
    ).order_by("start_ms", "sequence")[:CONTEXT_TURNS]
    place = review.redaction
    return Around(
        review,
        [*reversed(before), *after],
        place.start if place is not None else 0,
        place.end if place is not None else 0,
    )


# --- Decisions ------------------------------------------------------------------------------------------


def review_decide(
    *, review: RedactionReview, actor: User, decision: str, address: str | None = None
) -> RedactionReview:
    """Confirm a finding, or note it as a false alarm. The same again changes nothing; people may change their mind.

    Raises `Conflict` where the finding is gone, because its words were erased.
    """
    state = DECISIONS[decision]
    with transaction.atomic():
        row = RedactionReview.objects.select_for_update().get(pk=review.pk)
        if row.state == state:
            return row
        finding = Redaction.objects.select_related("utterance").filter(review=row).first()
        if finding is None:
            raise Conflict(_("This finding is gone: its words were erased, or hidden with others."))
        before, row.state = row.state, state
        row.decided_at, row.decided_by = timezone.now(), actor
        row.save(update_fields=["state", "decided_at", "decided_by"])
        spoken = finding.utterance
        LabelledSpan.objects.update_or_create(
            review=row,
            defaults={
                "conversation_id": row.conversation_id,
                "utterance": spoken,
                "type": finding.type,
                "verdict": _VERDICT[state],
                "speaker": spoken.speaker,
                "context": spoken.text,
                "start": finding.start,
                "end": finding.end,
                "shape": row.shape,
                "surrogate": ""
                if state == State.FALSE_ALARM
                else surrogate_for(finding.type, row.shape, row.pk),
                "detector": finding.detector,
                "score": finding.score,
            },
        )
        audit(
            actor=actor,
            action="redaction.review",
            thing=row,
            changes={"type": row.type, "state": [str(before), str(state)]},
            address=address,
        )
    return row


def review_hide_more(
    *,
    review: RedactionReview,
    actor: User,
    utterance_id: UUID,
    start: int,
    end: int,
    type_name: str,
    revision: int | None = None,
    address: str | None = None,
) -> Utterance:
    """Hide more words of the same conversation, as `words_hide` does; the finding that led to them is confirmed."""
    with transaction.atomic():
        before = Utterance.objects.filter(pk=utterance_id, conversation=review.conversation_id).first()
        if before is None:
            raise Http404("no such utterance here")
        shape = shape_of(PLACEHOLDER.sub("", before.text[start:end]).strip())
        if review.state == State.OPEN and review.redaction_id is not None:
            review_decide(review=review, actor=actor, decision="confirm", address=address)
        row = words_hide(
            utterance_id=utterance_id,
            start=start,
            end=end,
            type_name=type_name,
            revision=revision,
            actor=actor,
            address=address,
        )
        made = Redaction.objects.filter(utterance=row, found_in=Redaction.Pass.MANUAL).order_by("-pk").first()
        if made is not None:
            LabelledSpan.objects.create(
                conversation_id=row.conversation_id,
                utterance=row,
                type=type_name,
                verdict=LabelledSpan.Verdict.MISSED,
                speaker=row.speaker,
                context=row.text,
                start=made.start,
                end=made.end,
                shape=shape,
                surrogate=surrogate_for(type_name, shape, made.pk),
                detector="person",
                score=None,
            )
    return row


def stretch_check(*, review: RedactionReview, channel: int, start_ms: int, end_ms: int) -> None:
    """Raise `ValidationError` where the conversation's recording has no such stretch."""
    recording = Recording.objects.filter(conversation=review.conversation_id).first()
    if recording is None:
        raise ValidationError({"channel": _("There is no recording.")})
    if not 0 <= channel < recording.channels:
        raise ValidationError({"channel": _("There is no such side.")})
    if not 0 <= start_ms < end_ms <= recording.duration_ms:
        raise ValidationError({"start_ms": _("There is no such stretch in the recording.")})


def review_silence(
    *,
    review: RedactionReview,
    actor: User,
    channel: int,
    start_ms: int,
    end_ms: int,
    address: str | None = None,
) -> None:
    """Silence a stretch of the conversation's sound, where the words do not show what can be heard."""
    with transaction.atomic():
        recording_rewrite(
            conversation_id=review.conversation_id,
            intervals=[(channel, start_ms, end_ms)],
            actor=actor,
            address=address,
        )
        if review.state == State.OPEN and review.redaction_id is not None:
            review_decide(review=review, actor=actor, decision="confirm", address=address)


def beside(turn: Utterance, start: int, end: int, which: str) -> tuple[int, int] | None:
    """The word before or after the placeholder at [start, end), or the whole turn, as offsets; None without one."""
    if which == "turn":
        return (0, len(turn.text)) if PLACEHOLDER.sub("", turn.text).strip() else None
    if which == "before":
        stop = len(turn.text[:start].rstrip())
        begin = turn.text.rfind(" ", 0, stop) + 1
        return (begin, stop) if begin < stop else None
    rest = turn.text[end:]
    begin = end + len(rest) - len(rest.lstrip())
    stop = turn.text.find(" ", begin)
    stop = len(turn.text) if stop < 0 else stop
    return (begin, stop) if begin < stop else None


def review_shown(row: RedactionReview) -> dict[str, Any]:
    """One finding as the API shows it."""
    place = row.redaction
    return {
        "id": row.pk,
        "conversation": row.conversation_id,
        "utterance": row.utterance_id,
        "type": row.type,
        "placeholder": placeholder(row.type),
        "score": row.score,
        "detector": row.detector,
        "reason": place.reason if place is not None else "",
        "found_in": row.found_in,
        "because": row.because,
        "state": row.state,
        "text": row.utterance.text,
        "start": place.start if place is not None else None,
        "end": place.end if place is not None else None,
        "revision": row.utterance.revision,
        "created_at": row.created_at,
        "decided_at": row.decided_at,
        "decided_by": {"id": row.decided_by.pk, "name": row.decided_by.name} if row.decided_by else None,
    }
