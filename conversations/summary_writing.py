"""A conversation made ready to be summed up, its summary drafted from the transcript, and written anew by a model.

The extractive summary is stored at once; a model's takes its place if it comes while nobody has touched the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from conversations import events, news
from conversations.models import Conversation, Handover, Summary, SummaryLine, Utterance
from conversations.redacted import redacted
from conversations.services import call_lock, event_append
from conversations.summary_templates import sections_of, template_for
from engines.language.clauses import Line
from engines.language.summary.extracting import SummaryLine as Drafted
from engines.language.summary.filling import Talk, fill
from engines.language.summary.template import Section
from engines.language.summary.writing import SUMMARY, checked, form_of, variables
from engines.redaction.text import RedactedText
from providers.language import task_plan
from providers.language_selectors import language_rows

log = structlog.get_logger(__name__)

WRITTEN = "summary.written"
"""Outbox event: a summary was taken from the transcript, and a model may write it."""

TEXT_LENGTH = SummaryLine._meta.get_field("text").max_length or 400
UNSUPPORTED = "unsupported"
"""Why a model's summary did not take the place of the other: nothing of it was borne out."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said in a conversation: for the engine, and the ids of the utterances by their numbers."""

    talk: Talk
    ids: dict[int, UUID]


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line of a summary to be; `evidence` are the ids of the utterances it rests on."""

    section: str
    text: str
    evidence: list[str]
    who: str = ""
    due_on: date | None = None
    way: Literal["extractive", "model"] = "extractive"


def spoken_in(conversation: Conversation, *, with_moments: bool = True) -> Spoken:
    """Read a conversation's words. Three queries, one without its moments."""
    rows = list(
        Utterance.objects.filter(conversation_id=conversation.pk)
        .order_by("start_ms", "sequence")
        .defer("words", "search")
    )
    marked: set[UUID] = set()
    transferred = False
    if with_moments:
        marked = moments_in(conversation.pk)
        # Passed on to somebody who is not here: for this company the call ended with that.
        transferred = Handover.objects.filter(
            conversation_id=conversation.pk, to_agent=None, conversation__agent=None
        ).exists()
    began = conversation.started_at or conversation.announced_at
    talk = Talk(
        lines=[Line(row.sequence, row.speaker, row.start_ms, row.end_ms, row.text) for row in rows],
        language=conversation.language,
        day=timezone.localdate(began) if began else None,
        transferred=transferred,
        marked=frozenset(row.sequence for row in rows if row.pk in marked),
    )
    return Spoken(talk, {row.sequence: row.pk for row in rows})


def moments_in(conversation_id: UUID) -> set[UUID]:
    """The utterances of a conversation in which a moment was heard."""
    rows = events.rows("moment").filter(conversation_id=conversation_id, utterance__isnull=False)
    return set(rows.values_list("utterance_id", flat=True))


def lines_drafted(spoken: Spoken, sections: Sequence[Section]) -> list[DraftLine]:
    """The lines of a summary that is taken from the transcript."""
    return [_draft(line, spoken.ids) for line in fill(spoken.talk, sections).lines]


def _draft(
    line: Drafted, ids: dict[int, UUID], way: Literal["extractive", "model"] = "extractive"
) -> DraftLine:
    return DraftLine(
        section=line.section,
        text=line.text[:TEXT_LENGTH],
        evidence=[str(ids[sequence]) for sequence in line.evidence if sequence in ids],
        who=line.who,
        due_on=line.due,
        way=way,
    )


def brief_drafted(conversation: Conversation, *, most: int) -> list[dict[str, Any]]:
    """What was said so far, for who takes a conversation over: the first lines of its summary, as they are stored."""
    sections = sections_of(template_for(conversation))
    spoken = spoken_in(conversation, with_moments=False)
    return [
        {"section": one.section, "text": one.text, "evidence": one.evidence}
        for one in lines_drafted(spoken, sections)[:most]
    ]


