"""What a live call's stages are told besides words: in the order of the call, once, whoever follows it."""

from __future__ import annotations

import json
from datetime import timedelta

from conversations.live import tidings as module
from conversations.live.stages import Batch, CallContext
from conversations.live.tidings import Tidings, word
from conversations.live.timeline import Timeline
from tests.live_calls import line
from tests.test_live_marks import AGENT, CUSTOMER, LOUD, Source, World, follow, marks_at_once  # noqa: F401


class Listening(World):
    """Its stage keeps what it was told, in its state."""

    def open(self, call, state):
        return Keeping(state)


class Keeping:
    def __init__(self, state):
        self.log = [tuple(one) for one in (state or {}).get("log", ())]

    def utterance(self, spoken, batch):
        self.log.append(("said", spoken.row.text, spoken.row.start_ms))

    def clock(self, now_ms, batch):
        pass

    def told(self, mark, now_ms, batch):
        assert mark["at_ms"] <= now_ms
        self.log.append((mark["kind"], mark.get("do", mark.get("on")), mark["at_ms"]))

    def finish(self, now_ms, batch):
        self.log.append(("end", "", now_ms))

    def state(self):
        return {"log": list(self.log)}


def log_of(part):
    return [tuple(one) for one in part.engine_state["stages"]["kept"]["log"]]


def test_a_worker_that_dies_at_any_commit_is_told_the_same_in_the_same_order(marks_at_once):  # noqa: F811
    lines = [
        line(CUSTOMER, 500, "my invoice is wrong"),
        line(AGENT, 3_000, "one moment please"),
        line(CUSTOMER, 9_500, "are you there"),
        line(AGENT, 11_000, "yes here i am"),
    ]
    held = [
        {"kind": "phase", "phase": phase, "at_ms": at}
        for phase, at in (("hold", 5_000), ("connected", 9_000))
    ]
    words = [word("kept", do=do, at_ms=at) for do, at in (("a", 1_000), ("b", 4_000), ("c", 10_000))]
    marks = sorted(held + words, key=lambda mark: mark["at_ms"])
    chunks = dict.fromkeys(range(1, 141), LOUD)
    first = Listening(lines)
    follow(first, Source(chunks, [(mark["at_ms"] // 100, mark) for mark in marks]))
    wanted = log_of(first.parts[-1])
    assert [one[:2] for one in wanted] == [
        ("said", "my invoice is wrong"), ("word", "a"), ("said", "one moment please"), ("word", "b"),
        ("held", True), ("held", False), ("said", "are you there"), ("word", "c"),
        ("said", "yes here i am"), ("end", ""),
    ]  # fmt: skip
    for died, part in enumerate(first.parts[:-1:2]):
        second = Listening(lines)
        # The stream of marks is all there from the beginning, those told already included.
        follow(
            second,
            Source(chunks, [(0, mark) for mark in marks]),
            coverage=json.loads(json.dumps(part.coverage)),
            engine_state=json.loads(json.dumps(part.engine_state)),
            utterances=part.utterances,
            recorded_ms=part.recorded_ms,
        )
        assert log_of(second.parts[-1]) == wanted, died


def test_what_people_did_does_not_wait_for_a_recogniser_that_lags(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    tidings, session, batch = Tidings(Timeline(), {}), Keeping(None), Batch(None)
    tidings.take([word("kept", do="late", at_ms=5_000)])
    tidings.tell([session], 4_000, batch)
    assert not session.log and not tidings.overdue(4_900), "its sound is not even here"
    assert not tidings.overdue(5_000)
    now[0] += module.PATIENCE_SECONDS + 0.1
    assert tidings.overdue(5_000)
    session.told = lambda mark, now_ms, batch: session.log.append(mark["do"])
    tidings.tell([session], 4_000, batch, at_once=True)
    assert session.log == ["late"] and not tidings.overdue(9_000)


def test_a_hold_that_is_told_late_began_when_it_began():
    timeline = Timeline()
    tidings, session = Tidings(timeline, {}), Keeping(None)
    tidings.tell([session], 9_000, Batch(None))
    timeline.add({"kind": "phase", "phase": "hold", "at_ms": 6_000})
    timeline.add({"kind": "phase", "phase": "hold", "at_ms": 7_000})
    tidings.tell([session], 9_500, Batch(None))
    successor = Tidings(timeline, json.loads(json.dumps(tidings.state())))
    timeline.add({"kind": "phase", "phase": "connected", "at_ms": 8_000})
    successor.tell([session], 10_000, Batch(None))
    assert session.log == [("held", True, 6_000), ("held", False, 8_000)]


def test_on_hold_time_goes_on_while_no_sound_comes(monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(module.time, "time", lambda: now[0])

    class Clocked(Keeping):
        def clock(self, now_ms, batch):
            self.log.append(("clock", "", now_ms))

    timeline = Timeline()
    tidings, session, call = (
        Tidings(timeline, {}),
        Clocked(None),
        CallContext("x", None, None, None, None, "en"),
    )
    now[0] += 10
    assert not tidings.overdue(4_000), "nobody is held: a line that broke has no clock of its own"
    timeline.add({"kind": "phase", "phase": "hold", "at_ms": 5_000})
    assert not tidings.overdue(5_000)
    now[0] += module.STILL_SECONDS + 0.5
    assert tidings.overdue(5_000)
    tidings.told_at_once([session], 1_000, call)
    assert session.log == [], "what was said before is still to be heard"
    tidings.told_at_once([session], 4_900, call)
    assert session.log == [("held", True, 5_000), ("clock", "", 7_000)]
    assert tidings.stood_still and not tidings.stood_still
    # A successor finds no new sound, and knows since when.
    tidings = Tidings(timeline, json.loads(json.dumps(tidings.state())))
    now[0] += 60
    assert tidings.overdue(0)
    tidings.told_at_once([session], 5_000, call)
    assert session.log[2:] == [("clock", "", 67_000)]
    timeline.add({"kind": "phase", "phase": "connected", "at_ms": 5_100})
    assert not tidings.overdue(5_100)
    tidings.tell([session], 5_200, Batch(None))
    assert session.log[3:] == [("held", False, 5_100)]


class Noting(Keeping):
    """A session that has something to say only after the commit, as counting what went wrong is."""

    def partial(self, speaker, text, start_ms, end_ms, batch):
        batch.published(lambda when: None)


class Noted(World):
    def open(self, call, state):
        return Noting(state)


def test_what_is_noted_in_an_otherwise_empty_step_is_not_lost():
    """A partial brings no rows: its batch must be committed all the same, for what is to be done after it."""
    world = Noted([line(CUSTOMER, 500, "my invoice is wrong")])
    follow(world, Source(dict.fromkeys(range(1, 41), LOUD), late=timedelta()))
    assert sum(len(part.batch.after_publish) for part in world.parts) > 0
    together = Batch(None)
    together.published_together(lambda told: None, "thing")
    assert not together.is_empty
