"""Run a live worker until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand

from conversations.live.ears import Ears
from conversations.live.worker import LiveWorker
from cresta_app.live import chat_stages, stages

new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
with suppress(ImportError):  # there is none for Windows
    import uvloop

    new_loop = uvloop.new_event_loop


class Command(BaseCommand):
    help = "Transcribe and understand live calls. Start as many as the installation needs."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        worker = LiveWorker(ears=Ears(), stages=stages(), chat_stages=chat_stages())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()
