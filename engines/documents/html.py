"""HTML pages: their own text with its headings, lists and tables, without what stands around it and what nobody sees.

Nothing is fetched and nothing runs. What is hidden from readers is left out: it is there for machines, to lead them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from engines.documents.model import DocumentError, Piece, Trouble
from engines.documents.writing import one_line

_DROPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "footer",
        "aside",
        "form",
        "button",
        "iframe",
        "object",
        "embed",
        "svg",
        "canvas",
        "select",
        "input",
        "textarea",
        "dialog",
        "audio",
        "video",
        "map",
        "menu",
        "head",
        "meta",
        "link",
        "title",
    ]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "header",
        "hgroup",
        "html",
        "main",
        "p",
        "section",
        "summary",
        "tbody",
        "tr",
        "td",
        "th",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# A link around these is a part of the page, and no words of a sentence.
_APART = _BLOCKS | set(_HEADINGS) | {"ul", "ol", "table", "pre", "blockquote"}
# What pages put around their text, by the words in a class or an id.
_AROUND = re.compile(
    r"(^|[\s_-])(cookies?|consent|breadcrumbs?|newsletter|social|share|sharing|sidebar|skip|navbar|pagination|"
    r"related|comments?|advert|promo)([\s_-]|$)",
    re.IGNORECASE,
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
# An address that is worth keeping beside its words: whole, of this kind, without whom it was made for.
_ADDRESS = re.compile(r"https?://(?![^/]*@)[^\s()<>\[\]\"'`|]{4,200}")
_LONG_NUMBER = re.compile(r"\d{6}")
_MOST_CELLS = 200_000
_DEPTH = 400


def html_read(data: bytes, charset: str = "") -> tuple[str, list[Piece], tuple[str, ...]]:
    """The title, the pieces, and where the page's links lead. Raises `DocumentError`.

    `charset`: as the server says it; without it, the page's own word counts, then UTF-8.
    """
    root = _parsed(data, charset)
    links = tuple(
        dict.fromkeys(
            str(link.get("href")).strip()
            for link in root.iter("a")
            if link.get("href") and not _no_follow(link)
        )
    )
    pieces = list(_pieces(_main(root)))
    title = one_line("".join(root.xpath("string((//*[local-name()='title'])[1])")))
    heading = next((piece.text for piece in pieces if piece.kind == "heading" and piece.level == 1), "")
    # A page's <title> names the site, too; its first heading names the page.
    return one_line(heading) or title, pieces, links


def says_no_index(data: bytes) -> bool:
    """Whether a page asks not to be kept (`<meta name="robots" content="noindex">`)."""
    head = data[: 64 * 1024].lower()
    return any(
        b"noindex" in tag and (b'"robots"' in tag or b"'robots'" in tag or b"=robots" in tag)
        for tag in re.findall(rb"<meta\s[^>]{0,400}>", head)
    )


def _no_follow(link: Any) -> bool:
    return "nofollow" in str(link.get("rel", "")).lower().split()


def _parsed(data: bytes, charset: str) -> Any:
    encoding: str | None = None
    if charset:
        try:
            data.decode(charset)
            encoding = charset
        except (LookupError, UnicodeDecodeError):
            encoding = None
    if encoding is None and not re.search(rb"charset\s*=", data[:4096], re.IGNORECASE):
        try:
            data.decode("utf-8")
            encoding = "utf-8"
        except UnicodeDecodeError:
            encoding = "cp1252"
    parser = lxml_html.HTMLParser(
        encoding=encoding, no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = lxml_html.document_fromstring(data, parser=parser)
    except (etree.LxmlError, ValueError, LookupError):
        raise DocumentError(Trouble.DAMAGED) from None
    return root


def _main(root: Any) -> Any:
    """The part that the page is about, as far as it says so."""
    for path in ("//main", "//*[@role='main']", "//article"):
        found = root.xpath(path)
        if len(found) == 1 and len(found[0].text_content().strip()) > 80:
            return found[0]
    body = root.find("body")
    return root if body is None else body


def _left_out(element: Any, depth: int) -> bool:
    tag = element.tag
    if not isinstance(tag, str) or tag in _DROPPED or depth > _DEPTH:
        return True
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    if _HIDDEN.search(element.get("style") or ""):
        return True
    if tag == "header" and not element.xpath(".//h1"):
        return True
    if tag in {"main", "body", "html", "article"} or tag in _HEADINGS:
        return False
    return bool(_AROUND.search(f"{element.get('class') or ''} {element.get('id') or ''}"))


class _Walk:
    """Goes through a tree and gathers pieces; words outside any block become paragraphs."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.words: list[str] = []

    def flush(self) -> None:
        text = one_line("".join(self.words))
        self.words.clear()
        if text:
            self.pieces.append(Piece("paragraph", text))

    def within(self, element: Any, depth: int) -> None:
        self.words.append(element.text or "")
        for child in element:
            if not _left_out(child, depth):
                self.element(child, depth + 1)
            self.words.append(child.tail or "")

    def element(self, element: Any, depth: int) -> None:
        tag = element.tag
        if tag in _HEADINGS:
            self.flush()
            if text := _words(element, links=False):
                self.pieces.append(Piece("heading", text, _HEADINGS[tag]))
        elif tag in {"ul", "ol"}:
            self.flush()
            self.pieces += _list(element, 0, depth)
        elif tag == "table" and _is_data(element):
            self.flush()
            self.pieces += _table(element)
        elif tag == "pre":
            self.flush()
            self.pieces.append(Piece("code", element.text_content()))
        elif tag == "blockquote":
            self.flush()
            self.pieces.append(Piece("quote", _words(element)))
        elif tag in {"br", "hr"}:
            if tag == "hr" or (self.words and self.words[-1] == "\n"):
                self.flush()
            else:
                self.words.append("\n")
        elif tag in _BLOCKS or tag == "table":
            self.flush()
            self.within(element, depth)
            self.flush()
        elif tag == "a" and not any(child.tag in _APART for child in element.iterdescendants()):
            self.words.append(_linked(element, "".join(_seen(element, depth))))
        else:
            self.within(element, depth)


