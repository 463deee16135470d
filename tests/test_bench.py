"""The benches measure the real thing: a tiny run has every key, and one that cannot measure says so and fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection

from bench import callers
from bench.__main__ import main
from bench.finals import talks_make
from bench.ingest import missing
from bench.report import Unmeasured, percentile

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
