"""Markdown and plain text: their letters, and what stands for a heading or a list where nothing is marked."""

from __future__ import annotations

import re

from engines.documents.model import Piece
from engines.documents.writing import clean

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)

BULLET = re.compile(r"^(\s*)[-*•‣▪◦–·●○][ \t]+(?=\S)")
NUMBERED = re.compile(r"^(\s*)(\d{1,3})[.)][ \t]+(?=\S)")
_NUMBERED_HEADING = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,4})\.?[ \t]+(?=[^\W\d_])")
_SENTENCE = re.compile(r"[.!?,;:]$")
HEADING_LENGTH = 90


def decoded(data: bytes) -> str:
    """The letters of a text file: UTF-8 or UTF-16 by its mark, else UTF-8, else what Windows has written (1252)."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    return clean(text.replace("\r\n", "\n").replace("\r", "\n"))


def markdown_read(text: str) -> tuple[str, str]:
    """The title (of the front matter, else of the first heading, else "") and the body of a Markdown file.

    Comments go: nobody who reads the page sees them.
    """
    title = ""
    if front := _FRONT.match(text):
        if named := _TITLE.search(front[1]):
            title = named[1]
        text = text[front.end() :]
    text = _COMMENT.sub("", text).strip("\n")
    heading = _HEADING.search(text)
    return title or (heading[1] if heading else ""), text + "\n" if text.strip() else ""


def text_read(text: str) -> list[Piece]:
    """Pieces of a plain text. Blank lines part them; capitals or a number like 2.1 alone on a line make a heading."""
    pieces: list[Piece] = []
    for stretch in re.split(r"\n[ \t]*\n+", text):
        pieces += _stretch(stretch.strip("\n"))
    return pieces


def _stretch(stretch: str) -> list[Piece]:
    lines = [line.rstrip() for line in stretch.split("\n") if line.strip()]
    if len(lines) == 1 and (level := heading_level(lines[0].strip())):
        return [Piece("heading", lines[0], level)]
    pieces: list[Piece] = []
    for line in lines:
        item = item_of(line)
        if item is not None:
            pieces.append(item)
        elif pieces:
            pieces[-1] = grown(pieces[-1], line)
        else:
            pieces.append(Piece("paragraph", line))
    return pieces


def grown(piece: Piece, line: str) -> Piece:
    """A piece with a further line of it; a word that was cut at the line's end is whole again."""
    words = line.strip()
    if piece.text.endswith("-") and piece.text[-2:-1].isalpha() and words[:1].islower():
        text = piece.text[:-1] + words
    else:
        text = f"{piece.text} {words}"
    return Piece(piece.kind, text, piece.level, piece.number)


def item_of(line: str) -> Piece | None:
    """The item of a list that begins with this line, if one does."""
    if found := BULLET.match(line):
        return Piece("item", line[found.end() :], len(found[1].expandtabs()) // 2)
    if found := NUMBERED.match(line):
        return Piece("item", line[found.end() :], len(found[1].expandtabs()) // 2, int(found[2]))
    return None


def heading_level(line: str) -> int:
    """How high a heading a line on its own is: 1 and down, 0 for none."""
    if not line or len(line) > HEADING_LENGTH or _SENTENCE.search(line):
        return 0
    if found := _NUMBERED_HEADING.match(line):
        return min(6, 1 + found[1].count(".") + 1)
    letters = [letter for letter in line if letter.isalpha()]
    return 2 if len(letters) >= 3 and all(letter.isupper() for letter in letters) else 0
