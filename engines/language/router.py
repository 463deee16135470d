"""Has a task done by the first model that can: the chain of routes, tries, limits, breakers, memory, one deadline.

A call goes down its routes in their order. Each is asked within what is left of the deadline, again with a random pause
where that does no harm, and once more where its answer is not of the form. A server that is away, or has too much to
do, is left alone for a while. What a router keeps belongs to one event loop; `running` brings calls there.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

import openai
from pydantic import ValidationError

from engines.language import wire
from engines.language.call import CHARACTERS_A_TOKEN, Call, Meter, content_key, record_of
from engines.language.gate import Gate, LocalGate
from engines.language.structured import NotOfTheForm, read, repair_messages, schema_of, tool_of
from engines.language.tasks import (
    MODEL,
    NO_MODEL,
    NotAnswered,
    Outcome,
    Record,
    Route,
    Task,
    messages_of,
    shown,
)
from engines.speech.breaker import CircuitBreaker
from engines.speech.faults import Fault

RETRIES = 2
PAUSE_S, LONGEST_PAUSE_S = 0.25, 20.0
# A route before the last one leaves so much of the time to those after it.
SHARE = 0.6
TOOL_ROUNDS = 4
SHUT_S, LONGEST_SHUT_S = 20.0, 120.0
# Errors of a server that is there, one after the other, before it is left alone as if it were away.
BROKEN_MOST = 5
# A task that wants its answer this soon says nothing about a server by giving up on it.
PATIENT_S = 30.0
KEPT_CLIENTS, KEPT_ANSWERS, KEPT_S = 64, 1_000, 600.0


class Router:
    """Runs calls. To be used in one event loop.

    `note` is told each record, also of what nobody waited for. `pause` waits between tries; `draw` is a random number
    of 0..1.
    """

    def __init__(
        self,
        gate: Gate | None = None,
        *,
        note: Callable[[Call, Record], Awaitable[None]] | None = None,
        pause: Callable[[float], Any] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._gate: Gate = gate or LocalGate()
        self._note, self._pause, self._draw = note, pause, draw
        self._clients: OrderedDict[tuple[Any, ...], openai.AsyncOpenAI] = OrderedDict()
        self._breakers: OrderedDict[tuple[str, str, str], CircuitBreaker] = OrderedDict()
        self._broken: dict[tuple[str, str, str], int] = {}
        self._answers: OrderedDict[str, tuple[float, Any]] = OrderedDict()

    async def run(self, call: Call) -> Outcome[Any]:
        """Do a task. Never raises for what a server does: an outcome without a value says why. One record a route.

        Raises `TypeError` and `ValueError` like `messages_of`.
        """
        messages = messages_of(call.task, call.prompt, call.variables)
        ends = time.monotonic() + call.seconds
        records: list[Record] = []
        fault, cut = NO_MODEL, False
        for route, until in self._chain(call, ends):
            meter = Meter(time.monotonic())
            kept, found = self._remembered(call, route)
            if found is not None:
                await self._noted(records, call, route, meter, "remembered")
                return _outcome(call, route, found, records)
            try:
                value = await self._asked(call, route, messages, until, meter)
            except NotAnswered as error:
                fault, cut = error.fault, error.cut
                await self._noted(records, call, route, meter, fault, cut=cut)
                if time.monotonic() >= ends:
                    break
                continue
            await self._noted(records, call, route, meter, "repaired" if meter.repaired else "answered")
            if kept and not meter.cut:
                self._remember(kept, value)
            return _outcome(call, route, value, records)
        return Outcome(None, call.task.without, fault=str(fault), records=tuple(records))

    async def stream(self, call: Call, done: Callable[[Outcome[Any]], None]) -> AsyncGenerator[Any, None]:
        """Do a task and give its answer as it comes, in the parts that the task's splitter makes, else in pieces.

        `done` is told the outcome, its value the list of what was given, also where nobody waits for the rest. Another
        route is asked as long as nothing was given. Raises `NotAnswered` at the end where none answered to the end.
        """
        messages = messages_of(call.task, call.prompt, call.variables)
        ends = time.monotonic() + call.seconds
        records: list[Record] = []
        given: list[Any] = []
        failed = NotAnswered(NO_MODEL)
        for route, until in self._chain(call, ends):
            meter, outcome = Meter(time.monotonic()), "left"
            kept, found = self._remembered(call, route)
            try:
                if found is not None:
                    outcome = "remembered"
                    for part in found:
                        given.append(part)
                        yield part
                else:
                    async with contextlib.aclosing(
                        self._streamed(call, route, messages, until, meter)
                    ) as parts:
                        async for part in parts:
                            given.append(part)
                            yield part
                    outcome = "answered"
                    if kept and not meter.cut:
                        self._remember(kept, list(given))
                await self._noted(records, call, route, meter, outcome)
                done(_outcome(call, route, given, records))
                return
            except NotAnswered as error:
                failed, outcome = error, error.fault
                await self._noted(records, call, route, meter, outcome)
                if given or time.monotonic() >= ends:
                    break
            except (GeneratorExit, asyncio.CancelledError):
                await self._noted(records, call, route, meter, outcome)
                done(_outcome(call, route, given, records))
                raise
        done(
            Outcome(
                given or None,
                MODEL if given else call.task.without,
                fault=failed.fault,
                model=records[-1].model if given else "",
                revision=call.prompt.revision,
                records=tuple(records),
            )
        )
        raise failed

    # --- One route --------------------------------------------------------------------------------------

    def _chain(self, call: Call, ends: float) -> Any:
        """The routes, each with until when it has time."""
        for number, route in enumerate(call.routes, start=1):
            now = time.monotonic()
            most = route.within_s or (ends - now if number == len(call.routes) else SHARE * (ends - now))
            yield route, min(ends, now + most)

    async def _asked(
        self, call: Call, route: Route, messages: list[dict[str, Any]], until: float, meter: Meter
    ) -> Any:
        """What a route answers, by then. Raises `NotAnswered`."""
        tools = [tool_of(one.name, one.description, one.arguments) for one in call.task.tools]
        schema = schema_of(call.wanted) if call.wanted is not None else None
        fresh = messages
        async with self._entered(call, route, until):
            for attempt in range(1 + RETRIES):
                meter.attempts += 1
                try:
                    client = self._client(route)
                    return await self._answer(call, route, client, fresh, schema, tools, meter)
                except wire.Failed as error:
                    if not call.task.again or not error.again or attempt == RETRIES:
                        raise
                    pause = self._paused(attempt, error.again_s)
                    if time.monotonic() + pause >= until:
                        raise
                await self._pause(pause)
        raise AssertionError("unreachable")

    async def _answer(
        self,
        call: Call,
        route: Route,
        client: openai.AsyncOpenAI,
        messages: list[dict[str, Any]],
        schema: dict[str, Any] | None,
        tools: list[dict[str, Any]],
        meter: Meter,
    ) -> Any:
        """One answer, with what it takes: tools that it asks for, and one try to repair it."""
        for _round in range(TOOL_ROUNDS + 2):
            request = wire.request_of(
                route,
                messages,
                temperature=call.task.temperature,
                tokens=call.task.tokens,
                schema=schema,
                tools=tools,
            )
            said = await wire.ask(client, request)
            meter.count(said.tokens, request, len(said.text))
            meter.cut = said.cut
            if said.calls and tools:
                messages = [*messages, *await self._tools(call, said.calls)]
                continue
            if said.cut and call.wanted is not None:
                raise NotAnswered(Fault.BROKEN, cut=True)
            if call.wanted is None:
                if not said.text.strip():
                    raise NotAnswered(Fault.BROKEN)
                return _parts(call.task, said.text) if call.task.splits else said.text.strip()
            try:
                return read(call.wanted, said.text)
            except NotOfTheForm as wrong:
                if meter.repaired:
                    raise NotAnswered(Fault.BROKEN) from None
                meter.repaired = True
                messages = repair_messages(messages, said.text, wrong)
        raise NotAnswered(Fault.BROKEN)

    async def _tools(self, call: Call, calls: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        """What a model's calls of tools are answered with. Arguments that do not fit are told so; none runs then."""
        offered = {one.name: one for one in call.task.tools}
        asked = [
            {
                "id": one["id"],
                "type": "function",
                "function": {"name": one["name"], "arguments": one["arguments"]},
            }
            for one in calls
        ]
        answers: list[dict[str, Any]] = [{"role": "assistant", "content": None, "tool_calls": asked}]
        for one in calls:
            tool, handler = offered.get(one["name"]), call.tools.get(one["name"])
            if tool is None or handler is None:
                text = "There is no such tool."
            else:
                try:
                    arguments = tool.arguments.model_validate_json(one["arguments"])
                except (ValidationError, ValueError):
                    text = "These arguments do not fit the tool."
                else:
                    text = shown(await asyncio.to_thread(handler, arguments))
            answers.append({"role": "tool", "tool_call_id": one["id"], "content": text})
        return answers

    async def _streamed(
        self, call: Call, route: Route, messages: list[dict[str, Any]], until: float, meter: Meter
    ) -> AsyncGenerator[Any, None]:
        splitter = call.task.splits() if call.task.splits else None
        most = call.task.tokens * 3 * CHARACTERS_A_TOKEN  # more than that is no answer, whatever it is
        async with self._entered(call, route, until, streaming=True) as watch:
            for attempt in range(1 + RETRIES):
                meter.attempts += 1
                request = wire.request_of(
                    route,
                    messages,
                    temperature=call.task.temperature,
                    tokens=call.task.tokens,
                    stream=True,
                )
                length, tokens, spoke = 0, None, False
                try:
                    async with contextlib.aclosing(wire.ask_streamed(self._client(route), request)) as pieces:
                        while (said := await watch(anext(pieces, None))) is not None:
                            tokens, spoke = said.tokens or tokens, True
                            meter.cut = meter.cut or said.cut
                            if not said.text:
                                continue
                            if meter.first is None:
                                meter.first = time.monotonic()
                            length += len(said.text)
                            for part in splitter.take(said.text) if splitter else [said.text]:
                                yield part
                            if length >= most:
                                meter.cut = True
                                break
                except wire.Failed as error:
                    # What was shown is not asked for again.
                    last = attempt == RETRIES or length or not call.task.again or not error.again
                    pause = self._paused(attempt, error.again_s)
                    if last or time.monotonic() + pause >= until:
                        raise
                    await watch(self._pause(pause))
                    continue
                finally:
                    if length or tokens:
                        meter.count(tokens, request, length)
                if not spoke:
                    raise NotAnswered(Fault.BROKEN)
                if splitter is not None and not meter.cut:
                    for part in splitter.rest():
                        yield part
                return

    @contextlib.asynccontextmanager
    async def _entered(
        self, call: Call, route: Route, until: float, *, streaming: bool = False
    ) -> AsyncIterator[Any]:
        """Within the limits of the server, its breaker and the time that there is. Raises `NotAnswered`.

        Gives what awaits something within the time, for streams: a timeout must not stand around a `yield`.
        """
        if route.fault:
            raise NotAnswered(route.fault)
        breaker = self._breaker(call.company, route)
        if not breaker.allows():
            raise NotAnswered(Fault.AWAY)
        try:
            await self._places(call, route, until)
        except NotAnswered:
            # Not the server's fault; a trial goes to the next one.
            breaker.failed(Fault.UNSUPPORTED)
            raise

        async def watch(what: Any) -> Any:
            async with asyncio.timeout_at(_loop_time(until)):
                return await what

        try:
            if streaming:
                yield watch
            else:
                async with asyncio.timeout_at(_loop_time(until)):
                    yield watch
        except TimeoutError:
            await self._failed(call, route, breaker, Fault.SLOW)
            raise NotAnswered(Fault.SLOW) from None
        except NotAnswered as error:
            # A form that a server's model does not meet says nothing about the server.
            told = error.fault if isinstance(error, wire.Failed) else Fault.UNSUPPORTED
            await self._failed(call, route, breaker, told)
            raise
        except (GeneratorExit, asyncio.CancelledError):
            breaker.failed(Fault.UNSUPPORTED)
            raise
        else:
            self._broken.pop(_breaker_key(call.company, route), None)
            breaker.succeeded()
        finally:
            await self._gate.leave(call.company, route)

    async def _places(self, call: Call, route: Route, until: float) -> None:
        """Wait for a place among the requests that the server may be sent. Raises `NotAnswered` (busy, away)."""
        while wait := await self._gate.enter(call.company, route):
            # Not all at once again.
            wait *= 0.75 + self._draw() / 2
            if time.monotonic() + wait >= until:
                raise NotAnswered(Fault.BUSY)
            await self._pause(wait)

    async def _failed(self, call: Call, route: Route, breaker: CircuitBreaker, fault: str) -> None:
        key = _breaker_key(call.company, route)
        counts = fault in {Fault.AWAY, Fault.BUSY} or (fault == Fault.SLOW and call.seconds >= PATIENT_S)
        if fault in {Fault.BROKEN, Fault.FAILED}:
            self._broken[key] = self._broken.get(key, 0) + 1
            counts = self._broken[key] >= BROKEN_MOST
        breaker.failed(Fault(fault) if counts else Fault.UNSUPPORTED)
        if counts:
            await self._gate.shut(call.company, route, SHUT_S)

    def _paused(self, attempt: int, told: float | None) -> float:
        """Seconds until the next try: as the server says, else longer each time; never the same for all."""
        usual = PAUSE_S * 2**attempt if told is None else told
        return float(min(LONGEST_PAUSE_S, usual) * (1.0 + self._draw() / 2))

    async def _noted(
        self,
        records: list[Record],
        call: Call,
        route: Route,
        meter: Meter,
        outcome: str,
        *,
        cut: bool = False,
    ) -> None:
        record = record_of(call, route, meter, outcome, cut=cut)
        records.append(record)
        if self._note is not None:
            await self._note(call, record)

    # --- What is kept -----------------------------------------------------------------------------------

    def _client(self, route: Route) -> openai.AsyncOpenAI:
        addresses = wire.addresses_of(route.base_url, route.addresses)
        key = (route.key, route.base_url, addresses, route.api_key)
        client = self._clients.get(key)
        if client is None:
            # The time of a request is the router's to keep.
            client = self._clients[key] = wire.client_of(route.base_url, addresses, route.api_key, 3600.0, 0)
            while len(self._clients) > KEPT_CLIENTS:
                self._clients.popitem(last=False)
        else:
            self._clients.move_to_end(key)
        return client

    def _breaker(self, company: str, route: Route) -> CircuitBreaker:
        key = _breaker_key(company, route)
        if key not in self._breakers:
            self._breakers[key] = CircuitBreaker(
                threshold=1, cooldown_s=SHUT_S, longest_s=LONGEST_SHUT_S, trial_s=SHUT_S
            )
            while len(self._breakers) > 16 * KEPT_CLIENTS:
                old, _breaker = self._breakers.popitem(last=False)
                self._broken.pop(old, None)
        return self._breakers[key]

    def _remembered(self, call: Call, route: Route) -> tuple[str, Any]:
        """The key of an answer ("" where none is kept), and the answer."""
        if call.fresh or not call.task.remembered or call.task.tools or route.fault:
            return "", None
        key = content_key(call, route)
        at, found = self._answers.get(key, (0.0, None))
        if found is not None and time.monotonic() - at > KEPT_S:
            del self._answers[key]
            found = None
        return key, found

    def _remember(self, key: str, value: Any) -> None:
        self._answers[key] = (time.monotonic(), value)
        while len(self._answers) > KEPT_ANSWERS:
            self._answers.popitem(last=False)


def _breaker_key(company: str, route: Route) -> tuple[str, str, str]:
    return company, route.key, route.base_url


def _loop_time(until: float) -> float:
    return asyncio.get_running_loop().time() + (until - time.monotonic())


def _parts(task: Task[Any], text: str) -> list[Any]:
    assert task.splits is not None
    splitter = task.splits()
    return [*splitter.take(text), *splitter.rest()]


def _outcome(call: Call, route: Route, value: Any, records: list[Record]) -> Outcome[Any]:
    return Outcome(value, MODEL, model=route.model, revision=call.prompt.revision, records=tuple(records))
