"""A live worker says how its recognisers do, and closes breakers that an admin has reset (see `providers.health`)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import redis.asyncio as redis
import structlog

from conversations.live.ears import Ears
from providers.health import KEPT_S, REPORT_EVERY_S, report, report_field, reports_key, resets_key

log = structlog.get_logger(__name__)


class SpeechReports:
    """One worker's. Redis may go away and come back; calls do not wait for it."""

    def __init__(self, ears: Ears, client: redis.Redis, worker: str) -> None:
        self._ears = ears
        self._redis = client
        self._worker = worker
        self._obeyed: dict[tuple[str, str], float] = {}
        self._began = time.time()

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            try:
                await self.once()
            except (redis.RedisError, OSError) as error:
                log.warning("worker.speech_not_reported", error=type(error).__name__)

    async def once(self) -> None:
        """Obey resets, then report. Raises `redis.RedisError`."""
        for schema in {schema for schema, _key in self._ears.healths()}:
            resets: dict[bytes, bytes] = await self._await(self._redis.hgetall(resets_key(schema)))
            for field, value in resets.items():
                self._reset(schema, field.decode(), float(value))
        now = time.time()
        async with self._redis.pipeline(transaction=False) as pipe:
            for (schema, key), health in self._ears.healths().items():
                name = reports_key(schema)
                pipe.hset(name, report_field(key, self._worker), report(health, at=now))
                pipe.expire(name, KEPT_S)
            await pipe.execute()

    def _reset(self, schema: str, key: str, at: float) -> None:
        # One from before this worker's time is not for it.
        if at > self._obeyed.get((schema, key), self._began):
            self._obeyed[schema, key] = at
            self._ears.reset(schema, key)
            log.info("speech.breaker_reset", schema=schema, key=key)

    @staticmethod
    async def _await(answer: Any) -> Any:
        # The client's types leave open whether it is the asynchronous one.
        return await answer
