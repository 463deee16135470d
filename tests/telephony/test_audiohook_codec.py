"""AudioHook's codec by itself: each rule of order, time and form that Genesys's server and client have."""

from __future__ import annotations

import json
import random
from typing import Any
from uuid import uuid4

import pytest

from conversations.live.wire import (
    Action,
    Audio,
    CloseCode,
    Done,
    Gap,
    KeepAlive,
    ProtocolError,
    Reply,
    Several,
    Start,
    Stop,
)
from integrations.telephony.genesys.codec import AudiohookCodec
from integrations.telephony.genesys.messages import NULL_ID

SESSION, ORGANIZATION = "30b0e395-84d3-4570-ac13-9a62d8f514c0", "d7934305-0972-4844-938e-9060eef73d05"
CONVERSATION, PARTICIPANT = "090eaa2f-72fa-480a-83e0-8667ff89c0ec", "883efee8-3d6c-4537-b500-6d7ca4b92fa0"
STEREO = {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}


def media(form: str = "PCMU", *channels: str) -> dict[str, Any]:
    return STEREO | {"format": form, "channels": list(channels) or ["external", "internal"]}


def open_parameters(**changes: Any) -> dict[str, Any]:
    return {
        "organizationId": ORGANIZATION,
        "conversationId": CONVERSATION,
        "participant": {"id": PARTICIPANT, "ani": "+1-555-555-1234", "aniName": "John Doe", "dnis": "+1-800"},
        "media": [STEREO, media("PCMU", "external"), media("PCMU", "internal")],
        "language": "en-US",
    } | changes


class Talk:
    """A client that counts right, and reads what the codec answers as the line would say it."""

    def __init__(self) -> None:
        self.codec = AudiohookCodec(session_id=SESSION, organization_id=ORGANIZATION)
        self.seq = 0
        self.said: list[dict[str, Any]] = []
        self.samples = 0

    def say(self, kind: str, parameters: dict[str, Any] | None = None, **envelope: Any) -> Action:
        self.seq += 1
        message = {
            "version": "2",
            "id": SESSION,
            "type": kind,
            "seq": self.seq,
            "serverseq": len(self.said),
            "position": f"PT{self.samples / 8000:.4f}S",
            "parameters": parameters or {},
        }
        return self.hear(self.codec.text(json.dumps(message | envelope)))

    def hear(self, action: Action) -> Action:
        text: Any = None
        if isinstance(action, Start):
            text = action.early
        elif isinstance(action, Reply | Done):
            text = action.text
        self.answer(text)
        return action

    def answer(self, text: Any) -> dict[str, Any] | None:
        text = text() if callable(text) else text
        if not text:
            return None
        self.said.append(json.loads(text))
        return self.said[-1]

    def open(self, **changes: Any) -> Start:
        action = self.say("open", open_parameters(**changes))
        assert isinstance(action, Start)
        return action

    def audio(self, samples: int, channels: int = 2) -> Action:
        self.samples += samples
        return self.codec.binary(b"\x7f" * samples * channels)


def refusal(work: Any) -> CloseCode:
    with pytest.raises(ProtocolError) as error:
        work()
    return error.value.code


def test_a_whole_session() -> None:
    talk = Talk()
    start = talk.open(customConfig={"team": "east"})
    assert talk.said == [
        {
            "version": "2",
            "type": "opened",
            "id": SESSION,
            "seq": 1,
            "clientseq": 1,
            "parameters": {"media": [STEREO], "startPaused": False},
        }
    ]
    assert (start.call.id, start.call.language, start.resume) == (SESSION, "en-US", False)
    assert start.audio.as_dict() == {
        "codec": "mulaw",
        "sample_rate": 8000,
        "channels": 2,
        "roles": ["customer", "agent"],
    }
    assert start.call.identifiers == {
        "conversation_id": CONVERSATION,
        "participant_id": PARTICIPANT,
        "session_id": SESSION,
    }
    assert start.call.metadata["custom_config"] == {"team": "east"}
    assert start.call.customer is not None and start.call.customer.name == "John Doe"
    assert talk.audio(1600) == Audio(b"\x7f" * 3200)
    assert isinstance(talk.say("ping"), Reply)
    assert (talk.said[-1]["type"], talk.said[-1]["seq"], talk.said[-1]["clientseq"]) == ("pong", 2, 2)
    assert talk.say("ping", {"rtt": "PT0.012S"}) is not None
    assert talk.say("close", {"reason": "end"}) == Stop()
    closed = talk.answer(talk.codec.stopped(200))
    assert closed is not None and (closed["type"], closed["seq"], closed["clientseq"]) == ("closed", 4, 4)
    assert talk.codec.refused(CloseCode.LINE_BROKEN, "late") is None


