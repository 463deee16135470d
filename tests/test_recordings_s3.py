"""Recordings in S3, against a server that speaks it: parts up and down, what is missing, what is not allowed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import boto3
import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.test import override_settings

from conversations import outbox
from conversations.models import OutboxJob, Recording
from conversations.recording_files import file_write, recording_read
from conversations.recordings import recording_rewrite, recording_seal, stretches_apply
from conversations.sealed_files import STORED_BYTES, sealed_size
from conversations.stored import (
    StorageAway,
    StorageDenied,
    StoredFileMissing,
    stored_names,
    stored_put,
    stored_read,
)
from cresta_app.file_storage import file_storage
from tests.live_calls import RATE
from tests.past_calls import Past
from tests.recorded_calls import SECRET, call_recorded, heard, loudness_of, recorded, stretch

BUCKET = "recordings"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Any]:
    """S3 by the same settings that an installation uses, with an empty bucket."""
    for name, value in {
        "STORAGE_BACKEND": "s3",
        "S3_BUCKET": BUCKET,
        "S3_ENDPOINT_URL": server,
        "S3_REGION": "us-east-1",
        "S3_ACCESS_KEY_ID": "testing",
        "S3_SECRET_ACCESS_KEY": "testing",
        "S3_PREFIX": "cresta",
    }.items():
        monkeypatch.setenv(name, value)
    # No settings of whoever runs the tests.
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    entry = file_storage(tmp_path)
    made = boto3.resource(
        "s3",
        endpoint_url=server,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    ).Bucket(BUCKET)
    made.create()
    with override_settings(STORAGES={"default": entry, "staticfiles": entry}):
        yield made
    made.objects.all().delete()
    made.delete()


def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Operations and ranges that storage is asked for from now on."""
    from botocore.client import BaseClient

    asked: list[tuple[str, str]] = []
    call = BaseClient._make_api_call

    def note(self: Any, operation: str, params: dict[str, Any]) -> Any:
        asked.append((operation, params.get("Range", "")))
        return call(self, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", note)
    return asked


def test_a_call_is_joined_and_rewritten_in_s3(world: Any, bucket: Any) -> None:
    with world.northwind.scope():
        ident, _key = call_recorded(20, beeps=((1, 4_000, 6_000),))
        recording_seal(ident)
        recording = Recording.objects.get(conversation=ident)
        assert [item.key for item in bucket.objects.all()] == [f"cresta/{recording.storage_key}"]
        recording_rewrite(conversation_id=ident, intervals=[(0, 10_000, 12_000)])
        stretches_apply(ident)
        now = Recording.objects.get(conversation=ident)
        assert [item.key for item in bucket.objects.all()] == [
            f"cresta/{now.storage_key}"
        ] and now.revision == 2
        sound = heard(now)
        for channel, start, end in ((1, 4_000, 6_000), (0, 10_000, 12_000)):
            assert loudness_of(stretch(sound, channel, start, end), SECRET) < 0.003
            assert loudness_of(stretch(sound, 1 - channel, start, end), SECRET) > 0.3


def test_big_recordings_go_up_in_parts_and_come_down_by_range(
    world: Any, past: Past, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(5).normal(0, 8000, (RATE * 30, 2)).clip(-32768, 32767).astype("<i2")
    with world.northwind.scope():
        recording = Recording(conversation=past.conversation, codec="flac", sample_rate=RATE, channels=2)
        asked = requests(monkeypatch)
        file_write(recording, (noise for _piece in range(12)))
        recording.save()
        operations = [operation for operation, _range in asked]
        assert operations.count("CreateMultipartUpload") == operations.count("CompleteMultipartUpload") == 1
        assert operations.count("UploadPart") == 2 and recording.size_bytes > 8 * 1024 * 1024
        item = bucket.Object(f"cresta/{recording.storage_key}")
        assert item.content_length == sealed_size(recording.size_bytes) and item.e_tag.strip('"').endswith(
            "-2"
        )
        asked.clear()
        start = 5 * 256 * 1024 - 8
        part = b"".join(recording_read(recording=recording, start=start, end=start + 16))
        assert len(part) == 16
        assert asked == [("GetObject", f"bytes={4 * STORED_BYTES}-{6 * STORED_BYTES - 1}")]
    client = world.northwind.client("agent")
    address = client.get(f"/conversations/{past.conversation.pk}/recording")["Location"]
    answer = client.get(address, headers={"range": f"bytes={start}-{start + 15}"})
    assert (answer.status_code, answer.getvalue()) == (206, part)


def test_what_s3_does_not_have_or_not_allow_is_said(world: Any, past: Past, bucket: Any, server: str) -> None:
    from moto.core.authorization import enable_iam_authentication

    with pytest.raises(StoredFileMissing):
        stored_read("northwind/nothing")
    assert stored_names("northwind/nothing") == ([], [])
    client = world.northwind.client("agent")
    with world.northwind.scope():
        recording = recorded(past, seconds=1)
        recording_rewrite(conversation_id=past.conversation.pk, intervals=[(0, 100, 900)])
        job = OutboxJob.objects.get(task="recording.hide")
    with enable_iam_authentication():
        with pytest.raises(StorageDenied):
            stored_read(f"{recording.storage_key}")
        with pytest.raises(StorageDenied):
            stored_put("northwind/new", io.BytesIO(b"x"))
        with pytest.raises(StorageDenied):
            stored_put("northwind/big", io.BytesIO(bytes(9 * 1024 * 1024)))
        address = client.get(f"/conversations/{past.conversation.pk}/recording")["Location"]
        refused = client.get(address)
        assert (refused.status_code, refused["Retry-After"]) == (503, "30")
        with world.northwind.scope():
            assert not outbox.job_execute(job_id=job.pk)
            job.refresh_from_db()
            assert job.last_error.startswith("StorageDenied at ") and job.attempts == 1
    # Allowed again: the outbox's next try does it.
    with world.northwind.scope():
        assert outbox.job_execute(job_id=job.pk)
        sound = heard(recording)
        assert loudness_of(stretch(sound, 0, 100, 900), SECRET) < 0.003
        default_storage.delete(Recording.objects.get(pk=recording.pk).storage_key)
    assert client.get(address).status_code == 404


def test_a_storage_that_is_away_is_told_from_one_that_has_nothing(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_args: 0.0)
    entry = file_storage(bucket)
    with override_settings(STORAGES={"default": entry, "staticfiles": entry}):
        with pytest.raises(StorageAway):
            stored_read("northwind/nothing")
        with pytest.raises(StorageAway):
            stored_put("northwind/new", io.BytesIO(b"x"))
