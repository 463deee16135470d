"""Twilio's messages and signature without a network: what is read, in which order, and on which clock."""

from __future__ import annotations

import base64
import json
import random
from typing import Any
from uuid import UUID

import pytest
from twilio.request_validator import RequestValidator

from conversations.live.wire import (
    Audio,
    CloseCode,
    Gap,
    KeepAlive,
    Missing,
    ProtocolError,
    Several,
    Start,
    Stop,
)
from integrations.telephony.twilio.codec import State, TwilioCodec
from integrations.telephony.twilio.signature import is_signed, sign
from integrations.telephony.twilio.tracks import LATE, Tracks

CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
SID = "MZ" + "1" * 32
FORM = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


def start(tracks: tuple[str, ...] = ("inbound",), **changes: Any) -> dict[str, Any]:
    said = {
        "accountSid": "AC1",
        "streamSid": SID,
        "callSid": "CA1",
        "tracks": list(tracks),
        "mediaFormat": FORM,
        "customParameters": {"agent": "7001"},
    }
    return {"event": "start", "sequenceNumber": "1", "streamSid": SID, "start": said | changes}


def media(
    number: int, at: int, frame: bytes = b"\x01" * 160, track: str = "inbound", **changes: Any
) -> dict[str, Any]:
    body = {
        "track": track,
        "chunk": "1",
        "timestamp": str(at),
        "payload": base64.b64encode(frame).decode(),
    }
    return {"event": "media", "sequenceNumber": str(number), "streamSid": SID, "media": body | changes}


def stop(number: int) -> dict[str, Any]:
    return {
        "event": "stop",
        "sequenceNumber": str(number),
        "streamSid": SID,
        "stop": {"accountSid": "AC1", "callSid": "CA1"},
    }


def flat(action: Any) -> list[Any]:
    return [one for part in action.actions for one in flat(part)] if isinstance(action, Several) else [action]


def read(codec: TwilioCodec, *messages: Any) -> list[Any]:
    return [one for message in messages for one in flat(codec.text(json.dumps(message)))]


def sound(actions: list[Any]) -> bytes:
    return b"".join(action.payload for action in actions if isinstance(action, Audio))


def test_a_stream_of_one_track() -> None:
    codec = TwilioCodec()
    frames = [random.Random(number).randbytes(160) for number in range(5)]
    told = read(codec, CONNECTED, start())
    assert told[0] == KeepAlive() and isinstance(told[1], Start)
    began = told[1]
    assert began.resume and began.call.id == codec.call_id == "CA1"
    assert began.audio.roles == ("customer",) and began.audio.format.bytes_per_ms == 8
    assert began.call.metadata == {"customParameters": {"agent": "7001"}}
    assert began.call.identifiers == {"call_sid": "CA1", "stream_sid": SID, "account_sid": "AC1"}
    said = [media(number + 2, 5 + 20 * number, frame) for number, frame in enumerate(frames)]
    heard = read(codec, *said, stop(7))
    assert sound(heard) == b"".join(frames) and heard[-1] == Stop() and codec.state is State.STOPPED
    # Anything sent on such a stream is an error at Twilio.
    assert codec.ready(UUID(int=1), 0) is codec.ack(1) is codec.stopped(1) is None
    assert codec.refused(CloseCode.TRY_AGAIN, "") is None


def test_both_tracks_are_interleaved_by_time() -> None:
    codec = TwilioCodec()
    began = read(codec, CONNECTED, start(("outbound", "inbound")))[1]
    assert began.audio.roles == ("customer", "agent")  # by their names, not by their order
    messages = []
    for number in range(10):
        messages.append(media(2 + 2 * number, 20 * number, b"\x11" * 160, "outbound"))
        messages.append(media(3 + 2 * number, 20 * number, b"\x22" * 160, "inbound"))
    heard = sound(read(codec, *messages))
    assert heard[::2] == b"\x22" * 1600 and heard[1::2] == b"\x11" * 1600


def test_a_silent_track_holds_the_other_up_by_a_tenth_of_a_second_and_late_frames_still_fit() -> None:
    tracks = Tracks(2)
    said: list[Any] = []
    for number in range(10):
        said += tracks.put(0, 20 * number, b"\x01" * 160)
    assert len(sound(said)) // 2 == 800  # 200 ms came, 100 ms of them wait
    # What comes for 0…200 ms: half of it is too late, the rest finds its place.
    for number in range(10):
        said += tracks.put(1, 20 * number, b"\x02" * 160)
    heard = sound(said)
    assert heard[::2] == b"\x01" * 1600
    assert heard[1::2] == b"\xff" * 800 + b"\x02" * 800
    late = [action for action in said if isinstance(action, Missing)]
    assert {action.cause for action in late} == {LATE} and {action.channel for action in late} == {1}
    assert (late[0].from_ms, late[-1].to_ms) == (0, 100)


