"""What a document is made of while it is read, what comes out, and why it may not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

# As many characters as a document may have when it is stored.
MAX_CHARACTERS = 1_000_000
MAX_TITLE = 200


class Kind(StrEnum):
    """What a file holds, by its content."""

    MARKDOWN = "markdown"
    TEXT = "text"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"
    CSV = "csv"
    ZIP = "zip"


class Trouble(StrEnum):
    """Why a file gives no document."""

    EMPTY = "empty"
    KIND = "kind"
    OLD_WORD = "old_word"
    ENCRYPTED = "encrypted"
    SCANNED = "scanned"
    DAMAGED = "damaged"
    NO_TEXT = "no_text"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    NO_COLUMNS = "no_columns"
    TOO_SLOW = "too_slow"
    TOO_MUCH_MEMORY = "too_much_memory"
    NESTED = "nested"


class DocumentError(Exception):
    """The file cannot become a document. Says nothing of what is in it."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a document, in order.

    `level`: of a heading, 1 to 6; of an item of a list, how deep it lies, from 0. `number`: of a numbered item, else 0.
    `rows`: of a table, the first one its head.
    """

    kind: Literal["heading", "paragraph", "item", "table", "code", "quote"]
    text: str = ""
    level: int = 0
    number: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """A file as a document: `body` is Markdown. `links`: where an HTML page leads to, as it says it."""

    kind: Kind
    title: str
    body: str
    links: tuple[str, ...] = ()
