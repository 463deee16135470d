"""How a document is cut into passages: along its headings, each long enough to answer and short enough to read.

Offsets are exact: a passage's text is `body[start:end]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from knowledge.text.markdown import Block, blocks

TARGET = 900
# A list or a table stays whole up to here; what is longer is cut between its items or rows.
WHOLE = 4_000
PATH_LENGTH = 400
BETWEEN = " › "

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage and the headings above it, the document's title first."""

    path: str
    start: int
    end: int


def passages(title: str, body: str) -> list[Passage]:
    """Cut a body. Blocks under the same heading join up to about 900 characters; lists and tables stay whole, if they
    are not longer than 4,000.

    A paragraph that ends in a colon stays with what it announces. A longer paragraph is cut between sentences.
    """
    found: list[Passage] = []
    headings: list[tuple[int, str]] = []
    run: list[Block] = []

    def close() -> None:
        if run:
            found.append(Passage(_path(title, headings), run[0].start, run[-1].end))
            run.clear()

    for block in blocks(body):
        if block.kind == "heading":
            close()
            while headings and headings[-1][0] >= block.level:
                headings.pop()
            headings.append((block.level, block.title))
            continue
        for piece in _pieces(body, block):
            announced = bool(run) and body[run[-1].start : run[-1].end].endswith(":")
            if run and piece.end - run[0].start > TARGET and not announced:
                close()
            run.append(piece)
    close()
    return found


def _path(title: str, headings: list[tuple[int, str]]) -> str:
    names = [title, *(name for _level, name in headings)]
    if len(names) > 1 and names[1].casefold() == title.casefold():
        # Documents often repeat their title as their first heading.
        names.pop(0)
    return BETWEEN.join(names)[:PATH_LENGTH]


def _pieces(body: str, block: Block) -> list[Block]:
    if block.kind in {"list", "table", "code"} and block.end - block.start > WHOLE:
        return _by_lines(body, block)
    if block.kind != "paragraph" or block.end - block.start <= TARGET:
        return [block]
    pieces: list[Block] = []
    start = end = following_start = block.start
    text = body[block.start : block.end]
    stops = [(block.start + gap.start(), block.start + gap.end()) for gap in _SENTENCE_END.finditer(text)]
    for stop, following in [*stops, (block.end, block.end)]:
        if stop - start > TARGET and end > start:
            pieces.append(Block("paragraph", start, end))
            start = following_start
        end, following_start = stop, following
    pieces.append(Block("paragraph", start, block.end))
    return pieces


def _by_lines(body: str, block: Block) -> list[Block]:
    """A long list or table in parts; one ends where an item or a row does, not within it."""
    pieces: list[Block] = []
    start = end = block.start
    for line in body[block.start : block.end].splitlines(keepends=True):
        # What is indented belongs to the item above it.
        if end - start + len(line) > TARGET and end > start and line.strip() and not line[0].isspace():
            pieces.append(Block(block.kind, start, start + len(body[start:end].rstrip())))
            start = end
        end += len(line)
    pieces.append(Block(block.kind, start, block.end))
    return pieces
