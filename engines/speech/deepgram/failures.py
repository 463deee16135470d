"""What goes wrong with Deepgram, told as `SpeechError` without secrets or words of the call.

The SDK's `ApiError` holds request headers, the API key among them: it is never raised on, chained or logged.
"""

from __future__ import annotations

import asyncio
import re

import httpx
from deepgram.core.api_error import ApiError
from websockets.exceptions import ConnectionClosed, WebSocketException

from engines.speech.faults import Fault, ProviderError
from engines.speech.types import SpeechError

_LONGEST_REASON = 200
_MALFORMED_AUDIO = 1008


_STATUS = {
    400: ("it refuses the request", Fault.REFUSED),
    401: ("it does not know the key", Fault.REFUSED),
    402: ("the project has no credit left", Fault.REFUSED),
    403: ("the key may not do this", Fault.REFUSED),
    404: ("it has no such address or model", Fault.REFUSED),
    408: ("the request took too long", Fault.SLOW),
    413: ("the recording is too large", Fault.REFUSED),
    429: ("too many calls at once", Fault.BUSY),
}


def of_status(status: int | None, reason: str, secret: str) -> SpeechError:
    """Return the error for an HTTP status of Deepgram's, at a WebSocket's beginning or of a request."""
    what = "it is out of order" if (status or 0) >= 500 else "it answered unexpectedly"
    meaning, fault = _STATUS.get(status or 0, (what, Fault.BROKEN))
    retryable = status is None or status < 400 or status in (408, 409, 425, 429) or status >= 500
    return _error(f"{meaning} (HTTP {status or 'none'})", reason, secret, fault, retryable=retryable)


def of(error: BaseException, secret: str) -> SpeechError:
    """Return what `error`, raised by the SDK or beneath it, means. To be raised outside of its handler."""
    if isinstance(error, SpeechError):
        return error
    if isinstance(error, ApiError):
        return of_status(error.status_code, dg_error(error), secret)
    if isinstance(error, ConnectionClosed):
        return of_close(error, secret)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return _error("it did not answer in time", "", secret, Fault.SLOW, retryable=True)
    if isinstance(error, OSError | httpx.TransportError | WebSocketException | asyncio.IncompleteReadError):
        return _error(
            f"it cannot be reached ({type(error).__name__})", "", secret, Fault.AWAY, retryable=True
        )
    return _error(f"the SDK failed ({type(error).__name__})", "", secret, Fault.FAILED, retryable=True)


def of_close(error: ConnectionClosed, secret: str) -> SpeechError:
    """Return the error for a closed WebSocket; one torn off without a close frame has code 1006."""
    frame = error.rcvd
    code, reason = (frame.code, frame.reason) if frame is not None else (1006, "")
    # The same audio would be as malformed a second time.
    malformed = code == _MALFORMED_AUDIO
    fault = Fault.AWAY if code == 1006 else Fault.BROKEN
    return _error(f"it closed the connection ({code})", reason, secret, fault, retryable=not malformed)


def broken(what: str) -> SpeechError:
    """Return the error for an answer that cannot be used."""
    return ProviderError(f"Deepgram: {what}", fault=Fault.BROKEN, retryable=True)


def slow(what: str) -> SpeechError:
    """Return the error for answers that do not come, or too late."""
    return ProviderError(f"Deepgram: {what}", fault=Fault.SLOW, retryable=True)


def dg_error(error: ApiError) -> str:
    """Return the reason that Deepgram gave in its header `dg-error`, or "".

    At a refused WebSocket the SDK raises an error of its own without the response's headers; it does so while
    handling the one of `websockets`, which has them and is its context.
    """
    for holder in (error.__context__, error):
        headers = getattr(holder, "headers", None)
        reason = headers.get("dg-error") if headers is not None else None
        if isinstance(reason, str):
            return reason
    return ""


def retry_after(error: BaseException) -> float:
    """Return the seconds to wait that the answer to a request named, or 0."""
    headers = (error.headers if isinstance(error, ApiError) else None) or {}
    for name, value in headers.items():
        if name.lower() == "retry-after" and re.fullmatch(r"\d{1,4}", str(value).strip()):
            return float(value)
    return 0.0


def _error(what: str, reason: str, secret: str, fault: Fault, *, retryable: bool) -> SpeechError:
    shown = "".join(letter for letter in reason if letter.isprintable())
    if secret:
        shown = shown.replace(secret, "***")
    shown = shown[:_LONGEST_REASON]
    message = f"Deepgram: {what}" + (f": {shown}" if shown else "")
    return ProviderError(message, fault=fault, retryable=retryable)
