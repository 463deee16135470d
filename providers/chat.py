"""The company's own chat model as a reader of calls that are over, and trying one out on a call that never was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from engines.redaction.hindsight import Find, Line, NotRead, Reader
from engines.redaction.redactor import RedactionConfig
from engines.speech.faults import Fault
from providers.addresses import address_check, encryption_check
from providers.models import ChatServer
from providers.selectors import account_secret, reading_server
from providers.speech import Trial, fault_words
from tenants.keys import SealError
from tenants.scope import current_schema, schema_scope

if TYPE_CHECKING:
    from engines.language.answering import AnswerWriter, Said
    from engines.redaction.chat_reader import ChatReader

TRIED_WITHIN_S = 30.0
# A server that was away, or had too much to do, is left alone for so long: all workers waiting for the server of one
# company would leave none to the others. Less than the outbox waits before it tries again.
LEFT_ALONE_S = 20
_LEFT_ALONE = frozenset({Fault.AWAY, Fault.SLOW, Fault.BUSY})
# Nobody's name and nobody's words.
_TRIED_NAME = "marigold thistlewood"
_TRIED = (
    Line("agent", "thank you for calling who am i speaking to", 0, 2000),
    Line("customer", f"hello this is {_TRIED_NAME} i have a question about my bill", 2000, 5000),
)


class _Sparing:
    """Asks the server, and not again just after it could not answer."""

    def __init__(self, server: ChatServer, reader: Reader) -> None:
        self.name = reader.name
        self._reader = reader
        self._key = f"chat-away:{current_schema()}:{server.pk}:{server.base_url}"

    def read(self, lines: Sequence[Line], config: RedactionConfig) -> list[Find]:
        if cache.get(self._key):
            raise NotRead(Fault.AWAY)
        try:
            return self._reader.read(lines, config)
        except NotRead as error:
            if error.fault in _LEFT_ALONE:
                cache.set(self._key, 1, timeout=LEFT_ALONE_S)
            raise


def chat_reader() -> Reader | None:
    """The reader that is this company's chat server; None where it has none inside its trust boundary.

    The address is looked at again, as names may lead elsewhere by now. Raises `hindsight.NotRead` where there is a
    server and nobody may ask it, or its key does not open.
    """
    server = reading_server()
    if server is None:
        return None
    try:
        return _Sparing(server, _made(server, addresses=_judged(server)))
    except (ValidationError, SealError):
        raise NotRead(Fault.REFUSED) from None


def replies_propose(turns: Sequence[tuple[str, str]], most: int, *, within_s: float) -> list[str]:
    """What the company's chat server would write next, after turns of (speaker, redacted words); nothing without one.

    Raises `hindsight.NotRead` like `chat_reader`, and leaves a server alone that was away a moment ago.
    """
    server = reading_server()
    if server is None:
        return []
    try:
        addresses = _judged(server)
        secret = account_secret(server)
    except (ValidationError, SealError):
        raise NotRead(Fault.REFUSED) from None
    key = f"chat-away:{current_schema()}:{server.pk}:{server.base_url}"
    if cache.get(key):
        raise NotRead(Fault.AWAY)
    # Not with this module: the SDK takes a second to load, and few companies have a server.
    from engines.language.chat_replies import ReplyWriter

    writer = ReplyWriter(
        base_url=server.base_url,
        model=server.model,
        addresses=addresses,
        api_key=secret,
        total_s=within_s,
    )
    try:
        return writer.write(turns, most)
    except NotRead as error:
        # One that is merely too slow for a chat may well read calls that are over.
        if error.fault in _LEFT_ALONE - {Fault.SLOW}:
            cache.set(key, 1, timeout=LEFT_ALONE_S)
        raise


class _SparingWriter:
    """Asks the server for an answer, and not again just after it was away."""

    def __init__(self, writer: AnswerWriter, key: str) -> None:
        self._writer = writer
        # It writes when the request has left its company, and the cache keeps companies apart.
        self._schema, self._key = current_schema(), key

    async def write(self, question: str, passages: Sequence[tuple[str, str]]) -> AsyncIterator[Said]:
        try:
            async for said in self._writer.write(question, passages):
                yield said
        except NotRead as error:
            if error.fault in _LEFT_ALONE - {Fault.SLOW}:
                await asyncio.to_thread(self._leave_alone)
            raise

    def _leave_alone(self) -> None:
        with schema_scope(self._schema):
            cache.set(self._key, 1, timeout=LEFT_ALONE_S)


def answer_writer(*, within_s: float) -> _SparingWriter | None:
    """What writes answers from passages by the company's chat server; None without one. One query.

    It is to be given redacted text. Raises `hindsight.NotRead` like `chat_reader`, also for a server that was away a
    moment ago.
    """
    server = reading_server()
    if server is None:
        return None
    key = f"chat-away:{current_schema()}:{server.pk}:{server.base_url}"
    if cache.get(key):
        raise NotRead(Fault.AWAY)
    # Not with this module: the SDK takes a second to load, and few companies have a server.
    from engines.language.answering import AnswerWriter

    try:
        writer = AnswerWriter(
            base_url=server.base_url,
            model=server.model,
            addresses=_judged(server),
            api_key=account_secret(server),
            total_s=within_s,
        )
    except (ValidationError, SealError):
        raise NotRead(Fault.REFUSED) from None
    return _SparingWriter(writer, key)


def chat_mark() -> str:
    """Which model reads along, for a fingerprint of what was read by; "" where none does. One query."""
    server = reading_server()
    return "" if server is None else f"chat:{server.model}"


def _judged(server: ChatServer) -> tuple[str, ...]:
    """Where the server's name leads now: no other place is sent anything. Raises `ValidationError`, `NotRead`."""
    addresses = address_check(server.base_url)
    encryption_check(server.base_url, resolve=lambda _host: addresses)
    if not addresses:
        raise NotRead(Fault.AWAY)  # a name that nobody knows
    return addresses


def _made(server: ChatServer, *, addresses: Sequence[str], **limits: Any) -> ChatReader:
    # Not with this module: the SDK takes a second to load, and few companies have a server.
    from engines.redaction.chat_reader import ChatReader

    return ChatReader(
        base_url=server.base_url,
        model=server.model,
        addresses=addresses,
        api_key=account_secret(server),
        characters=server.characters,
        **limits,
    )


def chat_try(server: ChatServer) -> Trial:
    """Have a server read a made-up call. Takes up to 30 s; must not be called within a transaction.

    Raises `SealError`.
    """
    began = time.monotonic()
    try:
        addresses = _judged(server)
        reader = _made(
            server, addresses=addresses, request_s=TRIED_WITHIN_S, total_s=TRIED_WITHIN_S, retries=0
        )
        found = reader.read(_TRIED, RedactionConfig(enabled_types=frozenset({"NAME"})))
    except ValidationError as error:
        return Trial(False, " ".join(error.messages))
    except NotRead as error:
        if error.fault == Fault.UNSUPPORTED:
            return Trial(False, _("It does not take the request: it must answer by a JSON schema."))
        return Trial(False, fault_words(error.fault))
    took = time.monotonic() - began
    words = {_TRIED[one.line].text[one.span.start : one.span.end] for one in found}
    if not any(one in _TRIED_NAME or _TRIED_NAME in one for one in words):
        return Trial(
            False, _("It answered within %.1f s and did not find the name in a made-up call.") % took
        )
    return Trial(True, _("It answered within %.1f s and found the name in a made-up call.") % took)
