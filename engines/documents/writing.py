"""Pieces of a document written as Markdown, so that everything that is cut and cited has one form."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engines.documents.model import MAX_CHARACTERS, DocumentError, Piece, Trouble

_SPACE = re.compile(r"\s+")
# Text that would be read as Markdown where it is none: a hash and a space, a fence.
_HASH = re.compile(r"^(#{1,6})[ \t]+")
_FENCE = re.compile(r"^(`{3,}|~{3,})")
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff\u200b\u2060\ufeff\u00ad]")
# Letters that turn the reading direction of what follows: they make a text look like another.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """`text` without what cannot be stored, and without what no reader can see."""
    return _TURNING.sub("", _UNSTORABLE.sub("", text))


def one_line(text: str) -> str:
    """`text` with every run of white space as one blank."""
    return _SPACE.sub(" ", clean(text)).strip()


def _plain(text: str) -> str:
    text = _HASH.sub(lambda found: f"{found[1]}\u00a0", one_line(text))
    return _FENCE.sub(lambda found: "'" * len(found[1]), text)


def _cell(text: str) -> str:
    return one_line(text).replace("|", "/")


def _table(rows: tuple[tuple[str, ...], ...]) -> str:
    width = max(len(row) for row in rows)
    lines = [
        "| " + " | ".join(_cell(cell) for cell in (*row, *[""] * (width - len(row)))) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def _written(piece: Piece) -> str:
    if piece.kind == "heading":
        words = one_line(piece.text).strip("# ")
        return f"{'#' * min(6, max(1, piece.level))} {words}" if words else ""
    if piece.kind == "item":
        sign = f"{piece.number}." if piece.number else "-"
        words = one_line(piece.text)
        return f"{'  ' * min(piece.level, 6)}{sign} {words}" if words else ""
    if piece.kind == "table":
        filled = tuple(row for row in piece.rows if any(cell.strip() for cell in row))
        return _table(filled) if filled else ""
    if piece.kind == "code":
        return f"```\n{clean(piece.text).replace('```', chr(39) * 3).strip(chr(10))}\n```"
    if piece.kind == "quote":
        words = one_line(piece.text)
        return f"> {words}" if words else ""
    return _plain(piece.text)


def markdown(pieces: Iterable[Piece]) -> str:
    """Write pieces, with a blank line between them; items of a list stand together. Raises `DocumentError`."""
    parts: list[str] = []
    length, former = 0, ""
    for piece in pieces:
        text = _written(piece)
        if not text:
            continue
        between = "" if not parts else "\n" if piece.kind == former == "item" else "\n\n"
        parts += [between, text]
        length += len(between) + len(text)
        if length > MAX_CHARACTERS:
            raise DocumentError(Trouble.TOO_LONG)
        former = piece.kind
    return "".join(parts) + "\n" if parts else ""


def first_heading(pieces: Iterable[Piece]) -> str:
    """The words of the first heading of the highest level there is, "" without any."""
    found = [piece for piece in pieces if piece.kind == "heading" and one_line(piece.text)]
    return one_line(min(found, key=lambda piece: piece.level).text) if found else ""
