"""The redaction bench counts tokens as docs/benches-engines.md says, in both formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.redaction import Tally, Text, tallied

KEYS = {"precision", "recall", "f2", "per_type", "texts_per_s", "p99_ms", "false_alarm_share"}


def written(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    card = "my card is 4111 1111 1111 1111 thanks"
    return written(
        tmp_path / "texts.jsonl",
        {"text": card, "spans": [{"start": 11, "end": 30, "type": "CREDIT_CARD"}]},
        {"text": "how do I reset the alarm", "spans": []},
        {"text": "what are your hours"},
    )


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    turns = [
        {"text": "hi there", "slots": []},
        {"text": "my email is ann@example.com", "slots": [{"start": 12, "end": 27, "pii": "EMAIL_ADDRESS"}]},
        {"text": "going to rome", "slots": [{"start": 9, "end": 13, "pii": None}]},
    ]
    return written(tmp_path / "talks.jsonl", {"id": "1", "customer_turns": turns})


def measured(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["redaction", "--json", *arguments]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_both_formats_give_every_key(capsys: pytest.CaptureFixture[str], texts: Path, talks: Path) -> None:
    files = measured(capsys, "--data", str(texts), str(talks))["files"]
    assert set(files[str(texts)]) >= KEYS
    first, second = files[str(texts)], files[str(talks)]
    assert (first["recall"], first["per_type"], first["clean_texts"]) == (1.0, {"CREDIT_CARD": 1.0}, 2)
    assert (second["recall"], second["per_type"], second["clean_texts"]) == (1.0, {"EMAIL": 1.0}, 2)
    assert first["texts_per_s"] > 0 < first["p99_ms"]


def test_turns_can_be_read_in_their_conversation(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    turns = [
        {"text": "my card number is", "slots": []},
        {"text": "four one", "slots": [{"start": 0, "end": 8, "pii": "CREDIT_CARD"}]},
    ]
    path = str(written(tmp_path / "talk.jsonl", {"customer_turns": turns}))
    figures = measured(capsys, "--data", path, "--stream")["files"][path]
    assert (figures["recall"], figures["precision"]) == (1.0, 1.0)


def test_tokens_part_at_all_but_letters_and_digits_and_any_touch_finds_them() -> None:
    tally = Tally()
    text = Text("o'neil_42 lives, here", ((0, 9, "NAME"),))
    tally.add(text, [(3, 4), (19, 20)])
    assert (tally.hits, tally.missed, tally.false_alarms) == (1, 2, 1)
    figures = {"precision": 0.5, "recall": 0.3333, "f2": round(5 / (5 + 8 + 1), 4)}
    tally.wall_ns, tally.cpu_ns = [1], [1]
    assert {name: tally.figures()[name] for name in figures} == figures


def test_false_alarms_are_those_in_texts_without_labels() -> None:
    texts = [Text("one two three four"), Text("ann says one", ((0, 3, "NAME"),))]
    figures = tallied(texts, lambda text: [(0, 3)]).figures()
    assert (figures["false_alarm_share"], figures["clean_tokens"], figures["recall"]) == (0.25, 4, 1.0)


def test_a_file_that_cannot_be_read_is_not_measured(tmp_path: Path) -> None:
    broken = written(tmp_path / "broken.jsonl", {"words": "no text"})
    assert main(["redaction", "--data", str(broken)]) == 1
    assert main(["redaction", "--data", str(tmp_path / "absent.jsonl")]) == 1
    (tmp_path / "empty.jsonl").write_text("")
    assert main(["redaction", "--data", str(tmp_path / "empty.jsonl")]) == 1
