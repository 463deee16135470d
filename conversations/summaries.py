"""Summaries: written when a conversation ends, edited and confirmed by its agent, or left unconfirmed in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from conversations import news
from conversations.models import CallOwner, Conversation, Disposition, Summary, SummaryLine, Utterance
from conversations.outbox import jobs_announce
from conversations.publish import tell_agent
from conversations.redacted import redacted
from conversations.redaction.labels import Labels
from conversations.services import call_lock, call_lock_free, event_append
from engines.language import Line, summarise
from engines.language.marking import plain_words
from tenants.scope import current_schema

CLOSED = "conversation.closed"
"""Outbox event: the wrap-up is over, confirmed or not."""

TEXT_LENGTH = SummaryLine._meta.get_field("text").max_length or 400
EXPIRE_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line that quotes what was said; `evidence` are the ids of the utterances it rests on."""

    section: str
    text: str
    evidence: list[str]


def lines_drafted(conversation_id: UUID) -> list[DraftLine]:
    """Draft lines from what was said so far."""
    spoken = {
        row.sequence: row
        for row in Utterance.objects.filter(conversation_id=conversation_id)
        .order_by("start_ms", "sequence")
        .defer("words", "search")
    }
    draft = summarise(
        [Line(row.sequence, row.speaker, row.start_ms, row.end_ms, row.text) for row in spoken.values()]
    )
    return [
        DraftLine(
            section=line.section,
            text=line.text[:TEXT_LENGTH],
            evidence=[str(spoken[sequence].pk) for sequence in line.evidence],
        )
        for line in draft.lines
    ]


def summary_write(*, conversation_id: UUID) -> Summary | None:
    """Write the draft of an ended conversation from its transcript, once; later calls return what there is.

    None while the conversation goes on, or if it is gone. A line's evidence are ids of the utterances it quotes.
    """
    with transaction.atomic():
        # Two workers with the same job write one summary.
        call_lock(conversation_id)
        conversation = Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id).first()
        if conversation is None or conversation.is_live:
            return None
        known = Summary.objects.filter(conversation_id=conversation_id).first()
        if known is not None:
            return known
        lines = lines_drafted(conversation_id)
        confirm_by = timezone.now() + timedelta(seconds=settings.SUMMARY_CONFIRM_SECONDS)
        summary = Summary.objects.create(
            conversation=conversation, origin=Summary.Origin.EXTRACTIVE, confirm_by=confirm_by
        )
        SummaryLine.objects.bulk_create(
            SummaryLine(
                summary=summary,
                section=line.section,
                position=position,
                text=line.text,
                evidence=line.evidence,
            )
            for position, line in enumerate(lines)
        )
        _announce(summary)
        news.tell(kind=news.SUMMARY_READY, conversation_id=conversation_id, ref=summary.pk)
    return summary


def summary_write_job(conversation_id: UUID) -> None:
    """Handler of the outbox."""
    summary_write(conversation_id=conversation_id)


def summary_edit(*, line: SummaryLine, user: User, text: str) -> SummaryLine:
    """Replace a line's words; the first ones stay as `original`. Raises `ValidationError`, `Conflict`."""
    words = _words(text)
    with transaction.atomic():
        summary, line = _open_line(line)
        if words != line.text:
            line.original = line.original or line.text
            if line.original == words:
                line.original = ""
            line.text = words
            line.edited_at = timezone.now()
            line.save(update_fields=["text", "original", "edited_at"])
            _announce(summary)
    return line


def summary_line_remove(*, line: SummaryLine, user: User) -> SummaryLine:
    """Leave a line out of the summary; it can be brought back until the summary is confirmed."""
    return _line_removed(line, True)


def summary_line_restore(*, line: SummaryLine, user: User) -> SummaryLine:
    """Bring a removed line back."""
    return _line_removed(line, False)


def _line_removed(line: SummaryLine, removed: bool) -> SummaryLine:
    with transaction.atomic():
        summary, line = _open_line(line)
        if line.removed != removed:
            line.removed = removed
            line.save(update_fields=["removed"])
            _announce(summary)
    return line


def summary_line_add(*, summary: Summary, user: User, section: str, text: str) -> SummaryLine:
    """Add a line of the agent's own, at the end of its section. It has no evidence: nobody need have said it."""
    words = _words(text)
    if section not in SummaryLine.Section.values:
        raise ValidationError({"section": _("Choose one of the summary's sections.")})
    with transaction.atomic():
        summary = _open_summary(summary.pk)
        last = summary.lines.order_by("-position").values_list("position", flat=True).first()
        line = SummaryLine.objects.create(
            summary=summary,
            section=section,
            position=0 if last is None else last + 1,
            text=words,
            edited_at=timezone.now(),
        )
        _announce(summary)
    return line


