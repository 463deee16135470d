"""What the Deepgram peer refuses, what it can be told to do wrong, and what it notes down."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

NET_0001 = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)
KINDS = ("refuse", "close", "abort", "silent", "slow", "deaf", "garbage", "unknown", "error", "duplicate",
         "no_finalize", "hang_up")  # fmt: skip


@dataclass
class Fault:
    """One thing to do wrong.

    `connection` counts from 0 since the faults were set, -1 is every one; `after_ms` is audio received before.
    refuse: HTTP `status` with dg-error `reason`, `times` requests long. close: close code `status` with
    `reason`. abort: tear off TCP. silent: say nothing. slow: take `rate` of real time in. deaf: stop reading.
    garbage, unknown, error: a message of that sort. duplicate: say each final twice. no_finalize: leave it
    unanswered. hang_up: never close after CloseStream, nor say the rest.
    """

    kind: str
    connection: int = -1
    after_ms: int = 0
    status: int = 1011
    reason: str = ""
    times: int = 1_000_000
    rate: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}")


@dataclass
class Seen:
    """What the peer saw of one connection or request."""

    query: dict[str, list[str]]
    agent: str
    media: str = ""
    messages: list[str] = field(default_factory=list)
    audio_bytes: int = 0
    longest_frame: int = 0
    began: float = field(default_factory=time.time)
    closed: str = ""


class Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def check_query(query: Mapping[str, list[str]], *, streaming: bool) -> None:
    """Refuse what Deepgram refuses. Raises `Refused` with its status."""

    def one(name: str, default: str = "") -> str:
        return query.get(name, [default])[-1]

    model = one("model")
    if streaming and not model:
        raise Refused(400, "Bad Request: model is required")
    if query.get("keyterm") and not model.startswith("nova-3"):
        raise Refused(400, "Bad Request: keyterm is supported by nova-3 only")
    if query.get("keywords") and model.startswith("nova-3"):
        raise Refused(400, "Bad Request: keywords is not supported by nova-3, use keyterm")
    for name in ("multichannel", "interim_results", "smart_format", "punctuate", "mip_opt_out", "utterances"):
        if one(name, "false") not in ("true", "false"):
            raise Refused(400, f"Bad Request: {name} is no boolean")
    if streaming:
        if one("encoding") != "linear16" or not one("sample_rate").isdigit():
            raise Refused(400, "Bad Request: this peer hears linear16 with a sample_rate")
        if not 1 <= int(one("channels", "1")) <= 20:
            raise Refused(400, "Bad Request: channels")
        if one("utterance_end_ms") and (
            one("interim_results") != "true" or int(one("utterance_end_ms")) < 1000
        ):
            raise Refused(400, "Bad Request: utterance_end_ms needs interim_results and at least 1000")
        if one("diarize_model") == "v2" or one("detect_language") == "true":
            raise Refused(400, "Bad Request: not when streaming")
