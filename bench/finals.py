"""The second figure: how long from the end of what was said to the final utterance in a browser that follows the call.

Calls by Twilio's format go through the real way in, a live worker with the Deepgram SDK, the database, and Daphne to a
WebSocket per call, signed in by cookie. Deepgram is the tests' own, on loopback; it answers `asr_delay_ms` after the
last sound of an utterance has come to it. It also waits for silence, as our options ask (`endpointing_ms`), and both
waits run side by side.

  final_total_*    the frame with the last sound sent (on loopback that is when it came in) to the final at the socket
  final_share_*    that, less `asr_delay_ms`: all that is ours, with what the wait for silence takes longer than that
  final_in_*       the last sound sent to that sound in the recogniser
  final_out_*      the final sent by the recogniser to the final at the socket
  hint_total_*     (`guided`) as `final_total_*`, to the hint that the final raises
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.request import urlopen

from bench.house import House
from bench.report import Unmeasured, percentile, say
from cresta_app.stack.programs import BASE_DIR

ASR_DELAY_MS = 300
FRAME_MS, RATE = 20, 8000
QUIET_MS = 3_000  # at the beginning, in which sockets are opened
EVERY_MS, JITTER_MS = 2_500, 1_000
LENGTHS_MS = range(300, 580, FRAME_MS)
PARTS = (50, 95, 99)


@dataclass(frozen=True)
class Spoken:
    """One utterance: no two of a run have the same times, so that its answer is known by them."""

    channel: int
    start_ms: int
    end_ms: int


@dataclass
class Talk:
    """One call. `sent`: when each 20 ms were sent; `came`: when the final of each utterance came, by its times.

    `hints` likewise, for the guidance that it raised.
    """

    number: int
    spoken: list[Spoken]
    sent: list[float] = field(default_factory=list)
    came: dict[tuple[int, int], float] = field(default_factory=dict)
    hints: dict[tuple[int, int], float] = field(default_factory=dict)


def talks_make(calls: int, utterances: int, seed: int) -> list[Talk]:
    """What is said, by lot: each call an utterance every two and a half seconds, one side after the other."""
    dice, used = random.Random(seed), set()
    talks = []
    for number in range(calls):
        spoken = []
        for turn in range(utterances):
            while True:
                start = QUIET_MS + turn * EVERY_MS + dice.randrange(0, JITTER_MS, FRAME_MS)
                end = start + dice.choice(LENGTHS_MS)
                if (start, end) not in used:
                    break
            used.add((start, end))
            spoken.append(Spoken(turn % 2, start, end))
        talks.append(Talk(number, spoken))
    return talks


def finals_measure(
    house: House, *, calls: int, seconds: float, seed: int, processes: int = 0, guided: bool = False
) -> dict[str, Any]:
    """Measure it. Raises `Unmeasured`, also when a final did not come.

    `guided`: every utterance raises a hint, which a published policy sees to.
    """
    utterances = max(1, round((seconds * 1000 - QUIET_MS) / EVERY_MS))
    say(f"{calls} calls of {utterances} utterances, from the end of speech to the browser")
    peer = subprocess.Popen(
        [sys.executable, "-m", "tests.peers.deepgram", "--port", "0", "--delay-ms", str(ASR_DELAY_MS)],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        notes = house.folder / "finals"
        notes.mkdir()
        # What the live worker needs to know the recogniser tells when it has begun; the others begin beside it.
        house.start_ingest(processes, notes)
        house.start(house.program("web"))
        assert peer.stdout is not None
        said = peer.stdout.readline()
        if not said:
            raise Unmeasured("the recogniser of the tests did not start")
        url = f"http://127.0.0.1:{json.loads(said)['port']}"
        house.start_live(
            "live-finals",
            SPEECH_PROVIDER="deepgram",
            SPEECH_OPTIONS=json.dumps({"base_url": url, "api_key": "bench"}),
            LIVE_CALLS_PER_WORKER=str(calls + 1),
        )
        house.ingest_ready()
        house.web_ready()
        house.live_ready("live-finals")
        talks = talks_make(calls, utterances, seed)
        asyncio.run(_Run(house, talks, guided).all())
        with urlopen(f"{url}/peer/said", timeout=10) as answer:  # noqa: S310 an address of ours
            answers = json.load(answer)
        house.close()
    finally:
        peer.kill()
        peer.wait()
    return _figures(talks, answers)


class _Run:
    """The calls and their sockets, in one loop."""

    def __init__(self, house: House, talks: list[Talk], guided: bool) -> None:
        from bench.ingest import connection_make

        self.house, self.talks, self.guided = house, talks, guided
        self.connection, self.secret = connection_make(house, "twilio", "Finals")
        self.cookie = _sign_in(house)
        self.length_ms = max(talk.spoken[-1].end_ms for talk in talks) + 1_500

    async def all(self) -> None:
        from integrations.telephony.twilio.client import Refused

        try:
            async with asyncio.timeout(self.length_ms / 1000 * 2 + 60):
                await asyncio.gather(*(self._one(talk) for talk in self.talks))
        except (TimeoutError, OSError, Refused) as error:
            raise Unmeasured(f"a call did not get through: {type(error).__name__} {error}") from error

    async def _one(self, talk: Talk) -> None:
        from integrations.telephony.twilio.client import BOTH, TwilioSender

        # Spread over a frame, as lines are.
        await asyncio.sleep(0.05 * talk.number)
        sender = TwilioSender(self.house.ingest_url, self.house.host, self.connection, self.secret)
        call = await sender.open(f"CAfinal{talk.number:08d}{self.house.schema}")
        call.start(sender.account_sid)
        sides = [sound(talk, channel, self.length_ms) for channel in (0, 1)]
        watching = asyncio.create_task(self._watch(talk, call.sent.call_sid))
        began = time.time()
        for number in range(self.length_ms // FRAME_MS):
            await asyncio.sleep(max(0.0, began + number * FRAME_MS / 1000 - time.time()))
            first = number * 160
            call.write(
                b"".join(
                    call.media_frame(track, number * FRAME_MS, base64.b64encode(side[first : first + 160]))
                    for track, side in zip(BOTH, sides, strict=True)
                )
            )
            talk.sent.append(time.time())
        try:
            async with asyncio.timeout(10):
                await watching
        except TimeoutError:
            finals = len(talk.spoken) - len(talk.came)
            hints = len(talk.spoken) - len(talk.hints) if self.guided else 0
            raise Unmeasured(f"{finals} finals and {hints} hints of a call did not come") from None
        finally:
            call.stop(sender.account_sid)
        await call.closed()

    async def _watch(self, talk: Talk, call_sid: str) -> None:
        """Follow a call as a browser does, until all of its finals have come."""
        from websockets.asyncio.client import connect

        ident = await self._conversation(call_sid)
        origin = f"http://{self.house.host}:{self.house.web_port}"
        async with connect(
            f"ws://{self.house.host}:{self.house.web_port}/ws/conversations/{ident}/?after=0",
            host="127.0.0.1",
            port=self.house.web_port,
            origin=origin,  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie},
            proxy=None,
        ) as socket:
            known: dict[str, tuple[int, int]] = {}
            while min(len(talk.came), len(talk.hints) if self.guided else len(talk.came)) < len(talk.spoken):
                message = json.loads(await socket.recv())
                if message["type"] != "event":
                    continue
                data = message["data"]
                if message["kind"] == "utterance":
                    known[data["id"]] = data["start_ms"], data["end_ms"]
                    talk.came.setdefault(known[data["id"]], time.time())
                elif message["kind"] == "guidance" and data["evidence"]:
                    talk.hints.setdefault(known[data["evidence"][0]["utterance"]], time.time())

    async def _conversation(self, call_sid: str) -> str:
        while True:
            found = await asyncio.to_thread(_conversation_of, self.house.schema, call_sid)
            if found:
                return found
            await asyncio.sleep(0.1)


def _conversation_of(schema: str, call_sid: str) -> str:
    from django.db import connection

    from conversations.models import CallLedger
    from tenants.scope import schema_scope

    try:
        with schema_scope(schema):
            row = CallLedger.objects.filter(provider_call_id=call_sid, conversation__isnull=False).first()
            return str(row.conversation_id) if row else ""
    finally:
        connection.close()


def _sign_in(house: House) -> str:
    """The cookie of a signed-in admin."""
    from django.conf import settings
    from django.test import Client

    from accounts.services import user_create
    from tenants.scope import schema_scope

    with schema_scope(house.schema):
        admin = user_create(
            email="finals@bench.test", name="Bench", role="admin", password=f"{house.schema}-finals"
        )
        client = Client(headers={"host": house.host})
        client.force_login(admin)
        return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def sound(talk: Talk, channel: int, length_ms: int) -> bytes:
    """One side of a call as mu-law: a tone where it speaks, silence otherwise."""
    import numpy as np

    from engines.speech.audio import mulaw_encode

    pcm = np.zeros(length_ms * RATE // 1000)
    for one in talk.spoken:
        if one.channel == channel:
            at = np.arange(one.start_ms * RATE // 1000, one.end_ms * RATE // 1000)
            # Never near zero at a frame's edge: the last sample that is loud is the last of the utterance.
            pcm[at] = np.where(at % 8 < 4, 9_000, -9_000) * (0.7 + 0.3 * (talk.number % 10) / 10)
    return mulaw_encode(pcm.astype("<i2").tobytes())


def _figures(talks: list[Talk], answers: list[dict[str, Any]]) -> dict[str, Any]:
    answered: dict[tuple[int, int], dict[str, Any]] = {}
    for answer in answers:
        answered.setdefault((round(answer["start"] * 1000), round(answer["end"] * 1000)), answer)
    total, into, out, hints = [], [], [], []
    by_turn: list[list[float]] = [[] for _ in talks[0].spoken]
    for talk in talks:
        for turn, one in enumerate(talk.spoken):
            key = (one.start_ms, one.end_ms)
            arrived = _near(talk.came, key)
            answer = _near(answered, key)
            if arrived is None or answer is None:
                raise Unmeasured(f"a final came with other times than {key}: {sorted(talk.came)[:5]}")
            spoken = talk.sent[one.end_ms // FRAME_MS - 1]
            total.append((arrived - spoken) * 1000)
            by_turn[turn].append(total[-1] - ASR_DELAY_MS)
            into.append((answer["came"] - spoken) * 1000)
            out.append((arrived - answer["sent"]) * 1000)
            if talk.hints:
                hints.append((talk.hints[_key(talk.came, arrived)] - spoken) * 1000)
    kinds = {
        "share": [each - ASR_DELAY_MS for each in total],
        "total": total,
        "in": into,
        "out": out,
    }
    return {
        "asr_delay_ms": ASR_DELAY_MS,
        "finals": len(total),
        "finals_calls": len(talks),
        "final_share_p95_ms_by_turn": [round(percentile(values, 95), 1) for values in by_turn],
        **{
            f"final_{kind}_p{part}_ms": round(percentile(values, part), 1)
            for kind, values in kinds.items()
            for part in PARTS
        },
        **({f"hint_total_p{part}_ms": round(percentile(hints, part), 1) for part in PARTS} if hints else {}),
    }


def _key(came: dict[tuple[int, int], float], at: float) -> tuple[int, int]:
    """The times under which the final came that came then."""
    return next(key for key, when in came.items() if when == at)


def _near(found: dict[tuple[int, int], Any], key: tuple[int, int]) -> Any:
    """What has these times, give or take a millisecond of rounding."""
    for first in (0, -1, 1):
        for second in (0, -1, 1):
            if (key[0] + first, key[1] + second) in found:
                return found[key[0] + first, key[1] + second]
    return None
