"""Words that are found later to be hidden: taken out of the transcript, of what was made of it, and of the sound.

By a person on the page of a conversation, or by a later pass. Higher rooms that point into an utterance by offsets
subscribe here, and move their marks in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from conversations import events
from conversations.models import Conversation, KeptValue, Note, Redaction, SummaryLine, Utterance
from conversations.recordings import recording_rewrite
from conversations.redaction.policy import redaction_policy
from conversations.services import call_lock, event_append
from conversations.summary_case_words import summary_case_change, summary_case_drop
from engines.redaction.muting import Beeps
from engines.redaction.text import RawText, Span
from engines.redaction.timing import beeps, redacted_words
from engines.redaction.vocabulary import PLACEHOLDER, placeholder
from engines.speech.types import HeardWord

# Shorter words ("at", "two") stand in other lines for other things.
TELLING = 4
# How far a beep follows the voice beside a word that is hidden late. Other words of a number are known by then.
FOLLOWED_MS = 500


@dataclass(frozen=True, slots=True)
class WordsHidden:
    """The characters [start, end) of an utterance became a placeholder of `length` characters, `stand_in`.

    `said` finds the words where somebody wrote them again; None for short ones, which stand for other things there.
    """

    utterance_id: UUID
    conversation_id: UUID
    start: int
    end: int
    length: int
    stand_in: str = ""
    said: re.Pattern[str] | None = None

    def without(self, text: str) -> str:
        """What somebody wrote about the conversation, without the words."""
        return text if self.said is None else self.said.sub(self.stand_in, text)

    def moved(self, start: int, end: int) -> tuple[int, int]:
        """Where a mark at [start, end) of the text before stands now; one that was cut takes all of the placeholder."""
        stop, by = self.start + self.length, self.length - (self.end - self.start)
        if start < self.end and end > self.start:
            return min(start, self.start), stop if end <= self.end else end + by
        return (start + by, end + by) if start >= self.end else (start, end)

    def moved_evidence(self, evidence: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Evidence (`{"utterance", "start", "end", …}`) with the marks in this utterance moved."""
        moved = []
        for one in evidence:
            if str(one.get("utterance")) == str(self.utterance_id) and one.get("start") is not None:
                start, end = self.moved(one["start"], one["end"])
                one = {**one, "start": start, "end": end}
            moved.append(one)
        return moved


_FOLLOWERS: list[Callable[[WordsHidden], None]] = []


def follow(handler: Callable[[WordsHidden], None]) -> None:
    """Have `handler` run whenever words are hidden, within that transaction. Called from an app's `ready()`."""
    if handler not in _FOLLOWERS:
        _FOLLOWERS.append(handler)


def words_hide(
    *,
    utterance_id: UUID,
    start: int,
    end: int,
    type_name: str,
    actor: User | None,
    revision: int | None = None,
    found_in: str = Redaction.Pass.MANUAL,
    detector: str = "person",
    reason: str = "hidden by hand",
    score: float = 1.0,
    address: str | None = None,
) -> Utterance:
    """Hide the characters [start, end) of an utterance's text, and the sound of their words, as `type_name`.

    Widened to whole words and whole placeholders. `revision` is the one that the offsets were read from. Raises
    `ValidationError` for a stretch or type that is not there, `Conflict` where the text has changed meanwhile or the
    stretch is hidden already.
    """
    policy = redaction_policy()
    if type_name not in policy.types:
        raise ValidationError({"type": _("There is no such type of information.")})
    with transaction.atomic():
        found = Utterance.objects.select_related("conversation").get(pk=utterance_id)
        call_lock(found.conversation_id)
        row = Utterance.objects.select_for_update().defer("search").get(pk=utterance_id)
        if revision is not None and revision != row.revision:
            raise Conflict(_("These words have changed meanwhile. Load the page anew."))
        if not 0 <= start < end <= len(row.text):
            raise ValidationError({"start": _("There are no such words in this utterance.")})
        start, end = _widened(row.text, start, end)
        words = row.text[start:end]
        if not PLACEHOLDER.sub("", words).strip():
            # For whoever may see what is kept they are not, until now.
            if not _kept_within(row, start, end).delete()[0]:
                raise Conflict(_("These words are hidden already."))
            changes = {"type": type_name, "found_in": str(found_in), "kept": "deleted"}
            audit(actor=actor, action="conversation.redact", thing=row, changes=changes, address=address)
            return row
        span = Span(start, end, type_name, score, detector, reason)
        beeped, _made = _hide(row, span, placeholder(type_name), found_in, policy.config.beep_margin_ms)
        recording_rewrite(
            conversation_id=row.conversation_id,
            intervals=[(row.channel_index, begin, stop) for begin, stop in beeped.intervals],
            reach=_near(beeped),
            found_in=found_in,
            actor=actor,
            address=address,
        )
        audit(
            actor=actor,
            action="conversation.redact",
            thing=row,
            changes={"type": type_name, "found_in": str(found_in), "revision": row.revision},
            address=address,
        )
    return row


