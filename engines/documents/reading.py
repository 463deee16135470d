"""A file becomes a document: its kind by its content, then the reader of that kind."""

from __future__ import annotations

import io
import re
from pathlib import PurePosixPath

from engines.documents.model import MAX_CHARACTERS, MAX_TITLE, DocumentError, Kind, Piece, Read, Trouble
from engines.documents.plain import decoded, markdown_read, text_read
from engines.documents.writing import first_heading, markdown, one_line

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|article|main|h[1-6]|p|div|table|ul|ol)[\s>]", re.IGNORECASE
)
_MARKED = re.compile(r"^ {0,3}#{1,6}[ \t]+\S", re.MULTILINE)
# A text may hold a few of these by accident; other files are full of them.
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_HEAD = 8192


def kind_of(name: str, data: bytes) -> Kind:
    """What a file holds. Its name decides only among kinds of text. Raises `DocumentError`."""
    head = data[:_HEAD]
    if not data.strip(b" \t\r\n\x0b\x0c\xef\xbb\xbf"):
        raise DocumentError(Trouble.EMPTY)
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        from engines.documents.word import packed_kind

        return packed_kind(io.BytesIO(data))
    if head.startswith(_OLD_OFFICE):
        # Word's former form; a DOCX with a password is packed into the same.
        raise DocumentError(Trouble.ENCRYPTED if b"E\0n\0c\0r\0y\0p\0t\0e\0d" in data else Trouble.OLD_WORD)
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide and (b"\0" in head or len(_CONTROL.findall(head)) > 2 + len(head) // 100):
        raise DocumentError(Trouble.KIND)
    ending = PurePosixPath(name.lower().replace("\\", "/")).suffix
    if ending in {".html", ".htm", ".xhtml"} or (
        ending not in {".md", ".markdown", ".csv", ".tsv"} and _is_html(head)
    ):
        return Kind.HTML
    text = decoded(data[: 2 * _HEAD])
    if ending in {".csv", ".tsv"}:
        return Kind.CSV
    if ending in {".md", ".markdown"} or (ending != ".txt" and _MARKED.search(text)):
        return Kind.MARKDOWN
    return Kind.TEXT


def _is_html(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and bool(_HTML.search(head))


def name_as_title(name: str) -> str:
    """A file's name as words: "late-fees_2026.pdf" is "late fees 2026"."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    return one_line(re.sub(r"[_\-]+", " ", stem))[:MAX_TITLE]


def document_read(name: str, data: bytes, *, charset: str = "") -> Read:
    """Read one file; a zip is not one. `charset`: of an HTML page, as its server says it. Raises `DocumentError`."""
    kind = kind_of(name, data)
    if kind is Kind.ZIP:
        raise DocumentError(Trouble.NESTED)
    title, body, links = _read(kind, data, charset)
    if len(body) > MAX_CHARACTERS:
        raise DocumentError(Trouble.TOO_LONG)
    if not body.strip():
        raise DocumentError(Trouble.NO_TEXT)
    return Read(kind, (one_line(title) or name_as_title(name))[:MAX_TITLE], body, links)


def _read(kind: Kind, data: bytes, charset: str) -> tuple[str, str, tuple[str, ...]]:
    pieces: list[Piece]
    links: tuple[str, ...] = ()
    if kind is Kind.MARKDOWN:
        title, body = markdown_read(decoded(data))
        return title, body, links
    # The larger libraries are loaded where they are needed only.
    if kind is Kind.HTML:
        from engines.documents.html import html_read

        title, pieces, links = html_read(data, charset)
    elif kind is Kind.PDF:
        from engines.documents.pdf import pdf_read

        title, pieces = pdf_read(data)
        title = first_heading(pieces) or title
    elif kind is Kind.DOCX:
        from engines.documents.word import docx_read

        title, pieces = docx_read(data)
        title = title or first_heading(pieces)
    elif kind is Kind.CSV:
        from engines.documents.table import csv_read

        title, pieces = "", csv_read(decoded(data))
    else:
        title, pieces = "", text_read(decoded(data))
    return title, markdown(pieces), links
