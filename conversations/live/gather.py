"""Redis scripts of many calls, sent together: a few milliseconds of waiting save a round trip and a wake-up for each.

Three hundred calls put three thousand chunks a second into Redis. Asked for one by one, that costs the process more
than hearing them does.
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError, RedisError, ResponseError

GATHER_SECONDS = 0.006


class Gathered:
    """Runs scripts for many askers at once. Each gets its own answer or error.

    What one asker asks for next is not sent before its last question is answered; between askers there is no order.
    """

    def __init__(self, redis: Redis, seconds: float = GATHER_SECONDS) -> None:
        self._redis = redis
        self._seconds = seconds
        self._asked: list[tuple[asyncio.Future[Any], tuple[Any, ...]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self, script: AsyncScript, keys: list[str], arguments: list[Any]) -> Any:
        """Run a script of one of the server's clients. Raises redis errors."""
        try:
            return await self._ask((script.sha, len(keys), *keys, *arguments))
        except NoScriptError:
            await self._redis.script_load(script.script)
            return await self._ask((script.sha, len(keys), *keys, *arguments))

    def _ask(self, question: tuple[Any, ...]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if not self._asked:
            loop.call_later(self._seconds, self._flush)
        self._asked.append((answer, question))
        return answer

    def _flush(self) -> None:
        asked, self._asked = self._asked, []
        task = asyncio.create_task(self._send(asked))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, asked: list[tuple[asyncio.Future[Any], tuple[Any, ...]]]) -> None:
        try:
            answers = await self._answers([("EVALSHA", *arguments) for _answer, arguments in asked])
        except (RedisError, OSError) as error:
            answers = [error] * len(asked)
        except BaseException:
            for answer, _arguments in asked:
                answer.cancel()
            raise
        for (answer, _arguments), said in zip(asked, answers, strict=True):
            if answer.done():
                continue
            if isinstance(said, BaseException):
                answer.set_exception(said)
            else:
                answer.set_result(said)

    async def _answers(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send commands at once and read their answers, errors of single ones among them. Raises redis errors.

        By a connection of the pool itself: what a pipeline does beside it costs as much as the rest of storing a chunk.
        """
        pool = self._redis.connection_pool
        connection = await pool.get_connection()
        answers: list[Any] = []
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            for _ in commands:
                try:
                    answers.append(await connection.read_response())
                except ResponseError as error:
                    answers.append(error)
        except BaseException:
            # Answers that nobody read must not become those of the next who asks.
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)
        return answers