@dataclass(frozen=True, slots=True)
class Hiding:
    """What is to be hidden of an utterance that has `revision`, and what takes its place."""

    utterance_id: UUID
    revision: int
    span: Span
    stand_in: str


def spans_hide(
    *, conversation_id: UUID, hidings: Iterable[Hiding], found_in: str, margin_ms: int
) -> list[tuple[Redaction, Hiding]]:
    """Hide many spans of one conversation in one transaction, with one rewriting of its sound.

    Offsets are those of the text with the `revision` that each names; spans of an utterance do not overlap. What lies
    within words that are hidden already is left out. Raises `Conflict` where a text has changed meanwhile.
    """
    made: list[tuple[Redaction, Hiding]] = []
    stretches: list[tuple[int, int, int]] = []
    reach: list[tuple[int, int]] = []
    wanted: dict[UUID, list[Hiding]] = {}
    for one in hidings:
        wanted.setdefault(one.utterance_id, []).append(one)
    if not wanted:
        return []
    with transaction.atomic():
        call_lock(conversation_id)
        rows = Utterance.objects.select_for_update().select_related("conversation").defer("search")
        for row in rows.filter(conversation=conversation_id, pk__in=wanted).order_by("pk"):
            own = wanted.pop(row.pk)
            if any(one.revision != row.revision for one in own):
                raise Conflict(_("These words have changed meanwhile. Load the page anew."))
            # From the end, so that the offsets of what is still to be hidden stay right.
            free = len(row.text)
            for one in sorted(own, key=lambda one: -one.span.start):
                start, end = _widened(row.text, one.span.start, min(one.span.end, free))
                end = min(end, free)
                if start >= end or not PLACEHOLDER.sub("", row.text[start:end]).strip():
                    continue
                span = replace(one.span, start=start, end=end)
                beeped, redaction = _hide(row, span, one.stand_in, found_in, margin_ms)
                stretches += [(row.channel_index, begin, stop) for begin, stop in beeped.intervals]
                reach += _near(beeped)
                made.append((redaction, one))
                free = start
        if wanted:
            raise Conflict(_("These words have changed meanwhile. Load the page anew."))
        if made:
            recording_rewrite(
                conversation_id=conversation_id, intervals=stretches, reach=reach, found_in=found_in
            )
            audit(
                actor=None,
                action="conversation.redact",
                thing=Conversation.objects.get(pk=conversation_id),
                changes={"spans": len(made), "found_in": str(found_in)},
            )
    return made


def _hide(
    row: Utterance, span: Span, stand_in: str, found_in: str, margin_ms: int
) -> tuple[Beeps, Redaction]:
    """Put `stand_in` in the place of `span`, wherever its words are; return what to beep and the row of the finding."""
    words = row.text[span.start : span.end]
    said = _said(words)
    telling = sum(character.isalnum() for character in words) >= TELLING
    change = WordsHidden(
        row.pk,
        row.conversation_id,
        span.start,
        span.end,
        len(stand_in),
        stand_in,
        said if telling else None,
    )
    beeped = _hide_in_utterance(row, span, stand_in, margin_ms)
    made = _move_redactions(change, span, found_in)
    event_append(conversation_id=row.conversation_id, kind="utterance", row=row)
    _hide_in_what_was_written(row, said, stand_in, telling=telling)
    for follower in _FOLLOWERS:
        follower(change)
    return beeped, made


