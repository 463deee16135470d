"""The bench of intents: two files, one file by its split, one file in parts; what cannot be measured says so."""

from __future__ import annotations

import json

import pytest

from bench.__main__ import main
from tests.intents_made import as_jsonl, examples


def measured(capsys, *options: str) -> dict:
    assert main(["intents", *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def file(tmp_path):
    def make(name: str, rows: list[dict]) -> str:
        path = tmp_path / name
        path.write_text("\n".join(json.dumps(row) for row in rows))
        return str(path)

    return make


def _rows() -> list[dict]:
    return [
        {
            "id": f"t-{at}",
            "text": one.text,
            "intent": one.intent,
            "split": "train" if at % 4 else "val",
        }
        for at, one in enumerate(examples())
    ]


def test_a_file_by_its_split_has_every_key(file, capsys):
    path = file("both.jsonl", _rows())
    found = measured(capsys, "--train", path, "--data", path)
    assert found["way"] == "parted by split"
    assert found["accuracy"] > 0.9
    assert {"in_scope_accuracy", "oos_recall", "p99_ms", "p99_cpu_ms", "threshold"} <= found.keys()
    assert found["texts"] + found["out_of_scope"] == sum(row["split"] == "val" for row in _rows())


def test_two_files_learn_nothing_of_what_is_guessed(file, capsys, tmp_path):
    rows = _rows()
    learn = file("learn.jsonl", rows)
    guess = file("guess.jsonl", rows[::5])
    found = measured(capsys, "--train", learn, "--data", guess)
    assert found["way"] == "two files"
    assert found["learned_from"] == len(rows) - len(rows[::5])


def test_one_file_in_parts_and_texts_of_several_intents(file, capsys):
    rows = [
        {"text": row["text"], "intents": [] if row["intent"] == "oos" else [row["intent"]]} for row in _rows()
    ]
    rows.append({"text": "cancel it and show me my balance", "intents": ["cancel", "balance"]})
    path = file("parts.jsonl", rows)
    found = measured(capsys, "--train", path, "--data", path)
    assert found["way"] == "one file in 5 parts"
    assert found["texts"] == 81
    assert found["out_of_scope"] == 10


def test_what_cannot_be_learned_is_not_measured(tmp_path, capsys):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(as_jsonl()[:200] + b"\nno json")
    assert main(["intents", "--train", str(path), "--data", str(path), "--json"]) == 1
    assert "not measured" in capsys.readouterr().err
