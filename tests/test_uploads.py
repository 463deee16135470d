"""Uploads: what is taken in, what is refused and in which words; zips and their tricks; what lies in storage."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent, TelephonyIdentity
from integrations.uploads import services
from integrations.uploads.archive import Archive, ArchiveError, Limits
from integrations.uploads.details import CallDetails, details_read, manifest_read
from integrations.uploads.intake import GivenFile, UploadRefused, agent_find
from integrations.uploads.models import Upload, UploadedCall
from integrations.uploads.sealing import details_of, file_open
from integrations.uploads.services import call_failed, call_retry, calls_due, upload_receive, uploads_tidy
from tenants.keys import SealError
from tenants.sealed_spool import SealedSpool
from tests.sound_files import sound_file

LIMITS = Limits(files=20, bytes_each=50_000_000, bytes_all=100_000_000)


@pytest.fixture(scope="module")
def wav() -> bytes:
    return sound_file("wav", "pcm_s16le", 8000, 2)


@pytest.fixture
def storage(tmp_path, settings):
    """Files go into a folder of the test's own."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
    }
    return tmp_path


@pytest.fixture
def northwind(world, storage, monkeypatch):
    """In Northwind, without a broker."""
    monkeypatch.setattr(services, "calls_dispatch", lambda *, ids: None)
    with world.northwind.scope():
        yield world.northwind


def given(name: str, data: bytes) -> GivenFile:
    return GivenFile(name, io.BytesIO(data), len(data))


def zipped(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return target.getvalue()


def receive(company, *files: GivenFile, persona: str = "admin", **fields: str) -> Upload:
    return upload_receive(user=company.people[persona], source="page", files=files, fields=fields)


def refused(company, *files: GivenFile, **fields: str) -> UploadRefused:
    with pytest.raises(UploadRefused) as caught:
        receive(company, *files, **fields)
    assert not Upload.objects.exists() and not UploadedCall.objects.exists()
    return caught.value


# --- One file -------------------------------------------------------------------------------------------


def test_a_file_is_sealed_and_waits(northwind, storage, wav):
    upload = receive(northwind, given("call with 415-555-0199.wav", wav), agent="7001", queue="billing")
    call = upload.calls.get()
    assert (call.state, call.size_bytes, call.error, call.progress) == ("waiting", len(wav), "", 0.0)
    assert "0199" not in call.name + upload.name and "PHONE" in call.name
    stored = (storage / call.storage_key).read_bytes()
    assert wav[1000:1064] not in stored and wav[:16] not in stored
    with file_open(call) as file:
        assert file.read() == wav
        file.seek(44)
        assert file.read(100) == wav[44:144]
    assert details_of(call) == CallDetails(agent="7001", queue="billing")
    assert b"7001" not in bytes(call.sealed_details)
    event = AuditEvent.objects.get(action="upload.receive")
    assert event.changes == {"files": 1, "bytes": len(wav)}
    assert calls_due(limit=5) == [call.pk]
    assert calls_due(limit=5) == []  # under way, until it is silent for too long


def test_the_file_opens_in_its_company_alone(northwind, world, wav):
    call = receive(northwind, given("call.wav", wav)).calls.get()
    with world.acme.scope():
        assert not UploadedCall.objects.exists()
        with pytest.raises(SealError):
            file_open(call)


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("call.wav", b"%PDF-1.7", 415, "no_audio"),
        ("call.wav", b"", 415, "no_audio"),
        ("list.m3u8", b"#EXTM3U\nfile:///etc/passwd", 415, "no_audio"),
        ("call.zip", b"PK\x03\x04" + bytes(100), 400, "bad_zip"),
        ("manifest.csv", b"file\ncall.wav\n", 400, "invalid"),
    ],
)
def test_what_is_no_call_is_refused(northwind, name, data, status, code):
    error = refused(northwind, given(name, data))
    assert (error.status, error.code) == (status, code)


def test_nothing_at_all_is_refused(northwind):
    assert refused(northwind).code == "no_file"


def test_wrong_fields_are_named(northwind, wav):
    error = refused(northwind, given("a.wav", wav), language="not a language")
    assert (error.status, error.code) == (400, "invalid") and "language" in str(error)
    assert "started_at" in str(refused(northwind, given("a.wav", wav), started_at="yesterday"))
    assert "agent_channel" in str(refused(northwind, given("a.wav", wav), agent_channel="3"))


