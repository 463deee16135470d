"""`manage.py demo`: a whole installation plays its call, proves itself and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.unhurried
@pytest.mark.timeout(300)
def test_demo_proves_itself_and_leaves_nothing() -> None:
    """At six times its pace, so as fast as the recogniser is; latencies then say nothing and are not looked at."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DATA_DIR", "DJANGO_SETTINGS_MODULE"}
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
