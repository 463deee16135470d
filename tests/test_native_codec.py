"""Our audio protocol's codec by itself: its states, and that no message whatever makes it do anything else."""

from __future__ import annotations

import copy
import json
import random
from typing import Any
from uuid import UUID

import pytest

from conversations.live import metadata
from conversations.live.wire import Audio, CloseCode, KeepAlive, ProtocolError, Start, Stop
from integrations.telephony.native.codec import NativeCodec, State

START: dict[str, Any] = {
    "type": "start",
    "version": 1,
    "call": {
        "id": "call-1",
        "agent": "7001",
        "customer": {"reference": "C-1", "name": "Jane Doe", "fields": {"plan": "gold"}},
        "metadata": {"branch": 12},
        "trunk": "east",
    },
    "audio": {"codec": "pcm16", "sample_rate": 16000, "channels": 2, "roles": ["agent", "customer"]},
    "later": "versions may say more",
}


def started() -> NativeCodec:
    codec = NativeCodec()
    codec.text(json.dumps(START))
    return codec


def test_a_whole_call() -> None:
    codec = NativeCodec()
    start = codec.text(json.dumps(START))
    assert isinstance(start, Start)
    assert (start.call.id, start.call.agent, start.call.direction, start.resume) == (
        "call-1",
        "7001",
        "inbound",
        False,
    )
    assert start.call.metadata == {"branch": 12, "trunk": "east"}
    assert start.audio.as_dict() == START["audio"]
    assert codec.call_id == "call-1"
    assert codec.binary(b"\1" * 8) == Audio(b"\1" * 8)
    assert codec.binary(b"") == Audio(b"")
    assert codec.text('{"type": "keepalive"}') == KeepAlive()
    assert codec.text('{"type": "stop"}') == Stop()
    for late in ('{"type": "stop"}', '{"type": "keepalive"}', json.dumps(START)):
        with pytest.raises(ProtocolError) as refusal:
            codec.text(late)
        assert refusal.value.code is CloseCode.AFTER_STOP
    with pytest.raises(ProtocolError):
        codec.binary(b"\1" * 8)


def test_what_is_answered() -> None:
    codec, ident = NativeCodec(), UUID(int=1)
    assert json.loads(codec.ready(ident, 300)) == {
        "type": "ready",
        "version": 1,
        "conversation": str(ident),
        "ms": 300,
    }
    assert json.loads(codec.ack(400)) == {"type": "ack", "ms": 400}
    assert json.loads(codec.stopped(450)) == {"type": "stopped", "ms": 450}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 1_001])
def test_half_a_frame_in_every_size(size: int) -> None:
    with pytest.raises(ProtocolError) as refusal:
        started().binary(b"\0" * size)
    assert refusal.value.code is CloseCode.HALF_FRAME


def test_a_reason_never_quotes_the_client() -> None:
    secret = "Jane's card 4111111111111111"
    for place in ("id", "agent", "queue", "direction", "language"):
        message = copy.deepcopy(START)
        message["call"][place] = f"{secret}\n" * 8
        with pytest.raises(ProtocolError) as refusal:
            NativeCodec().text(json.dumps(message))
        assert refusal.value.code is CloseCode.BAD_START
        assert f"call.{place}" in refusal.value.reason and "4111" not in refusal.value.reason
    message = copy.deepcopy(START)
    message["call"]["customer"] = {"reference": "x", secret: secret}
    with pytest.raises(ProtocolError) as refusal:
        NativeCodec().text(json.dumps(message))
    assert "4111" not in refusal.value.reason


def test_metadata_is_redacted_in_every_place_and_keeps_its_shape(northwind: Any) -> None:
    given = {
        "note": "paid with 4111 1111 1111 1111 today",
        "phones": ["212 555 0134"],
        "numbers": [4111111111111111, 42, 4.5, True, None],
        "deep": {"jane@example.com": {"ssn": "123-45-6789"}},
        "reference": "550e8400-e29b-41d4-a716-446655440000",
        "odd": "a\0b\ud800c",
    }
    assert metadata.redacted(given) == {
        "note": "paid with [CREDIT_CARD] today",
        "phones": ["[PHONE]"],
        "numbers": ["[CREDIT_CARD]", 42, 4.5, True, None],
        "deep": {"[EMAIL]": {"ssn": "[SSN]"}},
        "reference": "550e8400-e29b-41d4-a716-446655440000",
        "odd": "a\ufffdb\ufffdc",
    }


def _junk(generator: random.Random, depth: int = 0) -> Any:
    """A value of any JSON kind, odd ones among them."""
    kinds: list[Any] = [
        None,
        True,
        0,
        -1,
        2**70,
        1.5,
        "",
        "start",
        "stop",
        "pcm16",
        "x" * 600,
        "\ud800",
        "a\0",
    ]
    roll = generator.random()
    if depth < 6 and roll < 0.2:
        return [_junk(generator, depth + 1) for _ in range(generator.randint(0, 3))]
    if depth < 6 and roll < 0.4:
        keys = ["id", "type", "codec", "reference", "fields", "\ud800", "z" * 600]
        return {generator.choice(keys): _junk(generator, depth + 1) for _ in range(generator.randint(0, 3))}
    return generator.choice(kinds)


def _mutated(generator: random.Random) -> str | bytes:
    """A good message with something in it exchanged, or bytes and texts of no meaning."""
    roll = generator.random()
    if roll < 0.15:
        return generator.randbytes(generator.randint(0, 40))
    if roll < 0.25:
        return "".join(chr(generator.randint(0, 0x2FF)) for _ in range(generator.randint(0, 30)))
    message: Any = copy.deepcopy(
        generator.choice([START, START, START, {"type": "stop"}, {"type": "keepalive"}])
    )
    for _ in range(generator.randint(0, 2)):
        place = message
        while isinstance(place, dict) and place:
            key = generator.choice(list(place))
            if not isinstance(place[key], dict) or generator.random() < 0.4:
                if generator.random() < 0.2:
                    del place[key]
                else:
                    place[key] = _junk(generator)
                break
            place = place[key]
    text = json.dumps(message)
    if generator.random() < 0.1:
        cut = generator.randint(0, len(text))
        text = text[:cut] + text[cut + generator.randint(0, 3) :]
    return text


@pytest.mark.parametrize("seed", range(20))
def test_any_messages_give_actions_in_order_or_an_error(seed: int, northwind: Any) -> None:
    generator = random.Random(seed)
    for _ in range(60):
        codec, seen, frame = NativeCodec(), [], 0
        for _ in range(6):
            message = _mutated(generator)
            before = codec.state
            try:
                action = codec.text(message) if isinstance(message, str) else codec.binary(message)
            except ProtocolError as error:
                assert codec.state is before, "an error changes no state"
                assert len(error.reason.encode()) <= 123, "a close frame holds no more"
                assert error.reason.isprintable()
                continue
            seen.append(type(action))
            if isinstance(action, Start):
                frame = action.audio.format.frame_bytes
                # What was taken can be stored: as JSON without surprises, and redacted.
                json.dumps(metadata.redacted(action.call.metadata), allow_nan=False).encode()
            if isinstance(action, Audio):
                assert len(action.payload) % frame == 0
        assert seen[:1] in ([], [Start])
        assert seen.count(Start) <= 1 and seen.count(Stop) <= 1
        if Stop in seen:
            assert seen[-1] is Stop and codec.state is State.STOPPED