def _pieces(element: Any) -> list[Piece]:
    walk = _Walk()
    walk.within(element, 0)
    walk.flush()
    return walk.pieces


def _seen(element: Any, depth: int = 0, *, links: bool = False) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if not _left_out(child, depth):
            if child.tag in _BLOCKS or child.tag in {"br", "li"}:
                yield " "
            if links and child.tag == "a":
                yield _linked(child, "".join(_seen(child, depth + 1)))
            else:
                yield from _seen(child, depth + 1, links=links)
        yield child.tail or ""


def _words(element: Any, *, links: bool = True) -> str:
    return one_line("".join(_seen(element, links=links)))


def _linked(link: Any, words: str) -> str:
    """The words of a link, as Markdown with where it leads if a reader may want to go there.

    Not so within a site (relative addresses), where the words are the address, or where it names a case or a person.
    """
    address, text = str(link.get("href") or "").strip(), one_line(words)
    if not _ADDRESS.fullmatch(address) or _LONG_NUMBER.search(address) or not text or set(text) & set("[]"):
        return words
    if text.rstrip("/") in address:
        return words
    return f"{words[: len(words) - len(words.lstrip())]}[{text}]({address}){words[len(words.rstrip()) :]}"


def _list(element: Any, level: int, depth: int) -> list[Piece]:
    pieces: list[Piece] = []
    number = 0
    for item in element:
        if item.tag in {"ul", "ol"} and depth < _DEPTH:
            pieces += _list(item, level + 1, depth + 1)
        if item.tag != "li" or _left_out(item, depth):
            continue
        number += 1
        inner: list[Any] = [child for child in item if child.tag in {"ul", "ol"}]
        tails = [child.tail or "" for child in inner]
        for child in inner:
            child.tail = None
            item.remove(child)
        if text := one_line(_words(item) + " " + " ".join(tails)):
            pieces.append(Piece("item", text, level, number if element.tag == "ol" else 0))
        for child in inner:
            if depth < _DEPTH:
                pieces += _list(child, level + 1, depth + 1)
    return pieces


def _is_data(table: Any) -> bool:
    """Whether a table holds figures and words, not a page's layout."""
    return table.get("role") != "presentation" and not table.xpath(".//table|.//h1|.//h2|.//ul|.//ol")


def _table(table: Any) -> list[Piece]:
    rows: list[tuple[str, ...]] = []
    cells = 0
    for row in table.iter("tr"):
        line: list[str] = []
        for cell in row:
            if cell.tag not in {"td", "th"} or _left_out(cell, 0):
                continue
            span = cell.get("colspan", "1")
            line.append(_words(cell))
            # A cell over several columns: the others stay empty, so that the columns below keep their place.
            line += [""] * (min(int(span), 50) - 1 if span.isascii() and span.isdigit() else 0)
        cells += len(line)
        if cells > _MOST_CELLS:
            raise DocumentError(Trouble.TOO_LONG)
        if any(line):
            rows.append(tuple(line))
    caption = [Piece("paragraph", _words(found)) for found in table.findall("caption")]
    return [*caption, Piece("table", rows=tuple(rows))] if rows else caption
