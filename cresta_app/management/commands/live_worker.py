"""Run a live worker until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from conversations.live.ears import Ears
from conversations.live.worker import LiveWorker
from cresta_app.live import stages
from engines.speech.providers import create
from engines.speech.types import SpeechProvider


def provider_make(name: str) -> SpeechProvider:
    """Make a speech provider; the installation's options are for its default one."""
    options = dict(settings.SPEECH_OPTIONS) if name == settings.SPEECH_PROVIDER else {}
    if name == "pocketsphinx":
        options.setdefault("processes", settings.SPEECH_PROCESSES)
    return create(name, **options)


class Command(BaseCommand):
    help = "Transcribe and understand live calls. Start as many as the installation needs."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        worker = LiveWorker(ears=Ears(settings.SPEECH_PROVIDER, provider_make), stages=stages())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()
