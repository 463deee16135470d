"""`manage.py demo`: a whole installation plays its call, proves itself and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import synthesise
from tests.engines.speech_sound import plain_words

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.unhurried
@pytest.mark.timeout(300)
def test_demo_proves_itself_and_leaves_nothing(tmp_path: Path) -> None:
    """From nothing: its database is migrated like a newcomer's.

    The call is played at six times its pace to ears that know its script; latencies then say nothing and are not looked
    at. What the embedded recogniser makes of the same call, at its own pace, is in tests/browser/test_demo_browser.py.
    """
    lines = [
        {
            "channel": synthesise.CHANNELS[line["speaker"]],
            "text": " ".join(plain_words(line["text"])),
            **at,
        }
        for line, at in zip(
            synthesise.script("cancellation")["lines"], synthesise.line_times("cancellation"), strict=True
        )
    ]
    (tmp_path / "script.json").write_text(json.dumps({"*": lines}))
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DATA_DIR", "DJANGO_SETTINGS_MODULE"}
    } | {
        "SPEECH_PROVIDER": "scripted",
        "SPEECH_OPTIONS": json.dumps({"path": str(tmp_path / "script.json")}),
        # A script does not follow the sound: a second lane would begin in the middle of its sentences.
        "LIVE_SECOND_LANE_SECONDS": "0",
    }
    folders = set(Path("/tmp").glob("cresta-demo-*"))
    run = subprocess.run(
        [sys.executable, "manage.py", "demo", "--json", "--speed", "6"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    facts = json.loads(run.stdout)
    assert {"transcript", "redactions", "guidance", "summary", "score", "ledger"} <= facts.keys()
    assert [row for row in facts["guidance"] if row["kind"] == "knowledge" and row["payload"]["question"]]
    assert {line["speaker"] for line in facts["transcript"]} == {"agent", "customer"}
    assert "CREDIT_CARD" in {row["type"] for row in facts["redactions"]}
    assert all(check["good"] for check in facts["checks"])
    assert set(Path("/tmp").glob("cresta-demo-*")) <= folders
