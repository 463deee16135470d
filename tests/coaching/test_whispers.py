"""Whispers: kept redacted, for live calls, answered once."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404

from accounts.errors import Conflict
from accounts.models import AuditEvent
from coaching.access import whisper_for
from coaching.whispers import PER_MINUTE, whisper_answer, whisper_send
from tests import live_events as live


def test_a_whisper_is_kept_redacted_and_answered_once(northwind):
    people = northwind.people
    call = live.call_begin(people["agent"], ago_seconds=60)
    row = whisper_send(
        conversation=call, user=people["supervisor"], text=" card 4111 1111 1111 1111 is fine "
    )
    assert row.text == "card [CREDIT_CARD] is fine" and row.at_ms >= 60_000
    event = AuditEvent.objects.get(action="whisper.send")
    assert event.actor == people["supervisor"] and "card" not in str(event.changes)
    for persona in ("teammate", "outsider", "supervisor", "analyst", "admin"):
        with pytest.raises(Http404):
            whisper_for(people[persona], row.pk)
    mine, agent = whisper_for(people["agent"], row.pk), people["agent"]
    seen = whisper_answer(whisper=mine, user=agent, answer="seen")
    assert whisper_answer(whisper=mine, user=agent, answer="seen").shown_at == seen.shown_at
    assert whisper_answer(whisper=mine, user=agent, answer="ok").answer == "ok"
    assert whisper_answer(whisper=mine, user=agent, answer="ok").answer == "ok"
    with pytest.raises(Conflict):
        whisper_answer(whisper=mine, user=agent, answer="thanks")
    with pytest.raises(ValidationError):
        whisper_answer(whisper=mine, user=agent, answer="no")


def test_whispers_that_nobody_could_read(northwind):
    people = northwind.people
    sam = people["supervisor"]
    call = live.call_begin(people["agent"])
    for text in ("", "   ", "x" * 241):
        with pytest.raises(ValidationError):
            whisper_send(conversation=call, user=sam, text=text)
    for number in range(PER_MINUTE):
        whisper_send(conversation=call, user=sam, text=f"line {number}")
    with pytest.raises(ValidationError, match="of this minute"):
        whisper_send(conversation=call, user=sam, text="one more")
    for other in (live.call_begin(), live.call_begin(people["agent"], provider="upload")):
        with pytest.raises(ValidationError, match="Nobody is on this call"):
            whisper_send(conversation=other, user=sam, text="hello")
    ended = live.call_begin(people["agent"])
    live.call_end(ended, summary=False)
    with pytest.raises(ValidationError):
        whisper_send(conversation=ended, user=sam, text="hello")
