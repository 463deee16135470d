"""The benches measure the real thing: a tiny run has every key, and one that cannot measure says so and fails."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection

from bench import callers
from bench.__main__ import main
from bench.answers import first_sentence
from bench.finals import talks_make
from bench.ingest import missing
from bench.live_agents import Heard
from bench.live_figures import by_time, came, figures, shares
from bench.live_policies import hint_always_publish, policies_publish
from bench.live_talk import CUSTOMER, EVERY_MS, talk, topics_make
from bench.meter import Meter
from bench.report import Unmeasured, percentile
from engines.language.fencing import Fence

ROOT = Path(__file__).resolve().parent.parent
KEYS = {
    *("name", "machine", "versions", "seconds", "calls", "frames_sent", "frames_lost", "p50_ms", "p99_ms"),
    *("server", "cpu_share", "rss_per_call_kb", "memory_per_call_kb_series", "wire_p99_ms", "frames_late"),
    *("final_share_p50_ms", "final_share_p95_ms", "asr_delay_ms"),
}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.fixture
def database(django_db_setup: Any, django_db_blocker: Any) -> str:
    """The tests' own database, which is prepared."""
    with django_db_blocker.unblock():
        found = connection.settings_dict
        where = urlencode({"host": found["HOST"], "port": found["PORT"]}, quote_via=quote)
        return f"postgresql://{found['USER']}:{quote(found['PASSWORD'])}@/{found['NAME']}?{where}"


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_a_tiny_run_measures_everything(database: str) -> None:
    run = bench(
        *("ingest", "--json", "--calls", "5", "--seconds", "3", "--finals", "2"),
        *("--processes", "1", "--database", database, "--no-bare"),
    )
    assert run.returncode == 0, run.stderr[-3000:]
    result = json.loads(run.stdout)
    assert set(result) >= KEYS
    assert (result["calls"], result["calls_failed"]) == (5, 0)
    assert (result["frames_sent"], result["frames_lost"], result["chunks"]) == (5 * 2 * 150, 0, 5 * 30)
    assert 0 < result["p50_ms"] <= result["p99_ms"] <= result["max_ms"]
    assert len(result["memory_per_call_kb_series"]) == 3
    assert result["final_total_p50_ms"] > result["asr_delay_ms"] == 300


def test_what_cannot_be_measured_fails() -> None:
    nowhere = "postgresql://cresta@127.0.0.1:1/none"
    run = bench("ingest", "--json", "--calls", "1", "--seconds", "1", "--database", nowhere)
    assert run.returncode == 1
    assert run.stdout == ""
    assert main(["ingest", "--calls", "0"]) == 1
    with pytest.raises(SystemExit, match="2"):
        main(["nonsense"])


def test_a_frame_that_is_not_at_its_place_is_missing() -> None:
    expected = callers.both(7, 1000)
    frames = callers.frames_of("twilio", 1.0)
    assert frames == 100
    assert missing(expected, expected, "twilio", frames) == 0
    assert missing(expected[:-1], expected, "twilio", frames) == 1
    assert missing(expected[320:], expected, "twilio", frames) == 100
    broken = bytearray(expected)
    broken[400] ^= 1
    assert missing(bytes(broken), expected, "twilio", frames) == 1
    assert missing(expected + b"more", expected, "twilio", frames) == 1
    assert missing(b"", expected, "twilio", frames) == frames
    assert callers.side(7, 0, 100) != callers.side(8, 0, 100)


def test_lateness_goes_by_the_chunk_that_was_most_in_time() -> None:
    assert callers.late([]) == 0
    assert callers.late([5.0, 5.1, 5.2]) == 0
    assert callers.late([5.05, 5.1, 5.23]) == 2
    assert callers.late([5.0, 5.0, 5.2, 5.2, 5.45, 5.45], together=2) == 1


def test_utterances_of_a_run_have_times_of_their_own() -> None:
    spoken = [(one.start_ms, one.end_ms) for talk in talks_make(20, 10, 1) for one in talk.spoken]
    assert len(set(spoken)) == len(spoken) == 200
    assert talks_make(3, 3, 1) == talks_make(3, 3, 1) != talks_make(3, 3, 2)


def test_percentiles_are_of_what_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert [percentile(list(range(1, 101)), part) for part in (1, 50, 99, 100)] == [1, 50, 99, 100]
    with pytest.raises(Unmeasured):
        percentile([], 50)


# --- Live ------------------------------------------------------------------------------------------------


def test_calls_say_the_same_to_who_says_it_and_who_counts() -> None:
    topics = topics_make(200)
    spoken = list(talk(7, topics, 1, 300_000))
    assert spoken == list(talk(7, topics, 1, 300_000)) != list(talk(8, topics, 1, 300_000))
    assert [after.end_ms - before.end_ms for before, after in pairwise(spoken)] == [EVERY_MS] * 98
    wishes = [one for call in range(60) for one in talk(call, topics, 1, 60_000) if one.topic is not None]
    assert {one.channel for one in wishes} == {CUSTOMER}
    assert all(topics[one.topic].words in one.text for one in wishes)
    assert 0.12 < len(wishes) / sum(1 for call in range(60) for _ in talk(call, topics, 1, 60_000)) < 0.21
    with pytest.raises(ValueError, match="no more than"):
        topics_make(5_000)


