"""Personal data in documents: found by what the company hides in written fields, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conversations.redaction.policy import config_for_metadata
from engines.redaction.context import Context
from engines.redaction.redactor import redactor_for
from knowledge.text.private import Private

_LINE = re.compile(r"[^\n]*\S[^\n]*")
# Nothing that is hidden is without one of these: what has none need not be read.
_TELLS = re.compile(r"[\d@]")
# A line of a table may be long; the reader is made for sentences.
_STRETCH = 2_000
# Of a phone number less than this is none: in speech a number comes in parts, in a document it stands whole.
_PHONE_DIGITS = 6
# Documents lead to pages; of an address only one that names somebody, or somebody's case, is personal.
_OF_SOMEBODY = re.compile(r"@|%40|\d{6}")


def private_in(text: str) -> Iterator[Private]:
    """What reads as personal data in a document, in order, by the company's rules for written fields."""
    config = config_for_metadata()
    redactor = redactor_for(config)
    own = bool(config.custom)
    for line in _LINE.finditer(text):
        for start in range(line.start(), line.end(), _STRETCH):
            words = text[start : min(line.end(), start + _STRETCH)]
            if not own and not _TELLS.search(words):
                continue
            for span in redactor.examine(words, Context()).spans:
                found = words[span.start : span.end]
                if span.type == "URL" and not _OF_SOMEBODY.search(found):
                    continue
                digits = sum(letter.isdigit() for letter in found)
                if span.type == "PHONE" and digits < _PHONE_DIGITS:
                    continue
                yield Private(span.type, start + span.start, start + span.end)
