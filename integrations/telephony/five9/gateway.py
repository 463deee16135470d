"""Five9 MediaStream: the gRPC service that Five9 calls, one stream for each leg; legs of a call become one call.

A stream says whose it is (domain, call, leg) and proves it by the trust token, is told to start, and then brings PCM.
Both legs of a call must reach the same process: behind a balancer, run one, or keep a domain on one of them.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import structlog
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from accounts.errors import error_place
from conversations.correlation import events_take
from conversations.live.buffer import AudioBuffer
from conversations.live.calls import Announced, call_announce, call_refused, call_resume
from conversations.live.hearing import Limits
from conversations.live.wire import CallAudio, CallStart, CloseCode, ProtocolError
from conversations.phases import Phase
from engines.speech.audio import AudioFormat
from integrations import mapping
from integrations.connections import connection_seen
from integrations.models import TelephonyConnection
from integrations.selectors import connection_secrets, mapping_rules
from integrations.telephony.carried import CallOver, CarriedCall
from integrations.telephony.five9 import voice_pb2
from integrations.telephony.five9.lifecycle import phase_of, translate
from integrations.telephony.joining import JoinedCall
from integrations.telephony.sides import RATE, ClockJump
from tenants.models import Tenant
from tenants.scope import PUBLIC, TenantThreads

log = structlog.get_logger(__name__)

SOURCE = "five9"
# Its classes are made when it is imported, and are not known before.
wire: Any = voice_pb2
SERVICE, METHOD = "five9.voicestream.Voice", "StreamingVoice"
AUDIO = CallAudio(AudioFormat("pcm16", RATE, 2), ("agent", "customer"))
_SIDES = {wire.StreamingConfig.AGENT: 0, wire.StreamingConfig.CUSTOMER: 1}
_Status = wire.StreamingStatus
# After one leg said that the call is over, the other has this long to say its last.
LAST_WORD_SECONDS = 2.0
# A call that lost all its legs without such a word is let go: the live worker ends it if none comes back.
KNOWN_SECONDS = 60.0
MESSAGE_BYTES = 256 * 1024


class Refused(Exception):
    """A stream is not taken. `code` for Five9, `why` for the account."""

    def __init__(self, why: CloseCode, reason: str, code: int = _Status.SRV_ERROR_GENERIC) -> None:
        super().__init__(reason)
        self.why, self.reason, self.code = why, reason, code


@dataclass(frozen=True, slots=True)
class Admitted:
    """A stream that may come: whose connection, and the call with the company's mapping."""

    schema: str
    start: CallStart
    connection: TelephonyConnection


@dataclass(slots=True)
class _Open:
    joined: JoinedCall
    carried: CarriedCall
    agent: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    on_hold: bool = False
    ending: bool = False
    told: bool = False


