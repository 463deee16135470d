"""Connect calls read from a KVS of ours by the real boto3: exact audio, faults, reuse, transfers, a killed reader."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from conversations.models import Conversation
from conversations.phases import LifecycleEvent, Phase
from integrations.services import connection_create
from integrations.telephony.connect.contact import ContactEvent
from integrations.telephony.connect.contacts import contacts_follow
from integrations.telephony.connect.follow import Patience
from integrations.telephony.connect.kvs import KvsAccess, KvsClient, KvsError
from integrations.telephony.connect.models import KvsStream
from integrations.telephony.connect.reader import KvsReader
from integrations.telephony.connect.services import contact_take
from tests.ingest_lines import audio_of
from tests.live_calls import ROOT, process_environment, wait_for
from tests.peers.kvs import ARN, Kvs, Stream, kvs_running
from tests.peers.kvs_stream import CONTACT, FROM, OTHER_CONTACT, TO, Piece, pieces_of

pytestmark = pytest.mark.unhurried

SECRET = '{"hook": "a hook secret", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "example"}'
# What a test does not wait for may take as long as it likes: on a machine that is busy everything does.
STEADY = Patience(tick=0.05, grace=30, quiet=60, retry=0.2, error=60)
NEXT_CONTACT = "00000000-0000-4000-8000-0000000000a9"


def speech(seed: int, ms: int) -> bytes:
    return np.random.default_rng(seed).integers(-9000, 9000, ms * 8).astype("<i2").tobytes()


def stereo(customer: bytes, agent: bytes) -> bytes:
    frames = np.zeros((max(len(customer), len(agent)) // 2, 2), dtype="<i2")
    frames[: len(customer) // 2, 0] = np.frombuffer(customer, dtype="<i2")
    frames[: len(agent) // 2, 1] = np.frombuffer(agent, dtype="<i2")
    return frames.tobytes()


@pytest.fixture
def kvs() -> Iterator[Kvs]:
    with kvs_running() as server:
        yield server


@contextmanager
def reader_running(patience: Patience = STEADY) -> Iterator[KvsReader]:
    """A reader with its own event loop in a thread."""
    made: list[KvsReader] = []
    loop = asyncio.new_event_loop()

    async def run() -> None:
        made.append(KvsReader(patience=patience, calls=4))
        await made[0].run()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    try:
        wait_for(lambda: made, what="the reader")
        yield made[0]
    finally:
        loop.call_soon_threadsafe(made[0].stop)
        thread.join(30)
        assert not thread.is_alive(), "the reader did not stop"
        loop.close()


def connection_for(kvs: Kvs, **settings: Any) -> Any:
    connection, _secret = connection_create(
        provider="connect",
        name="Connect",
        secret=SECRET,
        settings={"region": "us-east-1", "endpoint_url": kvs.url, **settings},
    )
    return connection


def contact(number: str = "", contact_id: str = CONTACT, **more: Any) -> ContactEvent:
    return ContactEvent(
        contact_id=contact_id,
        initial_contact_id=more.pop("initial", CONTACT),
        stream_arn=more.pop("arn", ARN),
        start_fragment=number,
        **more,
    )


def done(ident: UUID) -> KvsStream | None:
    return KvsStream.objects.filter(conversation_id=ident, state__in=["done", "failed"]).first()


def announce(connection: Any, event: ContactEvent) -> UUID:
    noted = contact_take(connection=connection, event=event)
    assert noted.status == "announced" and noted.conversation_id is not None
    return noted.conversation_id


def hang_up(connection: Any, contact_id: str = CONTACT) -> None:
    ended = LifecycleEvent({"contact": contact_id}, datetime.now(UTC), Phase.ENDED)
    contacts_follow(connection=connection, events=[ended])


CUSTOMER, AGENT = speech(1, 4100), speech(2, 4100)


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_call_is_read_exactly(committed: Any, kvs: Kvs, inclusive: bool) -> None:
    company = committed.northwind
    before = pieces_of(speech(8, 2048), speech(9, 2048), contact=OTHER_CONTACT, at_ms=1_699_999_000_000)
    pieces = pieces_of(CUSTOMER, AGENT, first=3)
    kvs.stream.pieces = before + pieces
    kvs.stream.inclusive = inclusive
    with company.scope(), reader_running():
        connection = connection_for(kvs)
        ident = announce(connection, contact(pieces[0].number))
        hang_up(connection)
        stream = wait_for(lambda: done(ident), what="the end of the stream")
        assert (stream.state, stream.reason, stream.behind_ms) == ("done", "", 0)
        assert all("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE" in each for each in kvs.signed)
    assert audio_of(company, ident) == (stereo(CUSTOMER, AGENT), "stop")


def test_audio_comes_while_it_is_spoken(committed: Any, kvs: Kvs) -> None:
    company = committed.northwind
    pieces = pieces_of(CUSTOMER, AGENT)
    kvs.stream.open = True
    kvs.stream.add(pieces[0])
    with company.scope(), reader_running(replace(STEADY, grace=0.3)):
        ident = announce(connection_for(kvs), contact(pieces[0].number))
        wait_for(lambda: len(audio_of(company, ident)[0]) >= 1000 * 32, what="the first second")
        kvs.stream.add(*pieces[1:])
        wait_for(lambda: len(audio_of(company, ident)[0]) >= 4000 * 32, what="the rest")
        kvs.stream.add(Piece("9" * 47, 1_700_000_100_000, [(FROM, 0, b"\7\7" * 512)], contact=OTHER_CONTACT))
        wait_for(lambda: done(ident), what="the end")
    sound, reason = audio_of(company, ident)
    assert sound == stereo(CUSTOMER, AGENT) and reason == "stop"


def test_faults_on_the_way_change_nothing(committed: Any, kvs: Kvs) -> None:
    company = committed.northwind
    pieces = pieces_of(CUSTOMER, AGENT)
    kvs.stream.pieces = pieces
    kvs.stream.faults = [
        ("error", "ClientLimitExceededException", 400),
        ("cut", 45_000),
        ("error", "ConnectionLimitExceededException", 400),
        ("cut", 40_000),
        ("end", 2),
        ("garbage", b"RIFF this is none"),
        ("error", "InternalFailure", 500),
    ]
    with company.scope(), reader_running():
        connection = connection_for(kvs)
        ident = announce(connection, contact(pieces[0].number))
        wait_for(lambda: not kvs.stream.faults, what="all faults")
        hang_up(connection)
        wait_for(lambda: done(ident), what="the end")
    assert audio_of(company, ident) == (stereo(CUSTOMER, AGENT), "stop")
    asked = [each.get("AfterFragmentNumber") for each in kvs.stream.asked]
    assert asked[1] == pieces[0].number < asked[-1], "it goes on where it was"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (("error", "NotAuthorizedException", 401), "kvs_not_authorized"),
        (("error", "ResourceNotFoundException", 404), "kvs_stream_not_found"),
        (("error", "ClientLimitExceededException", 400), "kvs_client_limit"),
        (("garbage", b"\x1a\x45\xdf\xa3\x80\x00"), "kvs_bad_data"),
    ],
)
def test_a_stream_that_cannot_be_read_ends_its_call_with_the_reason(
    committed: Any, kvs: Kvs, fault: tuple[Any, ...], reason: str
) -> None:
    company = committed.northwind
    kvs.stream.pieces = pieces_of(CUSTOMER, AGENT)
    kvs.stream.faults = [("cut", 60_000), *[fault] * 300]
    with company.scope(), reader_running(replace(STEADY, error=1.5)):
        ident = announce(connection_for(kvs), contact(kvs.stream.pieces[0].number))
        stream = wait_for(lambda: done(ident), what="the end")
        assert (stream.state, stream.reason) == ("failed", reason)
    sound, end = audio_of(company, ident)
    assert end == reason
    known = stereo(CUSTOMER, AGENT)
    heard = len(sound) // 4
    assert (
        8 * 700 < heard < 8 * 2200
        and sound[: heard // 800 * 3200 - 3200] == known[: heard // 800 * 3200 - 3200]
    )


def test_a_stream_that_goes_quiet_ends(committed: Any, kvs: Kvs) -> None:
    company = committed.northwind
    kvs.stream.pieces = pieces_of(CUSTOMER, AGENT)
    kvs.stream.open = True
    with company.scope(), reader_running(replace(STEADY, quiet=2.5)):
        unhappy = announce(connection_for(kvs), contact(kvs.stream.pieces[0].number))
        stream = wait_for(lambda: done(unhappy), what="the end")
        assert (stream.state, stream.reason) == ("failed", "kvs_stream_quiet")
    sound, end = audio_of(company, unhappy)
    assert end == "kvs_stream_quiet" and sound[: len(stereo(CUSTOMER, AGENT))] == stereo(CUSTOMER, AGENT)


def test_another_contact_on_the_stream_is_not_heard(committed: Any, kvs: Kvs) -> None:
    company = committed.northwind
    mine = pieces_of(CUSTOMER, AGENT, first=1)
    mine[-1].contact = None  # a tail without tags, of our run
    other = pieces_of(
        speech(5, 3000), speech(6, 3000), first=10, contact=OTHER_CONTACT, at_ms=1_700_000_900_000
    )
    other[0].contact = None  # nobody's: it follows nothing
    kvs.stream.pieces = mine + other
    with company.scope(), reader_running(replace(STEADY, grace=1.2)):
        ident = announce(connection_for(kvs), contact(mine[0].number))
        wait_for(lambda: done(ident), what="the end")
    assert audio_of(company, ident) == (stereo(CUSTOMER, AGENT), "stop")


def test_a_hole_is_silent_and_in_the_account(committed: Any, kvs: Kvs) -> None:
    company = committed.northwind
    pieces = pieces_of(CUSTOMER, AGENT)
    del pieces[1]
    pieces[1].blocks = [block for block in pieces[1].blocks if block[0] == FROM]
    kvs.stream.pieces = pieces
    marks: list[Any] = []
    with company.scope(), reader_running():
        connection = connection_for(kvs)
        ident = announce(connection, contact(pieces[0].number))
        hang_up(connection)
        wait_for(lambda: done(ident), what="the end")
        marks = marks_of_call(company, ident)
    sound, reason = audio_of(company, ident)
    frames = np.frombuffer(sound, dtype="<i2").reshape(-1, 2)
    whole = np.frombuffer(stereo(CUSTOMER, AGENT), dtype="<i2").reshape(-1, 2)
    assert reason == "stop" and len(frames) == len(whole)
    assert not frames[1024 * 8 : 2048 * 8].any() and not frames[: 3072 * 8][2048 * 8 :, 1].any()
    assert (frames[: 1024 * 8] == whole[: 1024 * 8]).all() and (frames[3072 * 8 :] == whole[3072 * 8 :]).all()
    assert {(mark["channel"], mark["from_ms"], mark["to_ms"], mark["cause"]) for mark in marks} == {
        (0, 1024, 2048, "not sent by Connect"),
        (1, 1024, 3072, "not sent by Connect"),
    }


def marks_of_call(company: Any, ident: UUID) -> list[dict[str, Any]]:
    from django.conf import settings
    from redis.asyncio import Redis

    from conversations.live.buffer import AudioBuffer
    from conversations.models import CallOwner
    from tenants import keys

    owner = CallOwner.objects.get(pk=ident)
    key = keys.unwrap(company.schema, bytes(owner.wrapped_key), owner.key_version, bound_to=f"call:{ident}")

    async def read() -> list[dict[str, Any]]:
        async with Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
            found, _last = await AudioBuffer(redis).marks(company.schema, ident, key, "0")
            return [dict(mark) for mark in found if mark["kind"] == "gap"]

    return asyncio.run(read())


def test_a_transfer_goes_on_in_one_conversation(committed: Any, kvs: Kvs) -> None:
    company = committed.northwind
    other_arn = f"{ARN}2"
    first = pieces_of(CUSTOMER, AGENT)
    second = pieces_of(
        speech(3, 2048), speech(4, 2048), contact=NEXT_CONTACT, at_ms=1_700_000_005_000, first=50
    )
    kvs.stream.pieces = first
    kvs.streams[other_arn] = Stream(pieces=second)
    with company.scope(), reader_running():
        connection = connection_for(kvs)
        ident = announce(connection, contact(first[0].number))
        moved = contact(second[0].number, NEXT_CONTACT, arn=other_arn, previous_contact_id=CONTACT)
        assert contact_take(connection=connection, event=moved).conversation_id == ident
        hang_up(connection, NEXT_CONTACT)
        wait_for(lambda: done(ident), what="the end")
        assert Conversation.objects.count() == 1
    sound, reason = audio_of(company, ident)
    frames = np.frombuffer(sound, dtype="<i2").reshape(-1, 2)
    assert reason == "stop" and len(frames) == 8 * 7048
    assert frames[: 8 * 4100].tobytes() == stereo(CUSTOMER, AGENT)
    assert frames[8 * 5000 :].tobytes() == stereo(speech(3, 2048), speech(4, 2048))


def test_a_killed_reader_is_continued_by_another(committed: Any, kvs: Kvs, tmp_path: Any) -> None:
    company = committed.northwind
    customer, agent = speech(11, 12_288), speech(12, 12_288)
    pieces = pieces_of(customer, agent)
    kvs.stream.open = True
    kvs.stream.add(*pieces[:5])
    command = [sys.executable, str(ROOT / "manage.py"), "kvs_reader"]
    with company.scope(), (tmp_path / "log").open("wb") as log:
        connection = connection_for(kvs)
        ident = announce(connection, contact(pieces[0].number))
        environment = process_environment(LIVE_CLAIM_IDLE_MS="800")
        victim = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_for(
                lambda: len(audio_of(company, ident)[0]) > 4000 * 32, what="the first reader", seconds=90
            )
            wait_for(
                lambda: KvsStream.objects.get(conversation_id=ident).progress.get("fragment"),
                what="progress that was kept",
            )
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            hang_up(connection)
            kvs.stream.add(
                *pieces[5:],
                Piece("9" * 47, 1_700_000_100_000, [(FROM, 0, b"\7\7" * 512)], contact=OTHER_CONTACT),
            )
            heir = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
            try:
                stream = wait_for(lambda: done(ident), what="the second reader", seconds=90)
                assert (stream.state, stream.epoch) == ("done", 2)
            finally:
                heir.terminate()
                assert heir.wait(30) == 0
        finally:
            victim.kill()
            victim.wait()
    assert audio_of(company, ident) == (stereo(customer, agent), "stop")
    starts = [each["AfterFragmentNumber"] for each in kvs.stream.asked]
    assert starts[-1] > starts[0], "the second reader did not begin from the start"


def test_two_readers_do_not_write_one_call(committed: Any, kvs: Kvs) -> None:
    """The row's epoch and the line's token fence: a reader that was thought dead brings nothing more."""
    company = committed.northwind
    pieces = pieces_of(CUSTOMER, AGENT)
    kvs.stream.open = True
    kvs.stream.add(*pieces[:2])
    with company.scope(), reader_running() as first:
        connection = connection_for(kvs)
        ident = announce(connection, contact(pieces[0].number))
        wait_for(lambda: len(audio_of(company, ident)[0]) >= 2000 * 32, what="the first reader")
        with reader_running() as second:
            from integrations.telephony.connect.services import stream_tell

            stream = KvsStream.objects.get(conversation_id=ident)
            stream_tell(company.schema, stream.pk)  # as if it had been lost
            wait_for(lambda: KvsStream.objects.get(pk=stream.pk).epoch == 2, what="a second claim")
            assert KvsStream.objects.get(pk=stream.pk).reader in {first.name, second.name}
            kvs.stream.add(*pieces[2:])
            kvs.stream.close()
            hang_up(connection)
            wait_for(lambda: done(ident), what="the end")
    assert audio_of(company, ident) == (stereo(CUSTOMER, AGENT), "stop")


def test_the_client_says_what_the_service_said(kvs: Kvs) -> None:
    client = KvsClient(KvsAccess("us-east-1", "AKIDEXAMPLE", "example", endpoint_url=kvs.url))
    with pytest.raises(KvsError) as raised:
        client.media(f"{ARN}nowhere")
    assert (raised.value.reason, raised.value.again) == ("kvs_stream_not_found", False)
    kvs.stream.pieces = [Piece("1", 5_000, [(TO, 0, b"ab")])]
    media = client.media(ARN, since=datetime.fromtimestamp(6, UTC))
    assert media.read().startswith(b"\x1a\x45\xdf\xa3")
    assert kvs.stream.asked[-1]["StartSelectorType"] == "PRODUCER_TIMESTAMP"
    gone = KvsClient(KvsAccess("us-east-1", "AKIDEXAMPLE", "example", endpoint_url="http://127.0.0.1:9"))
    with pytest.raises(KvsError) as raised:
        gone.media(ARN)
    assert (raised.value.reason, raised.value.again) == ("kvs_unreachable", True)
    assert "example" not in repr(KvsAccess("r", "id", "example"))
