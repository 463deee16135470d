"""Run a reader of Amazon Connect calls until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from integrations.telephony.connect.reader import KvsReader


class Command(BaseCommand):
    help = "Read the audio of Amazon Connect calls from Kinesis Video Streams. Start as many as are needed."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        reader = KvsReader()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, reader.stop)
        await reader.run()
