"""What is served needs a secret of its own: without one, neither pages nor the way in for audio start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("door", ["cresta_app.asgi", "cresta_app.ingest"])
def test_no_door_opens_without_a_secret_key(door: str, tmp_path: object) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SECRET_KEY"}
    environment |= {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "cresta_app.settings"}
    done = subprocess.run(
        [sys.executable, "-c", f"import {door}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "Set SECRET_KEY" in done.stderr
