"""The wire to a chat model: OpenAI's chat completions by the `openai` SDK, to judged addresses and nowhere else.

No proxy of the environment, no redirect, no second try of the SDK's own. The SDK checks nothing of what a server
answers, so it may be anything; nothing of what is sent or answered is logged or put into an error.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from engines.addresses import address_read
from engines.language.tasks import NotAnswered, Route
from engines.pinned import PinnedTransport
from engines.speech.faults import Fault


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: its words, whether it was cut off, the tools that it asks for, and tokens as the server told."""

    text: str
    cut: bool = False
    calls: tuple[dict[str, Any], ...] = ()
    tokens: tuple[int, int] | None = None


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
    # The SDK leaves a stream's own breaks as they are.
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return Fault.AWAY
    return Fault.FAILED


class Failed(NotAnswered):
    """A request failed. `again_s` is when the server would be asked again, None where it says nothing; `again` says
    whether that could help."""

    def __init__(self, error: Exception) -> None:
        super().__init__(fault_of(error))
        status = getattr(error, "status_code", None)
        self.again = self.fault in {Fault.AWAY, Fault.BUSY} or status in {408, 409} or (status or 0) >= 500
        self.again_s: float | None = None
        told: Any = getattr(getattr(error, "response", None), "headers", {}).get("retry-after")
        try:
            self.again_s = max(0.0, float(told))
        except (TypeError, ValueError):
            # A date, or nothing: then as usual.
            self.again_s = None


def request_of(
    route: Route,
    messages: Sequence[dict[str, Any]],
    *,
    temperature: float,
    tokens: int,
    schema: dict[str, Any] | None = None,
    tools: Sequence[dict[str, Any]] = (),
    stream: bool = False,
) -> dict[str, Any]:
    """The parameters of one request. Those that the route names win, also over these, but for what is asked."""
    asked: dict[str, Any] = {"temperature": temperature, "max_tokens": tokens}
    if stream:
        asked["stream_options"] = {"include_usage": True}
    for name, value in route.parameters:
        if value is None:
            asked.pop(name, None)
        else:
            asked[name] = value
    asked |= {"model": route.model, "messages": list(messages)}
    if schema is not None:
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    if tools:
        asked["tools"] = list(tools)
    return asked


async def ask(client: openai.AsyncOpenAI, request: dict[str, Any]) -> Said:
    """Send one request. Raises `Failed`."""
    try:
        made: Any = await client.chat.completions.create(**request)
    except (openai.OpenAIError, json.JSONDecodeError) as error:
        # Without its cause, whose request holds the conversation and the key.
        raise Failed(error) from None
    choice = _choice(made)
    message = getattr(choice, "message", None)
    content = getattr(message, "content", None)
    return Said(
        content if isinstance(content, str) else "",
        getattr(choice, "finish_reason", None) == "length",
        tuple(_calls(getattr(message, "tool_calls", None))),
        _tokens(made),
    )


async def ask_streamed(client: openai.AsyncOpenAI, request: dict[str, Any]) -> AsyncGenerator[Said, None]:
    """Send one request and give its answer as it comes: words in pieces, the tokens where the server tells them.

    Raises `Failed`, and `NotAnswered` for what is no stream.
    """
    try:
        stream: Any = await client.chat.completions.create(**request, stream=True)
        async for chunk in stream:
            choice = _choice(chunk)
            content = getattr(getattr(choice, "delta", None), "content", None)
            yield Said(
                content if isinstance(content, str) else "",
                getattr(choice, "finish_reason", None) == "length",
                tokens=_tokens(chunk),
            )
    except (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError) as error:
        raise Failed(error) from None
    except (ValueError, AttributeError, TypeError):
        # What is no stream of JSON.
        raise NotAnswered(Fault.BROKEN) from None


def _choice(made: object) -> object:
    choices = getattr(made, "choices", None)
    return choices[0] if isinstance(choices, list) and choices else None


def _tokens(made: object) -> tuple[int, int] | None:
    usage = getattr(made, "usage", None)
    given, answered = (getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
    if type(given) is int and type(answered) is int and given >= 0 and answered >= 0:
        return given, answered
    return None


def _calls(calls: object) -> list[dict[str, Any]]:
    found = []
    for one in calls if isinstance(calls, list) else []:
        function = getattr(one, "function", None)
        ident, name, arguments = (
            getattr(one, "id", None),
            getattr(function, "name", None),
            getattr(function, "arguments", None),
        )
        if isinstance(ident, str) and isinstance(name, str) and isinstance(arguments, str):
            found.append({"id": ident, "name": name, "arguments": arguments})
    return found