def test_a_hole_of_the_line_keeps_the_clock() -> None:
    tracks = Tracks(1)
    said = tracks.put(0, 0, b"\x01" * 160) + tracks.put(0, 1020, b"\x02" * 160)
    assert said == [Audio(b"\x01" * 160), Gap(1000, "line gap")]
    # Jitter is not a hole: sound goes on where it was.
    assert tracks.put(0, 1070, b"\x03" * 160) == []
    assert tracks.rest() == b"\x02" * 160 + b"\x03" * 160


def test_sound_is_given_as_it_crosses_a_tenth_of_a_second() -> None:
    tracks = Tracks(2)
    given = [
        (number, len(sound(tracks.put(track, 20 * number, b"\x01" * 160))) // 2)
        for number in range(15)
        for track in range(2)
    ]
    assert [one for one in given if one[1]] == [(4, 800), (9, 800), (14, 800)]
    # After a hole that does not end on a tenth, still on the clock's tenths, which chunks end with.
    tracks.put(0, 1030, b"\x01" * 160)
    said = [
        sound(tracks.put(track, 1030 + 20 * number, b"\x01" * 160)) for number in range(5) for track in (1, 0)
    ]
    assert [len(one) // 2 for one in said if one] == [8 * 80]


def test_a_hole_of_one_track_is_silence_there_alone() -> None:
    tracks, said = Tracks(2), []
    for number in range(20):
        said += tracks.put(0, 20 * number, b"\x01" * 160)
        if not 5 <= number < 15:
            said += tracks.put(1, 20 * number, b"\x02" * 160)
    heard = sound(said) + tracks.rest()
    assert heard[::2] == b"\x01" * 3200
    assert heard[1::2] == b"\x02" * 800 + b"\xff" * 1600 + b"\x02" * 800
    missing = [action for action in said if isinstance(action, Missing)]
    assert [(one.channel, one.from_ms, one.to_ms) for one in missing] == [(1, 100, 300)]


def test_what_was_heard_is_not_heard_again_and_a_clock_set_back_ends_it() -> None:
    tracks = Tracks(1)
    for number in range(1000):
        tracks.put(0, 20 * number, b"\x01" * 160)
    assert tracks.put(0, 19_000, b"\x02" * 160) == []
    with pytest.raises(ProtocolError) as caught:
        tracks.put(0, 5_000, b"\x02" * 160)
    assert caught.value.code is CloseCode.CLOCK_JUMP


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_the_clock_only_goes_on(seed: int) -> None:
    chance = random.Random(seed)
    frames = [(chance.randint(0, 1), chance.randint(0, 60)) for _ in range(chance.randint(0, 80))]
    tracks, heard = Tracks(2), 0
    for track, number in frames:
        for action in tracks.put(track, 20 * number, b"\x01" * 160):
            if isinstance(action, Audio):
                assert len(action.payload) % 2 == 0
                heard += len(action.payload) // 2
            elif isinstance(action, Gap):
                heard += action.ms * 8
        assert heard == tracks.given
    heard += len(tracks.rest()) // 2
    assert heard == tracks.given and heard <= 61 * 160 + 480  # jitter that was let pass


WRONG: dict[str, tuple[list[Any], CloseCode]] = {
    "no JSON": (["{"], CloseCode.BAD_MESSAGE),
    "a list": (["[]"], CloseCode.BAD_MESSAGE),
    "no event": ([{"a": 1}], CloseCode.BAD_MESSAGE),
    "an unknown event": ([CONNECTED, {"event": "hello"}], CloseCode.BAD_MESSAGE),
    "an event that is a list": ([CONNECTED, '{"event":"list"}'], CloseCode.BAD_MESSAGE),
    "start before connected": ([start()], CloseCode.OUT_OF_ORDER),
    "connected twice": ([CONNECTED, CONNECTED], CloseCode.OUT_OF_ORDER),
    "media before start": ([CONNECTED, media(1, 0)], CloseCode.AUDIO_BEFORE_START),
    "stop before start": ([CONNECTED, stop(1)], CloseCode.OUT_OF_ORDER),
    "start twice": ([CONNECTED, start(), start() | {"sequenceNumber": "2"}], CloseCode.SECOND_START),
    "media after stop": ([CONNECTED, start(), stop(2), media(3, 0)], CloseCode.AFTER_STOP),
    "a number that went back": (
        [CONNECTED, start(), media(5, 0), media(4, 20)],
        CloseCode.OUT_OF_ORDER,
    ),
    "a number that is none": ([CONNECTED, start(), media(2, 0, timestamp="soon")], CloseCode.BAD_MESSAGE),
    "another stream's": ([CONNECTED, start(), media(2, 0) | {"streamSid": "MZ2"}], CloseCode.OUT_OF_ORDER),
    "no base64": ([CONNECTED, start(), media(2, 0, payload="?!")], CloseCode.BAD_MESSAGE),
    "no payload": ([CONNECTED, start(), media(2, 0, payload=None)], CloseCode.BAD_MESSAGE),
    "an unknown track": ([CONNECTED, start(), media(2, 0, track="outbound")], CloseCode.BAD_MESSAGE),
    "a long message": ([json.dumps({"event": "x" * 70_000})], CloseCode.MESSAGE_TOO_BIG),
    "another codec": (
        [CONNECTED, start(mediaFormat=FORM | {"encoding": "audio/opus"})],
        CloseCode.UNKNOWN_FORMAT,
    ),
    "another rate": ([CONNECTED, start(mediaFormat=FORM | {"sampleRate": 16000})], CloseCode.UNKNOWN_FORMAT),
    "no tracks": ([CONNECTED, start(())], CloseCode.WRONG_ROLES),
    "tracks that are none": ([CONNECTED, start(("inbound", "sideways"))], CloseCode.WRONG_ROLES),
    "no call": ([CONNECTED, start(callSid=None)], CloseCode.BAD_START),
    "no stream": ([CONNECTED, start() | {"streamSid": 7}], CloseCode.BAD_START),
    "a start that is a text": ([CONNECTED, start() | {"start": "now"}], CloseCode.BAD_START),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_twilio_would_not_say(case: str) -> None:
    messages, code = WRONG[case]
    codec = TwilioCodec()
    with pytest.raises(ProtocolError) as caught:
        for message in messages:
            codec.text(message if isinstance(message, str) else json.dumps(message))
    assert caught.value.code is code


def test_binary_is_refused_a_message_twice_counts_once_and_digits_are_not_told() -> None:
    codec = TwilioCodec()
    with pytest.raises(ProtocolError):
        codec.binary(b"\x00")
    read(codec, CONNECTED, start())
    read(codec, media(2, 0), media(2, 0))
    assert len(codec.rest()) == 160
    digit = {
        "event": "dtmf",
        "streamSid": SID,
        "sequenceNumber": "3",
        "dtmf": {"track": "inbound_track", "digit": "4"},
    }
    assert read(codec, digit) == [KeepAlive()]


def anything(chance: random.Random, depth: int = 3) -> Any:
    names = ["event", "start", "media", "streamSid", "sequenceNumber", "payload", "track", "timestamp"]
    values = [None, True, 7, -1, 2.5, "", "start", "media", "stop", "dtmf", "2", SID, "inbound"]
    kind = chance.random()
    if depth == 0 or kind < 0.4:
        return chance.choice(values)
    if kind < 0.5:
        return [anything(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    return {chance.choice(names): anything(chance, depth - 1) for _ in range(chance.randint(0, 6))}


def test_no_message_is_more_than_refused() -> None:
    chance = random.Random(3)
    for _ in range(1500):
        message = anything(chance)
        if isinstance(message, dict) and chance.random() < 0.6:
            message |= {"event": chance.choice(["media", "start", "stop", "dtmf"]), "streamSid": SID}
        for before in ((), (CONNECTED,), (CONNECTED, start())):
            codec = TwilioCodec()
            read(codec, *before)
            try:
                codec.text(json.dumps(message))
            except ProtocolError:
                continue


# --- Signatures -----------------------------------------------------------------------------------------

VECTORS = {
    "wss://example.com/ws/twilio": "UAB6CyYaIqjwuABy5XGywJDQcS0=",
    "wss://example.com/ws/twilio/": "GXBTs5keFdxulO3nrHIhKrp6l80=",
    "wss://example.com:443/ws/twilio": "PdvWQ2C9AaSPpz0/p6MYtDVDx0s=",
    "https://example.com/ws/twilio": "LBTfgaXMLLE39/KADTd+dqrS/m8=",
}


@pytest.mark.parametrize("url", VECTORS)
def test_the_vectors(url: str) -> None:
    assert sign("12345", url) == VECTORS[url] == RequestValidator("12345").compute_signature(url, {})


def test_with_and_without_port_and_with_both_tokens_while_one_replaces_the_other() -> None:
    url = "wss://example.com/ws/twilio"
    assert is_signed(VECTORS["wss://example.com:443/ws/twilio"], ["12345"], url)
    assert is_signed(VECTORS[url], ["new", "12345"], "wss://example.com:443/ws/twilio")
    assert not is_signed(VECTORS[url + "/"], ["12345"], url)  # a slash matters
    assert not is_signed(VECTORS["https://example.com/ws/twilio"], ["12345"], url)
    assert not is_signed("", ["12345"], url) and not is_signed("é", ["12345"], url)
    assert not is_signed(VECTORS[url], [], url)


@pytest.mark.parametrize(
    "fields", [{}, {"b": "2", "a": "1"}, {"CallSid": "CA1", "Ä": "ö ", "A": ""}, {"a": "x&y=z+ "}]
)
def test_forms_are_signed_as_their_own_library_does(fields: dict[str, str]) -> None:
    url = "https://acme.example.com/hooks/twilio/1/status/"
    signature = RequestValidator("token").compute_signature(url, fields)
    assert is_signed(signature, ["token"], url, fields.items())
