"""A recogniser of a script that fails on command: each session that is opened obeys the next fault of a list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from engines.speech.channels import PerChannel, PerChannelSession
from engines.speech.faults import Fault, ProviderError
from engines.speech.scripted import Script, ScriptedProvider
from engines.speech.types import CallToHear, Heard, Hypothesis, SpeechError

WHAT = ("refuse", "die", "feed", "end", "silent", "stuck", "finish", "bug", "again", "curt")


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with one session.

    `what`: refuse (to open), die (while it is read), feed (raises), end (stops speaking as if done), silent (says no
    more), stuck (feed never returns), finish (raises), bug (an error that is no SpeechError), again (says every final
    twice, and all since the call's start), curt (hears no more, and ends well when it
    is told to). `at_ms`: from which audio on.
    """

    what: str
    at_ms: int = 0
    retryable: bool = True
    fault: Fault = Fault.AWAY

    def __post_init__(self) -> None:
        assert self.what in WHAT

    def error(self) -> SpeechError:
        return ProviderError(f"told to {self.what}", fault=self.fault, retryable=self.retryable)


MUTE = {"silent", "stuck"}
MUTE_PATIENCE_S = 0.4
PATIENCE_S = 60.0


class FaultyProvider:
    """Hears `script` under `name`. Sessions obey `troubles` in the order of their opening; later ones do well."""

    diarises = False

    def __init__(
        self,
        name: str,
        script: Script,
        troubles: Sequence[Trouble] = (),
        *,
        patience_s: float | None = PATIENCE_S,
    ) -> None:
        """With `patience_s` None it has none of its own, and the policy's holds."""
        self.name = name
        self._patience_s = patience_s
        if patience_s is not None:
            self.patience_s = patience_s
        self._inner = PerChannel(ScriptedProvider(script))
        self.troubles = list(troubles)
        self.opened: list[CallToHear] = []
        self.fed_from: list[int] = []
        self.aborted = 0
        self.started = self.closed = 0

    async def start(self) -> None:
        self.started += 1

    async def open(self, call: CallToHear) -> FaultySession:
        self.opened.append(call)
        trouble = self.troubles.pop(0) if self.troubles else None
        if self._patience_s is not None:
            # Only a session that is to stand still is given up soon: others may take their time on a busy machine.
            mute = trouble is not None and trouble.what in MUTE
            self.patience_s = MUTE_PATIENCE_S if mute else self._patience_s
        if trouble is not None and trouble.what == "refuse":
            raise trouble.error()
        start = replace(call, start_ms=(0,) * call.channels) if trouble and trouble.what == "again" else call
        return FaultySession(self, await self._inner.open(start), trouble, start)

    async def close(self) -> None:
        self.closed += 1


class FaultySession:
    def __init__(
        self, provider: FaultyProvider, inner: PerChannelSession, trouble: Trouble | None, call: CallToHear
    ) -> None:
        self._provider = provider
        self._inner = inner
        self._trouble = trouble
        self._call = call
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._first = True

    def _reached(self, end_ms: int) -> str:
        trouble = self._trouble
        return trouble.what if trouble is not None and end_ms > trouble.at_ms else ""

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        if self._first:
            self._first = False
            self._provider.fed_from.append(start_ms)
            if self._trouble is not None and self._trouble.what == "again" and start_ms:
                await self._inner.skip(0, start_ms)
        what = self._reached(start_ms + len(sides[0]) // 16)
        if what == "feed":
            assert self._trouble is not None
            raise self._trouble.error()
        if what == "bug":
            raise KeyError("a bug")
        if what == "stuck":
            await asyncio.Event().wait()
        if what in {"die", "end"} and not self._failed.done():
            self._failed.set_result(None)
            return
        if what not in {"silent", "curt"}:
            await self._inner.feed(sides, start_ms)

    async def skip(self, start_ms: int, end_ms: int) -> None:
        await self._inner.skip(start_ms, end_ms)

    async def finish(self) -> None:
        if self._trouble is not None and self._trouble.what == "finish":
            raise self._trouble.error()
        if self._trouble is not None and self._trouble.what == "silent":
            await asyncio.Event().wait()
        if self._trouble is not None and self._trouble.what == "curt":
            self._failed.set_result(None)
        await self._inner.finish()

    async def abort(self) -> None:
        self._provider.aborted += 1
        await self._inner.abort()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        source = aiter(self._inner)
        coming = asyncio.ensure_future(anext(source))
        try:
            while True:
                await asyncio.wait({coming, self._failed}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    assert self._trouble is not None
                    if self._trouble.what in {"end", "curt"}:
                        return
                    raise self._trouble.error()
                heard = coming.result()
                coming = asyncio.ensure_future(anext(source))
                if isinstance(heard, Hypothesis):
                    heard = replace(heard, provider=self._provider.name)
                    if heard.final and self._trouble is not None and self._trouble.what == "again":
                        yield heard
                yield heard
        except StopAsyncIteration:
            return
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