def _kept_within(row: Utterance, start: int, end: int) -> QuerySet[KeptValue]:
    return KeptValue.objects.filter(
        redaction__utterance=row.pk, redaction__start__lt=end, redaction__end__gt=start
    )


def _near(beeped: Beeps) -> list[tuple[int, int]]:
    """How far each stretch may follow the voice beside it."""
    return [
        (max(earliest, start - FOLLOWED_MS), min(latest, end + FOLLOWED_MS))
        for (start, end), (earliest, latest) in zip(beeped.intervals, beeped.reach, strict=True)
    ]


def _widened(text: str, start: int, end: int) -> tuple[int, int]:
    for one in PLACEHOLDER.finditer(text):
        if one.start() < end and one.end() > start:
            start, end = min(start, one.start()), max(end, one.end())
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    # Half a word has no sound of its own, and shows the other half.
    while start > 0 and start < end and text[start].isalnum() and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and end > start and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    return start, end


def _hide_in_utterance(row: Utterance, span: Span, stand_in: str, margin_ms: int) -> Beeps:
    """Change text and words of the row; return what to beep on its channel, in milliseconds of the call."""
    heard = [HeardWord(RawText(text), begin, stop, sure) for text, begin, stop, sure in row.words]
    timed = redacted_words(row.text, [span], heard, [stand_in]) if heard else None
    row.text = row.text[: span.start] + stand_in + row.text[span.end :]
    row.words = (
        [[word.text, word.start_ms, word.end_ms, round(word.confidence, 3)] for word in timed.words]
        if timed
        else []
    )
    row.revision += 1
    row.save(update_fields=["text", "words", "revision"])
    return beeps(timed, found=True, start_ms=row.start_ms, end_ms=row.end_ms, margin_ms=margin_ms)


def _move_redactions(change: WordsHidden, span: Span, found_in: str) -> Redaction:
    for one in Redaction.objects.filter(utterance=change.utterance_id):
        if one.start < change.end and one.end > change.start:
            one.delete()  # its placeholder is part of the new one
        elif one.start >= change.end:
            one.start, one.end = change.moved(one.start, one.end)
            one.save(update_fields=["start", "end"])
    return Redaction.objects.create(
        utterance_id=change.utterance_id,
        type=span.type,
        start=span.start,
        end=span.start + change.length,
        score=span.score,
        detector=span.detector,
        reason=span.reason,
        found_in=found_in,
    )


def _said(words: str) -> re.Pattern[str]:
    """What finds the words in another text."""
    return re.compile(r"(?<!\w)" + re.escape(words.strip(" .,;:!?")) + r"(?!\w)", re.IGNORECASE)


def _hide_in_what_was_written(row: Utterance, said: re.Pattern[str], stand_in: str, *, telling: bool) -> None:
    """Take the words out of the summary's lines and the note, where they were copied or said again."""
    summary = None
    for line in SummaryLine.objects.filter(summary__conversation=row.conversation_id).select_related(
        "summary"
    ):
        if not telling and str(row.pk) not in map(str, line.evidence):
            continue
        text, original = said.sub(stand_in, line.text), said.sub(stand_in, line.original)
        if (text, original) != (line.text, line.original):
            line.text, line.original, summary = text[:400], original[:400], line.summary
            line.save(update_fields=["text", "original"])
    if telling:
        summary_case_change(row.conversation_id, lambda text: said.sub(stand_in, text))
    else:
        # Where such a word was meant cannot be told in a transcript: the case goes.
        summary_case_drop(row.conversation_id)
    if summary is not None:
        shown = events.rows("summary").get(pk=summary.pk)
        event_append(conversation_id=row.conversation_id, kind="summary", row=shown)
    for note in Note.objects.filter(conversation=row.conversation_id) if telling else ():
        if said.search(note.text):
            note.text = said.sub(stand_in, note.text)
            note.save(update_fields=["text"])
