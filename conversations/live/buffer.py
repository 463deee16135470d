"""The audio of live calls in Redis: numbered 100 ms chunks per call, sealed with the call's key.

One stream per call. Chunk n (from 1) holds the call's audio from (n-1)*100 to n*100 ms, its channels interleaved
in the call's own codec; the last one may be shorter. Numbers are given in order, each once, by the line that holds
the call: a line that another has superseded writes nothing more. The last entry carries no audio and says why it
ended.

Entry ids are `<number>-1` for audio and `<number>-2` for the end, so that the stream's last id, which Redis keeps
when entries are trimmed, tells both how far the call has come and whether it is over.

When Redis holds more than its share, or one call's backlog grows long, sealed chunks go to the storage instead, a file
for each batch, and their entries only say where: nothing is dropped, and nothing lies anywhere in the clear.

What happened to the call meanwhile (held, transferred, withdrawn) is told in a second, short stream: its marks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

from conversations.live.gather import Gathered
from conversations.live.spill import Spill
from conversations.live.streams import entries_of
from tenants import names
from tenants.keys import seal, unseal

log = structlog.get_logger(__name__)

CHUNK_MS = 100
# What nobody fetched or took away is gone after a day.
KEPT_SECONDS = 86_400
# Announcements are read at once; the cap only bounds what is left when no worker runs for long.
ANNOUNCEMENTS_KEPT = 100_000
# How much of a call may wait in Redis for its worker before the rest goes to the storage: five minutes.
BACKLOG_CHUNKS = 3_000
# What happens to a call is told in few words; a vendor gone mad shall not fill Redis with them.
MARKS_KEPT = 5_000
Mark = dict[str, Any]

_AUDIO, _END = 1, 2


@dataclass(frozen=True, slots=True)
class Chunk:
    """One entry. `payload`: interleaved samples in the call's codec; `end`: why it ended, "" for audio."""

    number: int
    received_at: datetime
    payload: bytes
    end: str


class Outcome(Enum):
    """What became of an append."""

    STORED = "stored"
    SUPERSEDED = "superseded"  # another line holds the call
    ENDED = "ended"  # the call is over
    GAP = (
        "gap"  # Redis has lost chunks that it had confirmed: the line must begin again where the stream ends
    )
    FULL = "full"  # neither Redis nor the storage took it; nothing was stored, try again later