def lines_store(summary: Summary, lines: Iterable[DraftLine], marked: set[UUID]) -> None:
    """Put lines in the place of those of a summary, within the caller's transaction, and count what they cover."""
    given = list(lines)
    summary.lines.all().delete()
    SummaryLine.objects.bulk_create(
        SummaryLine(
            summary=summary,
            section=one.section,
            position=position,
            text=one.text,
            evidence=one.evidence,
            way=one.way,
            who=one.who,
            due_on=one.due_on,
        )
        for position, one in enumerate(given)
    )
    cited = {UUID(ident) for one in given for ident in one.evidence}
    summary.moments, summary.covered = len(marked), len(marked & cited)
    summary.save(update_fields=["moments", "covered"])


def model_wanted() -> bool:
    """Whether this company has a model for summaries. One query, or two."""
    return bool(language_rows(SUMMARY))


# --- By a model -----------------------------------------------------------------------------------------


def summary_model_write(*, conversation_id: UUID, announce: Callable[[Summary], None]) -> bool:
    """Have a model write the summary of a conversation; it takes the place of the one from the transcript.

    Not if the agent has begun to work on that, or it is confirmed or out of its time: what a model comes to late is
    counted and dropped. Returns whether it took its place. Asks outside of transactions; may run twice.
    """
    summary = (
        Summary.objects.select_related("template", "conversation")
        .filter(conversation_id=conversation_id, state=Summary.State.DRAFT)
        .first()
    )
    if summary is None or summary.origin != Summary.Origin.EXTRACTIVE or _is_touched(summary):
        return False
    plan = task_plan(SUMMARY, sticky=str(conversation_id))
    if not plan.possible:
        return _fault(summary, plan.fault)
    spoken = spoken_in(summary.conversation)
    talk, sections = spoken.talk, summary.sections
    if not any(one.text.strip() for one in talk.lines):
        return False
    given = variables(
        [(line, RedactedText(line.text)) for line in talk.lines if line.text.strip()],
        sections,
        day=talk.day,
        language=talk.language,
    )
    outcome = plan.run(given, form=form_of(tuple(one.key for one in sections)))
    if outcome.value is None:
        return _fault(summary, outcome.fault)
    result = checked(
        outcome.value, sections, talk.lines, fill(talk, sections).lines, day=talk.day, redact=redacted
    )
    with transaction.atomic():
        call_lock(conversation_id)
        row = (
            Summary.objects.select_for_update(of=("self",), no_key=True)
            .select_related("template")
            .filter(pk=summary.pk)
            .first()
        )
        if row is None:
            return False
        row.model, row.prompt_revision = outcome.model, outcome.revision
        row.claimed, row.unsupported = result.claimed, len(result.dropped)
        is_late = row.state != Summary.State.DRAFT or _is_touched(row)
        # Words that were hidden or erased meanwhile must not come back in a model's line.
        is_stale = spoken_in(summary.conversation, with_moments=False).talk.lines != talk.lines
        replaces = result.by_model and not is_late and not is_stale
        row.fault = "" if replaces else "late" if is_late else "stale" if is_stale else UNSUPPORTED
        if replaces:
            row.origin = Summary.Origin.MODEL
        row.save(update_fields=["model", "prompt_revision", "claimed", "unsupported", "fault", "origin"])
        if replaces:
            lines = [_draft(one.line, spoken.ids, one.way) for one in result.lines]
            lines_store(row, lines, moments_in(conversation_id))
            announce(row)
            news.tell(kind=news.SUMMARY_READY, conversation_id=conversation_id, ref=row.pk)
    log.info(
        "summaries.model",
        conversation=str(conversation_id),
        replaced=replaces,
        claimed=result.claimed,
        dropped=len(result.dropped),
    )
    return replaces


def _is_touched(summary: Summary) -> bool:
    """Whether the agent has worked on it: an edit, a line left out, a line of their own."""
    rows = summary.lines.all()
    return any(line.edited_at or line.removed or line.way == SummaryLine.Way.AGENT for line in rows)


def _fault(summary: Summary, fault: str) -> bool:
    Summary.objects.filter(pk=summary.pk, origin=Summary.Origin.EXTRACTIVE).update(fault=fault[:20])
    return False


def summary_announce(summary: Summary) -> None:
    """Show everybody who follows the conversation its summary as it is now, within the caller's transaction."""
    row = events.rows("summary").get(pk=summary.pk)
    event_append(conversation_id=row.conversation_id, kind="summary", row=row)