def test_limits_of_size_number_time_and_day(northwind, wav, settings):
    settings.UPLOAD_MAX_BYTES = len(wav) - 1
    assert refused(northwind, given("a.wav", wav)).status == 413
    settings.UPLOAD_MAX_BYTES = len(wav)
    settings.UPLOAD_MAX_FILES = 1
    assert refused(northwind, given("a.wav", wav), given("b.wav", wav)).code == "too_many"
    settings.UPLOAD_MAX_FILES = 10
    settings.UPLOAD_DAILY_BYTES = 2 * len(wav) + 10
    receive(northwind, given("a.wav", wav), given("b.wav", wav))
    with pytest.raises(UploadRefused) as caught:
        receive(northwind, given("c.wav", wav))
    assert (caught.value.status, caught.value.code) == (429, "quota") and caught.value.wait > 0
    settings.UPLOADS_PER_HOUR = 1
    settings.UPLOAD_DAILY_BYTES = 100 * len(wav)
    with pytest.raises(UploadRefused) as caught:
        receive(northwind, given("c.wav", wav))
    assert (caught.value.status, caught.value.code) == (429, "too_often") and caught.value.wait > 0
    receive(northwind, given("c.wav", wav), persona="analyst")


def test_a_failure_while_storing_leaves_nothing(northwind, storage, wav, monkeypatch):
    def fail(*_args: object) -> None:
        raise RuntimeError("the database said no")

    monkeypatch.setattr(services, "_rows_create", fail)
    with pytest.raises(RuntimeError):
        receive(northwind, given("a.wav", wav), given("b.wav", wav))
    assert not [path for path in storage.rglob("*") if path.is_file()]
    assert not Upload.objects.exists()


# --- Who the agent is -----------------------------------------------------------------------------------


def test_agents_are_found_by_address_or_id(northwind):
    agent, teammate = northwind.people["agent"], northwind.people["teammate"]
    TelephonyIdentity.objects.create(user=agent, provider="twilio", agent_id="7001")
    assert agent_find(agent.email.upper()) == agent
    assert agent_find("7001") == agent
    TelephonyIdentity.objects.create(user=teammate, provider="genesys", agent_id="7001")
    assert agent_find("7001") is None  # two people: it says nothing
    assert agent_find("nobody@northwind.test") is None


def test_supervisors_bring_calls_of_their_own_agents(northwind, wav):
    mine, others = northwind.people["agent"].email, northwind.people["outsider"].email
    assert (
        receive(northwind, given("a.wav", wav), persona="supervisor", agent=mine).calls.get().state
        == "waiting"
    )
    with pytest.raises(UploadRefused, match="no team"):
        receive(northwind, given("a.wav", wav), persona="supervisor", agent=others)
    assert receive(northwind, given("a.wav", wav), persona="analyst", agent=others).calls.get()


# --- Zips -----------------------------------------------------------------------------------------------


