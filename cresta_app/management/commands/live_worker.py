"""Run a live worker until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from conversations.live.worker import LiveWorker
from cresta_app.live import stages
from engines.speech.providers import create


class Command(BaseCommand):
    help = "Transcribe and understand live calls. Start as many as the installation needs."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        settings_options = dict(settings.SPEECH_OPTIONS)
        if settings.SPEECH_PROVIDER == "pocketsphinx":
            settings_options.setdefault("processes", settings.SPEECH_PROCESSES)
        worker = LiveWorker(speech=create(settings.SPEECH_PROVIDER, **settings_options), stages=stages())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()
