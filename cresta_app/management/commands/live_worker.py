"""Run a live worker until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from conversations.live.ears import Ears
from conversations.live.worker import LiveWorker
from cresta_app.live import stages

try:
    from uvloop import run
except ImportError:  # there is none for Windows
    from asyncio import run


class Command(BaseCommand):
    help = "Transcribe and understand live calls. Start as many as the installation needs."

    def handle(self, *args: Any, **options: Any) -> None:
        run(self._run())

    async def _run(self) -> None:
        worker = LiveWorker(ears=Ears(), stages=stages())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()
