"""DOCX: headings by their styles, lists by their numbering, tables; read by `python-docx`.

A DOCX is a zip: how far it unpacks is bounded before it is opened.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Any, BinaryIO

from docx import Document as open_docx
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree

from engines.documents.model import DocumentError, Kind, Piece, Trouble
from engines.documents.writing import one_line

UNPACKED_BYTES = 200 * 1024 * 1024
# Text of XML packs to a thirtieth; what goes far beyond was made to.
RATIO = 200
RATIO_FROM_BYTES = 1024 * 1024
_MEMBERS = 5_000
_HEADING = re.compile(r"(?:heading|überschrift|titre|título|kop)\s*([1-9])", re.IGNORECASE)


def packed_kind(file: BinaryIO) -> Kind:
    """What a zip is: a Word document, or files that lie together. Raises `DocumentError` for other office documents."""
    try:
        with zipfile.ZipFile(file) as packed:
            names = set(packed.namelist())
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError):
        raise DocumentError(Trouble.DAMAGED) from None
    if "word/document.xml" in names:
        return Kind.DOCX
    if "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names:
        raise DocumentError(Trouble.KIND)
    return Kind.ZIP


def _bounded(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        infos = packed.infolist()
        if len(infos) > _MEMBERS or sum(info.file_size for info in infos) > UNPACKED_BYTES:
            raise DocumentError(Trouble.TOO_LARGE)
        for info in infos:
            if info.flag_bits & 0x1:
                raise DocumentError(Trouble.ENCRYPTED)
            if info.file_size > RATIO_FROM_BYTES and info.file_size > RATIO * max(1, info.compress_size):
                raise DocumentError(Trouble.TOO_LARGE)


def docx_read(data: bytes) -> tuple[str, list[Piece]]:
    """The title and the pieces. Raises `DocumentError`."""
    try:
        _bounded(data)
        document = open_docx(io.BytesIO(data))
        pieces: list[Piece] = []
        numbers: dict[tuple[str, int], int] = {}
        title = ""
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                pieces.append(_table(block))
                numbers.clear()
                continue
            piece = _paragraph(block, numbers)
            if piece is None:
                continue
            if not title and _style(block).lower() == "title":
                title = one_line(piece.text)
            pieces.append(piece)
        return title or one_line(document.core_properties.title or ""), pieces
    except (
        OpcError,
        KeyError,
        ValueError,
        AttributeError,
        IndexError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        etree.LxmlError,
    ):
        raise DocumentError(Trouble.DAMAGED) from None


def _style(paragraph: Paragraph) -> str:
    style = paragraph.style
    return (style.name or "") if style is not None else ""


def _paragraph(paragraph: Paragraph, numbers: dict[tuple[str, int], int]) -> Piece | None:
    text = one_line(_seen(paragraph))
    if not text:
        return None
    style = _style(paragraph)
    if found := _HEADING.match(style):
        numbers.clear()
        return Piece("heading", text, min(6, int(found[1])))
    if style.lower() == "title":
        return Piece("heading", text, 1)
    listed = _listed(paragraph, style)
    if listed is None:
        return Piece("paragraph", text)
    which, level, numbered = listed
    if not numbered:
        return Piece("item", text, level)
    numbers[(which, level)] = numbers.get((which, level), 0) + 1
    return Piece("item", text, level, numbers[(which, level)])


def _seen(paragraph: Paragraph) -> str:
    """The words that a reader sees: links' too, without what is formatted as hidden or was struck by an edit."""
    parts: list[str] = []
    for element in paragraph._p.iter():
        tag = etree.QName(element).localname
        if tag == "t":
            run = next((one for one in element.iterancestors() if etree.QName(one).localname == "r"), None)
            if run is None or not run.xpath("./w:rPr/w:vanish"):
                parts.append(element.text or "")
        elif tag in {"tab", "br", "cr"}:
            parts.append(" ")
    return "".join(parts)


def _listed(paragraph: Paragraph, style: str) -> tuple[str, int, bool] | None:
    """Which list a paragraph is an item of, how deep, and whether it is numbered; None for no item."""
    properties: Any = paragraph._p.pPr
    lower = style.lower()
    numbering = properties.numPr if properties is not None else None
    named = lower.startswith("list")
    if numbering is None and not named:
        return None
    level = numbering.ilvl.val if numbering is not None and numbering.ilvl is not None else 0
    if numbering is None and lower[-1:].isdigit():
        level = int(lower[-1]) - 1
    ident = str(numbering.numId.val) if numbering is not None and numbering.numId is not None else style
    if "number" in lower:
        return ident, level, True
    return ident, level, not named and _is_numbered(paragraph, ident, level)


def _is_numbered(paragraph: Paragraph, ident: str, level: int) -> bool:
    """What the document's list of numberings says about one; bullets where it says nothing."""
    try:
        root: Any = paragraph.part.numbering_part.element  # type: ignore[attr-defined]
    except (KeyError, NotImplementedError, AttributeError):
        return False
    found = root.xpath(f"./w:num[@w:numId='{int(ident) if ident.isdigit() else 0}']/w:abstractNumId/@w:val")
    if not found:
        return False
    formats = root.xpath(
        f"./w:abstractNum[@w:abstractNumId='{found[0]}']/w:lvl[@w:ilvl='{level}']/w:numFmt/@w:val"
    )
    return bool(formats) and formats[0] not in {"bullet", "none"}


def _table(table: Table) -> Piece:
    rows: list[tuple[str, ...]] = []
    for row in table.rows:
        line: list[str] = []
        former: Any = None
        for cell in row.cells:
            # A merged cell is handed out once for each column that it covers.
            line.append("" if cell._tc is former else one_line(cell.text))
            former = cell._tc
        rows.append(tuple(line))
    return Piece("table", rows=tuple(rows))
