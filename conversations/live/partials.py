"""Words that are not final yet, of all of a worker's calls: worked on together, a few milliseconds apart.

One by one, between all else that a worker does, each of them found nothing of what it needs in the processor's
caches; together they cost half. Finals do not wait for them. Of a channel only the latest counts: it takes the place
of one that still waits, and the channel's final takes it away. So a worker that is behind has less to do, not more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from accounts.errors import error_place
from engines.redaction.stream import StreamRedactor, partials_prepare
from engines.redaction.text import RawText

log = structlog.get_logger(__name__)

LINGER_SECONDS = 0.02
# So many at once, then what else waits has its turn: a fifth of a millisecond each.
AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """What one speaker of `call` seems to say. `ready`: whether the call can take it now; `paused`: nothing is shown.

    `then` takes the redacted words, "" where nothing is shown.
    """

    call: UUID
    redactor: StreamRedactor
    speaker: str
    text: RawText
    ready: Callable[[], bool]
    paused: Callable[[], bool]
    then: Callable[[str], None]


class Partials:
    """Of one worker, or one test. `passed_over`: how many gave way to a later one, or to their final."""

    def __init__(self, linger_seconds: float = LINGER_SECONDS) -> None:
        self.passed_over = 0
        self._linger = linger_seconds
        self._waiting: dict[tuple[int, int], Waiting] = {}
        self._turn: asyncio.Handle | None = None

    def put(self, owner: object, channel: int, waiting: Waiting) -> None:
        """Have it worked on soon. `owner`: who follows the call, and `leave` before it goes."""
        key = id(owner), channel
        # At the end, whatever waited before it: no channel holds another's place.
        self.passed_over += self._waiting.pop(key, None) is not None
        self._waiting[key] = waiting
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_later(self._linger, self._work)

    def drop(self, owner: object, channel: int) -> None:
        """What waits of this channel is not wanted any more."""
        self.passed_over += self._waiting.pop((id(owner), channel), None) is not None

    def leave(self, owner: object) -> None:
        """Nothing that waits of this call is wanted any more."""
        for key in [key for key in self._waiting if key[0] == id(owner)]:
            self.drop(owner, key[1])

    def _work(self) -> None:
        self._turn = None
        ready = [key for key, one in self._waiting.items() if one.ready()][:AT_ONCE]
        now = [self._waiting.pop(key) for key in ready]
        shown = [one for one in now if not one.paused()]
        try:
            partials_prepare((one.redactor, one.speaker, one.text) for one in shown)
        except Exception as error:
            log.error("call.partials_not_prepared", error=type(error).__name__, where=error_place(error))
        for one in now:
            try:
                one.then(one.redactor.redact_partial(one.speaker, one.text).text if one in shown else "")
            except Exception as error:
                # What could not be read is not shown; its final follows, and fails or does not.
                log.error(
                    "call.partial_failed",
                    conversation=str(one.call),
                    error=type(error).__name__,
                    where=error_place(error),
                )
        if self._waiting:
            # At once while there is more than one turn's worth; else what is left waits for its call.
            again = 0.0 if len(ready) == AT_ONCE else self._linger
            self._turn = asyncio.get_running_loop().call_later(again, self._work)