def test_a_zip_becomes_a_call_a_file(northwind, storage, wav):
    manifest = (
        "File;Call_ID;Agent;Customer;Started_at;Agent_channel;Disposition code\n"
        "calls/ONE.WAV;c-1;7001;4711;2026-03-01 14:30;right;sold\n"
        "two.wav;c-2;;;;;\n"
    )
    data = zipped(
        {
            "../../../etc/calls/one.wav": wav,
            "C:\\calls\\two.wav": wav,
            "notes.txt": b"no sound",
            "inner.zip": zipped({"three.wav": wav}),
            "__MACOSX/._one.wav": b"litter",
            ".DS_Store": b"litter",
            "manifest.csv": manifest.encode("utf-8-sig"),
        }
    )
    upload = receive(northwind, given("march.zip", data), queue="billing", agent="fallback")
    calls = {call.name: call for call in upload.calls.all()}
    assert set(calls) == {"one.wav", "two.wav", "notes.txt", "inner.zip"}
    assert upload.name == "march.zip"
    assert [calls[name].state for name in ("one.wav", "two.wav")] == ["waiting"] * 2
    assert "not a sound file" in calls["notes.txt"].error and "inside a zip" in calls["inner.zip"].error
    assert not calls["notes.txt"].may_retry
    one, two = details_of(calls["one.wav"]), details_of(calls["two.wav"])
    assert (one.call_id, one.agent, one.customer, one.queue) == ("c-1", "7001", "4711", "billing")
    assert one.roles(2) == ("customer", "agent") and one.metadata == {"Disposition code": "sold"}
    assert datetime.fromisoformat(one.started_at) == datetime(
        2026, 3, 1, 14, 30, tzinfo=UTC
    )  # London, in winter
    assert (two.call_id, two.agent, two.roles(2)) == ("c-2", "fallback", ("agent", "customer"))
    # Paths in a zip lead nowhere: all lies under the company's folder, by our own names.
    files = [path for path in storage.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == sorted(
        f"{calls[n].pk}.sealed" for n in ("one.wav", "two.wav")
    )


def test_a_manifest_must_fit(northwind, wav):
    for text, words in (
        ("name\none.wav\n", "no column"),
        ("file,agent\none.wav,1\nother.wav,2\n", "did not come"),
        ("file\none.wav\nONE.wav\n", "twice"),
    ):
        error = refused(northwind, given("a.zip", zipped({"one.wav": wav, "list.csv": text.encode()})))
        assert error.status == 400 and words in str(error)
    two = zipped({"one.wav": wav, "a.csv": b"file\n", "b.csv": b"file\n"})
    assert "several CSV" in str(refused(northwind, given("a.zip", two)))
    wrong = zipped({"one.wav": wav, "a.csv": b"file,agent_channel\none.wav,9\n"})
    call = receive(northwind, given("a.zip", wrong)).calls.get()
    assert call.state == "failed" and "agent_channel" in call.error
    with pytest.raises(Exception, match="UTF-8"):
        manifest_read("file\nä.wav".encode("latin-1"))
    # The same beside loose files.
    upload = receive(northwind, given("one.wav", wav), given("list.csv", b"file,agent\none.wav,7001\n"))
    assert details_of(upload.calls.get()).agent == "7001"


def test_a_damaged_member_fails_alone(northwind, storage, wav):
    data = bytearray(zipped({"good.wav": wav, "bad.wav": wav}, method=zipfile.ZIP_STORED))
    at = data.rfind(wav) + 20_000
    data[at] ^= 0xFF
    calls = {call.name: call for call in receive(northwind, given("a.zip", bytes(data))).calls.all()}
    assert calls["good.wav"].state == "waiting"
    assert calls["bad.wav"].state == "failed" and "damaged" in calls["bad.wav"].error
    assert len([path for path in storage.rglob("*") if path.is_file()]) == 1


def test_bombs_are_refused_before_they_are_unpacked():
    def problem(data: bytes, limits: Limits = LIMITS) -> str:
        with pytest.raises(ArchiveError) as caught:
            archive = Archive(io.BytesIO(data), limits)
            for member in archive.members:
                with archive.open(member) as file:
                    file.read()
        return str(caught.value)

    assert "far more" in problem(zipped({"zeros.wav": bytes(30_000_000)}))
    assert "larger than" in problem(zipped({"a": bytes(60_000_000), "b": bytes(60_000_000)}))
    assert "21 files" in problem(zipped({f"{n}.wav": b"" for n in range(21)}))
    assert "too many" in problem(zipped({f"{n}.wav": b"" for n in range(500)}))
    assert "empty" in problem(zipped({"folder/": b""}))
    assert "method" in problem(zipped({"a.wav": b"x" * 100}, method=zipfile.ZIP_LZMA))
    assert "end is missing" in problem(b"PK\x03\x04" + bytes(500))
    torn = bytearray(zipped({"a.wav": b"x" * 100}))
    torn[torn.rfind(b"PK\x01\x02")] = 0
    assert "cannot be read" in problem(bytes(torn))
    # One that lies about the size of what is in it.
    liar = bytearray(zipped({"a.wav": bytes(range(256)) * 40_000}))
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", liar, liar.rfind(magic) + offset, 1000)
    assert "damaged" in problem(bytes(liar)) or "larger" in problem(bytes(liar))
    # And one that is encrypted.
    locked = bytearray(zipped({"a.wav": b"x" * 100}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", locked, locked.rfind(magic) + offset, 0x1)
    assert "encrypted" in problem(bytes(locked))
    # Its table of contents alone would fill the memory.
    wide = bytearray(zipped({"a.wav": b"x"}))
    struct.pack_into("<I", wide, wide.rfind(b"PK\x05\x06") + 12, 0x7FFFFFFF)
    assert "table of contents is too large" in problem(bytes(wide))


def test_whatever_is_damaged_a_zip_is_refused_in_words():
    """Bytes changed anywhere: it reads, or says why not by `ArchiveError`, and by nothing else."""
    dice = random.Random(3)
    whole = zipped({"ä.wav": bytes(range(256)) * 8, "b.wav": b"b" * 3000})
    refusals = 0
    for _time in range(3000):
        data = bytearray(whole)
        for _byte in range(dice.randint(1, 4)):
            # Most of what may be wrong is in the headers and the table, near the ends.
            near = dice.choice([dice.randrange(60), -1 - dice.randrange(150), dice.randrange(len(data))])
            data[near] = dice.choice([0, 1, 0xFF, dice.randrange(256)])
        spool = SealedSpool()
        spool.write(data)
        try:
            archive = Archive(io.BufferedReader(spool), LIMITS)
            for member in archive.members:
                with archive.open(member) as file:
                    file.read()
        except ArchiveError:
            refusals += 1
    assert refusals > 1000


def test_a_reader_s_own_trouble_is_not_blamed_on_the_zip():
    archive = Archive(io.BytesIO(zipped({"a.wav": b"x"})), LIMITS)
    for trouble in (RuntimeError("of the storage"), EOFError(), NotImplementedError()):
        with pytest.raises(type(trouble)) as caught, archive.open(archive.members[0]):
            raise trouble
        assert caught.value is trouble


# --- Afterwards -----------------------------------------------------------------------------------------


def test_another_try(northwind, wav):
    admin = northwind.people["admin"]
    call = receive(northwind, given("a.wav", wav)).calls.get()
    with pytest.raises(Conflict):
        call_retry(call=call, user=admin)
    call_failed(call_id=call.pk, error="The service was away.")
    call.refresh_from_db()
    assert call.may_retry and call.error and calls_due(limit=5) == []
    call_retry(call=call, user=admin)
    call.refresh_from_db()
    assert (call.state, call.error, call.attempts) == ("waiting", "", 0)
    assert calls_due(limit=5) == [call.pk]


def test_files_go_when_nobody_needs_them(northwind, storage, wav):
    done, failed, kept = (receive(northwind, given("a.wav", wav)).calls.get() for _ in range(3))
    old = timezone.now() - timedelta(days=settings.UPLOAD_KEPT_DAYS, minutes=1)
    UploadedCall.objects.filter(pk=done.pk).update(state="done")
    UploadedCall.objects.filter(pk=failed.pk).update(state="failed", changed_at=old)
    call_failed(call_id=kept.pk, error="just now")
    orphan = f"northwind/uploads/{done.pk}"
    lost = Path(storage / "northwind/uploads" / "01900000-0000-7000-8000-000000000000.sealed")
    lost.write_bytes(b"of a request that was cut off long ago")
    assert uploads_tidy(now=timezone.now()) == 3
    assert not default_storage.exists(f"{orphan}.sealed") and not lost.exists()
    assert [path.name for path in storage.rglob("*.sealed")] == [f"{kept.pk}.sealed"]
    failed.refresh_from_db()
    assert not failed.may_retry and failed.wrapped_key is None
    assert uploads_tidy(now=timezone.now()) == 0


def test_details_over_details():
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    base = details_read(
        {"agent": " 7001 ", "started_at": "2026-07-01T10:00", "Campaign": "July"}, CallDetails(), zone
    )
    assert base.started_at == "2026-07-01T08:00:00+00:00" and base.metadata == {"Campaign": "July"}
    over = details_read({"agent": "", "speaker": "Agent", "direction": "OUTBOUND"}, base, zone)
    assert (over.agent, over.roles(1), over.direction) == ("7001", ("agent",), "outbound")
    assert details_read({"started_at": "2026-07-01"}, base, zone).started_at == "2026-06-30T22:00:00+00:00"
    with pytest.raises(Exception, match="cannot have begun"):
        details_read({"started_at": "2099-01-01"}, base, zone)
