"""What people write about a conversation is redacted like what is said in it, before it is kept."""

from __future__ import annotations

from conversations.redaction.policy import redaction_config
from engines.redaction.redactor import redact
from engines.redaction.text import RawText


def redacted(text: str) -> str:
    """Return `text` without surrounding space and without what the company hides."""
    return redact(RawText(text.strip()), redaction_config()).text