def summary_confirm(*, summary: Summary, user: User, disposition: Disposition | None = None) -> Summary:
    """Confirm a summary, also after its time, and close the conversation's wrap-up. A second time changes nothing.

    A conversation that ended incomplete stays so. Raises `ValidationError` for a disposition that is not in use.
    """
    if disposition is not None and not disposition.active:
        raise ValidationError({"disposition": _("This disposition is not in use any more.")})
    with transaction.atomic():
        summary = _locked(summary.pk)
        if summary.state == Summary.State.CONFIRMED:
            return summary
        now = timezone.now()
        summary.state, summary.confirmed_at, summary.confirmed_by = Summary.State.CONFIRMED, now, user
        summary.save(update_fields=["state", "confirmed_at", "confirmed_by"])
        _announce(summary)
        _close(summary.conversation_id, disposition)
        news.tell(kind=news.SUMMARY_CONFIRMED, conversation_id=summary.conversation_id, ref=summary.pk)
    return summary


def summaries_expire(*, older_than_seconds: int) -> int:
    """Store drafts past their time as unconfirmed and close their conversations' wrap-up. Returns how many.

    Conversations whose wrap-up is older than `older_than_seconds` and which got no summary are closed too, so that
    none waits for ever. At most `EXPIRE_AT_ONCE` of each in one run, and none that another worker is at.
    """
    now = timezone.now()
    expired = 0
    drafts = Summary.objects.filter(state=Summary.State.DRAFT, confirm_by__lte=now).order_by("confirm_by")
    for summary_id, conversation_id in drafts.values_list("pk", "conversation_id")[:EXPIRE_AT_ONCE]:
        with transaction.atomic():
            if not call_lock_free(conversation_id):
                continue
            summary = drafts.select_for_update(no_key=True).filter(pk=summary_id).first()
            if summary is None:
                continue
            summary.state = Summary.State.UNCONFIRMED
            summary.save(update_fields=["state"])
            _announce(summary)
            _close(conversation_id, None)
            expired += 1
    overdue = Conversation.objects.filter(
        Q(state=Conversation.State.WRAP_UP),
        Q(ended_at__lte=now - timedelta(seconds=older_than_seconds)),
        # Neither a draft that is still waited for nor one that was just written.
        ~Q(pk__in=Summary.objects.filter(state=Summary.State.DRAFT).values("conversation_id")),
    ).order_by("ended_at")
    for conversation_id in overdue.values_list("pk", flat=True)[:EXPIRE_AT_ONCE]:
        with transaction.atomic():
            if call_lock_free(conversation_id) and overdue.filter(pk=conversation_id).exists():
                _close(conversation_id, None)
                expired += 1
    return expired


def summary_text(summary: Summary) -> str:
    """The summary as plain text, for another program: a heading a section, a dash a line, removed lines left out."""
    lines, label = [line for line in summary.lines.all() if not line.removed], Labels()
    parts = []
    for section, name in SummaryLine.Section.choices:
        own = [f"- {plain_words(line.text, label=label)}" for line in lines if line.section == section]
        if own:
            parts.append("\n".join([str(name), *own]))
    return "\n\n".join(parts) + ("\n" if parts else "")


def _words(text: str) -> str:
    words = " ".join(redacted(text).split())
    if not words:
        raise ValidationError({"text": _("A line needs words. To leave it out, remove it.")})
    if len(words) > TEXT_LENGTH:
        raise ValidationError(
            {"text": _("A line has at most %(count)d characters.") % {"count": TEXT_LENGTH}}
        )
    return words


def _locked(summary_id: UUID) -> Summary:
    """Take the summary's row, after its call's; everything that shows a summary is loaded anew for its event."""
    CallOwner.objects.select_for_update(of=("self",)).filter(conversation__summary=summary_id).first()
    return Summary.objects.select_for_update(no_key=True).get(pk=summary_id)


def _open_summary(summary_id: UUID) -> Summary:
    summary = _locked(summary_id)
    if summary.state == Summary.State.CONFIRMED:
        raise Conflict(_("This summary is confirmed, and stays as it is."))
    return summary


def _open_line(line: SummaryLine) -> tuple[Summary, SummaryLine]:
    summary = _open_summary(line.summary_id)
    return summary, SummaryLine.objects.get(pk=line.pk)


def _announce(summary: Summary) -> None:
    row = Summary.objects.select_related("confirmed_by").prefetch_related("lines").get(pk=summary.pk)
    event_append(conversation_id=row.conversation_id, kind="summary", row=row)


def _close(conversation_id: UUID, disposition: Disposition | None) -> None:
    """End the wrap-up, whichever of several ways comes first; set the disposition where one is given."""
    now = timezone.now()
    rows = Conversation.objects.filter(pk=conversation_id)
    closed = rows.filter(closed_at__isnull=True).update(closed_at=now)
    rows.filter(state=Conversation.State.WRAP_UP).update(state=Conversation.State.COMPLETED)
    named = rows.update(disposition=disposition) if disposition is not None else 0
    if not (closed or named):
        return
    row = Conversation.objects.select_related("agent", "customer", "queue", "disposition").get(
        pk=conversation_id
    )
    event_append(conversation_id=conversation_id, kind="conversation", row=row)
    # Confirming late adds to what was known when the time ran out.
    jobs_announce(event=CLOSED, conversation_id=conversation_id, because="" if closed else "later")
    if row.agent_id is not None:
        schema, agent_id, state = current_schema(), row.agent_id, row.state  # type: ignore[attr-defined]
        transaction.on_commit(lambda: tell_agent(schema, agent_id, conversation_id, state))