def test_a_client_that_gives_up_after_an_error() -> None:
    """The session is over, and is not all of the call."""
    talk = Talk()
    talk.open()
    assert talk.say("error", {"code": 408, "message": "no pong"}) == KeepAlive()
    assert talk.say("close", {"reason": "error"}) == Stop("client_error")
    closed = talk.answer(talk.codec.stopped(0))
    assert closed is not None and closed["type"] == "closed"


@pytest.mark.parametrize(
    ("offered", "chosen", "roles"),
    [
        ([media("PCMU", "external"), STEREO], STEREO, ("customer", "agent")),
        ([media("PCMU", "internal", "external")], None, ("agent", "customer")),
        ([media("PCMU", "internal"), media("PCMU", "external")], media("PCMU", "external"), ("customer",)),
        ([media("PCMU", "internal")], None, ("agent",)),
        ([media("L16"), STEREO], STEREO, ("customer", "agent")),
        ([media("PCMU", "external"), media("L16")], media("L16"), ("customer", "agent")),
        ([media("L16", "internal")], None, ("agent",)),
        (
            [media("OPUS"), 7, media("PCMU") | {"rate": 16000}, STEREO | {"more": 1}],
            STEREO | {"more": 1},
            None,
        ),
    ],
)
def test_one_of_the_offered_is_chosen_unchanged(
    offered: list[Any], chosen: dict[str, Any] | None, roles: tuple[str, ...] | None
) -> None:
    talk = Talk()
    start = talk.open(media=offered)
    assert talk.said[0]["parameters"]["media"] == [chosen or offered[0]]
    assert start.audio.roles == (roles or ("customer", "agent"))
    frame = start.audio.format.frame_bytes
    assert frame == len(start.audio.roles) * (
        2 if talk.said[0]["parameters"]["media"][0]["format"] == "L16" else 1
    )
    for count in (0, 1, 160, 1601):
        assert isinstance(talk.codec.binary(b"\0" * frame * count), Audio)
    if frame > 1:
        assert refusal(lambda: talk.codec.binary(b"\0" * (frame + 1))) is CloseCode.HALF_FRAME


def test_a_probe_is_no_call() -> None:
    for reason in ("end", "error"):
        talk = Talk()
        participant = {"id": NULL_ID, "ani": "", "aniName": "", "dnis": ""}
        action = talk.say("open", open_parameters(conversationId=NULL_ID, participant=participant))
        assert isinstance(action, Reply) and action.admitted
        assert talk.said[0]["type"] == "opened"
        assert talk.codec.binary(b"\0" * 3200) == KeepAlive()
        ping = talk.say("ping", position="PT99S")
        assert isinstance(ping, Reply) and talk.said[1]["type"] == "pong"
        assert isinstance(talk.say("close", {"reason": reason}), Done)
        assert (talk.said[2]["type"], talk.said[2]["seq"], talk.said[2]["clientseq"]) == ("closed", 3, 3)


