"""The Markdown of our documents: its blocks with exact offsets, and how it is shown.

A small subset on purpose (headings, paragraphs, lists, tables, quotes, fenced code; bold, code and links within a
line): what people write in such documents, with offsets that a full parser does not give.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

Kind = Literal["heading", "paragraph", "list", "table", "code", "quote"]

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_ITEM = re.compile(r"( *)(?:[-*+]|(\d{1,9})[.)])[ \t]+(.*)$")
_ROW = re.compile(r" {0,3}\|.*\|[ \t]*$")
_RULER = re.compile(r"[ \t|:-]+$")


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch `[start, end)` of the body, without the blank lines around it. `title`: of a heading, bare."""

    kind: Kind
    start: int
    end: int
    level: int = 0
    title: str = ""


def _lines(body: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its offset, without its line break."""
    at = 0
    for line in body.split("\n"):
        yield at, line
        at += len(line) + 1


def _kind_of(line: str) -> Kind:
    if _ITEM.match(line):
        return "list"
    if _ROW.match(line):
        return "table"
    return "quote" if line.lstrip().startswith(">") else "paragraph"


def blocks(body: str) -> list[Block]:
    """Cut a body into its blocks, in order. A list or a table is one block."""
    found: list[Block] = []
    lines = list(_lines(body))
    number = 0
    while number < len(lines):
        start, line = lines[number]
        if not line.strip():
            number += 1
            continue
        if heading := _HEADING.match(line):
            found.append(Block("heading", start, start + len(line), len(heading[1]), heading[2]))
            number += 1
            continue
        if fence := _FENCE.match(line):
            last = number + 1
            while last < len(lines) and not lines[last][1].lstrip().startswith(fence[1]):
                last += 1
            last = min(last, len(lines) - 1)
            found.append(Block("code", start, lines[last][0] + len(lines[last][1])))
            number = last + 1
            continue
        kind = _kind_of(line)
        last = _last_line(lines, number, kind)
        underline = _UNDERLINE.match(lines[last][1]) if kind == "paragraph" and last == number + 1 else None
        if underline:
            found.append(
                Block("heading", start, _end(lines[last]), 1 if "=" in underline[1] else 2, line.strip())
            )
        else:
            found.append(Block(kind, start, _end(lines[last])))
        number = last + 1
    return found


def _end(line: tuple[int, str]) -> int:
    return line[0] + len(line[1].rstrip())


def _last_line(lines: list[tuple[int, str]], first: int, kind: Kind) -> int:
    """Return the number of the last line of the block that begins at `first`."""
    last = first
    for number in range(first + 1, len(lines)):
        line = lines[number][1]
        if not line.strip():
            # A list goes on after a blank line when another item or an indented line follows.
            following = lines[number + 1][1] if number + 1 < len(lines) else ""
            if kind == "list" and (
                _ITEM.match(following) or (following.strip() and following.startswith("  "))
            ):
                continue
            break
        if _HEADING.match(line) or _FENCE.match(line):
            break
        if kind == "table" and not _ROW.match(line):
            break
        if kind == "paragraph" and _kind_of(line) != "paragraph":
            break
        last = number
        if kind == "paragraph" and number == first + 1 and _UNDERLINE.match(line):
            break
    return last


# --- How it is shown ------------------------------------------------------------------------------------

_INLINE = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|\[(?P<words>[^\]]+)\]\((?P<url>https?://[^\s)]+)\)"
)


# Also where what is shown ends within an address.
_LINK = re.compile(r"\[([^\]]+)\]\(https?://[^\s)]+(?:\)|\Z)")


def unlinked(text: str) -> str:
    """A text with the words of its links and without where they lead."""
    return _LINK.sub(r"\1", text)


def _inline(text: str) -> str:
    """Return one line's words as HTML. Everything is escaped; only http links become links."""
    parts, at = [], 0
    for found in _INLINE.finditer(text):
        parts.append(escape(text[at : found.start()]))
        if found["code"]:
            parts.append(f"<code>{escape(found['code'])}</code>")
        elif found["bold"]:
            parts.append(f"<b>{escape(found['bold'])}</b>")
        else:
            parts.append(f'<a href="{escape(found["url"])}" rel="noopener">{escape(found["words"])}</a>')
        at = found.end()
    return "".join([*parts, escape(text[at:])])


def _list_html(text: str) -> str:
    items: list[str] = []
    numbered = False
    for line in text.split("\n"):
        if item := _ITEM.match(line):
            numbered = numbered or (not items and item[2] is not None)
            items.append(_inline(item[3]))
        elif line.strip() and items:
            items[-1] += " " + _inline(line.strip())
    tag = "ol" if numbered else "ul"
    return f"<{tag}>{''.join(f'<li>{item}</li>' for item in items)}</{tag}>"


def _table_html(text: str) -> str:
    rows = [line.strip().strip("|").split("|") for line in text.split("\n")]
    has_head = len(rows) > 1 and bool(_RULER.match(text.split("\n")[1]))
    parts = []
    for number, row in enumerate(rows):
        if has_head and number == 1:
            continue
        tag = "th" if has_head and number == 0 else "td"
        parts.append("<tr>" + "".join(f"<{tag}>{_inline(cell.strip())}</{tag}>" for cell in row) + "</tr>")
    return f'<table class="grid-t">{"".join(parts)}</table>'


def block_html(body: str, block: Block) -> str:
    """Return a block as HTML. Headings begin at `<h2>`: the page's own title is above them."""
    text = body[block.start : block.end]
    if block.kind == "heading":
        level = min(6, block.level + 1)
        return f"<h{level}>{_inline(block.title)}</h{level}>"
    if block.kind == "list":
        return _list_html(text)
    if block.kind == "table":
        return _table_html(text)
    if block.kind == "code":
        inner = text.split("\n")[1:]
        if inner and _FENCE.match(inner[-1]):
            inner = inner[:-1]
        return f"<pre>{escape(chr(10).join(inner))}</pre>"
    if block.kind == "quote":
        return (
            f"<blockquote>{_inline(' '.join(line.lstrip(' >') for line in text.split(chr(10))))}</blockquote>"
        )
    return f"<p>{_inline(' '.join(text.split()))}</p>"