# A script runs whole or not at all, and numbers say what is there: an answer lost on its way may be asked for again.
_WHERE_IT_ENDS = """
local last, kind = 0, 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local dash = string.find(info[i + 1], '-', 1, true)
      last = tonumber(string.sub(info[i + 1], 1, dash - 1))
      kind = tonumber(string.sub(info[i + 1], dash + 1))
    end
  end
end
"""
_APPEND = (
    _WHERE_IT_ENDS
    + """
local line, first, limit, stored = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4]), 0
if line ~= '' and redis.call('GET', KEYS[2]) ~= line then return {'superseded', last, 0} end
if kind == 2 then return {'ended', last, 0} end
if first > last + 1 then return {'gap', last, 0} end
if limit > 0 and redis.call('XLEN', KEYS[1]) >= limit then return {'full', last, 0} end
for i = 6, #ARGV, 2 do
  local number = first + (i - 6) / 2
  if number > last then
    redis.call('XADD', KEYS[1], string.format('%d-1', number), 'at', ARGV[i], ARGV[5], ARGV[i + 1])
    last, stored = number, stored + 1
    if number % 600 == 1 then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
  end
end
return {'stored', last, stored}
"""
)
_END_ONCE = (
    _WHERE_IT_ENDS
    + """
if kind == 2 then return 0 end
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return -1 end
redis.call('XADD', KEYS[1], string.format('%d-2', last + 1), 'at', ARGV[2], 'end', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""
)
_TOUCH = """
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[2])
"""


class AudioBuffer:
    """The buffer of all companies' calls. `redis` must not decode responses. Safe to share between tasks."""

    def __init__(self, redis: Redis, *, memory_bytes: int = 0, gather: bool = False) -> None:
        """`memory_bytes`: how much Redis may hold in all before audio goes to the storage; 0 does not ask.

        `gather`: put what many calls write at nearly the same time into one round trip.
        """
        self._redis = redis
        self._spill = Spill(redis, memory_bytes)
        self._together = Gathered(redis) if gather else None
        self._append = redis.register_script(_APPEND)
        self._end = redis.register_script(_END_ONCE)
        self._touch = redis.register_script(_TOUCH)
        self._release = redis.register_script(_RELEASE)

    @property
    def is_spilling(self) -> bool:
        """Whether audio goes to the storage now, because Redis holds too much."""
        return self._spill.due

    async def _run(self, script: AsyncScript, keys: list[str], arguments: list[Any]) -> Any:
        if self._together is not None:
            return await self._together.run(script, keys, arguments)
        return await script(keys=keys, args=arguments)

    # --- Calls ------------------------------------------------------------------------------------------

    async def announce(self, schema: str, conversation_id: UUID) -> None:
        """Tell the live workers that there is a call to take."""
        await self._redis.xadd(
            names.CALLS_NEW,
            {"schema": schema, "conversation": str(conversation_id)},
            maxlen=ANNOUNCEMENTS_KEPT,
            approximate=True,
        )

    async def destroy(self, schema: str, conversation_id: UUID) -> None:
        """Remove everything of a call. Its key is destroyed elsewhere."""
        await self._spill.forget(schema, conversation_id)
        await self._redis.delete(
            _stream(schema, conversation_id),
            _marks(schema, conversation_id),
            _line(schema, conversation_id),
            _alive(schema, conversation_id),
        )

    # --- Writing ----------------------------------------------------------------------------------------

    async def append(
        self,
        schema: str,
        conversation_id: UUID,
        number: int,
        payload: bytes,
        received_at: datetime,
        key: bytes,
    ) -> bool:
        """Store one chunk. False when the number was given before, is not the next one, or the call is over."""
        _outcome, _last, stored = await self._append_all(
            schema, conversation_id, number, [(payload, received_at)], key, line="", limit=0
        )
        return stored == 1

    async def append_many(
        self,
        schema: str,
        conversation_id: UUID,
        first: int,
        chunks: Sequence[tuple[bytes, datetime]],
        key: bytes,
        *,
        line: str,
        limit: int = BACKLOG_CHUNKS,
    ) -> tuple[Outcome, int]:
        """Store chunks numbered from `first`, if `line` still holds the call ("" does not ask).

        Returns what became of it and the last number in the stream. Numbers that are there already are left as
        they are: after an answer that was lost the same call may be made again. Raises redis errors.
        """
        outcome, last, _stored = await self._append_all(
            schema, conversation_id, first, chunks, key, line=line, limit=limit
        )
        return outcome, last

    async def _append_all(
        self,
        schema: str,
        conversation_id: UUID,
        first: int,
        chunks: Sequence[tuple[bytes, datetime]],
        key: bytes,
        *,
        line: str,
        limit: int,
    ) -> tuple[Outcome, int, int]:
        sealed = [
            seal(key, payload, bound_to=f"{conversation_id}:{number}")
            for number, (payload, _received_at) in enumerate(chunks, first)
        ]
        stamps = [_stamp(received_at) for _payload, received_at in chunks]
        keys = [_stream(schema, conversation_id), _line(schema, conversation_id)]

        async def put(field: str, limit: int, values: Sequence[bytes | str]) -> tuple[Outcome, int, int]:
            arguments: list[Any] = [line, first, KEPT_SECONDS, limit, field]
            for stamp, value in zip(stamps, values, strict=True):
                arguments += [stamp, value]
            outcome, last, stored = await self._run(self._append, keys, arguments)
            return Outcome(outcome.decode()), int(last), int(stored)

        answer = Outcome.FULL, first - 1, 0
        if not await self._spill.is_due():
            answer = await put("audio", limit, sealed)
        if answer[0] is not Outcome.FULL:
            return answer
        try:
            places = await self._spill.write(schema, conversation_id, first, sealed)
        except OSError as error:
            log.error("buffer.spill_failed", conversation=str(conversation_id), error=type(error).__name__)
            return Outcome.FULL, first - 1, 0
        return await put("spilled", 0, places)

    async def append_end(self, schema: str, conversation_id: UUID, reason: str, *, line: str = "") -> bool:
        """Say that the call is over and why. The first to say so is heard; returns whether it was this one.

        With `line`, only if that line still holds the call.
        """
        keys = [_stream(schema, conversation_id), _line(schema, conversation_id)]
        said = await self._end(keys=keys, args=[line, _stamp(datetime.now(UTC)), reason, KEPT_SECONDS])
        return int(said) == 1

    # --- Reading ----------------------------------------------------------------------------------------

    async def last_number(self, schema: str, conversation_id: UUID) -> int:
        """The number of the last entry ever written, trimmed or not, the end included; 0: none."""
        number, _kind = await self._last_id(schema, conversation_id)
        return number

    async def audio_end(self, schema: str, conversation_id: UUID) -> tuple[int, bool]:
        """The number of the last chunk of audio ever written (0: none), and whether the call was ended."""
        number, kind = await self._last_id(schema, conversation_id)
        return (number - 1, True) if kind == _END else (number, False)

    async def _last_id(self, schema: str, conversation_id: UUID) -> tuple[int, int]:
        try:
            info = await self._redis.xinfo_stream(_stream(schema, conversation_id))
        except ResponseError as error:
            if "no such key" in str(error):
                return 0, 0
            raise
        number, _dash, kind = info["last-generated-id"].decode().partition("-")
        return int(number), int(kind)

    async def read(
        self, schema: str, conversation_id: UUID, after: int, key: bytes, block_ms: int | None, count: int
    ) -> list[Chunk]:
        """Read up to `count` entries with numbers above `after`; wait up to `block_ms` for one (None: do not).

        Raises `tenants.keys.SealError` for an entry that was altered or moved, `OSError` when the storage that holds
        some of them is away.
        """
        stream = _stream(schema, conversation_id)
        answer: Any = await self._redis.xread({stream: f"{after}-{_END}"}, count=count, block=block_ms)
        entries = entries_of(answer)
        await self._spill.fetch(schema, conversation_id, [fields for _id, fields in entries])
        return [_chunk(conversation_id, entry_id, fields, key) for entry_id, fields in entries]

    async def end_reason(self, schema: str, conversation_id: UUID) -> str:
        """Why the call was ended; "" while it goes on, or when the entry has been trimmed."""
        entries: Any = await self._redis.xrevrange(_stream(schema, conversation_id), count=1)
        return entries[0][1].get(b"end", b"").decode() if entries else ""

    async def trim(self, schema: str, conversation_id: UUID, upto_number: int) -> None:
        """Remove the entries numbered up to and including `upto_number`."""
        await self._redis.xtrim(
            _stream(schema, conversation_id), minid=f"{upto_number + 1}-0", approximate=False
        )
        await self._spill.trim(schema, conversation_id, upto_number)

    # --- Marks ------------------------------------------------------------------------------------------

    async def append_mark(self, schema: str, conversation_id: UUID, mark: Mark, key: bytes) -> int:
        """Say that something happened to the call now. Returns where in its audio, in milliseconds.

        `mark` is JSON with a `kind`; `at_ms` is filled in, with the end of the audio stored so far, where it is not
        given.
        """
        if "at_ms" not in mark:
            number, _ended = await self.audio_end(schema, conversation_id)
            mark = mark | {"at_ms": number * CHUNK_MS}
        stream = _marks(schema, conversation_id)
        sealed = seal(key, json.dumps(mark).encode(), bound_to=f"{conversation_id}:mark")
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xadd(stream, {"mark": sealed}, maxlen=MARKS_KEPT, approximate=True)
        pipeline.expire(stream, KEPT_SECONDS)
        await pipeline.execute()
        return int(mark["at_ms"])

    async def marks(
        self, schema: str, conversation_id: UUID, key: bytes, after: str = "0"
    ) -> tuple[list[Mark], str]:
        """The marks that came after the position `after`, in order, and the position to ask from the next time."""
        entries: Any = await self._redis.xrange(_marks(schema, conversation_id), min=f"({after}")
        opened = [
            json.loads(unseal(key, fields[b"mark"], bound_to=f"{conversation_id}:mark"))
            for _entry_id, fields in entries
        ]
        return opened, entries[-1][0].decode() if entries else after

    # --- Lines: who may write, and whether anybody is there ----------------------------------------------

    async def line_take(self, schema: str, conversation_id: UUID, line: str, seconds: float) -> None:
        """Make `line` the one that holds the call, whoever held it before."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.set(_line(schema, conversation_id), line, ex=KEPT_SECONDS)
        pipeline.set(_alive(schema, conversation_id), line, px=_milliseconds(seconds))
        await pipeline.execute()

    async def line_touch(self, schema: str, conversation_id: UUID, seconds: float, line: str = "") -> bool:
        """Say that a line is attached, for the next `seconds`. False when another than `line` holds the call."""
        keys = [_line(schema, conversation_id), _alive(schema, conversation_id)]
        arguments: list[Any] = [line, _milliseconds(seconds)]
        return int(await self._run(self._touch, keys, arguments)) == 1

    async def line_release(self, schema: str, conversation_id: UUID, *, line: str) -> None:
        """Say that `line` has gone, unless another one holds the call."""
        keys = [_line(schema, conversation_id), _alive(schema, conversation_id)]
        await self._release(keys=keys, args=[line])

    async def line_alive(self, schema: str, conversation_id: UUID) -> bool:
        """Whether a line is attached to the call now."""
        return bool(await self._redis.exists(_alive(schema, conversation_id)))


def _stream(schema: str, conversation_id: UUID) -> str:
    return names.redis_key(schema, "audio", conversation_id)


def _marks(schema: str, conversation_id: UUID) -> str:
    return names.redis_key(schema, "marks", conversation_id)


def _line(schema: str, conversation_id: UUID) -> str:
    return names.redis_key(schema, "line", conversation_id)


def _alive(schema: str, conversation_id: UUID) -> str:
    return names.redis_key(schema, "alive", conversation_id)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _stamp(at: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _chunk(conversation_id: UUID, entry_id: bytes, fields: dict[bytes, bytes], key: bytes) -> Chunk:
    number = int(entry_id.partition(b"-")[0])
    received_at = _EPOCH + timedelta(microseconds=int(fields[b"at"]))
    if b"end" in fields:
        return Chunk(number, received_at, b"", fields[b"end"].decode())
    payload = unseal(key, fields[b"audio"], bound_to=f"{conversation_id}:{number}")
    return Chunk(number, received_at, payload, "")