def test_languages_are_asked_for_and_changed() -> None:
    talk = Talk()
    talk.open(supportedLanguages=True, language="es-419")
    assert talk.said[0]["parameters"]["supportedLanguages"] == []
    assert isinstance(talk.say("update", {"language": "de-DE"}), Reply)
    assert talk.said[-1]["type"] == "updated" and talk.codec.language == "de-DE"
    assert refusal(lambda: talk.say("update", {})) is CloseCode.BAD_MESSAGE


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"organizationId": str(uuid4())}, CloseCode.UNKNOWN_ACCOUNT),
        ({"organizationId": "northwind"}, CloseCode.BAD_START),
        ({"conversationId": None}, CloseCode.BAD_START),
        ({"participant": {"id": PARTICIPANT}}, CloseCode.BAD_START),
        ({"media": []}, CloseCode.UNKNOWN_FORMAT),
        ({"media": [media("OPUS")]}, CloseCode.UNKNOWN_FORMAT),
        ({"media": [media("PCMU", "external", "external")]}, CloseCode.UNKNOWN_FORMAT),
        ({"media": None}, CloseCode.BAD_START),
        ({"language": 7}, CloseCode.BAD_START),
        ({"supportedLanguages": "yes"}, CloseCode.BAD_START),
        ({"customConfig": []}, CloseCode.BAD_START),
        ({"continuedSessions": [{"id": SESSION}]}, CloseCode.BAD_START),
    ],
)
def test_an_open_that_is_wrong(changes: dict[str, Any], code: CloseCode) -> None:
    talk = Talk()
    assert refusal(lambda: talk.say("open", open_parameters(**changes))) is code
    said = talk.answer(talk.codec.refused(code, "because"))
    assert said is not None and said["type"] == "disconnect" and said["seq"] == 1 and said["clientseq"] == 1
    assert said["parameters"]["reason"] == ("unauthorized" if code is CloseCode.UNKNOWN_ACCOUNT else "error")
    # Its goodbye is answered, whatever else it sends; nothing is said twice.
    assert talk.codec.refused(code, "again") is None
    assert talk.codec.binary(b"\0") == KeepAlive() and talk.say("ping") == KeepAlive()
    assert isinstance(talk.say("close", {"reason": "disconnect"}), Done)
    assert talk.said[-1]["type"] == "closed" and talk.said[-1]["seq"] == 2


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        ({"seq": 1}, CloseCode.OUT_OF_ORDER),
        ({"seq": 3}, CloseCode.OUT_OF_ORDER),
        ({"seq": "2"}, CloseCode.BAD_MESSAGE),
        ({"seq": True}, CloseCode.BAD_MESSAGE),
        ({"serverseq": 2}, CloseCode.OUT_OF_ORDER),
        ({"serverseq": -1}, CloseCode.BAD_MESSAGE),
        ({"id": str(uuid4())}, CloseCode.BAD_MESSAGE),
        ({"id": "me"}, CloseCode.BAD_MESSAGE),
        ({"version": "1"}, CloseCode.UNKNOWN_VERSION),
        ({"version": 2}, CloseCode.UNKNOWN_VERSION),
        ({"type": 5}, CloseCode.BAD_MESSAGE),
        ({"parameters": [1]}, CloseCode.BAD_MESSAGE),
        ({"parameters": {"rtt": "1s"}}, CloseCode.BAD_MESSAGE),
        ({"position": "PT-1S"}, CloseCode.BAD_MESSAGE),
        ({"position": "1.0"}, CloseCode.BAD_MESSAGE),
        ({"position": "PT" + "9" * 40 + "S"}, CloseCode.BAD_MESSAGE),
        ({"position": None}, CloseCode.BAD_MESSAGE),
        ({"position": "PT61.1S"}, CloseCode.CLOCK_JUMP),
    ],
)
def test_an_envelope_that_is_wrong(envelope: dict[str, Any], code: CloseCode) -> None:
    talk = Talk()
    talk.open()
    assert refusal(lambda: talk.say("ping", **envelope)) is code
    said = talk.answer(talk.codec.refused(code, "because"))
    assert said is not None and said["parameters"] == {"reason": "error", "info": f"because ({int(code)})"}


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"version": NaN}', "[" * 60_000, '"' + "x" * 70_000 + '"', "\ud800"]
)
def test_text_that_is_no_message(text: str) -> None:
    talk = Talk()
    code = refusal(lambda: talk.codec.text(text))
    assert code is (CloseCode.MESSAGE_TOO_BIG if len(text) > 65_535 else CloseCode.BAD_MESSAGE)
    # The request named the session, so even this client can be told.
    said = talk.answer(talk.codec.refused(code, "because"))
    assert said is not None and said["id"] == SESSION


