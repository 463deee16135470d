"""Summaries: written once after the call, edited with the original kept, confirmed or left to expire; notes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.errors import Conflict
from conversations import events
from conversations.models import (
    Conversation,
    ConversationEvent,
    Disposition,
    Note,
    OutboxJob,
    Summary,
    SummaryLine,
)
from conversations.notes import note_save
from conversations.summaries import (
    CLOSED,
    summaries_expire,
    summary_confirm,
    summary_edit,
    summary_line_add,
    summary_line_remove,
    summary_line_restore,
    summary_text,
    summary_write,
)

LINES = [
    ("agent", "thank you for calling how can i help you"),
    ("customer", "i am calling because my internet does not work since monday"),
    ("agent", "i have ordered a new router for you"),
    ("customer", "that sounds great thank you"),
    ("agent", "we will send the router by the end of the week"),
]


@pytest.fixture
def ended(world, make_conversation):
    with world.northwind.scope():
        yield lambda **fields: make_conversation(
            **{"agent": world.northwind.people["agent"], "state": "wrap_up", "lines": LINES} | fields
        )


@pytest.fixture
def summary(ended):
    return summary_write(conversation_id=ended().pk)


def _kinds(conversation_id):
    return list(ConversationEvent.objects.filter(conversation=conversation_id).values_list("kind", flat=True))


def test_a_summary_quotes_what_was_said_and_says_how_it_was_made(summary):
    spoken = {str(row.pk): row.text for row in summary.conversation.utterances.all()}
    lines = list(summary.lines.all())
    assert {line.section for line in lines} >= {"reason", "done", "promises"}
    for line in lines:
        assert line.evidence
        assert set(line.evidence) <= set(spoken)
    (reason,) = [line for line in lines if line.section == "reason"]
    assert spoken[reason.evidence[0]] == LINES[1][1]
    assert (summary.origin, summary.state) == ("extractive", "draft")
    wait = summary.confirm_by - timezone.now()
    assert abs(wait.total_seconds() - settings.SUMMARY_CONFIRM_SECONDS) < 5
    assert _kinds(summary.conversation_id) == ["summary"]


def test_writing_twice_writes_once_and_keeps_edits(world, summary):
    line = summary.lines.first()
    summary_edit(line=line, user=world.northwind.people["agent"], text="Edited")
    assert summary_write(conversation_id=summary.conversation_id) == summary
    assert summary.lines.filter(text="Edited").count() == 1
    assert Summary.objects.count() == 1


def test_a_call_under_way_gets_no_summary(ended):
    assert summary_write(conversation_id=ended(state="live").pk) is None
    assert not Summary.objects.exists()


def test_a_silent_call_gets_an_empty_one(ended):
    conversation = ended()
    conversation.utterances.all().delete()
    assert summary_write(conversation_id=conversation.pk).lines.count() == 0


def test_an_edit_is_redacted_and_the_original_stays(world, summary):
    agent = world.northwind.people["agent"]
    line = summary.lines.first()
    first = line.text
    edited = summary_edit(line=line, user=agent, text="Customer gave card\n4012 8888 8888 1881")
    assert "4012" not in edited.text
    assert "[CREDIT_CARD]" in edited.text
    assert edited.original == first
    again = summary_edit(line=edited, user=agent, text="No internet since Monday")
    assert (again.text, again.original) == ("No internet since Monday", first)
    back = summary_edit(line=again, user=agent, text=first)
    assert (back.text, back.original) == (first, "")
    assert not SummaryLine.objects.filter(text__contains="1881").exists()


@pytest.mark.parametrize("text", ["", "  ", "x" * 401])
def test_a_line_needs_words_that_fit(world, summary, text):
    with pytest.raises(ValidationError):
        summary_edit(line=summary.lines.first(), user=world.northwind.people["agent"], text=text)
    with pytest.raises(ValidationError):
        summary_line_add(summary=summary, user=world.northwind.people["agent"], section="done", text=text)
    assert not SummaryLine.objects.exclude(edited_at=None).exists()


def test_lines_are_removed_restored_and_added(world, summary):
    agent = world.northwind.people["agent"]
    first = summary.lines.first()
    summary_line_remove(line=first, user=agent)
    summary_line_add(summary=summary, user=agent, section="next_steps", text="Call back on Friday")
    text = summary_text(Summary.objects.get())
    assert first.text not in text
    assert text.endswith("- Call back on Friday\n")
    assert text.splitlines()[0] in {"What was done", "Reason"}
    summary_line_restore(line=first, user=agent)
    assert first.text in summary_text(Summary.objects.get())
    with pytest.raises(ValidationError):
        summary_line_add(summary=summary, user=agent, section="gossip", text="Nice voice")


def test_confirming_closes_the_conversation(world, summary):
    agent = world.northwind.people["agent"]
    solved = Disposition.objects.create(key="solved", name="Solved")
    row = summary_confirm(summary=summary, user=agent, disposition=solved)
    assert (row.state, row.confirmed_by) == ("confirmed", agent)
    conversation = Conversation.objects.get()
    assert (conversation.state, conversation.disposition) == ("completed", solved)
    assert conversation.closed_at is not None
    assert _kinds(conversation.pk) == ["summary", "summary", "conversation"]
    assert OutboxJob.objects.filter(event=CLOSED, task="analytics.fact_closed").count() == 1

    summary_confirm(summary=summary, user=agent)
    assert _kinds(conversation.pk) == ["summary", "summary", "conversation"]
    with pytest.raises(Conflict):
        summary_edit(line=summary.lines.first(), user=agent, text="Too late")


def test_an_incomplete_call_stays_incomplete(world, ended):
    summary = summary_write(conversation_id=ended(state="incomplete").pk)
    summary_confirm(summary=summary, user=world.northwind.people["agent"])
    conversation = Conversation.objects.get()
    assert conversation.state == "incomplete"
    assert conversation.closed_at is not None


def test_a_disposition_out_of_use_is_refused(world, summary):
    gone = Disposition.objects.create(key="gone", name="Gone", active=False)
    with pytest.raises(ValidationError):
        summary_confirm(summary=summary, user=world.northwind.people["agent"], disposition=gone)
    assert Conversation.objects.get().state == "wrap_up"


def test_a_draft_past_its_time_is_stored_as_unconfirmed(world, ended):
    late, young = (summary_write(conversation_id=ended().pk) for _ in range(2))
    Summary.objects.filter(pk=late.pk).update(confirm_by=timezone.now() - timedelta(seconds=1))
    assert summaries_expire(older_than_seconds=10_000) == 1
    assert summaries_expire(older_than_seconds=10_000) == 0
    late.refresh_from_db()
    young.refresh_from_db()
    assert (late.state, young.state) == ("unconfirmed", "draft")
    late.conversation.refresh_from_db()
    assert (late.conversation.state, young.conversation.state) == ("completed", "wrap_up")

    # It can still be confirmed, and what was closed stays closed.
    closed_at = late.conversation.closed_at
    summary_confirm(summary=late, user=world.northwind.people["agent"])
    late.conversation.refresh_from_db()
    assert late.conversation.closed_at == closed_at
    assert Summary.objects.get(pk=late.pk).state == "confirmed"


def test_a_wrap_up_that_never_got_a_summary_is_closed_too(ended):
    old = ended(at=timezone.now() - timedelta(hours=2))
    young = ended(at=timezone.now() - timedelta(minutes=1))
    waiting = ended(at=timezone.now() - timedelta(hours=2))
    summary_write(conversation_id=waiting.pk)
    assert summaries_expire(older_than_seconds=600) == 1
    for row, state in [(old, "completed"), (young, "wrap_up"), (waiting, "wrap_up")]:
        row.refresh_from_db()
        assert row.state == state


def test_the_snapshot_shows_what_the_events_say(world, summary):
    summary_edit(line=summary.lines.first(), user=world.northwind.people["agent"], text="Edited")
    (shown,) = events.snapshot(summary.conversation)["items"]["summary"]
    told = events.events_after(summary.conversation_id, 0)
    assert told[-1]["data"] == shown
    assert "Edited" in [line["text"] for line in shown["lines"]]


def test_a_note_is_redacted_kept_once_and_removed_when_empty(world, ended):
    agent, conversation = world.northwind.people["agent"], ended()
    note_save(conversation=conversation, user=agent, text="wants a call on 212-555-0147")
    note = note_save(conversation=conversation, user=agent, text="mail jo@example.com about it ")
    assert "jo@example.com" not in note.text
    assert Note.objects.count() == 1
    assert note_save(conversation=conversation, user=agent, text=" ") is None
    assert not Note.objects.exists()
    with pytest.raises(ValidationError):
        note_save(conversation=conversation, user=agent, text="word " * 1000)


def test_the_outbox_runs_it(ended, django_capture_on_commit_callbacks, monkeypatch):
    from conversations import outbox
    from conversations.redaction.second_pass import CHECKED

    monkeypatch.setattr(outbox, "jobs_dispatch", lambda *, job_ids: None)
    conversation = ended()
    # Not before its words were read a second time.
    jobs = outbox.jobs_announce(event=CHECKED, conversation_id=conversation.pk)
    (job,) = [job for job in jobs if job.task == "summary.write"]
    assert outbox.job_execute(job_id=job.pk)
    assert Summary.objects.get().conversation == conversation
