"""The recognisers of one worker: for each company's plan one provider that falls back from choice to choice.

Recognisers start when a call first needs them and are shared by all calls; those whose account was changed or taken
away are closed once no call can be using them any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.conf import settings

from engines.speech.breaker import CircuitBreaker, Health
from engines.speech.fallback import LIVE, FallbackProvider, Policy
from engines.speech.faults import Fault, ProviderError
from engines.speech.shared import StartedOnce
from engines.speech.types import CallToHear, SpeechProvider, SpeechSession
from providers.selectors import DEFAULT, SpeechChoice
from providers.speech import provider_make, shared_key

log = structlog.get_logger(__name__)

Plan = tuple[SpeechChoice, ...]


class Unmade:
    """Stands for a choice that cannot be made: its options are wrong, or what it needs is not installed."""

    diarises = False

    def __init__(self, name: str) -> None:
        self.name = name

    async def start(self) -> None:
        """Nothing to start."""

    async def open(self, call: CallToHear) -> SpeechSession:
        raise ProviderError("the recogniser cannot be made", fault=Fault.MISSING, retryable=False)

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class _Ear:
    """One choice of one company: the recogniser, which others may share, and its breaker, which is its own."""

    shared: SpeechChoice
    breaker: CircuitBreaker
    used_at: float


class Ears:
    """Hands out providers by plan. `make` makes a choice's recogniser, which is not started then.

    `policy` says how patient calls are with their providers. `unused_s`: a recogniser that no call has asked for in so
    long is closed; longer than any call.
    """

    def __init__(
        self,
        make: Callable[[SpeechChoice], SpeechProvider] = provider_make,
        *,
        policy: Policy = LIVE,
        unused_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._policy = policy
        self._unused_s = settings.INGEST_MAX_CALL_SECONDS + 3_600.0 if unused_s is None else unused_s
        self._clock = clock
        self._ears: dict[SpeechChoice, _Ear] = {}
        self._providers: dict[SpeechChoice, StartedOnce] = {}
        self._closing = asyncio.Lock()

    async def ready(self) -> None:
        """Start the installation's default, which most calls need. Raises `SpeechError` or `ValueError`."""
        choice = shared_key(SpeechChoice("", DEFAULT))
        if choice not in self._providers:
            self._providers[choice] = StartedOnce(self._make(choice))
        await self._providers[choice].ready()

    async def of(self, plan: Plan) -> SpeechProvider:
        """The provider for a company's plan: its choices in order, each with its breaker."""
        if not plan:
            raise ValueError("a plan names at least one recogniser")
        now = self._clock()
        ears = [self._ear(choice, now) for choice in plan]
        await self._close_unused(now)
        return FallbackProvider(
            [self._providers[ear.shared] for ear in ears],
            [ear.breaker for ear in ears],
            policy=self._policy,
        )

    def _ear(self, choice: SpeechChoice, now: float) -> _Ear:
        ear = self._ears.get(choice)
        if ear is None:
            ear = self._ears[choice] = _Ear(shared_key(choice), CircuitBreaker(), now)
        ear.used_at = now
        if ear.shared not in self._providers:
            self._providers[ear.shared] = StartedOnce(self._made(ear.shared))
        return ear

    def _made(self, choice: SpeechChoice) -> SpeechProvider:
        try:
            return self._make(choice)
        except (
            Exception
        ) as error:  # a company's own options must not stop its calls from being heard by the next
            log.error("speech.not_made", key=choice.key, vendor=choice.vendor, error=type(error).__name__)
            return Unmade(choice.vendor)

    async def _close_unused(self, now: float) -> None:
        async with self._closing:
            for choice, ear in list(self._ears.items()):
                if now - ear.used_at > self._unused_s:
                    del self._ears[choice]
            kept = {ear.shared for ear in self._ears.values()} | {shared_key(SpeechChoice("", DEFAULT))}
            for shared in [one for one in self._providers if one not in kept]:
                await self._providers.pop(shared).close()

    # --- How they do ------------------------------------------------------------------------------------

    def healths(self) -> dict[tuple[str, str], Health]:
        """What is known of each recogniser by company and key; of an account that was changed, the newest."""
        newest = sorted(self._ears.items(), key=lambda item: item[1].used_at)
        return {(choice.schema, choice.key): ear.breaker.health() for choice, ear in newest}

    def reset(self, schema: str, key: str) -> None:
        """Close a recogniser's breaker by hand."""
        for choice, ear in self._ears.items():
            if (choice.schema, choice.key) == (schema, key):
                ear.breaker.reset()

    async def close(self) -> None:
        """Release every recogniser; open sessions end."""
        providers, self._providers = self._providers, {}
        self._ears.clear()
        for provider in providers.values():
            await provider.close()