def test_what_comes_out_of_order() -> None:
    assert refusal(lambda: Talk().codec.binary(b"\0\0")) is CloseCode.AUDIO_BEFORE_START
    for kind in ("paused", "discarded", "resumed", "update", "dtmf"):
        talk = Talk()
        assert refusal(lambda talk=talk, kind=kind: talk.say(kind)) is CloseCode.NO_START  # type: ignore[misc]
    talk = Talk()
    assert isinstance(talk.say("ping"), Reply) and isinstance(talk.say("close", {"reason": "end"}), Done)
    talk = Talk()
    talk.open()
    # A second open, kinds that are newer, errors of the client: passed over, as by the reference server.
    assert talk.say("open", open_parameters()) == KeepAlive()
    for kind, parameters in (("dtmf", {"digit": "5"}), ("playback_started", {}), ("paused", {})):
        assert talk.say(kind, parameters) == KeepAlive()
    assert talk.say("error", {"code": 409, "message": "no"}) == KeepAlive()
    assert refusal(lambda: talk.audio(160)) is CloseCode.OUT_OF_ORDER  # it said that it paused
    for parameters in ({}, {"reason": "bored"}):
        assert refusal(lambda p=parameters: talk.say("close", p)) is CloseCode.BAD_MESSAGE  # type: ignore[misc]
    assert talk.say("close", {"reason": "error"}) == Stop("client_error")
    assert refusal(lambda: talk.say("ping")) is CloseCode.AFTER_STOP
    assert refusal(lambda: talk.codec.binary(b"\0\0")) is CloseCode.AFTER_STOP


def gaps(action: Action) -> list[tuple[int, str]]:
    parts = action.actions if isinstance(action, Several) else (action,)
    found = []
    for part in parts:
        found += (
            gaps(part)
            if isinstance(part, Several)
            else [(part.ms, part.cause)]
            if isinstance(part, Gap)
            else []
        )
    return found


def test_what_is_left_out_keeps_the_clock_to_the_millisecond() -> None:
    talk, dice, total = Talk(), random.Random(5), 0
    talk.open()
    for _ in range(300):
        talk.audio(dice.randrange(1, 1600))
        lost = dice.randrange(1, 400)
        start, talk.samples = talk.samples, talk.samples + lost
        total += sum(
            ms
            for ms, cause in gaps(
                talk.say(
                    "discarded",
                    {"start": f"PT{start / 8000:.6f}S", "discarded": f"PT{lost / 8000:.6f}S"},
                )
            )
            if cause == "discarded"
        )
    sent = talk.codec._bytes // 2
    # Samples and milliseconds together are where the client is, whatever was rounded on the way.
    assert abs(sent / 8 + total - talk.samples / 8) <= 0.5


def test_a_pause_is_as_long_as_it_was() -> None:
    talk = Talk()
    talk.open()
    talk.audio(8000)
    assert talk.say("paused") == KeepAlive()
    # The client's position goes on while it is paused; pings are answered.
    assert isinstance(talk.say("ping", position="PT6S"), Reply)
    talk.samples += 10 * 8000
    assert gaps(talk.say("resumed", {"start": "PT1S", "discarded": "PT10S"})) == [(10_000, "paused")]
    assert isinstance(talk.audio(160), Audio)
    assert talk.say("resumed", {"start": "PT11S", "discarded": "PT0S"}) == KeepAlive()
    talk.say("paused")
    talk.samples += 700 * 8000
    long = gaps(talk.say("resumed", {"start": "PT11.02S", "discarded": "PT700S"}))
    assert [ms for ms, _cause in long] == [300_000, 300_000, 100_000]
    # A source that leaves nothing out while it is paused (its clock stands still) is believed, too.
    talk.say("paused")
    assert gaps(talk.say("resumed", {"start": "PT711.02S", "discarded": "PT0S"})) == []
    assert isinstance(talk.say("ping"), Reply)


def test_a_clock_that_jumps() -> None:
    talk = Talk()
    talk.open()
    talk.audio(8000)
    # A second ahead is the client's buffer; more is audio that never came.
    assert isinstance(talk.say("ping", position="PT2.0S"), Reply)
    talk.samples += 5 * 8000
    action = talk.say("ping")
    assert gaps(action) == [(5000, "not_sent")]
    assert isinstance(action, Several) and isinstance(action.actions[-1], Reply)
    talk.answer(action.actions[-1].text)
    # What is said to be left out is no jump, wherever it is said to begin.
    assert gaps(talk.say("discarded", {"start": "PT96S", "discarded": "PT0.3S"})) == [(300, "discarded")]
    assert refusal(lambda: talk.say("ping", position="PT1S")) is CloseCode.CLOCK_JUMP
    talk = Talk()
    talk.open()
    for parameters in ({"start": "PT0S", "discarded": "PT3601S"}, {"start": "PT0S"}, {}):
        code = CloseCode.CLOCK_JUMP if len(parameters) == 2 else CloseCode.BAD_MESSAGE
        assert refusal(lambda p=parameters: talk.say("discarded", p)) is code  # type: ignore[misc]
    # Lost right before its end.
    talk.samples = 8 * 8000
    action = talk.say("close", {"reason": "end"})
    assert (
        gaps(action) == [(8000, "not_sent")] and isinstance(action, Several) and action.actions[-1] == Stop()
    )


