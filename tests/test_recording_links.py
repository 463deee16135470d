"""Recordings are heard and taken away by links: for one person, for a while; downloads are noted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from conversations.recording_files import recording_read
from conversations.stored import StoredFileMissing
from tests.past_calls import Past, recording_make
from tests.recorded_calls import heard, recorded

pytestmark = pytest.mark.usefixtures("own_folder")


def link(client: Any, past: Past, part: str = "") -> str:
    answer = client.get(f"/conversations/{past.conversation.pk}/recording{part}")
    assert answer.status_code == 302 and "no-store" in answer["Cache-Control"]
    return str(answer["Location"])


def test_a_link_is_for_one_person_in_one_company(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        _recording, data = recording_make(past.conversation, seconds=1)
    client = company.client("agent")
    address = link(client, past)
    assert client.get(address).getvalue() == data
    for stranger in (
        company.client(),
        company.client("supervisor"),  # may hear it, but not by somebody else's link
        company.client("agent"),  # the same person in another browser
        world.acme.client("admin"),
    ):
        assert stranger.get(address).status_code == 404
    token = address.rsplit("/", 1)[1]
    middle = len(token) // 2
    for wrong in (
        token[:-1],
        token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :],
        "x",
        "a:b:c",
    ):
        assert client.get(f"/recordings/{wrong}").status_code == 404
    with company.scope():
        heard_by = AuditEvent.objects.get(action="recording.play")
        assert heard_by.actor == company.people["agent"]
        past.conversation.agent = company.people["teammate"]
        past.conversation.save()
    # No longer theirs: rights are looked at again.
    assert client.get(address).status_code == 404


def test_a_link_must_be_begun_in_time_and_then_goes_on(
    world: Any, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = world.northwind
    with company.scope():
        recording_make(past.conversation, seconds=1)
    client = company.client("agent")
    supervisor = company.client("supervisor")
    begun, waiting = link(client, past), link(supervisor, past)
    assert client.get(begun, headers={"range": "bytes=0-9"}).status_code == 206
    later = timezone.now() + timedelta(minutes=6)
    monkeypatch.setattr("conversations.recording_links.timezone.now", lambda: later)
    assert client.get(begun, headers={"range": "bytes=20-29"}).status_code == 206
    gone = supervisor.get(waiting)
    assert (gone.status_code, gone["Cache-Control"]) == (410, "no-store")


def test_an_api_key_gets_a_link_that_needs_no_key(world: Any, past: Past) -> None:
    from accounts.services import api_key_create

    company = world.northwind
    with company.scope():
        _recording, data = recording_make(past.conversation, seconds=1)
        _key, secret = api_key_create(owner=company.people["analyst"], name="player", scopes=["read"])
    answer = company.client().get(
        f"/api/v1/conversations/{past.conversation.pk}/recording/",
        headers={"authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["url"].startswith("http://")
    play, take = (found[name].split("testserver", 1)[-1] for name in ("url", "download_url"))
    player = company.client()
    assert player.get(play[play.index("/recordings") :]).getvalue() == data
    assert company.client("agent").get(play[play.index("/recordings") :]).status_code == 404
    taken = player.get(take[take.index("/recordings") :])
    assert taken["Content-Disposition"].startswith("attachment")


def test_a_download_needs_its_permission_and_is_noted_each_time(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        recording = recorded(past, codec="opus")
        sound = heard(recording)
    assert (
        company.client("agent").get(f"/conversations/{past.conversation.pk}/recording/download").status_code
        == 403
    )
    client = company.client("analyst")
    taken = client.get(link(client, past, "/download"))
    assert (taken["Content-Type"], taken.getvalue()[:4]) == ("audio/ogg", b"OggS")
    assert taken["Content-Disposition"] == f'attachment; filename="{past.conversation.pk}.ogg"'
    address = link(client, past, "/download?as=wav")
    wav = client.get(address)
    body = wav.getvalue()
    assert (wav["Content-Type"], int(wav["Content-Length"])) == ("audio/wav", len(body))
    assert body[:4] == b"RIFF" and np.array_equal(np.frombuffer(body[44:], "<i2").reshape(-1, 2), sound)
    assert client.get(f"/conversations/{past.conversation.pk}/recording/download?as=mp3").status_code == 404
    client.get(link(client, past, "/download"), headers={"range": "bytes=500-"})  # goes on
    with company.scope():
        rows = AuditEvent.objects.filter(action="recording.download").order_by("occurred_at")
        assert [row.changes["codec"] for row in rows] == ["opus", "wav"]
        assert {row.actor for row in rows} == {company.people["analyst"]}


def test_a_file_that_is_gone_or_broken_is_said_clearly(world: Any, past: Past, own_folder: Path) -> None:
    company = world.northwind
    with company.scope():
        recording = recorded(past, seconds=1)
        path = own_folder / recording.storage_key
    client = company.client("agent")
    sealed = bytearray(path.read_bytes())
    sealed[50] ^= 1
    path.write_bytes(sealed)
    assert client.get(link(client, past)).status_code == 500
    path.unlink()
    answer = client.get(link(client, past))
    assert answer.status_code == 404 and b"missing in storage" in answer.content
    with company.scope():
        assert not AuditEvent.objects.filter(action="recording.play").exists()
        with pytest.raises(StoredFileMissing):
            list(recording_read(recording=recording, start=0, end=10))
