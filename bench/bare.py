"""What the machine itself can do, measured in the same minutes: a server that only counts, and Redis asked directly.

The server is plain uvicorn with its own WebSockets. It counts a call's frames and notes when each chunk's last
one came.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from bench.notes import COUNT
from bench.report import percentile

FRAMES_PER_CHUNK = 10  # 100 ms of two tracks in frames of 20 ms


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI: takes any WebSocket and counts what comes after Twilio's `start`."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    path = Path(os.environ["BENCH_NOTES"]) / f"{id(scope)}.bare"
    ident, count = b"", 0
    with path.open("ab", buffering=1 << 16) as notes:
        while (message := await receive())["type"] == "websocket.receive":
            if not ident:
                fields = json.loads(message["text"])
                if fields["event"] == "start":
                    ident = fields["start"]["callSid"].encode()[:36]
                continue
            count += 1
            if count % FRAMES_PER_CHUNK == 0:
                notes.write(COUNT.pack(ident, count // FRAMES_PER_CHUNK, time.monotonic()))
            elif '"stop"' in message["text"][:40]:
                await send({"type": "websocket.close", "code": 1000})


def xadd(url: str, *, seconds: float, per_second: float = 100.0, size: int = 1628) -> dict[str, float]:
    """How long Redis takes to keep one chunk, asked for one by one: p50 and p99 in milliseconds."""
    import redis

    delays: list[float] = []
    with redis.Redis.from_url(url) as client:
        began = time.monotonic()
        while (due := began + len(delays) / per_second) < began + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            asked = time.monotonic()
            client.xadd("bench:bare", {"audio": os.urandom(size)})
            delays.append((time.monotonic() - asked) * 1000)
        client.delete("bench:bare")
    return {f"xadd_p{part}_ms": round(percentile(delays, part), 2) for part in (50, 99)}
