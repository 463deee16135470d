"""One WebSocket of the Deepgram peer's `/v1/listen`: frames in, messages out, faults in between."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.peers.deepgram_ears import Ear
from tests.peers.deepgram_wire import NET_0001, Fault, Seen


class Stream:
    """One WebSocket of `/v1/listen`."""

    def __init__(self, peer: Any, reader: Any, writer: Any, seen: Seen, faults: Any, words_of: Any) -> None:
        self.peer, self.reader, self.writer, self.seen = peer, reader, writer, seen
        self.faults: Callable[[], list[Fault]] = faults
        self.protocol = ServerProtocol(max_size=2**20)
        self.request_id = str(uuid.uuid4())
        one = {name: values[-1] for name, values in seen.query.items()}
        self.rate, channels = int(one.get("sample_rate", 0)), int(one.get("channels", 1))
        endpointing = one.get("endpointing", "10")
        self.ears = [
            Ear(
                self.rate,
                channel,
                channels,
                words_of,
                float("inf") if endpointing == "false" else int(endpointing) / 1000,
                int(one.get("utterance_end_ms", 0)) / 1000,
            )
            for channel in range(channels)
        ]
        self.interim = one.get("interim_results") == "true"
        self.arrived: deque[tuple[float, float]] = deque(maxlen=3000)  # stream time, wall time
        self.outbox: asyncio.Queue[tuple[float, dict[str, Any] | str | None]] = asyncio.Queue()
        self.last_message = time.monotonic()
        self.ended = False

    def fault(self, *kinds: str) -> Fault | None:
        heard_ms = self.ears[0].now * 1000
        for fault in self.faults():
            if fault.kind in kinds and fault.times > 0 and heard_ms >= fault.after_ms:
                return fault
        return None

    async def run(self, head: bytes) -> None:
        self.protocol.receive_data(head)
        request = self.protocol.events_received()[0]
        assert isinstance(request, Request)
        response = self.protocol.accept(request)
        response.headers["dg-request-id"] = self.request_id
        self.protocol.send_response(response)
        self.flush()
        helpers = [asyncio.create_task(self.speak()), asyncio.create_task(self.mind_the_clock())]
        try:
            # Until the client's close frame is read: a socket closed on unread data may swallow ours.
            while self.protocol.close_rcvd is None:
                # Whoever began to close has a little time to finish.
                data = await asyncio.wait_for(self.reader.read(65536), 2 if self.ended else None)
                if not data:
                    break
                self.protocol.receive_data(data)
                for frame in self.protocol.events_received():
                    if not self.ended:
                        await self.take(frame)
                self.flush()
        except TimeoutError:
            self.writer.transport.abort()
        finally:
            # Before anything is waited for: the peer itself may be stopped now.
            if not self.seen.closed and self.protocol.close_rcvd is not None:
                self.seen.closed = f"client {self.protocol.close_rcvd.code}"
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self.flush()

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.writer.write(data)

    def close(self, code: int, reason: str) -> None:
        if self.protocol.state is State.OPEN:
            self.seen.closed = f"{code} {reason}".strip()
            self.protocol.send_close(code, reason)
            self.flush()
        self.ended = True

    async def take(self, frame: Any) -> None:
        if frame.opcode is Opcode.TEXT:
            self.seen.messages.append(frame.data.decode())
            if self.seen.audio_bytes:
                self.last_message = time.monotonic()
            await self.obey(json.loads(frame.data))
        elif frame.opcode is Opcode.BINARY:
            self.last_message = time.monotonic()
            if not frame.data:
                self.seen.messages.append("EMPTY")
                await self.obey({"type": "CloseStream"})
            else:
                await self.hear(frame.data)

    async def hear(self, data: bytes) -> None:
        self.seen.audio_bytes += len(data)
        self.seen.longest_frame = max(self.seen.longest_frame, len(data))
        if len(data) % (2 * len(self.ears)):
            self.close(1008, "DATA-0000")
            return
        sides = np.frombuffer(data, "<i2").reshape(-1, len(self.ears))
        if fault := self.fault("slow"):
            await asyncio.sleep(len(sides) / self.rate / fault.rate)
        self.arrived.append((self.ears[0].now + len(sides) / self.rate, time.time()))
        for ear, pcm in zip(self.ears, sides.T, strict=True):
            self.say(ear.hear(pcm))
        if fault := self.fault("close"):
            self.close(fault.status, fault.reason)
        elif self.fault("abort"):
            self.seen.closed = "abort"
            self.writer.transport.abort()
        elif self.fault("deaf"):
            await asyncio.sleep(3600)
        for kind, message in (
            ("garbage", "this is no JSON {"),
            ("unknown", '{"type": "News", "of": ["tomorrow"]}'),
            ("error", '{"type": "Error", "variant": "SchemaError", "description": "d"}'),
        ):
            if fault := self.fault(kind):
                fault.times = 0
                self.outbox.put_nowait((0.0, message))
                if kind == "unknown":
                    self.outbox.put_nowait((0.0, "[]"))

    async def obey(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "Finalize" and not self.fault("no_finalize"):
            for ear in self.ears:
                if message.get("channel", ear.channel) == ear.channel:
                    self.say(ear.flush(from_finalize=True))
        elif kind == "CloseStream":
            if self.fault("hang_up"):
                return
            for ear in self.ears:
                self.say(ear.flush())
            self.outbox.put_nowait((0.0, {
                "type": "Metadata", "transaction_key": "deprecated", "request_id": self.request_id,
                "sha256": "0" * 64, "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "duration": self.ears[0].now, "channels": len(self.ears)}))  # fmt: skip
            self.outbox.put_nowait((0.0, None))
        elif kind not in ("KeepAlive", "Finalize"):
            error = {"type": "Error", "variant": "SchemaError", "description": "Could not deserialize"}
            self.outbox.put_nowait((0.0, error))

    def say(self, messages: Any) -> None:
        for message in messages:
            if self.fault("silent"):
                continue
            due = 0.0
            if message["type"] == "Results":
                if not (message["is_final"] or self.interim):
                    continue
                message["metadata"] = {
                    "request_id": self.request_id, "model_uuid": "0" * 8,
                    "model_info": {"name": "peer", "version": "1", "arch": "peer"}}  # fmt: skip
                words = message["channel"]["alternatives"][0]["words"]
                if message["is_final"] and words:
                    came = next((wall for at, wall in self.arrived if at >= words[-1]["end"]), time.time())
                    due = came + self.peer.delay
                    message["came"] = came
            self.outbox.put_nowait((due, message))
            if message.get("is_final") and self.fault("duplicate"):
                self.outbox.put_nowait((due, message))

    async def speak(self) -> None:
        while True:
            due, message = await self.outbox.get()
            await asyncio.sleep(max(0.0, due - time.time()))
            if message is None:
                self.close(1000, "")
                return
            if self.protocol.state is not State.OPEN:
                return
            if isinstance(message, dict) and (came := message.pop("came", None)) is not None:
                best = message["channel"]["alternatives"][0]
                self.peer.said.append({
                    "text": best["transcript"], "channel": message["channel_index"][0],
                    "tag": self.seen.query.get("tag"),
                    "start": best["words"][0]["start"], "end": best["words"][-1]["end"],
                    "came": came, "sent": time.time()})  # fmt: skip
            self.protocol.send_text((message if isinstance(message, str) else json.dumps(message)).encode())
            self.flush()
            await self.writer.drain()

    async def mind_the_clock(self) -> None:
        """Close when neither audio nor, after some, a text message came for a while."""
        while True:
            rest = self.last_message + self.peer.idle_seconds - time.monotonic()
            if rest <= 0:
                self.close(1011, NET_0001)
                return
            await asyncio.sleep(rest)