class Five9Gateway:
    """The service. `server(...)` makes a gRPC server of it."""

    def __init__(self, *, buffer: AudioBuffer, threads: TenantThreads, limits: Limits) -> None:
        self._buffer = buffer
        self._threads = threads
        self._limits = limits
        self._open: dict[tuple[str, str], _Open] = {}
        self._opening: dict[tuple[str, str], asyncio.Lock] = {}
        self._domains: dict[str, tuple[float, list[tuple[str, Any]]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def server(self, **options: Any) -> grpc.aio.Server:
        """A server that has no port yet."""
        server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", MESSAGE_BYTES), *options.items()]
        )
        handler = grpc.stream_stream_rpc_method_handler(
            self.stream,
            request_deserializer=wire.StreamingVoiceRequest.FromString,
            response_serializer=wire.StreamingVoiceResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
        return server

    async def close(self) -> None:
        """Let go of all calls: whole chunks are stored, the legs may come back."""
        for task in self._ending:
            task.cancel()
        for call in list(self._open.values()):
            with suppress(CallOver, RedisError):
                await call.carried.leave()
        self._open.clear()

    async def stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """One leg."""
        schema, config = "", None
        try:
            try:
                async with asyncio.timeout(self._limits.start):
                    config = await _config(requests)
            except TimeoutError:
                raise Refused(CloseCode.NO_START, "no config came") from None
            admitted = await self._admit(config)
            schema = admitted.schema
            call = await self._join(admitted, config)
            yield _status(_Status.SRV_REQ_START_STREAMING)
            async for answer in self._carry(call, admitted, config, requests):
                yield answer
        except Refused as refused:
            log.info("five9.refused", schema=schema, why=refused.why.slug)
            await self._note(schema, config, refused)
            yield _status(refused.code, refused.reason)
        except (RedisError, DatabaseError, InterfaceError) as error:
            log.warning("five9.storage_away", schema=schema, error=type(error).__name__)
            yield _status(_Status.SRV_REQ_RECONNECT, "storage is away, come back")
        except Exception as error:
            log.error("five9.failed", schema=schema, error=type(error).__name__, place=error_place(error))
            yield _status(_Status.SRV_ERROR_GENERIC, "internal error")

    # --- A leg begins -------------------------------------------------------------------------------------

    async def _admit(self, config: Any) -> Admitted:
        """Find the connection by domain and trust token. A domain may be named by several companies' connections."""
        voice = config.voice_config
        if not config.vcc_call_id or len(config.vcc_call_id) > 120:
            raise Refused(CloseCode.BAD_START, "no call id")
        if config.call_leg not in _SIDES:
            raise Refused(CloseCode.WRONG_ROLES, "this leg is not heard", _Status.SRV_REQ_DISCONNECT)
        for schema, ident in await self._candidates(config.domain_id):
            admitted = await self._threads.run(schema, _admitted, schema, ident, config)
            if admitted is not None:
                # Told only to those who belong here.
                if (voice.encoding, voice.sample_rate_hertz) != (wire.VoiceConfig.LINEAR16, RATE):
                    raise Refused(CloseCode.UNKNOWN_FORMAT, "only LINEAR16 at 8000 Hz is heard")
                return admitted
        raise Refused(CloseCode.NO_KEY, "the trust token is not valid")

    async def _candidates(self, domain: str) -> list[tuple[str, Any]]:
        """Schemas and ids of the connections that name a domain; remembered for a while."""
        if not domain or len(domain) > 80:
            return []
        now = time.monotonic()
        at, found = self._domains.get(domain, (-KNOWN_SECONDS, []))
        if now - at < (KNOWN_SECONDS if found else 2.0):
            return found
        found = []
        for schema in await self._threads.run(PUBLIC, _schemas):
            found += await self._threads.run(schema, _connections, schema, domain)
        if len(self._domains) > 1000:
            self._domains.clear()
        self._domains[domain] = now, found
        return found

    async def _join(self, admitted: Admitted, config: Any) -> _Open:
        """The call of this leg, taken by its first."""
        key = admitted.schema, config.vcc_call_id
        lock = self._opening.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                call = self._open.get(key)
                if call is None or call.joined.ended or call.carried.over:
                    call = await self._take(admitted)
                    self._open[key] = call
                call.joined.attach(_SIDES[config.call_leg], config)
        finally:
            self._opening.pop(key, None)
        # A leg may not name the agent (the customer's): that is no news.
        if not call.told or config.agent_id not in ("", call.agent):
            before, call.told = call.agent, True
            call.agent = config.agent_id or before
            await self._tell(admitted, Phase.CONNECTED, call.agent, before=before)
        return call

    async def _take(self, admitted: Admitted) -> _Open:
        run, start = self._threads.run, admitted.start
        try:
            found: Announced | None = await run(
                admitted.schema, call_resume, source=SOURCE, call_id=start.id, audio=AUDIO
            )
            if found is None:
                found = await run(admitted.schema, call_announce, source=SOURCE, start=start, audio=AUDIO)
            if found.over:
                raise Refused(CloseCode.CALL_USED_BEFORE, "the call has ended")
            carried = CarriedCall(
                buffer=self._buffer,
                threads=self._threads,
                schema=admitted.schema,
                source=SOURCE,
                call_id=start.id,
                call=found,
                audio=AUDIO,
                limits=self._limits,
            )
            given = await carried.open()
        except ProtocolError as error:
            raise Refused(error.code, error.reason) from None
        except CallOver as over:
            raise Refused(over.closing.code, over.closing.reason) from None
        joined = JoinedCall(carried, given_ms=given, announced_at=found.announced_at)
        return _Open(joined, carried, agent="")

    # --- A leg goes on ------------------------------------------------------------------------------------

    async def _carry(
        self, call: _Open, admitted: Admitted, config: Any, requests: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        side, joined = _SIDES[config.call_leg], call.joined
        over = False
        messages = _Messages(requests)
        try:
            while True:
                try:
                    request = await messages.next(self._limits.idle)
                except (StopAsyncIteration, grpc.aio.AbortError):
                    return
                except TimeoutError:
                    if call.on_hold:
                        await call.carried.check()
                        continue
                    yield _status(_Status.SRV_ERROR_TIMEOUT, "nothing came")
                    return
                if not joined.holds(side, config):
                    yield _status(_Status.SRV_REQ_DISCONNECT, "another stream has this leg")
                    return
                kind = request.WhichOneof("streaming_request")
                if kind == "audio_content":
                    sent = request.send_time.ToNanoseconds() if request.HasField("send_time") else None
                    if len(request.audio_content) % 2:
                        yield _status(_Status.SRV_ERROR_GENERIC, "half a sample")
                        return
                    await joined.hear(side, request.audio_content, sent)
                elif kind == "streaming_status":
                    over = await self._status_came(call, admitted, request.streaming_status.code)
                    if over or request.streaming_status.code == _Status.CLT_DISCONNECT:
                        return
                else:
                    yield _status(_Status.SRV_ERROR_GENERIC, "a second config")
                    return
        except ClockJump:
            await joined.finish(lambda: call.carried.fail("clock_jump"))
            yield _status(_Status.SRV_ERROR_GENERIC, "the clock jumped")
        except CallOver as ended:
            if ended.closing.code is not CloseCode.SUPERSEDED:
                await call.carried.settle(ended.closing)
            yield _status(_Status.SRV_REQ_DISCONNECT, "the call is not heard any more")
        finally:
            messages.close()
            joined.detach(side, config)
            self._leg_gone(call, admitted, over=over)

    async def _status_came(self, call: _Open, admitted: Admitted, code: int) -> bool:
        """What a leg says beside its sound. True: the call is over."""
        phase = phase_of(code)
        # Both legs say so; once is enough.
        if phase in (Phase.HOLD, Phase.CONNECTED) and (phase is Phase.HOLD) != call.on_hold:
            call.on_hold = phase is Phase.HOLD
            await self._tell(admitted, phase, call.agent)
        return phase is Phase.ENDED

    def _leg_gone(self, call: _Open, admitted: Admitted, *, over: bool) -> None:
        if over and not call.ending:
            call.ending = True
            seconds = LAST_WORD_SECONDS if call.joined.legs else 0.0
            task = asyncio.create_task(self._end(call, admitted, seconds))
        elif not call.joined.legs and not call.ending:
            task = asyncio.create_task(self._let_go(call, admitted))
        else:
            return
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, call: _Open, admitted: Admitted, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await call.joined.empty.wait()
        await self._finish(call, admitted, call.carried.stop)
        await self._tell(admitted, Phase.ENDED, "")

    async def _let_go(self, call: _Open, admitted: Admitted) -> None:
        """No leg is left and nobody said that the call is over: as with a line that broke."""
        await asyncio.sleep(LAST_WORD_SECONDS)
        if call.joined.legs or call.ending:
            return
        await self._finish(call, admitted, call.carried.leave)

    async def _finish(self, call: _Open, admitted: Admitted, end: Callable[[], Awaitable[None]]) -> None:
        """Bring the rest and end by `end`. A call whose end cannot be stored is ended by the live worker later."""
        key = admitted.schema, admitted.start.id
        try:
            await call.joined.finish(end)
        except RedisError as error:
            log.warning("five9.end_not_stored", schema=admitted.schema, error=type(error).__name__)
        finally:
            if self._open.get(key) is call:
                del self._open[key]

    async def _tell(self, admitted: Admitted, phase: Phase, agent: str, before: str = "") -> None:
        """Tell what happened to the call. Its own trouble costs the call nothing."""
        events = translate(
            admitted.start.id, phase=phase, agent=agent, agent_before=before, received_at=datetime.now(UTC)
        )
        try:
            await self._threads.run(admitted.schema, events_take, provider=SOURCE, events=events)
        except Exception as error:
            log.warning("five9.not_told", schema=admitted.schema, error=type(error).__name__)

    async def _note(self, schema: str, config: Any, refused: Refused) -> None:
        """A refused call of a company that is known has a row in its account; strangers have none."""
        if not schema or config is None:
            return
        try:
            await self._threads.run(
                schema, call_refused, source=SOURCE, call_id=config.vcc_call_id, code=refused.why
            )
        except (DatabaseError, InterfaceError) as error:
            log.warning("five9.not_noted", schema=schema, error=type(error).__name__)


class _Messages:
    """What a leg says, one after another, waited for as long as wanted.

    A read of gRPC's that is cancelled ends its stream, so one that took too long goes on, for the next to wait for.
    """

    def __init__(self, requests: AsyncIterator[Any]) -> None:
        self._requests = requests
        self._reading: asyncio.Task[Any] | None = None

    async def next(self, seconds: float) -> Any:
        """Raises `TimeoutError`, and `StopAsyncIteration` when the leg is over."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        done, _waiting = await asyncio.wait({self._reading}, timeout=seconds)
        if not done:
            raise TimeoutError
        request, self._reading = self._reading.result(), None
        if request is None:
            raise StopAsyncIteration
        return request

    async def _read(self) -> Any:
        return await anext(self._requests, None)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()


async def _config(requests: AsyncIterator[Any]) -> Any:
    try:
        first = await anext(requests)
    except StopAsyncIteration:
        raise Refused(CloseCode.NO_START, "no config came") from None
    if first.WhichOneof("streaming_request") != "streaming_config":
        raise Refused(CloseCode.AUDIO_BEFORE_START, "the first message must be the config")
    return first.streaming_config


def _status(code: int, message: str = "") -> Any:
    return wire.StreamingVoiceResponse(status=_Status(code=code, message=message))


# --- In threads, in a schema ------------------------------------------------------------------------------


def _schemas() -> list[str]:
    rows = Tenant.objects.filter(state=Tenant.State.ACTIVE).exclude(schema_name=PUBLIC)
    return list(rows.values_list("schema_name", flat=True))


def _connections(schema: str, domain: str) -> list[tuple[str, Any]]:
    rows = TelephonyConnection.objects.filter(provider=SOURCE, active=True, settings__domain_id=domain)
    return [(schema, ident) for ident in rows.values_list("pk", flat=True)]


def _admitted(schema: str, ident: Any, config: Any) -> Admitted | None:
    """The connection, if the trust token is one of its secrets."""
    connection = TelephonyConnection.objects.filter(pk=ident, provider=SOURCE, active=True).first()
    if connection is None:
        return None
    given = config.trust_token.encode()
    # Every secret is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(given, each.encode()) for each in connection_secrets(connection)]
    if not any(matches):
        return None
    connection_seen(connection)
    said = {"campaignId": config.campaign_id, "skillId": config.skill_id, "domainId": config.domain_id}
    try:
        start = CallStart(
            id=config.vcc_call_id,
            agent=config.agent_id[:120],
            metadata=mapping.bounded({name: value for name, value in said.items() if value}),
        )
    except ValueError:
        raise Refused(CloseCode.BAD_START, "odd ids") from None
    return Admitted(schema, mapping.apply(mapping_rules(connection), start), connection)
