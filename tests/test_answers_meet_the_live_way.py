"""Answers of people and the live way's group commit write the same rows at the same time, and neither is lost."""

from __future__ import annotations

import threading

from django.db import connection
from django.utils import timezone

from accounts.ids import new_id
from coaching.answers import guidance_answer
from coaching.models import Guidance
from conversations.live.commit import CallCommit, group_write
from conversations.live.stages import Batch, FinalUtterance
from conversations.models import CallOwner, ConversationEvent, Utterance
from tenants.scope import call_in_schema
from tests.understanding import call_begin, definition_make, policy_make, rule

ROUNDS = 25


def test_a_tick_and_an_answer_at_once(committed, make_conversation):
    company = committed.northwind
    agent = company.people["agent"]
    with company.scope():
        definition_make("recap", phrases=["let me repeat"])
        for number in range(ROUNDS):
            definition_make(f"moment_{number}", phrases=[f"word{number}"])
        policy_make(rule("recap", {"do": "check", "title": "Repeat what was agreed"}))
        conversation = make_conversation(
            agent=agent, state="live", at=timezone.now(), lines=[("agent", "hello")]
        )
        CallOwner.objects.filter(pk=conversation.pk).update(epoch=1)
        call = call_begin(company.schema, conversation)
        call.sequence = 1
        call.tick(100)
        item = Guidance.objects.select_related("conversation").get()

        errors: list[Exception] = []
        start = threading.Barrier(2)

        def answer() -> None:
            try:
                start.wait()
                for number in range(ROUNDS):
                    guidance_answer(
                        guidance=item,
                        user=agent,
                        action="dismiss" if number % 2 == 0 else "undo",
                        reason="later",
                    )
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        def live() -> None:
            try:
                start.wait()
                for number in range(2, ROUNDS + 2):
                    batch = Batch(conversation.pk)
                    row = Utterance(
                        id=new_id(),
                        conversation=conversation,
                        sequence=number,
                        speaker="agent",
                        channel_index=0,
                        start_ms=number * 1000,
                        end_ms=number * 1000 + 500,
                        text="let me repeat" if number == ROUNDS + 1 else f"word{number}",
                        provider="test",
                    )
                    batch.create(row)
                    batch.write(lambda: Guidance.objects.filter(pk=item.pk).update(priority=50))
                    for _key, session in call.sessions:
                        session.utterance(FinalUtterance(row, timezone.now(), timezone.now()), batch)
                    assert not group_write([CallCommit(1, batch, number, [], {}, 0)])
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [
            threading.Thread(target=call_in_schema, args=(company.schema, work), daemon=True)
            for work in (answer, live)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)

        item.refresh_from_db()
        told = list(ConversationEvent.objects.filter(conversation=conversation).order_by("sequence"))
        assert [event.sequence for event in told] == list(
            range(told[0].sequence, told[0].sequence + len(told))
        )
        assert CallOwner.objects.get(pk=conversation.pk).head == told[-1].sequence
    # An answer that came after the tick was refused by name; a deadlock would be an OperationalError.
    assert [type(error).__name__ for error in errors] in ([], ["Conflict"])
    assert item.state in {"dismissed", "ticked"}
