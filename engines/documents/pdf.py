"""PDF: lines with their sizes by `pypdf`, put together to paragraphs; larger letters make headings.

Lines that come again on most pages (heads, feet, page numbers) are left out. A PDF without text is a picture of one.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, DeprecationError, PyPdfError

from engines.documents.model import MAX_CHARACTERS, DocumentError, Piece, Trouble
from engines.documents.plain import HEADING_LENGTH, grown, heading_level, item_of
from engines.documents.writing import one_line

MAX_PAGES = 2_000
# Of letters that are this much larger than the text, lines are headings.
_LARGER = 1.12
_PAGE_NUMBER = re.compile(r"^(?:page|seite|p\.)?\s*\d{1,4}(?:\s*(?:/|of|von)\s*\d{1,4})?$", re.IGNORECASE)
# Letters that were set as one sign, as they are searched for.
_LIGATURES = str.maketrans(
    {
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
    }
)
# Lines of a table of contents: they would be found for everything, and say nothing.
_LEADERS = re.compile(r"(?:\.\s?){5,}\s*(?:\d{1,4}|[ivxlc]{1,8})$")
_DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class _Line:
    text: str
    size: float
    y: float
    bold: bool


def pdf_read(data: bytes) -> tuple[str, list[Piece]]:
    """The title as its properties say it (may be "") and the pieces. Raises `DocumentError`."""
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError(Trouble.ENCRYPTED)
        count = len(reader.pages)
        if count > MAX_PAGES:
            raise DocumentError(Trouble.TOO_MANY_PAGES)
        pages: list[list[_Line]] = []
        letters = pictures = 0
        for page in reader.pages:
            lines = _lines(page)
            letters += sum(len(line.text) for line in lines)
            if letters > MAX_CHARACTERS:
                raise DocumentError(Trouble.TOO_LONG)
            if not lines:
                pictures += bool(_has_pictures(page))
            pages.append(lines)
        title = one_line(str(reader.metadata.title or "")) if reader.metadata else ""
    except DependencyError:
        raise DocumentError(Trouble.ENCRYPTED) from None
    except DocumentError:
        raise
    except (
        PyPdfError,
        DeprecationError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        OverflowError,
        AssertionError,
        OSError,
        NotImplementedError,
        UnicodeError,
        ZeroDivisionError,
    ):
        # Damaged files fail in pypdf in every way there is.
        raise DocumentError(Trouble.DAMAGED) from None
    if letters < 8 * max(1, count) and pictures:
        raise DocumentError(Trouble.SCANNED)
    usual = _usual_size(pages)
    return title, _joined(_without_repeats(pages, usual), usual)


def _has_pictures(page: Any) -> bool:
    resources = page.get("/Resources")
    objects = resources.get_object().get("/XObject") if resources is not None else None
    return bool(objects is not None and objects.get_object())


def _lines(page: Any) -> list[_Line]:
    lines: list[_Line] = []
    words: list[str] = []
    sizes: Counter[float] = Counter()
    bold = place = 0.0
    begun = False

    def close() -> None:
        nonlocal begun, bold
        text = one_line("".join(words).translate(_LIGATURES))
        if text and not _LEADERS.search(text):
            size = sizes.most_common(1)[0][0] if sizes else 0.0
            lines.append(_Line(text, size, place, bold > len(text) / 2))
        words.clear()
        sizes.clear()
        begun, bold = False, 0.0

    def visit(text: str, matrix: Any, text_matrix: Any, font: Any, size: float) -> None:
        nonlocal begun, bold, place
        scale = abs(text_matrix[3] or text_matrix[1] or 1.0) * abs(matrix[3] or matrix[1] or 1.0)
        for number, part in enumerate(text.split("\n")):
            if number:
                close()
            if not part.strip():
                words.append(part)
                continue
            if not begun:
                place, begun = text_matrix[5] * (matrix[3] or 1.0) + matrix[5], True
            words.append(part)
            sizes[round(size * scale, 1)] += len(part)
            name = str(font.get("/BaseFont", "")) if font else ""
            bold += len(part) if "bold" in name.lower() or "black" in name.lower() else 0

    page.extract_text(visitor_text=visit)
    close()
    return lines


def _without_repeats(pages: list[list[_Line]], usual: float) -> list[list[_Line]]:
    """Pages without the lines at their edges that most pages have, and without page numbers; headings stay."""
    edges: Counter[str] = Counter()
    for lines in pages:
        outer = [*lines[:2], *lines[-2:]]
        edges.update({_DIGITS.sub("0", line.text) for line in outer if line.size <= usual})
    often = {text for text, times in edges.items() if len(pages) >= 3 and times > len(pages) * 0.6}
    kept: list[list[_Line]] = []
    for lines in pages:
        last = len(lines) - 1
        kept.append(
            [
                line
                for number, line in enumerate(lines)
                if not (
                    line.size <= usual
                    and (number < 2 or number > last - 2)
                    and (
                        _DIGITS.sub("0", line.text) in often
                        or (_PAGE_NUMBER.match(line.text) and len(lines) > 1)
                    )
                )
            ]
        )
    return kept


def _usual_size(pages: list[list[_Line]]) -> float:
    """The size of most letters, 0 without any."""
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _joined(pages: list[list[_Line]], usual: float) -> list[Piece]:
    sizes = {line.size for lines in pages for line in lines}
    larger = sorted((size for size in sizes if size > usual * _LARGER), reverse=True)
    levels = {size: min(6, number + 1) for number, size in enumerate(larger)}
    gap = _usual_gap(pages, usual)
    pieces: list[Piece] = []
    for lines in pages:
        former: _Line | None = None
        for line in lines:
            fresh = former is None or abs(former.y - line.y) > gap * 1.45
            pieces = _added(pieces, line, former, fresh=fresh, levels=levels)
            former = line
    return pieces


def _usual_gap(pages: list[list[_Line]], usual: float) -> float:
    gaps = Counter(
        round(one.y - other.y, 1)
        for lines in pages
        for one, other in pairwise(lines)
        if one.size == other.size == usual and 0 < one.y - other.y < 4 * max(usual, 1.0)
    )
    return gaps.most_common(1)[0][0] if gaps else 1.4 * max(usual, 1.0)


def _added(
    pieces: list[Piece], line: _Line, former: _Line | None, *, fresh: bool, levels: dict[float, int]
) -> list[Piece]:
    last = pieces[-1] if pieces else None
    level = levels.get(line.size, 0)
    if level and len(line.text) <= 2 * HEADING_LENGTH:
        if last is not None and last.kind == "heading" and last.level == level and not fresh:
            pieces[-1] = grown(last, line.text)
        else:
            pieces.append(Piece("heading", line.text, level))
        return pieces
    bottom = max(levels.values(), default=0)
    numbered = heading_level(line.text) if line.bold else 0
    if line.bold and fresh and len(line.text) <= HEADING_LENGTH and not line.text.endswith((".", ",", ";")):
        pieces.append(Piece("heading", line.text.rstrip(":"), min(6, max(bottom + 1, numbered))))
        return pieces
    item = item_of(line.text)
    if item is not None:
        pieces.append(item)
    elif last is None or last.kind == "heading" or (fresh and former is not None):
        pieces.append(Piece("paragraph", line.text))
    elif former is None and last.text.endswith((".", "!", "?", ":")):
        # A new page: a sentence that was not over goes on.
        pieces.append(Piece("paragraph", line.text))
    else:
        pieces[-1] = grown(last, line.text)
    return pieces
