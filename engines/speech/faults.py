"""What went wrong with a recogniser, in one word: fit for a log, a counter and a page, never a customer's words."""

from __future__ import annotations

from enum import StrEnum

from engines.speech.types import SpeechError


class Fault(StrEnum):
    """Why a provider failed."""

    AWAY = "away"  # no connection, or it broke
    SLOW = "slow"  # no answer in time
    BUSY = "busy"  # too many requests or connections (429)
    REFUSED = "refused"  # the key, the account or the model is not accepted
    BROKEN = "broken"  # an error of the server, or an answer that cannot be read
    UNSUPPORTED = (
        "unsupported"  # this call is not for this provider (its language); says nothing about its health
    )
    MISSING = "missing"  # a package or a model is not installed here
    FAILED = "failed"  # anything else


class ProviderError(SpeechError):
    """A `SpeechError` that says which fault it was. The message holds neither secrets nor what was heard."""

    def __init__(self, message: str, *, fault: Fault, retryable: bool) -> None:
        super().__init__(message, retryable=retryable)
        self.fault = fault


def fault_of(error: BaseException) -> Fault:
    """The fault behind an error: what it says of itself, else what caused it."""
    told = getattr(error, "fault", None)
    if told in set(Fault):
        return Fault(told)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):
            return Fault.SLOW
        if isinstance(cause, OSError):
            return Fault.AWAY
        cause = cause.__cause__
    if isinstance(error, SpeechError) and not error.retryable:
        return Fault.REFUSED
    return Fault.FAILED


def is_retryable(error: BaseException) -> bool:
    """Whether the same provider may be tried again. An error that is no `SpeechError` may be bad luck: it may."""
    return error.retryable if isinstance(error, SpeechError) else True
