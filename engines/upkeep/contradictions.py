"""Two passages that say different things of one matter: another amount, share, duration, date or count, or one denies
what the other says.

Found by rules, not by a model, and strict: what a manager is shown must be worth their time. Two statements are of one
matter when their words are nearly the same once values are taken out, and neither's title or headings name something
that the other does not: "Gold card: fee £5" and "Silver card: fee £8" are two matters, and so are titles made after one
pattern. Paraphrases are missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.upkeep.statements import Passage, Statement, statements

# How much of what both are about must be the same, by how rare the words are.
ALIKE = 0.75
# Where one title says more than the other, the statement itself must say it all.
ALIKE_ONE_SIDED = 0.85
ALIKE_DENIED = 0.9
LEAST_WORDS = 3
LEAST_UNDER_ONE = 2
# A word that so many statements have does not make two of them candidates.
COMMON, COMMON_OF_MANY, MANY = 400, 100, 20_000
_BLOCK = 1_000
# Which of a thing: where they differ, so do the things.
_WHICH_WORDS = """
min minimum least max maximum most more less first second third last next new exist old per additional extra
basic plus premium standard daily weekly monthly annual yearly once online phone branch business personal
domestic international abroad
"""
_WHICH = frozenset(_WHICH_WORDS.split())


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two passages, by number, and what differs: `kind` of value (or "denial"), the statements' characters in their
    passages and those of what differs, [start, end). `alike`: 0 to 1."""

    left: int
    right: int
    kind: str
    left_statement: tuple[int, int]
    right_statement: tuple[int, int]
    left_marks: tuple[tuple[int, int], ...]
    right_marks: tuple[tuple[int, int], ...]
    alike: float


def contradictions(passages: list[Passage]) -> list[Contradiction]:
    """What contradicts what, at most one for two passages and kind, the most alike first."""
    rows = [one for one in statements(passages) if len(one.words) >= 2]
    if len(rows) < 2:
        return []
    rarity = _rarity(rows)
    best: dict[tuple[int, int, str], Contradiction] = {}
    for first, second in _candidates(rows, rarity):
        left, right = rows[first], rows[second]
        # What one text says twice, it says of two things, or its author saw both.
        if passages[left.passage].document == passages[right.passage].document:
            continue
        found = _compared(left, right, rarity)
        if found is None:
            continue
        key = (found.left, found.right, found.kind)
        first_one = best.get(key)
        if first_one is None:
            best[key] = found
        else:
            # Of several in two passages the first is named, and all are marked.
            best[key] = replace(
                first_one,
                left_marks=tuple(sorted({*first_one.left_marks, *found.left_marks})),
                right_marks=tuple(sorted({*first_one.right_marks, *found.right_marks})),
                alike=max(first_one.alike, found.alike),
            )
    return sorted(best.values(), key=lambda one: (-one.alike, one.left, one.right))


def _rarity(rows: Sequence[Statement]) -> dict[str, float]:
    often = Counter(word for row in rows for word in row.words | row.subject)
    return {word: float(np.log(1 + len(rows) / count)) for word, count in often.items()}


def _candidates(rows: Sequence[Statement], rarity: dict[str, float]) -> Iterator[tuple[int, int]]:
    """Pairs of statements of different passages that share half of what they say."""
    # Not with this module: few processes ever need it, and all would load it.
    import scipy.sparse as sparse

    often = Counter(word for row in rows for word in row.words)
    most = COMMON if len(rows) < MANY else COMMON_OF_MANY
    known = {word: number for number, word in enumerate(word for word, n in often.items() if 1 < n <= most)}
    at, terms, weights = [], [], []
    for number, row in enumerate(rows):
        whole = sum(rarity[word] for word in row.words) or 1.0
        for word in sorted(row.words & known.keys()):
            at.append(number)
            terms.append(known[word])
            weights.append(np.sqrt(rarity[word] / whole))
    matrix = sparse.csr_matrix(
        (weights, (at, terms)), shape=(len(rows), max(1, len(known))), dtype=np.float32
    )
    turned = matrix.T.tocsr()
    for start in range(0, len(rows), _BLOCK):
        alike = (matrix[start : start + _BLOCK] @ turned).tocoo()
        for row, column, share in zip(alike.row, alike.col, alike.data, strict=True):
            first, second = start + int(row), int(column)
            if first < second and share >= 0.5 and rows[first].passage != rows[second].passage:
                yield first, second


def _compared(left: Statement, right: Statement, rarity: dict[str, float]) -> Contradiction | None:
    alike = _alike(left.words, right.words, rarity)
    # Under the same headings an item of a list says enough: "Back to a card: five days".
    least = LEAST_WORDS if left.subject != right.subject else LEAST_UNDER_ONE
    if alike < ALIKE or len(left.words & right.words) < least or (left.words ^ right.words) & _WHICH:
        return None
    needed = _needed(left, right)
    if alike < needed:
        return None
    for kind in dict.fromkeys(value.kind for value in left.values):
        ours = [value for value in left.values if value.kind == kind]
        theirs = [value for value in right.values if value.kind == kind]
        # Several of one kind in a sentence are of several things.
        if len(ours) != 1 or len(theirs) != 1 or ours[0].meets(theirs[0]):
            continue
        return _made(
            left, right, kind, [(ours[0].start, ours[0].end)], [(theirs[0].start, theirs[0].end)], alike
        )
    denies = bool(left.denials) != bool(right.denials)
    if denies and alike >= ALIKE_DENIED and not (left.values or right.values):
        return _made(left, right, "denial", left.denials, right.denials, alike)
    return None


def _needed(left: Statement, right: Statement) -> float:
    """How much alike two statements must be, by what their titles and headings name."""
    ours = left.subject - right.subject - right.words
    theirs = right.subject - left.subject - left.words
    if (ours and theirs) or (left.title != right.title and len(left.title & right.title) >= 2):
        return 2.0
    return ALIKE_ONE_SIDED if ours or theirs else ALIKE


def _alike(left: frozenset[str], right: frozenset[str], rarity: dict[str, float]) -> float:
    both = sum(rarity[word] for word in left & right)
    return both / (sum(rarity[word] for word in left | right) or 1.0)


def _made(
    left: Statement,
    right: Statement,
    kind: str,
    ours: Sequence[tuple[int, int]],
    theirs: Sequence[tuple[int, int]],
    alike: float,
) -> Contradiction:
    return Contradiction(
        left.passage,
        right.passage,
        kind,
        (left.start, left.end),
        (right.start, right.end),
        tuple(ours),
        tuple(theirs),
        round(alike, 3),
    )