def test_the_policies_of_the_live_bench_can_be_published(northwind: Any) -> None:
    from coaching.models import PolicyRevision

    before = PolicyRevision.objects.count()
    policies_publish(topics_make(48), 3)
    hint_always_publish()
    assert PolicyRevision.objects.count() == before + 4


def test_what_a_socket_brought_is_held_against_its_numbers() -> None:
    events = [
        [1.0, 1, "conversation", None],
        [1.2, 3, "utterance", ["u2", 200]],
        [1.3, 2, "utterance", ["u1", 100]],
        [1.4, 3, "utterance", ["u2", 200]],
        [1.5, 4, "guidance", ["g", "u2", 200]],
        [1.9, 5, "guidance", ["g", "u2", 200]],
        [2.0, 7, "utterance", ["u3", 200]],
    ]
    found = came(events)
    assert (found.duplicated, found.reordered, found.finals_again) == (1, 1, 1)
    assert found.finals == {100: 1.3, 200: 1.2}
    assert found.guidance == {"g": (1.5, "u2", 200)}
    assert set(range(1, 8)) - found.seen == {6}


def test_figures_count_from_when_a_final_was_due() -> None:
    topics = topics_make(10)
    planned = list(talk(0, topics, 3, 12_000))
    events: list[list[Any]] = []
    for number, one in enumerate(planned):
        at = 100.0 + one.end_ms / 1000
        events.append([at + 0.010, len(events) + 1, "utterance", [f"u{number}", one.end_ms]])
        events.append([at + 0.020, len(events) + 1, "guidance", [f"g{number}", f"u{number}", one.end_ms]])
    events.append([150.0, len(events) + 1, "guidance", ["clock", "u0", planned[0].end_ms + 1]])
    options = {"topics": topics, "seed": 3, "began": 100.0, "measured": 100.0, "until": 112.0}
    found = figures(Heard(events=[events]), heads=[len(events)], **options)
    assert (found["finals_sent"], found["delivered"], found["lost"]) == (len(planned), len(planned), 0)
    assert (found["p50_ms"], found["utterance_p99_ms"]) == (20.0, 10.0)
    assert (found["guidance"], found["guidance_by_clock"]) == (len(planned) + 1, 1)
    # What the database has and no socket had is lost, and so is a final that nobody wrote.
    assert figures(Heard(events=[events]), heads=[len(events) + 2], **options)["lost"] == 2
    assert figures(Heard(events=[events[2:]]), heads=[len(events)], **options)["lost"] == 1 + 2
    with pytest.raises(Unmeasured):
        figures(Heard(events=[[]]), heads=[0], **options)


def test_shares_add_up_to_what_was_used() -> None:
    before = {"live": 1.0, "web": 1.0, "agents": 1.0, "postgres": 2.0, "redis": 0.0}
    after = {"live": 5.0, "web": 2.0, "agents": 2.0, "postgres": 3.0, "redis": 0.5}
    found = shares(before, after, {"commit": 1.0, "redaction": 1.5, "load": 0.5}, 10.0)
    assert found["live_rest"] == pytest.approx(0.1)
    assert found["load"] == pytest.approx(0.15)
    assert sum(found.values()) == pytest.approx(0.75)
    assert by_time([(0.1, 5.0), (4.9, 7.0), (5.1, 1.0)]) == [7.0, 1.0]


def test_work_within_work_counts_for_itself_alone() -> None:
    meter = Meter(one_in=1)

    def burn(seconds: float) -> None:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    inner = meter.timed("inner", lambda: burn(0.02))

    async def steps() -> str:
        burn(0.01)
        await asyncio.sleep(0.05)
        inner()
        return "said"

    gc.disable()  # what other tests have left is tidied up at some other time
    try:
        assert asyncio.run(meter.timed_steps("outer", steps)()) == "said"
    finally:
        gc.enable()
    used = meter.seconds()
    assert 0.01 <= used["outer"] < 0.02 <= used["inner"] < 0.03


def test_what_is_counted_where_it_lies_is_so_only_while_the_meter_is_on() -> None:
    class Work:
        def burn(self) -> str:
            until = time.thread_time() + 0.01
            while time.thread_time() < until:
                pass
            return "burnt"

    meter, itself = Meter(one_in=1), Work.burn
    meter.patch("work", Work, "burn")
    assert Work.burn is itself and Work().burn() == "burnt" and meter.seconds() == {}
    meter.on()
    assert Work().burn() == "burnt" and 0.01 <= meter.seconds()["work"] < 0.02
    meter.off()
    before = meter.seconds()
    assert Work.burn is itself and Work().burn() == "burnt" and meter.seconds() == before


def test_the_model_of_the_answers_bench_repeats_the_first_sentence_of_the_first_passage() -> None:
    fence = Fence.drawn()
    given = [("question", "How long?"), ("passage 1", "Refunds\n\n# Time\n\n- A refund takes five days. Ask."),
             ("passage 2", "Other\n\nNothing of this is repeated.")]  # fmt: skip
    assert first_sentence(fence.all(given)) == "A refund takes five days."
    assert first_sentence(fence.all(given[:1])) == "NOTHING"
    assert first_sentence(fence.all([("passage 1", "Refunds\n\nShort.")])) == "NOTHING"
