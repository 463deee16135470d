"""Summaries: written when a conversation ends, edited and confirmed by its agent, or left unconfirmed in time."""

from __future__ import annotations

from datetime import date, timedelta
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
from conversations.models import CallOwner, Conversation, Disposition, Summary, SummaryLine
from conversations.outbox import jobs_announce
from conversations.publish import tell_agent
from conversations.redacted import redacted
from conversations.redaction.labels import Labels
from conversations.services import call_lock, call_lock_free, event_append
from conversations.summary_figures import outcome_count
from conversations.summary_templates import sections_of, sections_shown, template_for
from conversations.summary_writing import (
    TEXT_LENGTH,
    WRITTEN,
    lines_drafted,
    lines_store,
    model_wanted,
    moments_in,
    spoken_in,
    summary_announce,
    summary_model_write,
)
from engines.language.marking import plain_words
from engines.language.summary.template import DATE, TEXT, Section, words_for
from engines.language.summary.when import days_in
from tenants.scope import current_schema

CLOSED = "conversation.closed"
"""Outbox event: the wrap-up is over, confirmed or not."""

EDITED = "summary.edited"
"""Outbox event: a summary was confirmed that its agent had corrected."""

EXPIRE_AT_ONCE = 100


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
        template = template_for(conversation)
        lines = lines_drafted(spoken_in(conversation), sections_of(template))
        confirm_by = timezone.now() + timedelta(seconds=settings.SUMMARY_CONFIRM_SECONDS)
        summary = Summary.objects.create(
            conversation=conversation,
            origin=Summary.Origin.EXTRACTIVE,
            confirm_by=confirm_by,
            template=template,
        )
        lines_store(summary, lines, moments_in(conversation_id))
        summary_announce(summary)
        news.tell(kind=news.SUMMARY_READY, conversation_id=conversation_id, ref=summary.pk)
        if lines and model_wanted():
            jobs_announce(event=WRITTEN, conversation_id=conversation_id)
    return summary


def summary_write_job(conversation_id: UUID) -> None:
    """Handler of the outbox."""
    summary_write(conversation_id=conversation_id)


def summary_model_job(conversation_id: UUID) -> None:
    """Handler of the outbox: have a model write what was taken from the transcript."""
    summary_model_write(conversation_id=conversation_id, announce=summary_announce)


def summary_edit(*, line: SummaryLine, user: User, text: str) -> SummaryLine:
    """Replace a line's words; the first ones stay as `original`. Raises `ValidationError`, `Conflict`."""
    with transaction.atomic():
        summary, line = _open_line(line)
        section = _section(summary, line.section)
        words = _words(text, section)
        if words != line.text:
            line.original = line.original or line.text
            if line.original == words:
                line.original = ""
            line.text = words
            line.edited_at = timezone.now()
            line.due_on = _due(summary, line)
            line.save(update_fields=["text", "original", "edited_at", "due_on"])
            summary_announce(summary)
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
            summary_announce(summary)
    return line


def summary_line_add(*, summary: Summary, user: User, section: str, text: str) -> SummaryLine:
    """Add a line of the agent's own, at the end of its section. It has no evidence: nobody need have said it."""
    with transaction.atomic():
        summary = _open_summary(summary.pk)
        own = _section(summary, section)
        if own is None:
            raise ValidationError({"section": _("Choose one of the summary's sections.")})
        words = _words(text, own)
        if own.is_field and summary.lines.filter(section=section, removed=False).exists():
            raise ValidationError({"section": _("This field has a value. Change that one.")})
        last = summary.lines.order_by("-position").values_list("position", flat=True).first()
        line = SummaryLine.objects.create(
            summary=summary,
            section=section,
            position=0 if last is None else last + 1,
            text=words,
            edited_at=timezone.now(),
            way=SummaryLine.Way.AGENT,
        )
        summary_announce(summary)
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
        counted = outcome_count(summary)
        summary.save(update_fields=["state", "confirmed_at", "confirmed_by", *counted])
        summary_announce(summary)
        _close(summary.conversation_id, disposition)
        news.tell(kind=news.SUMMARY_CONFIRMED, conversation_id=summary.conversation_id, ref=summary.pk)
        if summary.edited or summary.left_out or summary.added:
            jobs_announce(event=EDITED, conversation_id=summary.conversation_id)
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
            summary_announce(summary)
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
    for section in sections_shown(summary.template):
        own = [f"- {plain_words(line.text, label=label)}" for line in lines if line.section == section["key"]]
        if own:
            parts.append("\n".join([section["label"], *own]))
    return "\n\n".join(parts) + ("\n" if parts else "")


def _section(summary: Summary, key: str) -> Section | None:
    return next((one for one in summary.sections if one.key == key), None)


def _words(text: str, section: Section | None) -> str:
    words = " ".join(redacted(text).split())
    if not words:
        raise ValidationError({"text": _("A line needs words. To leave it out, remove it.")})
    if len(words) > TEXT_LENGTH:
        raise ValidationError(
            {"text": _("A line has at most %(count)d characters.") % {"count": TEXT_LENGTH}}
        )
    if section is None or not section.is_field or section.kind == TEXT:
        return words
    value = words_for(section, words)
    if value is None:
        raise ValidationError({"text": _value_wanted(section)})
    return value


def _value_wanted(section: Section) -> str:
    """What a field takes, in a sentence."""
    return {
        "number": _("This field takes a number, such as 12 or 3.5."),
        "amount": _("This field takes an amount, such as 24.50 EUR."),
        DATE: _("This field takes a date, such as 2026-11-24."),
        "yes_no": _("This field takes yes or no."),
        "choice": _("This field takes one of: %(choices)s.") % {"choices": ", ".join(section.options)},
    }[section.kind]


def _due(summary: Summary, line: SummaryLine) -> date | None:
    """The day that an edited promise is due, as of the conversation's."""
    section = _section(summary, line.section)
    if section is None or section.source != "promises":
        return line.due_on
    conversation = Conversation.objects.only("started_at", "announced_at").get(pk=summary.conversation_id)
    began = conversation.started_at or conversation.announced_at
    days = days_in(line.text, timezone.localdate(began)) if began else []
    return days[0].day if days else None


def _locked(summary_id: UUID) -> Summary:
    """Take the summary's row, after its call's; everything that shows a summary is loaded anew for its event."""
    CallOwner.objects.select_for_update(of=("self",)).filter(conversation__summary=summary_id).first()
    rows = Summary.objects.select_for_update(of=("self",), no_key=True).select_related("template")
    return rows.get(pk=summary_id)


def _open_summary(summary_id: UUID) -> Summary:
    summary = _locked(summary_id)
    if summary.state == Summary.State.CONFIRMED:
        raise Conflict(_("This summary is confirmed, and stays as it is."))
    return summary


def _open_line(line: SummaryLine) -> tuple[Summary, SummaryLine]:
    summary = _open_summary(line.summary_id)
    return summary, SummaryLine.objects.get(pk=line.pk)


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
