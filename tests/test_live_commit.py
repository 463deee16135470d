"""Claims, fencing and group commit: who may write a live call, and what is never written."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest
from django.db import DataError, IntegrityError, OperationalError
from django.utils import timezone

from accounts.ids import new_id
from conversations.events import events_after, snapshot
from conversations.live import commit
from conversations.live.commit import CallCommit, Committer, group_write
from conversations.live.commit_queue import COMMITS_AHEAD, CommitQueue
from conversations.live.coverage import Coverage
from conversations.live.ending import call_fail
from conversations.live.ownership import Superseded, call_claim
from conversations.live.recorder import HOLD_BACK_MS, Recorder
from conversations.live.stages import Batch
from conversations.models import CallLedger, CallOwner, Conversation, ConversationEvent, OutboxJob, Utterance
from conversations.services import event_append
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from tenants.scope import TenantThreads
from tests.live_calls import call_make


def utterance(ident, sequence, text="hello there"):
    return Utterance(
        id=new_id(),
        conversation_id=ident,
        sequence=sequence,
        speaker="customer",
        channel_index=1,
        start_ms=1000 * sequence,
        end_ms=1000 * sequence + 500,
        text=text,
        provider="test",
    )


def part(ident, epoch, *rows, recorded_ms=0):
    batch = Batch(ident)
    for row in rows:
        batch.create(row)
        batch.event("utterance", row)
    return CallCommit(
        epoch=epoch,
        batch=batch,
        utterances=len(rows),
        coverage=[[[0, 1000]]],
        engine_state={"clock_ms": 1000},
        recorded_ms=recorded_ms,
    )


class TestCoverage:
    def test_merges_what_touches(self):
        coverage = Coverage([[0, 100], [300, 400]])
        coverage.add(100, 300)
        assert coverage.as_lists() == [[0, 400]]

    def test_upto_stops_at_the_first_gap(self):
        assert Coverage([[0, 100], [200, 900]]).upto == 100
        assert Coverage([[50, 100]]).upto == 0

    def test_overlap_gaps_and_total(self):
        coverage = Coverage([[0, 100], [200, 300]])
        assert coverage.overlap(50, 250) == 100
        assert coverage.gaps(400) == [(100, 200), (300, 400)]
        assert coverage.total == 200

    def test_an_empty_stretch_covers_nothing(self):
        coverage = Coverage()
        coverage.add(100, 100)
        assert coverage.as_lists() == []


def test_a_claim_raises_the_epoch_and_announces_the_call_once(committed):
    with committed.northwind.scope():
        ident, key = call_make(committed.northwind.people["agent"])
        first = call_claim(conversation_id=ident, worker="a")
        second = call_claim(conversation_id=ident, worker="b")
        assert (first.epoch, second.epoch) == (1, 2)
        assert first.key == second.key == key
        assert Conversation.objects.get(pk=ident).state == "live"
        assert [event["kind"] for event in events_after(ident, 0)] == ["conversation"]


def test_a_call_whose_redaction_was_written_by_another_version_goes_on_from_what_is_stored(world):
    with world.northwind.scope():
        ident, _ = call_make()
        for number, (speaker, text) in enumerate(
            [("agent", "your card number please"), ("customer", "it is [CREDIT_CARD]")], 1
        ):
            row = utterance(ident, number, text)
            row.speaker = speaker
            row.save(force_insert=True)
        CallOwner.objects.filter(pk=ident).update(
            engine_state={"clock_ms": 3_000, "redaction": {"version": 0}}
        )
        claim = call_claim(conversation_id=ident, worker="b")
    assert claim.engine_state["clock_ms"] == 3_000
    redactor = StreamRedactor.restore(claim.engine_state["redaction"], claim.redaction)
    assert redactor.state()["scene"]["ever"]
    # How many digits of the card were given nobody knows: more of them are hidden.
    assert (
        redactor.redact_final("customer", RawText("one two"), (), 4_000, 5_000).redacted.text.count("[") == 1
    )


def test_a_superseded_worker_writes_nothing_while_others_do(committed):
    with committed.northwind.scope():
        one, _ = call_make()
        two, _ = call_make()
        stale = call_claim(conversation_id=one, worker="a")
        call_claim(conversation_id=one, worker="b")
        other = call_claim(conversation_id=two, worker="a")
        parts = [part(one, stale.epoch, utterance(one, 1)), part(two, other.epoch, utterance(two, 1))]
        assert group_write(parts) == [parts[0]]
        assert not Utterance.objects.filter(conversation_id=one).exists()
        assert Utterance.objects.filter(conversation_id=two).count() == 1
        assert CallOwner.objects.get(pk=one).coverage == []


def test_numbers_are_gapless_between_the_worker_and_everybody_else(committed):
    with committed.northwind.scope():
        ident, _ = call_make()
        claim = call_claim(conversation_id=ident, worker="a")
        group_write([part(ident, claim.epoch, utterance(ident, 1), utterance(ident, 2))])
        from django.db import transaction

        with transaction.atomic():
            event_append(conversation_id=ident, kind="conversation", row=Conversation.objects.get(pk=ident))
        group_write([part(ident, claim.epoch, utterance(ident, 3))])
        numbers = ConversationEvent.objects.filter(conversation_id=ident).values_list("sequence", flat=True)
        assert list(numbers) == [1, 2, 3, 4, 5]


def test_snapshot_with_the_events_after_it_is_a_later_snapshot(committed):
    with committed.northwind.scope():
        ident, _ = call_make(committed.northwind.people["agent"])
        claim = call_claim(conversation_id=ident, worker="a")
        group_write([part(ident, claim.epoch, utterance(ident, 1))])
        before = snapshot(Conversation.objects.get(pk=ident))
        group_write([part(ident, claim.epoch, utterance(ident, 2))])
        call_fail(conversation_id=ident, reason="speech_failed")
        after = snapshot(Conversation.objects.get(pk=ident))
        items = {kind: {row["id"]: row for row in rows} for kind, rows in before["items"].items()}
        for event in events_after(ident, before["head"]):
            items.setdefault(event["kind"], {})[event["data"]["id"]] = event["data"]
        assert {kind: list(rows.values()) for kind, rows in items.items()} == after["items"]


@pytest.mark.parametrize("refused", ["twice", "unstorable"])
def test_one_refused_part_does_not_take_the_group_with_it(committed, refused):
    schema = committed.northwind.schema
    with committed.northwind.scope():
        good, _ = call_make()
        bad, _ = call_make()
        epochs = {ident: call_claim(conversation_id=ident, worker="a").epoch for ident in (good, bad)}

    async def run():
        threads = TenantThreads(2, "test")
        committer = Committer(threads)
        other = utterance(bad, 1) if refused == "twice" else utterance(bad, 2, text="no \x00 in a database")
        wrong = part(bad, epochs[bad], utterance(bad, 1), other)
        results = await asyncio.gather(
            committer.commit(schema, part(good, epochs[good], utterance(good, 1))),
            committer.commit(schema, wrong),
            committer.commit(schema, part(bad, epochs[bad] - 1, utterance(bad, 2))),
            return_exceptions=True,
        )
        threads.close()
        return results

    results = asyncio.run(run())
    assert results[0] is None
    assert isinstance(results[1], {"twice": IntegrityError, "unstorable": DataError}[refused])
    assert isinstance(results[2], Superseded)
    with committed.northwind.scope():
        assert Utterance.objects.count() == 1


def test_what_takes_long_to_write_holds_up_its_own_call_alone_which_keeps_its_order(committed):
    schema = committed.northwind.schema
    with committed.northwind.scope():
        slow, _ = call_make()
        quick, _ = call_make()
        epochs = {ident: call_claim(conversation_id=ident, worker="a").epoch for ident in (slow, quick)}
    go_on = Event()

    async def run():
        threads = TenantThreads(2, "test")
        committer = Committer(threads)

        def say(ident, number):
            one = part(ident, epochs[ident], utterance(ident, number))
            one.utterances = number
            if ident == slow and number == 1:
                one.batch.write(lambda: go_on.wait(60))
            return committer.commit(schema, one)

        said = [say(slow, 1), say(quick, 1)]
        async with asyncio.timeout(60):
            await said[1]
            said += [say(slow, 2), say(quick, 2)]
            await said[3]
            await asyncio.sleep(0.1)  # nothing is left but what waits for its own call
            said += [say(slow, 3), say(quick, 3)]
            await said[5]
        assert [one.done() for one in said] == [False, True] * 3
        go_on.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*said)
        threads.close()

    asyncio.run(run())
    with committed.northwind.scope():
        for ident in (slow, quick):
            events = ConversationEvent.objects.filter(conversation=ident, kind="utterance").order_by(
                "sequence"
            )
            rows = dict(Utterance.objects.filter(conversation=ident).values_list("pk", "sequence"))
            assert [rows[one.ref] for one in events] == [1, 2, 3]
            assert CallOwner.objects.get(conversation=ident).utterances == 3


@pytest.mark.parametrize("how", ["connection lost", "row refused", "written beside"])
def test_nothing_is_written_behind_what_was_not_written(committed, monkeypatch, how):
    """A part says how far its call is heard: with the one before missing, words would be, too, and for good."""
    schema = committed.northwind.schema
    with committed.northwind.scope():
        call, _ = call_make()
        other, _ = call_make()
        epochs = {ident: call_claim(conversation_id=ident, worker="a").epoch for ident in (call, other)}
    said, fails = Event(), OperationalError("gone")

    def fail():
        said.wait(60)
        raise fails

    def write(parts, told=None):
        if how == "connection lost" and any(one.utterances == 1 for one in parts):
            fail()
        return group_write(parts, told)

    monkeypatch.setattr(commit, "group_write", write)

    async def run():
        threads = TenantThreads(2, "test")
        committer = Committer(threads)
        queues = {ident: CommitQueue(committer, schema, None) for ident in (call, other)}

        def say(ident, number):
            one = part(ident, epochs[ident], utterance(ident, number))
            one.utterances = number
            if ident == call and number == 1 and how == "written beside":
                one.batch.write(fail)
            if ident == call and number == 1 and how == "row refused":
                one.batch.create(utterance(call, 9, text="no \x00 in a database"))
            queues[ident].put(one)

        say(call, 1)
        if how != "row refused":
            await asyncio.sleep(0.05)  # it is under way, alone
        for number in (2, 3):
            say(call, number)
            say(other, number)
        said.set()
        async with asyncio.timeout(60):
            await queues[other].all_written()
            for _part in range(3):
                with pytest.raises((OperationalError, DataError)):
                    await queues[call].all_written()
            with pytest.raises((OperationalError, DataError)):
                queues[call].check()
            queues[other].check()
            # Not even what comes after that.
            say(call, 4)
            with pytest.raises((OperationalError, DataError)):
                await queues[call].all_written()
        threads.close()

    asyncio.run(run())
    with committed.northwind.scope():
        assert not Utterance.objects.filter(conversation=call).exists()
        assert CallOwner.objects.get(conversation=call).utterances == 0
        rows = Utterance.objects.filter(conversation=other).order_by("sequence")
        assert [row.sequence for row in rows] == [2, 3]


def test_of_a_call_that_was_left_nothing_more_is_written():
    """Its successor goes on from what is stored, which may not change under it."""

    class Threads:
        def __init__(self):
            self.runs, self.under_way, self.go_on = [], asyncio.Event(), asyncio.Event()

        async def run(self, _schema, _work, parts, _told):
            self.runs.append(parts)
            self.under_way.set()
            await self.go_on.wait()
            return []

    async def run():
        threads = Threads()
        committer = Committer(threads)
        queue, others = CommitQueue(committer, "x", None), CommitQueue(committer, "x", None)
        first, second, other = (part(new_id(), 1) for _ in range(3))
        queue.put(first)
        async with asyncio.timeout(60):
            await threads.under_way.wait()
            queue.put(second)
            await queue.abandon()
            others.put(other)
            threads.go_on.set()
            await others.all_written()
        assert threads.runs == [[first], [other]]

    asyncio.run(run())


class GivesWay:
    """Threads in which the database ends what is written, so many times, with this code."""

    def __init__(self, times, code):
        self.times, self.code, self.runs = times, code, []

    async def run(self, _schema, work, *args):
        self.runs.append(args)
        if len(self.runs) <= self.times:
            cause = Exception()
            cause.sqlstate = self.code
            raise OperationalError("given up") from cause
        return []


@pytest.mark.parametrize(
    ("times", "code", "runs"), [(1, "40P01", 2), (2, "40001", 3), (3, "40P01", 3), (1, "57P01", 1)]
)
def test_a_group_that_the_database_gave_up_for_another_s_sake_is_written_again(times, code, runs):
    async def run():
        threads = GivesWay(times, code)
        committer = Committer(threads)
        parts = [part(new_id(), 1), part(new_id(), 1)]
        results = await asyncio.gather(*(committer.commit("x", one) for one in parts), return_exceptions=True)
        # Each call hears of what stays wrong: it goes on from its last commit.
        assert [type(each) for each in results] == [type(None) if runs > times else OperationalError] * 2
        assert [args[0] for args in threads.runs] == [parts] * runs

    asyncio.run(run())


def test_what_is_to_be_committed_says_nothing_of_the_next_segment():
    """A commit is written in another thread, after the next segment may have been cut and before it is stored."""
    recorder = Recorder(sample_rate=8000, channels=1, recorded_ms=0, state=None)
    recorder.add(0, [bytes(8000 * 2 * 12)])
    state = recorder.state()
    recorder.hide(0, ((100, 200),))
    assert recorder.take(12_000, epoch=1) is not None
    assert state == {"segments": [], "beeps": [], "growing": [], "kept_out": []}
    assert recorder.state() == {
        "segments": [[0, 12_000 - HOLD_BACK_MS, 1]],
        "beeps": [[0, 100, 200]],
        "growing": [],
        "kept_out": [],
    }


def test_a_failed_call_ends_once_with_its_ledger(committed):
    with committed.northwind.scope():
        ident, _ = call_make()
        claim = call_claim(conversation_id=ident, worker="a")
        group_write([part(ident, claim.epoch, utterance(ident, 1), recorded_ms=400)])
        assert call_fail(conversation_id=ident, reason="speech_failed")
        assert not call_fail(conversation_id=ident, reason="speech_failed")
        assert group_write([part(ident, claim.epoch, utterance(ident, 2))])
        ledger = CallLedger.objects.get(conversation_id=ident)
        assert (ledger.state, ledger.reason) == ("incomplete", "speech_failed")
        assert ledger.transcribed_ms == [1000]
        conversation = Conversation.objects.get(pk=ident)
        assert (conversation.state, conversation.end_reason) == ("incomplete", "speech_failed")
        assert conversation.ended_at <= timezone.now()
        assert OutboxJob.objects.filter(conversation_id=ident, task="recording.seal").count() == 1
        assert call_claim(conversation_id=ident, worker="b") is None


def test_an_event_outside_a_transaction_is_refused(committed):
    with committed.northwind.scope():
        ident, _ = call_make()
        with pytest.raises(RuntimeError, match="transaction"):
            event_append(conversation_id=ident, kind="conversation", row=Conversation.objects.get(pk=ident))


# --- What is under way ------------------------------------------------------------------------------------


class Slow:
    """A committer and a source: commits end when they are told to."""

    def __init__(self):
        self.under_way, self.trimmed = [], []

    def commit(self, _schema, _part, **_after):
        self.under_way.append(asyncio.get_running_loop().create_future())
        return self.under_way[-1]

    async def trim(self, upto_number):
        self.trimmed.append(upto_number)


def stood(heard, recorded_ms):
    return CallCommit(1, Batch(new_id()), 0, heard, {}, recorded_ms)


def test_audio_is_let_go_of_behind_what_is_heard_on_each_channel_and_recorded():
    async def run():
        slow = Slow()
        queue = CommitQueue(slow, "x", slow)
        for heard, recorded_ms, trimmed in [
            ([[[0, 20_000]], [[0, 9_000], [10_000, 20_000]]], 30_000, [90]),  # one channel lacks a stretch
            ([[[0, 20_000]], [[0, 20_000]]], 13_000, [90]),  # few chunks are not worth the question
            ([[[0, 20_000]], [[0, 20_000]]], 14_040, [90, 140]),  # heard, and not recorded yet
            ([[[100, 90_000]], [[0, 90_000]]], 90_000, [90, 140]),  # not heard from the beginning
            ([[[0, 90_000]], [[0, 90_000]]], 90_000, [90, 140, 900]),
        ]:
            queue.put(stood(heard, recorded_ms))
            await asyncio.sleep(0)
            before = list(slow.trimmed)
            slow.under_way[-1].set_result(None)
            await queue.all_written()
            assert before == trimmed[: len(before)] and slow.trimmed == trimmed

    asyncio.run(run())


def test_what_is_not_committed_is_not_let_go_of_and_says_so():
    async def run():
        slow = Slow()
        queue = CommitQueue(slow, "x", slow)
        queue.put(stood([[[0, 90_000]]], 90_000))
        await asyncio.sleep(0)
        await queue.room()
        slow.under_way[0].set_exception(Superseded())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Superseded):
            await queue.room()
        assert slow.trimmed == []

    asyncio.run(run())


def test_a_database_that_stands_still_holds_back_what_is_heard():
    async def run():
        slow = Slow()
        queue = CommitQueue(slow, "x", slow)
        for _ in range(COMMITS_AHEAD):
            queue.put(stood([[]], 0))
        await asyncio.wait_for(queue.room(), 5)
        queue.put(stood([[]], 0))
        waiting = asyncio.create_task(queue.room())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        slow.under_way[0].set_result(None)
        await asyncio.wait_for(waiting, 5)
        await queue.abandon()
        assert all(each.done() for each in slow.under_way)

    asyncio.run(run())
