"""What both ways of having Deepgram hear have in common: an account, and the SDK's client for it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import httpx
from deepgram import AsyncDeepgramClient

from engines.speech.deepgram.options import Recorded, Streaming
from engines.speech.faults import Fault, ProviderError
from engines.speech.types import CallToHear

Options = TypeVar("Options", Streaming, Recorded)


class AccountProvider(Generic[Options]):
    """One Deepgram account. `seconds` bounds a request."""

    def __init__(self, options: Options, *, seconds: float) -> None:
        self._options: Options = options
        self._seconds = seconds
        self._client: AsyncDeepgramClient | None = None
        self._http: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options.base_url or 'hosted'} {self._options.model}>"

    async def start(self) -> None:
        """Make the client. Nothing connects yet."""
        if self._client is None:
            self._client, self._http = self._options.client(self._seconds)

    def _asked(self, call: CallToHear) -> tuple[AsyncDeepgramClient, dict[str, Any]]:
        """The client, and what it is asked about a call. Raises `SpeechError` for one that Deepgram cannot hear."""
        if self._client is None:
            raise RuntimeError("the provider is not started")
        try:
            return self._client, self._options.query(call)
        except ValueError as error:
            raise ProviderError(str(error), fault=Fault.UNSUPPORTED, retryable=False) from None

    async def _release(self) -> None:
        http, self._http, self._client = self._http, None, None
        if http is not None:
            await http.aclose()
