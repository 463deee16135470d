"""The second net under the logs: what looks like personal data is taken out of every line, by form alone.

The first is that nobody logs what people say. This one knows no context and looks only for what gives itself away in
a line of events and ids: card numbers, social security numbers, phone numbers, e-mail addresses, IBANs, and digits in
runs that nothing we log by ourselves has. Times, counts, ports, versions, UUIDs and hashes stay.

The expressions hold no nested repetition: they take time in proportion to the line.
"""

from __future__ import annotations

import re
import sys
import threading
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from engines.redaction.text import RawText

RAW = "[RAW]"
# No line of ours is longer; what is may hold anything, and is cut.
LINE_CHARACTERS = 8_000
DEPTH = 4

_DIGITS = re.compile(r"\d")
# Four digits in a row, however they are parted, are the least of what is looked for; most lines have none.
_HINT = re.compile(r"@|\d(?:[ .()/-]{0,2}\d){3}")
# Stays as it is: UUIDs; times; hashes and ids in hexadecimal; addresses of networks, and versions.
_KEPT = (
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?=[0-9a-f]{0,31}[a-f])[0-9a-f]{16,128}(?![0-9A-Za-z])"
    r"|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\d.])"
)
_EMAIL = r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
_IBAN = r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"
# Digits with at most two signs between them, and a plus or a bracket in front.
_RUN = r"(?<![0-9A-Za-z_.])(?:\+|\()?\d(?:[ .()/-]{0,2}\d){3,40}(?![0-9A-Za-z_])"
_FIND = re.compile(f"(?P<kept>{_KEPT})|(?P<email>{_EMAIL})|(?P<iban>{_IBAN})|(?P<run>{_RUN})")
_PHONE = re.compile(r"\+[\d .()/-]{7,}|\(?\d{2,4}\)?[ .-]\d{2,4}(?:[ .-]\d{2,4}){1,3}|\(\d{2,4}\) ?\d.*")
_SSN = re.compile(r"\d{3}[- ]\d\d[- ]\d{4}")
# Fractions, seconds and milliseconds since 1970, and the ids that Redis makes of them.
_MEASURED = re.compile(r"\d+\.\d+|1[4-9]\d{8}|1[4-9]\d{11}(?:-\d{1,6})?")
# A bare run of so many digits is nothing that we count or measure in.
LONG_RUN = 9


def _is_card(digits: str) -> bool:
    """Say whether `digits` have the length and the checksum (Luhn) of a payment card."""
    if not 13 <= len(digits) <= 19:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _run_name(run: str) -> str:
    """What a run of digits is to be called, "" where it stays."""
    if _MEASURED.fullmatch(run):
        return ""
    digits = "".join(_DIGITS.findall(run))
    if _is_card(digits):
        return "[CREDIT_CARD]"
    if _SSN.fullmatch(run):
        return "[SSN]"
    if 7 <= len(digits) <= 15 and _PHONE.fullmatch(run):
        return "[PHONE]"
    return "[NUMBER]" if len(digits) >= LONG_RUN else ""


def _replaced(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "email":
        return "[EMAIL]"
    if kind == "iban":
        return "[IBAN]"
    if kind == "run":
        return _run_name(match.group()) or match.group()
    return match.group()


def text_scrubbed(text: str) -> str:
    """`text` without what looks like personal data by its form. Pure; a microsecond for a line without any."""
    if len(text) > LINE_CHARACTERS:
        text = text[:LINE_CHARACTERS].rstrip("0123456789 .()/-") + " […]"
    if _HINT.search(text) is None:
        return text
    return _FIND.sub(_replaced, text)


def scrubbed(value: Any, depth: int = DEPTH) -> Any:
    """The same value without what looks like personal data in its texts; raw text is not shown at all.

    Numbers stay unless they are as long as a card's. What is no plain value is shown by its `repr`, scrubbed, where
    that is changed by it.
    """
    if isinstance(value, str):
        return text_scrubbed(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**12 or not _is_card(str(abs(value))) else "[CREDIT_CARD]"
    if isinstance(value, RawText):
        return RAW
    if depth and isinstance(value, Mapping):
        return {scrubbed(key, 0): scrubbed(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [scrubbed(item, depth - 1) for item in value]
    if isinstance(value, BaseException):
        return type(value).__name__
    shown = str(value)
    clean = text_scrubbed(shown)
    return value if clean == shown else clean


def scrub_event(_logger: object, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor: every value of an event, and the event itself, passes `scrubbed`."""
    return {name: value if name == "timestamp" else scrubbed(value) for name, value in event.items()}


# What PostgreSQL and its driver add to a message: the row that failed, the statement with its values.
_QUOTES_A_ROW = re.compile(r"\s*(?:DETAIL|CONTEXT|QUERY|STATEMENT|PARAMETERS|LINE \d+)\b.*|\s*\^\s*")


def message_scrubbed(text: str) -> str:
    """What an error says of itself, of one line or more: scrubbed, and no row quoted."""
    kept = (line for line in text.splitlines() if not _QUOTES_A_ROW.fullmatch(line))
    return "\n".join(text_scrubbed(line) for line in kept)


def uncaught_text(error: BaseException) -> str:
    """The traceback of an error that nobody caught, for standard error."""
    return message_scrubbed("".join(traceback.format_exception(error))) + "\n"


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), trace)
        return
    sys.stderr.write(uncaught_text(error.with_traceback(trace)))


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and not isinstance(given.exc_value, SystemExit):
        _uncaught(given.exc_type, given.exc_value, given.exc_traceback)


def _unraisable(given: sys.UnraisableHookArgs) -> None:
    if given.exc_value is not None:
        _uncaught(given.exc_type, given.exc_value, given.exc_traceback)


def install_hooks() -> None:
    """Have errors that nobody caught, in any thread, told by `uncaught_text`."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
