"""What a live call takes in memory does not grow with its length: audio, words, beeps and arrivals are let go of."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from datetime import UTC, datetime

from coaching.live import KEPT_UTTERANCES
from conversations.live.buffer import Chunk
from engines.redaction.redactor import redact
from engines.redaction.text import RawText
from engines.speech.breaker import CircuitBreaker
from engines.speech.channels import PerChannel
from engines.speech.fallback import FallbackProvider
from engines.speech.scripted import ScriptedProvider
from tests.live_calls import line
from tests.test_live_marks import LOUD, World, follow
from tests.understanding import call_begin, definition_make, hint_action, policy_make, rule

MINUTES = 18
CHUNKS = MINUTES * 600
# The first minutes fill what has a bound: a segment of sound, five minutes of arrivals, caches.
EARLY, LATE = range(6, 9), range(MINUTES - 3, MINUTES)
# A segment is ten seconds: how much of one is held differs from look to look, so that we look at many places of it.
LOOK_EVERY = 35  # chunks


class EndlessSource:
    """A call of `MINUTES` at the pace at which it is read; notes the most that Python holds in each minute."""

    def __init__(self):
        self.most_kb = [0.0] * (MINUTES + 1)

    async def read(self, after):
        await asyncio.sleep(0)
        if after % LOOK_EVERY == 0:
            gc.collect()
            held_kb = tracemalloc.get_traced_memory()[0] / 1024
            self.most_kb[after // 600] = max(self.most_kb[after // 600], held_kb)
        now = datetime.now(UTC)
        if after >= CHUNKS:
            return [Chunk(CHUNKS + 1, now, b"", "stop")]
        return [Chunk(number, now, bytes(bytearray(LOUD)), "") for number in range(after + 1, after + 6)]

    async def last(self):
        return CHUNKS, False

    async def marks(self):
        return []

    async def alive(self):
        return True

    async def trim(self, upto_number):
        pass


class ForgetfulWorld(World):
    """Keeps nothing of what the call wanted written, as a worker does once it is committed."""

    def __init__(self, script):
        super().__init__(script)
        inner = PerChannel(ScriptedProvider(script))
        self.provider = FallbackProvider([inner], [CircuitBreaker()])
        self.utterances = self.beeped = 0

    def commit(self, _schema, part, **after):
        done = super().commit(_schema, part, **after)
        self.parts.clear()
        self.utterances = part.utterances
        self.beeped = len(part.engine_state["recording"]["beeps"])
        return done

    async def run(self, _schema, work, *args, **kwargs):
        self.segments = []
        result = await super().run(_schema, work, *args, **kwargs)
        self.segments = []
        return result


def test_a_call_takes_no_more_after_a_quarter_of_an_hour_than_after_five_minutes():
    texts = ("thank you for waiting i can see the bill now", "my card is four one one one one one one one")
    script = [
        line(number % 2, 4_000 * number + 500, texts[number % 40 == 3]) for number in range(MINUTES * 15 - 1)
    ]
    world, source = ForgetfulWorld(script), EndlessSource()
    redact(RawText(" ".join(texts)))  # the model is the process's, not the call's
    gc.collect()
    gc.freeze()  # what was there before is not looked through again at each look, nor afterwards (tests.sparing)
    tracemalloc.start()
    try:
        follow(world, source)
    finally:
        tracemalloc.stop()
    assert world.utterances == len(script)
    # While a number is being given the sound waits for it; minutes without one tell whether anything adds up.
    early, late = (min(source.most_kb[each] for each in minutes) for minutes in (EARLY, LATE))
    held = str([round(each) for each in source.most_kb])
    # What is left to grow is where the segments begin, which the end of the call needs: some 0.4 kB a minute.
    assert late - early < 0.02 * early, held
    # Ten seconds of two sides at 8 kHz are 320 kB, and as much again while a card is read out.
    assert 320 < max(source.most_kb) < 1_800, held


def test_what_the_stages_keep_of_a_call_has_a_bound(world, make_conversation):
    """What rules may cite is kept of the last utterances alone, without words and times; the state stays as long."""
    held = []
    with world.northwind.scope():
        definition_make("cancel", phrases=["cancel"])
        definition_make("offer", phrases=["offer"], speaker="agent")
        policy_make(rule("cancel", hint_action("Offer a discount"), expires_ms=20_000))
        call = call_begin("northwind", make_conversation(state="live"))
        call.sequence, guidance = 5, call.sessions[-1][1]
        for number in range(2 * KEPT_UTTERANCES + 10):
            speaker = ("customer", "agent")[number % 2]
            call.say(speaker, ("i want to cancel that", "may i offer you this")[number % 2], 4_000 * number)
            call.tick(4_000 * number + 3_500)
            call.shown.clear()
            if number in {KEPT_UTTERANCES + 10, 2 * KEPT_UTTERANCES + 9}:
                held.append(len(json.dumps(call.states)))
    assert len(guidance._heard) == KEPT_UTTERANCES
    assert not any("words" in row.__dict__ for row in guidance._heard.values())
    # Numbers of utterances and times have a digit more.
    assert held[1] < 1.05 * held[0]
