"""Phrases as an administrator writes them, and one trie that finds all of them at once.

The written form: words; `cancel*` for every word that begins so; `...` for up to three words in between;
`(my|the|)` for alternatives, of one or more words, an empty one meaning "or nothing". So
`(cancel*|close) ... (service|account)` hears "cancel my whole service".

All phrases share one trie over normalised words. A look-up walks it from each word of the utterance and
leaves it at the first word that no phrase goes on with, so the cost depends on the words said and hardly on
how many phrases there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from engines.rules.text import forms

GAP_WORDS = 3
MAX_PHRASE = 500
MAX_VARIANTS = 500
MAX_GAPS = 3
_MIN_STEM = 3
KEPT_WORDS = 20_000

_PIECE = re.compile(
    r"\s+|(\.\.\.|…)|\(([^()]*)\)|(\[[A-Za-z][A-Za-z0-9_]*\]|[^\W_]+(?:['’ʼ][^\W_]+)*)(\*?)|[,.!?;:\"“”-]"
)


class PhraseError(ValueError):
    """A phrase cannot be understood. The message says, to the person who wrote it, what to change."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or with `stem` every word that begins so."""

    norm: str
    stem: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Up to `GAP_WORDS` words of any kind."""


Variant = tuple[Word | Gap, ...]


def parse(phrase: str) -> list[Variant]:
    """Return every sequence that `phrase` stands for. Raises `PhraseError`."""
    if len(phrase) > MAX_PHRASE:
        raise PhraseError(f"“{phrase[:40]}…” is longer than {MAX_PHRASE} characters.")
    parts: list[list[Variant]] = []
    at = 0
    while at < len(phrase):
        piece = _PIECE.match(phrase, at)
        if piece is None:
            raise PhraseError(_complaint(phrase, at))
        at = piece.end()
        gap, group, word, star = piece.groups()
        if gap:
            parts.append([(Gap(),)])
        elif group is not None:
            parts.append([_plain(alternative, phrase) for alternative in group.split("|")])
        elif word:
            parts.append([_words(word, bool(star), phrase)])
    total = 1
    for part in parts:
        total *= len(part)
        if total > MAX_VARIANTS:
            raise PhraseError(
                f"“{phrase}” has more than {MAX_VARIANTS} combinations of alternatives: split it."
            )
    variants = [tuple(item for piece in chosen for item in piece) for chosen in product(*parts)]
    return list(dict.fromkeys(_sound(variant, phrase) for variant in variants))


def _complaint(phrase: str, at: int) -> str:
    if phrase[at] in "()":
        return f"“{phrase}” has a bracket without its partner, or brackets within brackets."
    if phrase[at] == "|":
        return f"“{phrase}”: put alternatives in brackets, as in (cancel|close)."
    if phrase[at] == "*":
        return f"“{phrase}”: a * must follow the beginning of a word, as in cancel*."
    return f"“{phrase}”: the character “{phrase[at]}” has no meaning in a phrase."


def _plain(alternative: str, phrase: str) -> Variant:
    items: list[Word | Gap] = []
    at = 0
    while at < len(alternative):
        piece = _PIECE.match(alternative, at)
        if piece is None or piece.group(2) is not None:
            raise PhraseError(_complaint(alternative, at))
        at = piece.end()
        if piece.group(1):
            raise PhraseError(f"“{phrase}”: write ... outside the brackets.")
        if piece.group(3):
            items.extend(_words(piece.group(3), bool(piece.group(4)), phrase))
    return tuple(items)


def _words(written: str, star: bool, phrase: str) -> Variant:
    norms = forms(written)
    if not star:
        return tuple(Word(norm) for norm in norms)
    if len(norms) > 1 or len(norms[0]) < _MIN_STEM or norms[0].startswith("["):
        raise PhraseError(
            f"“{phrase}”: “{written}*” is too short: give at least {_MIN_STEM} letters before *."
        )
    return (Word(norms[0], stem=True),)


def _sound(variant: Variant, phrase: str) -> Variant:
    if not any(isinstance(item, Word) for item in variant):
        raise PhraseError(f"“{phrase}” is empty, or could be." if phrase.strip() else "A phrase is empty.")
    written = phrase.strip()
    if written.startswith(("...", "…")) or written.endswith(("...", "…")):
        raise PhraseError(f"“{phrase}” begins or ends with ...; it needs a word on both sides.")
    # An alternative left out may leave its gap at an end, or beside another.
    items: list[Word | Gap] = []
    for item in variant:
        if isinstance(item, Word) or (items and isinstance(items[-1], Word)):
            items.append(item)
    while isinstance(items[-1], Gap):
        items.pop()
    if sum(isinstance(item, Gap) for item in items) > MAX_GAPS:
        raise PhraseError(f"“{phrase}” has more than {MAX_GAPS} gaps.")
    return tuple(items)


class _Node:
    __slots__ = ("ends", "gap", "lengths", "stems", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.stems: dict[str, _Node] = {}
        self.lengths: tuple[int, ...] = ()
        self.gap: _Node | None = None
        self.ends: list[int] = []


class PhraseTrie:
    """Finds every phrase in one walk. Build it with `add`; it is then shared by all conversations."""

    def __init__(self) -> None:
        self._root = _Node()
        # Where each word leads from the root: speech has few words, said again and again.
        self._begun: dict[str, tuple[_Node, ...]] = {}
        self._variants: list[tuple[int, frozenset[str]]] = []

    def add(self, owner: int, variants: Iterable[Variant]) -> None:
        """Enter a phrase's variants under the number `owner`, which `find` gives back."""
        self._begun.clear()
        for variant in variants:
            node = self._root
            for item in variant:
                node = self._step(node, item)
            node.ends.append(len(self._variants))
            own = frozenset(item.norm for item in variant if isinstance(item, Word))
            self._variants.append((owner, own))

    @staticmethod
    def _step(node: _Node, item: Word | Gap) -> _Node:
        if isinstance(item, Gap):
            if node.gap is None:
                node.gap = _Node()
            return node.gap
        if not item.stem:
            return node.words.setdefault(item.norm, _Node())
        node.lengths = tuple(sorted({*node.lengths, len(item.norm)}))
        return node.stems.setdefault(item.norm, _Node())

    def find(self, norms: list[str]) -> list[tuple[int, int, int, frozenset[str]]]:
        """Return (owner, first word, word after the last, the phrase's own words) of every match."""
        hits: list[tuple[int, int, int, frozenset[str]]] = []
        count = len(norms)
        begun = self._begun
        for first in range(count):
            norm = norms[first]
            nodes = begun.get(norm)
            if nodes is None:
                nodes = self._begin(norm)
            if not nodes:
                continue
            todo = [(node, first + 1) for node in nodes]
            while todo:
                node, at = todo.pop()
                for variant in node.ends:
                    owner, own = self._variants[variant]
                    hits.append((owner, first, at, own))
                if at == count:
                    continue
                if node.words or node.lengths:
                    self._onward(node, norms[at], at, todo)
                gap = node.gap
                if gap is not None:
                    for skipped in range(at, min(at + GAP_WORDS + 1, count)):
                        following = gap.words.get(norms[skipped])
                        if following is not None:
                            todo.append((following, skipped + 1))
                        if gap.lengths:
                            self._stems(gap, norms[skipped], skipped, todo)
        return hits

    def _begin(self, norm: str) -> tuple[_Node, ...]:
        found: list[tuple[_Node, int]] = []
        self._onward(self._root, norm, 0, found)
        nodes = tuple(node for node, _at in found)
        if len(self._begun) >= KEPT_WORDS:
            self._begun.clear()
        self._begun[norm] = nodes
        return nodes

    @classmethod
    def _onward(cls, node: _Node, norm: str, at: int, todo: list[tuple[_Node, int]]) -> None:
        following = node.words.get(norm)
        if following is not None:
            todo.append((following, at + 1))
        if node.lengths:
            cls._stems(node, norm, at, todo)

    @staticmethod
    def _stems(node: _Node, norm: str, at: int, todo: list[tuple[_Node, int]]) -> None:
        for length in node.lengths:
            if length > len(norm):
                break
            following = node.stems.get(norm[:length])
            if following is not None:
                todo.append((following, at + 1))
