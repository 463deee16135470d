"""What a chat model is asked about a conversation, and what its answer may do: name stretches to hide, and no more.

Whoever speaks in a call can speak to the model. So the turns go out as JSON strings, the answer is of a fixed
form, each stretch must stand in its turn word by word, and how much one answer may hide is bounded: what a model was
talked into costs a few words of that call, which people find on the list of findings to look at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engines.redaction.hindsight import Find, Line
from engines.redaction.numbers import NumberReader
from engines.redaction.presidio import LABELS
from engines.redaction.text import Span
from engines.redaction.tokens import BACKCHANNELS, Utterance, tokenise
from engines.redaction.vocabulary import TYPES, kind

NAME = "chat"
SCORE = 0.3
"""Of every find: below what is looked at by people, whatever the type (a model's own estimates mean little)."""

MOST_FOUND = 64  # of one answer
MOST_WORDS, SHORT_WORDS = 24, 6
MOST_SHARE = 0.25
"""Of the words of one request, that its answer may hide; but always up to `FREE_WORDS` of them."""

FREE_WORDS = 30
_MOST_TEXT = 400  # characters of one stretch, as answered
_PIECE, _PIECE_OVERLAP = 1500, 200  # characters: longer turns are sent in parts
_FRAME = 48  # characters around a turn's text
_OVERLAP = 6  # turns of one request that the next one begins with

# Where the word for people would be taken too widely.
_MEANT = {
    "NUMBER": "any other number that tells who somebody is",
    "LOCATION": "place where somebody is or lives",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A turn, or a part of a long one: `text` begins at `start` of line `line`."""

    line: int
    start: int
    speaker: str
    text: str = field(repr=False)


def windows(lines: Sequence[Line], characters: int) -> list[list[Piece]]:
    """Cut a conversation into what is asked about at once; each begins with the last turns of the one before.

    `characters` counts what is sent of it. Turns without any word are left out; without words to look at there is none.
    """
    pieces = [piece for number, line in enumerate(lines) for piece in _pieces(number, line)]
    if not any(_words(tokenise(piece.text)) for piece in pieces):
        return []
    cut: list[list[Piece]] = []
    first = 0
    while first < len(pieces):
        last, length = first, 0
        while last < len(pieces) and (last == first or length + _size(pieces[last]) <= characters):
            length += _size(pieces[last])
            last += 1
        cut.append(pieces[first:last])
        if last == len(pieces):
            break
        # At most half of it again, so that each goes further than the one before.
        first = last - min(_OVERLAP, (last - first) // 2)
    return cut


def _size(piece: Piece) -> int:
    return len(piece.text) + _FRAME


def _pieces(number: int, line: Line) -> Iterator[Piece]:
    start, text = 0, line.text
    while text[start:].strip():
        end = start + _PIECE
        if end < len(text):
            # Between two words; only a word longer than half of this is cut.
            between = text.rfind(" ", start + _PIECE // 2, end)
            end = between if between > 0 else end
        yield Piece(number, start, line.speaker, text[start:end])
        if end >= len(text):
            return
        again = text.find(" ", end - _PIECE_OVERLAP, end)
        start = again + 1 if again > 0 else end


def looked_for(types: Iterable[str]) -> str:
    """The types as a model is told them, one a line."""
    return "\n".join(f"{name}: {_MEANT.get(name) or kind(name).label}" for name in sorted(types))


def turns(pieces: Sequence[Piece]) -> str:
    """What it is to do that with: a JSON object a line, numbered from 1, whatever was said in them."""
    return "\n".join(
        json.dumps({"turn": number, "speaker": piece.speaker, "text": piece.text}, ensure_ascii=False)
        for number, piece in enumerate(pieces, 1)
    )


# --- What came back -------------------------------------------------------------------------------------


def finds(told: Iterable[tuple[int, str, str]], pieces: Sequence[Piece], types: frozenset[str]) -> list[Find]:
    """What of an answer about `pieces` stands in them and is looked for. `told`: (turn, words, type).

    What it takes to be personal and is not there, or is too much, is passed over; the shorter stretches go first.
    """
    read = [tokenise(piece.text) for piece in pieces]
    places: dict[tuple[int, int, int], str] = {}
    for turn, text, said_type in told:
        type_name = _type(said_type, text, types)
        if type_name is not None and 1 <= turn <= len(pieces) and len(text) <= _MOST_TEXT:
            for first, last in _located(read[turn - 1], tokenise(text)):
                places.setdefault((turn - 1, first, last), type_name)
    left = max(FREE_WORDS, int(MOST_SHARE * sum(_words(utterance) for utterance in read)))
    found: list[Find] = []
    for (number, first, last), type_name in sorted(places.items(), key=lambda one: one[0][2] - one[0][1]):
        left -= last - first + 1
        if left < 0 or len(found) >= MOST_FOUND:
            break
        tokens, start = read[number].tokens, pieces[number].start
        span = Span(
            start + tokens[first].start,
            start + tokens[last].end,
            type_name,
            SCORE,
            NAME,
            "a chat model saw it",
        )
        found.append(Find(pieces[number].line, span))
    return found


def _type(said: str, text: str, types: frozenset[str]) -> str | None:
    """The type that an answer means; None for one that the company leaves.

    A name that nobody knows is no reason to leave the words: they are a number or, without digits, a name.
    """
    name = "_".join(said.upper().replace("-", " ").split())
    name = LABELS.get(name, name)
    if name not in types and name not in TYPES:
        name = "NUMBER" if NumberReader(tokenise(text)).runs() else "NAME"
    return name if name in types else None


def _located(turn: Utterance, said: Utterance) -> Iterator[tuple[int, int]]:
    """Where the words of `said` stand in `turn`, as numbers of tokens; marks between them do not count.

    Whole words only, no placeholder among them, nothing that says nothing, and no more than a stretch may be.
    """
    lows = said.lows
    if not lows or BACKCHANNELS.issuperset(lows) or not _bounded(turn, said):
        return
    here = turn.lows
    first = 0
    while first + len(lows) <= len(here):
        last = first + len(lows) - 1
        after = turn.touching[last + 1] if last + 1 < len(here) else False
        if (
            here[first] == lows[0]
            and here[first : last + 1] == lows
            and not turn.touching[first]
            and not after
        ):
            if not any(token.is_placeholder for token in turn.tokens[first : last + 1]):
                yield first, last
            first = last
        first += 1


def _bounded(turn: Utterance, said: Utterance) -> bool:
    count = len(said.lows)
    if count <= SHORT_WORDS:
        return True
    if count > MOST_WORDS:
        return False
    # A turn may be nothing but a number, said digit by digit.
    digits = sum(run.last - run.first + 1 for run in NumberReader(said).runs())
    return 2 * count <= _words(turn) or 2 * digits >= count


def _words(utterance: Utterance) -> int:
    return sum(not token.is_placeholder for token in utterance.tokens)
