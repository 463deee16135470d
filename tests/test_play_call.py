"""`manage.py play_call`: a sound file comes in as a call, by a key that is worth nothing afterwards."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from django.core.management import CommandError, call_command

from accounts.models import ApiKey
from accounts.services import identity_attach
from conversations.models import Conversation
from engines.speech.audio import mulaw_encode
from tests.ingest_lines import audio_of, server_running


@pytest.fixture
def sound(tmp_path: Path) -> tuple[Path, bytes]:
    """A second and a bit of two channels at 8 kHz, and its samples."""
    samples = np.random.default_rng(3).integers(-3000, 3000, (8_500, 2), dtype=np.int16)
    path = tmp_path / "call.flac"
    soundfile.write(path, samples, 8_000)
    return path, samples.tobytes()


@pytest.mark.parametrize("codec", ["pcm16", "mulaw"])
def test_play_call(committed: Any, sound: tuple[Path, bytes], codec: str) -> None:
    company, (path, pcm) = committed.northwind, sound
    with company.scope():
        identity_attach(user=company.people["agent"], provider="native", agent_id="7001")
    said = StringIO()
    with server_running() as server:
        call_command(
            "play_call",
            str(path),
            "--tenant=northwind",
            "--agent=7001",
            "--queue=billing",
            "--customer=C-1",
            "--customer-name=Jane Doe",
            f"--codec={codec}",
            f"--url={server.url}",
            "--speed=20",
            stdout=said,
        )
    with company.scope():
        row = Conversation.objects.select_related("customer").get()
        assert (row.agent, row.queue) == (company.people["agent"], company.queue)
        assert row.customer.name == "Jane Doe"
        assert ApiKey.objects.get().revoked_at is not None
    assert said.getvalue() == f"{row.pk} 1062 ms, 0 reconnects\n"
    assert audio_of(company, row.pk) == (pcm if codec == "pcm16" else mulaw_encode(pcm), "stop")


def test_play_call_says_what_is_wrong(committed: Any, sound: tuple[Path, bytes]) -> None:
    path, _pcm = sound
    with pytest.raises(CommandError, match="no such company"):
        call_command("play_call", str(path), "--tenant=nobody")
    with pytest.raises(CommandError, match="no file"):
        call_command("play_call", "absent.flac", "--tenant=northwind")
    with server_running() as server, pytest.raises(CommandError, match="4401 this API key is not valid here"):
        call_command("play_call", str(path), "--tenant=northwind", "--key=crk_wrong", f"--url={server.url}")
