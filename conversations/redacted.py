"""What people write about a conversation is redacted like what is said in it, before it is kept."""

from __future__ import annotations

from engines.redaction.redactor import redact
from engines.redaction.text import RawText


def redacted(text: str) -> str:
    """Return `text` without surrounding space and without what the house redacts."""
    return redact(RawText(text.strip())).text
