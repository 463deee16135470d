"""The bench of summaries: its keys, on calls of our own; and that it says so where it cannot measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main

TURNS = [
    ("agent", "Thank you for calling. How can I help you?"),
    ("customer", "I have been charged twice for my internet bill."),
    ("agent", "I have refunded the second payment."),
    ("agent", "We will send you a letter by Friday."),
    ("customer", "That works for me, thank you."),
]


def call(**more: Any) -> str:
    return json.dumps({"turns": [{"role": role, "text": text} for role, text in TURNS], **more})


def measured(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["summary", "--data", str(path), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_it_has_its_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "calls.jsonl"
    data.write_text(
        call(silver_summaries=["The internet bill was charged twice.", "A bill charged twice."]) + "\n"
    )
    found = measured(data, capsys)
    assert {"name", "machine", "versions", "seconds", "p95_ms", "hour_ms"} <= set(found)
    assert (found["name"], found["calls"], found["without_reason"]) == ("summary", 1, 0)
    # "bill", "charged" and "twice" are in both references, and in the summary.
    assert (found["unsupported_rate"], found["coverage"]) == (0.0, 1.0)
    assert found["filled"]["promises"] == 1
    assert 0 < found["p95_ms"] < 1000


def test_references_that_say_something_else_lower_the_coverage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "calls.jsonl"
    data.write_text(call(silver_summaries=["Thank you for calling, charged."]) + "\n")
    assert 0 < measured(data, capsys)["coverage"] < 1
    data.write_text(call() + "\n")
    found = measured(data, capsys)
    assert found["coverage_of"] == "acts" and found["coverage"] > 0


@pytest.mark.parametrize("text", ["", "{}\n", "no json\n", '{"turns": [{"role": "agent"}]}\n'])
def test_what_is_no_call_is_not_measured(tmp_path: Path, text: str) -> None:
    data = tmp_path / "calls.jsonl"
    data.write_text(text)
    assert main(["summary", "--data", str(data), "--json"]) == 1
    assert main(["summary", "--data", str(tmp_path / "nowhere"), "--json"]) == 1
