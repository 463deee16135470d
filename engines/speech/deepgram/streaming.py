"""Hears calls by Deepgram's streaming API: the provider, and what it knows of its sessions."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from engines.speech.deepgram.account import AccountProvider
from engines.speech.deepgram.assembler import NAME
from engines.speech.deepgram.options import Streaming
from engines.speech.deepgram.session import DeepgramSession
from engines.speech.types import CallToHear

CLOSE_SECONDS = 3.0


class DeepgramProvider(AccountProvider[Streaming]):
    """One Deepgram account. Options are those of `Streaming`; raises `ValueError` for what they cannot be."""

    name = NAME
    diarises = False

    def __init__(self, **options: Any) -> None:
        given = Streaming(**options)
        super().__init__(given, seconds=given.connect_seconds)
        self._sessions: set[DeepgramSession] = set()

    @property
    def max_rate(self) -> float:
        """How much faster than it was spoken a session takes audio; 0 is no limit."""
        return self._options.max_rate

    async def start(self) -> None:
        """Make the client. Nothing connects yet."""
        # At DEBUG it writes down headers and frames: what customers said. No setting of ours shall bring that about.
        if (wire := logging.getLogger("websockets.client")).getEffectiveLevel() < logging.INFO:
            wire.setLevel(logging.INFO)
        await super().start()

    async def open(self, call: CallToHear) -> DeepgramSession:
        """Begin a session. It connects with its first audio; what a key or model is refused for comes then.

        Raises `SpeechError`, not retryable, for a call that Deepgram cannot hear.
        """
        client, query = self._asked(call)
        session = DeepgramSession(
            client=client, options=self._options, call=call, query=query, ended=self._sessions.discard
        )
        self._sessions.add(session)
        return session

    async def close(self) -> None:
        """End all sessions and release the client."""
        sessions = list(self._sessions)
        for session in sessions:
            await session.abort()
        if sessions:
            await asyncio.wait([asyncio.create_task(each.gone()) for each in sessions], timeout=CLOSE_SECONDS)
        await self._release()
