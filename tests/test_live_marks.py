"""A call in the worker, in process and without a database: what marks that come late, or again, do to it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from accounts.ids import new_id
from conversations.live import ending
from conversations.live.buffer import Chunk
from conversations.live.call import LiveCall, Means
from conversations.live.coverage import Coverage
from conversations.live.ending import account_of
from conversations.live.ownership import Claim
from conversations.live.partials import Partials
from conversations.live.recorder import Recorder
from conversations.live.segments import segment_store
from conversations.live.stages import CallContext
from conversations.live.timeline import Missing, Timeline
from engines.speech.channels import PerChannel
from engines.speech.scripted import ScriptedProvider
from tests.live_calls import line

AGENT, CUSTOMER = 0, 1
RATE = 8000
LOUD = np.full(2 * RATE // 10, 1_000, dtype="<i2").tobytes()  # 100 ms of both channels
QUIET = bytes(len(LOUD))


def consent(purpose, allowed, at_ms, **fields):
    return {"kind": "consent", "purpose": purpose, "allowed": allowed, "at_ms": at_ms, **fields}


class Source:
    """`chunks`: payloads by number. `marks`: (from which chunk on they are told, mark)."""

    def __init__(self, chunks, marks=(), end="stop", late=timedelta()):
        self._chunks = dict(chunks)
        self._last = max(self._chunks)
        self._marks = list(marks)
        self._end = end
        self._late = late  # how long ago all of it came
        self._read = 0

    async def read(self, after):
        await asyncio.sleep(0)
        now = datetime.now(UTC) - self._late
        found = [Chunk(n, now, self._chunks[n], "") for n in sorted(self._chunks) if n > after][:5]
        self._read = max([self._read, *(chunk.number for chunk in found)])
        return found or [Chunk(self._last + 1, now, b"", self._end)]

    async def last(self):
        return self._last, False

    async def marks(self):
        told = [mark for number, mark in self._marks if number <= self._read]
        self._marks = [each for each in self._marks if each[0] > self._read]
        return told

    async def alive(self):
        return True

    async def end(self, reason):
        raise AssertionError("nobody ends this call")

    async def trim(self, upto_number):
        pass


class World:
    """What a worker has around a call; keeps what the call wanted written."""

    def __init__(self, script):
        self.parts, self.segments, self.account, self.opened_for = [], [], None, []
        self.provider = PerChannel(ScriptedProvider(script))

    async def of(self, _plan):
        return self.provider

    def commit(self, _schema, part, **_after):
        self.parts.append(part)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def run(self, _schema, work, *args, **kwargs):
        if work is segment_store:
            self.segments.append(kwargs["segment"])
        elif work is ending.end_prepare:
            self.account, self.ended_at = kwargs["account"], kwargs["ended_at"]
        else:
            return work(*args, **kwargs)
        return None

    def partial(self, *_args):
        pass

    async def heartbeat(self, *_args, **_kwargs):
        pass

    def open(self, call, _state):
        self.opened_for.append(call.agent_id)
        return SimpleNamespace(
            utterance=lambda *_: None, clock=lambda *_: None, finish=lambda *_: None, state=dict
        )

    key = "kept"
    fixed = ()

    @property
    def texts(self):
        rows = [row for part in self.parts for row in part.batch.rows if hasattr(row, "words")]
        return [row.text for row in rows]

    def sound(self, channel):
        """The recording of a channel: one sample of each 100 ms."""
        pcm = [np.frombuffer(each.pcm, "<i2").reshape(-1, 2)[:, channel] for each in self.segments]
        return np.concatenate(pcm)[RATE // 20 :: RATE // 10]


def follow(world, source, **fields):
    ident = new_id()
    claim = Claim(
        context=CallContext("x", ident, fields.pop("agent", None), None, None, "en"),
        epoch=1,
        key=b"",
        audio_format={
            "codec": "pcm16",
            "sample_rate": RATE,
            "channels": 2,
            "roles": ["agent", "customer"],
        },
        **({"coverage": [], "engine_state": {}, "utterances": 0, "recorded_ms": 0, "speech": ()} | fields),
    )
    means = Means(
        buffer=None, committer=world, threads=world, ears=world, stages=[world], signals=world,
        stopping=asyncio.Event(), partials=Partials(0),  # a call read as fast as it goes gives them no time
    )  # fmt: skip
    call = LiveCall(claim, means, source)
    assert asyncio.run(asyncio.wait_for(call.run(), 120)) == "stop"
    return call


@pytest.fixture
def marks_at_once(monkeypatch):
    monkeypatch.setattr("conversations.live.call.MARKS_SECONDS", 0)


# --- The timeline -----------------------------------------------------------------------------------------


def test_a_withdrawal_that_erases_overrules_a_consent_given_before():
    timeline = Timeline()
    for mark in (
        consent("record", False, 0),
        consent("record", True, 2_000),
        consent("record", False, 9_000, erases=True),
    ):
        timeline.add(mark)
    assert {timeline.unrecorded(at) for at in (0, 2_000, 5_000, 9_000, 20_000)} == {"no consent"}
    # A worker that takes over is told again, and a later consent holds from then.
    timeline.add(consent("record", True, 2_000))
    timeline.add(consent("record", True, 12_000))
    assert [timeline.unrecorded(at) for at in (5_000, 11_999, 12_000)] == ["no consent", "no consent", ""]


def test_a_gap_of_one_channel_is_booked_on_that_channel_and_once():
    timeline = Timeline()
    gap = {"kind": "gap", "channel": 1, "from_ms": 100, "to_ms": 300, "cause": "discarded"}
    timeline.add(gap)
    timeline.add(gap | {"from_ms": 200, "to_ms": 400})
    timeline.add({"kind": "gap", "from_ms": 800, "to_ms": 900, "cause": "paused"})
    account = account_of(
        reason="stop",
        received_ms=1_000,
        coverage=[Coverage([(0, 1_000)])] * 2,
        unheard={},
        recorded_ms=1_000,
        lost=[],
        missing=timeline.missing,
    )
    gaps = {(gap.channel, gap.from_ms, gap.to_ms, gap.cause) for gap in account.gaps}
    assert gaps == {(1, 100, 400, "discarded"), (0, 800, 900, "paused"), (1, 800, 900, "paused")}
    assert len(account.gaps) == 3


def test_what_two_workers_passed_over_for_two_causes_counts_once():
    account = account_of(
        reason="stop",
        received_ms=1_000,
        coverage=[Coverage([(0, 1_000)])],
        unheard={"hold": Coverage([(0, 1_000)]), "no consent": Coverage([(200, 1_000)])},
        recorded_ms=1_000,
        lost=[[0, 300], [100, 300]],
        missing=[Missing(0, 100, "x", 0)],
    )
    assert account.transcribed_ms == [0]
    passed = [gap for gap in account.gaps if gap.cause in {"hold", "no consent"}]
    assert sum(gap.to_ms - gap.from_ms for gap in passed) == 1_000
    assert sum(gap.to_ms - gap.from_ms for gap in account.gaps if gap.cause == "audio lost") == 300


# --- The call ---------------------------------------------------------------------------------------------


def test_being_told_again_of_an_old_consent_takes_no_sound_away(marks_at_once):
    """Metadata that comes in mid-call tells the worker the whole history again."""
    world = World([line(CUSTOMER, 500, "please go on")])
    history = [consent("record", False, 0), consent("record", True, 500)]
    source = Source(dict.fromkeys(range(1, 61), LOUD), [(40, mark) for mark in history])
    follow(world, source, marks=history)
    assert (world.sound(CUSTOMER)[:5] == 0).all()
    assert (world.sound(CUSTOMER)[5:] == 1_000).all()


def test_a_hold_that_is_told_with_its_end_hides_no_talk(marks_at_once):
    world = World([line(CUSTOMER, 3_500, "back again")])
    late = [
        {"kind": "phase", "phase": "hold", "at_ms": 1_000},
        {"kind": "phase", "phase": "connected", "at_ms": 2_000},
    ]
    source = Source(dict.fromkeys(range(1, 61), LOUD), [(40, mark) for mark in late])
    follow(world, source)
    sound = world.sound(CUSTOMER)
    assert (sound[:10] == 1_000).all() and (sound[20:] == 1_000).all()
    assert not (sound[10:20] == 1_000).any()


def test_a_consent_that_was_refused_while_no_worker_ran_hides_what_was_recorded(marks_at_once):
    """The successor is told of it before it hears anything: what its predecessor stored is beeped."""
    world = World([])
    state = {"clock_ms": 4_000, "recording": {"segments": [[0, 3_000, 1]], "beeps": []}}
    source = Source(dict.fromkeys(range(1, 61), LOUD), [(0, consent("record", False, 1_000))])
    follow(world, source, engine_state=state, coverage=[[[0, 4_000]], [[0, 4_000]]], recorded_ms=3_000)
    assert {tuple(beep) for beep in world.parts[-1].engine_state["recording"]["beeps"]} >= {
        (AGENT, 1_000, 3_000),
        (CUSTOMER, 1_000, 3_000),
    }
    assert not world.sound(CUSTOMER).any()


def test_whoever_takes_over_goes_on_for_the_agent_of_now(marks_at_once):
    """All agents that the call ever had are told again; only the last one counts."""
    world = World([])
    first, second = new_id(), new_id()
    told = [
        (0, {"kind": "agent", "agent_id": str(each), "team_id": None, "at_ms": at})
        for at, each in enumerate((first, second))
    ]
    call = follow(world, Source(dict.fromkeys(range(1, 31), QUIET), told), agent=second)
    assert call.call.agent_id == second
    assert world.opened_for == [second]


def test_a_call_that_goes_there_and_back_at_once_ends_with_the_first_agent(marks_at_once):
    world = World([])
    first, second = new_id(), new_id()
    told = [
        (number, {"kind": "agent", "agent_id": str(each), "team_id": None, "at_ms": 0})
        for number, each in ((10, second), (15, first))
    ]
    call = follow(world, Source(dict.fromkeys(range(1, 31), QUIET), told), agent=first)
    assert call.call.agent_id == first


def test_chunks_that_were_lost_where_lanes_meet_leave_the_recording_whole(settings):
    settings.LIVE_SECOND_LANE_SECONDS = 2
    world = World([line(CUSTOMER, 500, "before"), line(AGENT, 8_500, "after")])
    chunks = {n: LOUD for n in range(1, 101) if not 30 < n <= 60}
    call = follow(world, Source(chunks))
    assert len(call.lanes) == 2
    account = world.account
    assert account.received_ms == account.recorded_ms == 10_000
    assert account.transcribed_ms == [10_000, 10_000]
    assert {(gap.channel, gap.from_ms, gap.to_ms, gap.cause) for gap in account.gaps} == {
        (channel, 3_000, 6_000, "audio lost") for channel in (0, 1)
    }
    assert len(world.sound(AGENT)) == 100


def test_digits_behind_what_another_lane_heard_are_hidden():
    """A predecessor heard the question in its live lane; its redaction state was that of the lane behind."""
    lines = [
        line(CUSTOMER, 500, "i want to pay"),
        line(AGENT, 4_000, "please tell me your card number"),
        line(CUSTOMER, 7_500, "four one"),
    ]
    fresh = World(lines)
    follow(fresh, Source(dict.fromkeys(range(1, 101), QUIET)))
    assert fresh.texts[-1] == "[CREDIT_CARD]"
    world = World(lines)
    heard = [[0, 3_000], [3_000 + 1, 7_000]]
    follow(
        world,
        Source(dict.fromkeys(range(1, 101), QUIET)),
        coverage=[heard, heard],
        engine_state={"clock_ms": 7_000},
    )
    assert world.texts == ["[CREDIT_CARD]"]


def test_sound_that_came_silent_is_not_beeped():
    recorder = Recorder(sample_rate=RATE, channels=1, recorded_ms=0, state=None)
    recorder.add(0, [bytes(RATE * 2)])
    recorder.silenced(0, 1_000)
    recorder.keep_out([(0, 1_000)])
    assert recorder.state()["beeps"] == []
    recorder.keep_out([(500, 1_500)])
    assert recorder.state()["beeps"] == [[0, 1_000, 1_500]]


def _ramp(seconds):
    """Each chunk has a level of its own, so that its place in the recording shows; the second from 24 s is quiet."""
    return {
        n: QUIET if 240 <= n < 250 else np.full(2 * RATE // 10, 20 * n, dtype="<i2").tobytes()
        for n in range(1, seconds * 10 + 1)
    }


def _rows(parts):
    rows = [row for part in parts for row in part.batch.rows if hasattr(row, "words")]
    return [(row.start_ms, row.channel_index, row.text) for row in rows]


def test_a_worker_that_dies_at_any_commit_of_two_lanes_leaves_nothing_out_and_nothing_twice(settings):
    settings.LIVE_SECOND_LANE_SECONDS = 5
    lines = [
        line(CUSTOMER, 500, "my invoice is wrong"),
        line(AGENT, 4_000, "please tell me your card number"),
        line(CUSTOMER, 8_000, "four one one one one one one one"),
        line(CUSTOMER, 12_000, "one one one one one one one one"),
        line(AGENT, 20_000, "thank you very much"),
        line(CUSTOMER, 25_500, "can you hear me"),
        line(AGENT, 30_000, "yes please tell me your card number again"),
        line(CUSTOMER, 35_000, "four one"),
    ]
    holds = [
        (0, {"kind": "phase", "phase": "hold", "at_ms": 16_000}),
        (0, {"kind": "phase", "phase": "connected", "at_ms": 18_000}),
        (0, {"kind": "gap", "channel": 1, "at_ms": 0, "from_ms": 2_000, "to_ms": 2_200, "cause": "away"}),
    ]
    alone = World(lines)
    settings.LIVE_SECOND_LANE_SECONDS = 0
    follow(alone, Source(_ramp(40), holds))
    settings.LIVE_SECOND_LANE_SECONDS = 5
    first = World(lines)
    call = follow(first, Source(_ramp(40), holds))
    assert len(call.lanes) == 2
    wanted = sorted(_rows(alone.parts))
    assert sorted(_rows(first.parts)) == wanted
    assert all("four" not in text for _at, _channel, text in wanted)
    for died, part in enumerate(first.parts[:-1]):
        state = json.loads(json.dumps(part.engine_state))
        second = World(lines)
        follow(
            second,
            Source(_ramp(40), holds),
            coverage=json.loads(json.dumps(part.coverage)),
            engine_state=state,
            utterances=part.utterances,
            recorded_ms=part.recorded_ms,
        )
        assert sorted(_rows(first.parts[: died + 1]) + _rows(second.parts)) == wanted, died
        counted = [tuple(one) for one in second.parts[-1].engine_state["recording"]["segments"]]
        assert [start for start, _end, _epoch in counted] == [0, *(end for _start, end, _ in counted)][:-1]
        assert counted[-1][1] == 40_000
        kept = len(state["recording"]["segments"])
        before = World([])
        before.segments = first.segments[:kept] + second.segments
        for channel in (AGENT, CUSTOMER):
            sound = before.sound(channel)
            assert len(sound) == 400
            told = [n for n, level in enumerate(sound, 1) if level and level == 20 * n]
            # The rest is hold (2 s), quiet (1 s) or beeped: two card numbers, and the sound beside them, which never
            # stops, for up to `REACH_MS`.
            assert len(told) > 220
            assert not any(sound[160:180])
        account, whole = second.account, alone.account
        assert account.transcribed_ms == whole.transcribed_ms == [38_000, 38_000]
        assert sorted(map(str, account.gaps)) == sorted(map(str, whole.gaps))


def test_a_call_ended_when_its_end_came_however_late_its_words_are():
    world = World([line(CUSTOMER, 0, "good morning", end_ms=600)])
    before = datetime.now(UTC)
    follow(world, Source(dict.fromkeys(range(1, 20), LOUD), late=timedelta(minutes=5)))
    assert before - timedelta(minutes=5) <= world.ended_at <= datetime.now(UTC) - timedelta(minutes=5)


@pytest.mark.parametrize(
    "times",
    [
        lambda _at, _word: (0, 0),
        lambda at, word: (0, 0) if at == 6 else word,
        lambda at, word: (-3_000, -2_600) if at == 6 else word,
        lambda at, word: (word[1], word[0]) if at == 6 else word,
        lambda at, _word: (8_700 - 240 * at, 8_940 - 240 * at),
    ],
    ids=["none", "one missing", "before the call", "back to front", "in no order"],
)
def test_an_utterance_whose_words_have_no_times_is_muted_whole(times):
    said = ["my", "number", "is", "four", *["one"] * 15]
    step = 5_000 // len(said)
    spoken = [times(at, (4_000 + at * step, 4_000 + (at + 1) * step)) for at in range(len(said))]
    words = [
        {"text": word, "start_ms": start, "end_ms": end, "confidence": 0.9}
        for word, (start, end) in zip(said, spoken, strict=True)
    ]
    world = World(
        [
            line(CUSTOMER, 1_000, "good morning to you"),
            {"channel": CUSTOMER, "start_ms": 4_000, "end_ms": 9_000, "words": words},
        ]
    )
    follow(world, Source(dict.fromkeys(range(1, 131), LOUD)))
    assert world.texts == ["good morning to you", "my number is [CREDIT_CARD]"]
    sound = world.sound(CUSTOMER)
    assert not (sound[39:91] == 1_000).any(), "with 150 ms on either side"
    assert (sound[:30] == 1_000).all() and (sound[100:] == 1_000).all()
    assert (world.sound(AGENT) == 1_000).all()