def test_a_session_that_goes_on_in_another() -> None:
    talk = Talk()
    talk.open()
    restart = talk.answer(talk.codec.refused(CloseCode.SERVER_RESTART, "the server restarts"))
    assert restart is not None and restart["type"] == "reconnect"
    talk = Talk()
    talk.open()
    assert refusal(lambda: talk.say("close", {"reason": "reconnect"})) is CloseCode.SUPERSEDED
    closed = talk.answer(talk.codec.refused(CloseCode.SUPERSEDED, "moved"))
    assert closed is not None and closed["type"] == "closed" and closed["clientseq"] == 2
    assert talk.codec.refused(CloseCode.SUPERSEDED, "moved") is None
    # The next begins where the last one was: that is no jump.
    before = str(uuid4())
    talk = Talk()
    talk.samples = 3000 * 8000
    start = talk.open(continuedSessions=[{"id": before.upper(), "serverseq": 3, "clientseq": 4}])
    assert start.resume and start.call.metadata["continued_sessions"] == [before]
    assert isinstance(talk.audio(160), Audio) and isinstance(talk.say("ping"), Reply)


def test_what_waits_when_a_session_is_refused_is_not_said() -> None:
    codec = AudiohookCodec(session_id=SESSION, organization_id=ORGANIZATION)
    opening = Talk()
    opening.codec = codec
    message = {
        "version": "2",
        "id": SESSION,
        "type": "open",
        "seq": 1,
        "serverseq": 0,
        "position": "PT0S",
        "parameters": open_parameters(),
    }
    start = codec.text(json.dumps(message))
    assert isinstance(start, Start) and callable(start.early)
    said = codec.refused(CloseCode.BAD_SIGNATURE, "the signature does not fit")
    assert start.early() == ""
    disconnect = opening.answer(said)
    assert disconnect is not None and disconnect["seq"] == 1
    assert disconnect["parameters"]["reason"] == "unauthorized"


def test_attributes_that_are_too_much_lose_no_call() -> None:
    talk = Talk()
    start = talk.open(
        customConfig={"long": "x" * 9000},
        language="x-klingon-beyond-all",
        participant={
            "id": PARTICIPANT,
            "ani": "anonymous",
            "aniName": "A\x00" + "b" * 500,
            "dnis": "é" * 300,
        },
    )
    assert start.call.metadata["custom_config_left_out"] == "too large"
    assert start.call.language == "en" and start.call.customer is None
    assert len(start.call.metadata["ani_name"]) == 120


def test_nothing_whatever_breaks_it() -> None:
    dice = random.Random(11)
    values: list[Any] = [
        None,
        0,
        -1,
        1,
        2,
        1e300,
        "",
        "2",
        "PT1S",
        SESSION,
        [],
        {},
        [[]],
        {"id": SESSION},
        True,
    ]
    kinds = ["open", "close", "ping", "paused", "resumed", "discarded", "update", "error", "dtmf", 7]
    for _ in range(3000):
        talk = Talk()
        if dice.random() < 0.7:
            talk.open()
        for _ in range(4):
            parameters: Any = open_parameters() if dice.random() < 0.3 else {"reason": "end", "start": "PT1S"}
            if dice.random() < 0.8:
                parameters[dice.choice(list(parameters))] = dice.choice(values)
            envelope = {dice.choice(["seq", "id", "position", "serverseq"]): dice.choice(values)}
            try:
                talk.say(dice.choice(kinds), parameters, **(envelope if dice.random() < 0.4 else {}))  # type: ignore[arg-type]
                talk.codec.binary(dice.randbytes(dice.randrange(5)))
            except ProtocolError as error:
                talk.answer(talk.codec.refused(error.code, error.reason))
                break
