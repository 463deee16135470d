"""Has a company's own chat model read a conversation again: any server that speaks OpenAI's chat completions.

It is sent redacted text, which still holds what was missed so far, so the server must run where the company trusts it
with that (`hindsight.Reader`). The call goes there and nowhere else: no proxy of the environment, no redirect. What
comes back can only name stretches to hide (`chat_answers`). Nothing of either is logged or put into an error.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

import openai

from engines.addresses import address_read
from engines.pinned import PinnedTransport
from engines.redaction.chat_answers import NAME, Piece, Unusable, finds, form, question, turns, windows
from engines.redaction.hindsight import Find, Line, NotRead
from engines.redaction.redactor import RedactionConfig
from engines.speech.faults import Fault

REQUEST_S, TOTAL_S = 60.0, 600.0
_RETRIES = 2
_ANSWER_TOKENS = 1200
# A server that answers the same again when it is asked the same is asked a little differently.
_TEMPERATURES = (0.0, 0.4)


class ChatReader:
    """Reads with the model `model` of the server at `base_url` (with its `/v1`). Serves all threads.

    `addresses` are those that the server's name leads to, as somebody judged them; nothing is sent to others. They may
    be left out where `base_url` itself has an address in place of a name.

    One request holds `characters` of the call, beside some 2,500 of the question and an answer of 1,200 tokens at most.
    `request_s` is for one request with all its attempts: the SDK makes `retries` more on 408, 409, 429, 5xx and lost
    connections, and waits as `retry-after` says. `total_s` is for the whole conversation, whatever the server does.
    """

    name = NAME

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        characters: int,
        addresses: Sequence[str] = (),
        api_key: str = "",
        request_s: float = REQUEST_S,
        total_s: float = TOTAL_S,
        retries: int = _RETRIES,
    ) -> None:
        """Raises `ValueError` without a server, its addresses or a model: there is none that all trust."""
        if not base_url or not model or characters < 1:
            raise ValueError("the reader needs a server, a model and some characters to send")
        self._base_url = base_url
        self._addresses = addresses_of(base_url, addresses)
        self._model = model
        self._api_key = api_key
        self._characters = characters
        self._request_s = request_s
        self._total_s = total_s
        self._retries = retries

    def read(self, lines: Sequence[Line], config: RedactionConfig) -> list[Find]:
        """See `hindsight.Reader`. Not to be called where an event loop runs. Raises `NotRead`."""
        types = config.found_types
        cut = windows(lines, self._characters)
        if not cut or not types:
            return []
        try:
            return asyncio.run(self._read(cut, types))
        except TimeoutError:
            raise NotRead(Fault.SLOW) from None

    async def _read(self, cut: Sequence[list[Piece]], types: frozenset[str]) -> list[Find]:
        found: list[Find] = []
        async with asyncio.timeout(self._total_s), self._client() as client:
            for pieces in cut:
                found += await self._asked(client, pieces, types)
        return found

    def _client(self) -> openai.AsyncOpenAI:
        return client_of(self._base_url, self._addresses, self._api_key, self._request_s, self._retries)

    async def _asked(
        self, client: openai.AsyncOpenAI, pieces: list[Piece], types: frozenset[str]
    ) -> list[Find]:
        """Ask about one window; twice where the answer cannot be used, in halves where it was too long."""
        for temperature in _TEMPERATURES:
            try:
                async with asyncio.timeout(self._request_s):
                    answer, whole = await self._answer(client, pieces, types, temperature)
            except TimeoutError:
                raise NotRead(Fault.SLOW) from None
            except (openai.OpenAIError, json.JSONDecodeError) as error:
                # Without its cause, whose request holds the conversation and the key.
                raise NotRead(fault_of(error)) from None
            if not whole and len(pieces) > 1:
                middle = len(pieces) // 2
                first = await self._asked(client, pieces[:middle], types)
                return first + await self._asked(client, pieces[middle:], types)
            try:
                return finds(answer, pieces, types)
            except Unusable:
                continue
        raise NotRead(Fault.BROKEN)

    async def _answer(
        self, client: openai.AsyncOpenAI, pieces: list[Piece], types: frozenset[str], temperature: float
    ) -> tuple[str, bool]:
        """The words of an answer ("" where there are none), and whether they are all of it."""
        made = await client.chat.completions.create(
            model=self._model,
            messages=[
                {"role": "system", "content": question(types)},
                {"role": "user", "content": turns(pieces)},
            ],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "findings", "strict": True, "schema": form(types)},
            },
            temperature=temperature,
            max_tokens=_ANSWER_TOKENS,
        )
        # The SDK checks nothing: a server may answer anything.
        choices = getattr(made, "choices", None)
        choice = choices[0] if isinstance(choices, list) and choices else None
        content = getattr(getattr(choice, "message", None), "content", None)
        return (content if isinstance(content, str) else ""), getattr(choice, "finish_reason", "") != "length"


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Trust whom this machine trusts (`SSL_CERT_FILE`, too): servers inside often have certificates of their own."""
    return ssl.create_default_context()


def addresses_of(base_url: str, judged: Sequence[str]) -> tuple[str, ...]:
    """Return where a server is: as `judged`, or as its own address says. Raises `ValueError` if neither does."""
    if judged:
        return tuple(judged)
    try:
        return (str(address_read(urlsplit(base_url).hostname or "")),)
    except ValueError:
        raise ValueError("nobody judged where the name of the server leads") from None


def client_of(
    base_url: str, addresses: Sequence[str], api_key: str, request_s: float, retries: int
) -> openai.AsyncOpenAI:
    """A client of a company's own server, which goes to these `addresses` of it and nowhere else."""
    client = openai.AsyncOpenAI(
        # One that asks for no key still wants the header; the SDK refuses to do without.
        api_key=api_key or "none",
        base_url=base_url,
        timeout=request_s,
        max_retries=retries,
        http_client=openai.DefaultAsyncHttpxClient(
            follow_redirects=False,
            trust_env=False,
            transport=PinnedTransport(addresses, verify=_certificates()),
        ),
    )
    # Of the machine's own account with somebody else, which is none of this server's business.
    client.organization = client.project = None
    return client


def fault_of(error: Exception) -> Fault:
    """Why a request failed, in one word: the SDK's own may quote it."""
    if isinstance(error, openai.RateLimitError):
        return Fault.BUSY
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError | openai.NotFoundError):
        return Fault.REFUSED
    if isinstance(error, openai.APITimeoutError):
        return Fault.SLOW
    if isinstance(error, openai.APIStatusError):
        return Fault.UNSUPPORTED if error.status_code in {400, 413, 415, 422} else Fault.BROKEN
    if isinstance(error, openai.APIResponseValidationError | json.JSONDecodeError):
        return Fault.BROKEN
    if isinstance(error, openai.APIConnectionError):
        return Fault.AWAY
    return Fault.FAILED
