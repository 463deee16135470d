"""The ranking: which passages answer a question, best first.

1. Each sentence is asked by itself (BM25F and names, see `index`). A unit's score is the sum over the sentences of the
   score to the power of 1.5: what answers one sentence well comes before what has a word of each. A word that many
   sentences have counts less in each (its number to the power of -0.5).
2. Words of talk are left out (`words`); where hardly anything else was asked, they count a little.
3. What the house wrote for itself, and overviews, count one and a half times.
4. For what was said at length: the words that the best five have in common and others have not are asked as well
   (relevance feedback, Lavrenko and Croft 2001), at a fifth of the weight.
5. Within a unit, passages are ranked by the same words; the best one has the unit's score. Where a few words were
   asked, the passage counts twice as much as its unit.

The numbers are round ones from the middle of where nothing changes much; `docs/knowledge.md` says what was measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.retrieval.index import PASSAGE_LENGTH, SATURATION, Snapshot, names_asked

# A question of so few words is what somebody typed: no word of it is left out.
FEW_WORDS = 8
TALK_OF_FEW = 0.3
ROOTED = 1.5


@dataclass(frozen=True, slots=True)
class Weights:
    """What can be set about the ranking; as measured unless said."""

    sharpness: float = 1.5
    repeated: float = 0.5
    names: float = 1.0
    for_the_house: float = 1.5
    overview: float = 1.5
    feedback: float = 0.2
    feedback_units: int = 5
    feedback_words: int = 20


MEASURED = Weights()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, in lexemes by their places. `weights`: how much each sentence counts, 1 if none is given.
    `instead`: words to try beside those of the first sentence, each with a weight."""

    sentences: Sequence[Mapping[int, str]]
    weights: Sequence[float] = ()
    talk: Collection[str] = frozenset()
    instead: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> set[str]:
        """All words of all sentences."""
        return {word for sentence in self.sentences for word in sentence.values()}

    @property
    def is_short(self) -> bool:
        """Whether it is a few words, as somebody types them."""
        return len(self.words) <= FEW_WORDS

    def weight(self, number: int) -> float:
        """How much a sentence counts."""
        return self.weights[number] if self.weights else 1.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. `score` has no unit; it compares within one question only. `covers`: what share of the
    question's words, by how rare they are, the passage, its headings or its title have, 0 to 1. `has`: how many of its
    words."""

    text: str
    passage: str
    score: float
    covers: float
    has: int = 0


def rank(snapshot: Snapshot, question: Question, most: int, weights: Weights = MEASURED) -> list[Hit]:
    """The best passages of the best units, at least `most` of them if there are so many, best first."""
    if not snapshot.units:
        return []
    asked = _asked(snapshot, question, weights)
    scores = _unit_scores(snapshot, question, asked, weights)
    best = _top(scores, most)
    if not len(best):
        return []
    wanted = _Wanted(snapshot, question, asked)
    found = [(int(unit), worths) for unit, worths in zip(best, _worths(snapshot, best, wanted), strict=True)]
    highest = max((one.worth for _unit, worths in found for one in worths), default=0.0) or 1.0
    hits = []
    few = question.is_short
    for unit, worths in found:
        score, best_here = float(scores[unit]), max((one.worth for one in worths), default=0.0)
        if best_here <= 0:
            # Only the title has the words: the beginning says what it is about.
            shares = [(one, 1.0) for one in worths[:1]]
        elif few:
            # A few words are answered by a paragraph; what stands around it says whether it is meant.
            own = float(scores[best[0]])
            shares = [
                (one, (score / own + 2 * one.worth / highest) / 3 * own / score)
                for one in worths
                if one.worth > 0
            ]
        else:
            shares = [(one, one.worth / best_here) for one in worths if one.worth > 0]
        text = snapshot.text_key(unit)
        hits += [Hit(text, one.key, score * share, wanted.share(one.has), one.words) for one, share in shares]
    return sorted(hits, key=lambda hit: -hit.score)


def _asked(snapshot: Snapshot, question: Question, weights: Weights) -> list[dict[int, float]]:
    """What is asked of each sentence: terms with their weights."""
    often = Counter(word for sentence in question.sentences for word in set(sentence.values()))
    few = question.is_short
    talk_weight = TALK_OF_FEW if few else 0.0
    asked = []
    for number, sentence in enumerate(question.sentences):
        words: dict[int, float] = {}
        for word in set(sentence.values()):
            weight = (talk_weight if word in question.talk else 1.0) * question.weight(number)
            # Figures and addresses of what was said at length are that customer's own.
            if not few and not word.isalpha() and any(letter.isdigit() or letter == "@" for letter in word):
                weight = 0.0
            if weight and (term := snapshot.vocabulary.get(word)) is not None:
                words[term] = weight * often[word] ** -weights.repeated
        asked.append(words)
    if question.instead and asked:
        for word, weight in question.instead.items():
            if (term := snapshot.vocabulary.get(word)) is not None:
                asked[0][term] = max(asked[0].get(term, 0.0), weight)
    return asked


def _unit_scores(
    snapshot: Snapshot, question: Question, asked: list[dict[int, float]], weights: Weights
) -> NDArray[np.float32]:
    named = [
        names_asked(sentence, snapshot.names, snapshot.name_beginnings) for sentence in question.sentences
    ]
    often = Counter(name for names in named for name in names)
    total = np.zeros(snapshot.units, np.float32)
    scores = np.empty(snapshot.units, np.float32)
    for number, words in enumerate(asked):
        if not words and not named[number]:
            continue
        scores.fill(0.0)
        snapshot.add_words(scores, words)
        for name in named[number]:
            weight = weights.names * often[name] ** -weights.repeated * question.weight(number)
            snapshot.add_name(scores, name, weight)
        # A root is taken ten times as fast as any other power.
        total += scores * np.sqrt(scores) if weights.sharpness == ROOTED else scores**weights.sharpness
    total *= np.where(snapshot.for_the_house, np.float32(weights.for_the_house), np.float32(1.0))
    total *= np.where(snapshot.overview, np.float32(weights.overview), np.float32(1.0))
    if len({term for words in asked for term in words}) > FEW_WORDS and weights.feedback:
        total = _fed_back(snapshot, total, weights)
    return total


def _fed_back(snapshot: Snapshot, total: NDArray[np.float32], weights: Weights) -> NDArray[np.float32]:
    best = _top(total, weights.feedback_units)
    if not len(best):
        return total
    words = np.zeros(len(snapshot.rarity), np.float32)
    for unit, share in zip(best, total[best] / total[best].sum(), strict=True):
        terms, worth = snapshot.row(int(unit))
        words[terms] += share * worth
    there = np.flatnonzero(words)
    shared = there[np.argsort(-words[there], kind="stable")][: weights.feedback_words]
    more = np.zeros(snapshot.units, np.float32)
    snapshot.add_words(more, {int(term): float(words[term] / words[shared[0]]) for term in shared})
    fed: NDArray[np.float32] = total / total.max() + weights.feedback * more / more.max()
    return fed


def _top(scores: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """The units with the best scores above none, best first; of equal ones the earlier first."""
    if len(scores) > most * 4:
        least = np.partition(scores, -most)[-most]
        found = np.flatnonzero((scores >= least) & (scores > 0))
    else:
        found = np.flatnonzero(scores > 0)
    return found[np.argsort(-scores[found], kind="stable")][:most]


class _Worth(NamedTuple):
    """How much of what is wanted a passage has: by BM25, simply whether it is there, and how many words that are."""

    key: str
    worth: float
    has: float
    words: int


class _Wanted:
    """What each word of the vocabulary is worth: `often` as often as it is asked, `once` once."""

    def __init__(self, snapshot: Snapshot, question: Question, asked: list[dict[int, float]]) -> None:
        self.often = np.zeros(len(snapshot.rarity), np.float32)
        for words in asked:
            for term, weight in words.items():
                self.often[term] += weight
        terms = np.flatnonzero(self.often)
        self.once = np.zeros(len(snapshot.rarity), np.float32)
        self.once[terms] = np.minimum(self.often[terms], 1.0) * snapshot.rarity[terms]
        self.often[terms] *= snapshot.rarity[terms]
        self._whole = float(self.once.sum()) + _unknown(snapshot, question) or 1.0

    def share(self, has: float) -> float:
        """What part of all that is wanted this is."""
        return min(1.0, has / self._whole)


def _worths(
    snapshot: Snapshot, units: Sequence[int] | NDArray[np.intp], wanted: _Wanted
) -> list[list[_Worth]]:
    """The passages of each unit with their worth. All at once: hundreds of passages of some ninety words each."""
    parts = [snapshot.passages(int(unit)) for unit in units]
    terms = np.concatenate([part[1] for part in parts])
    counts = np.concatenate([part[2] for part in parts]).astype(np.float32)
    sizes = np.concatenate([part[3] for part in parts])
    of_passage = np.repeat(np.arange(len(sizes)), sizes)
    length = np.bincount(of_passage, counts, len(sizes)) / snapshot.mean_passage
    held_back = SATURATION * (1 - PASSAGE_LENGTH + PASSAGE_LENGTH * length)
    often = wanted.often[terms]
    asked = np.flatnonzero(often)
    of_asked, counts = of_passage[asked], counts[asked]
    worth = counts * (SATURATION + 1) / (counts + held_back[of_asked]) * often[asked]
    worths = np.bincount(of_asked, worth, len(sizes))
    # Of nothing it counts in whole numbers.
    has = np.bincount(of_asked, wanted.once[terms[asked]], len(sizes)).astype(np.float64)
    words = np.bincount(of_asked, wanted.once[terms[asked]] > 0, len(sizes)).astype(np.int64)
    terms_asked = terms[asked]
    found: list[list[_Worth]] = []
    first = 0
    for unit, (keys, *_rest) in zip(units, parts, strict=True):
        last = first + len(keys)
        here = slice(*np.searchsorted(of_asked, (first, last)))
        for term in snapshot.title_terms(int(unit)):
            if wanted.once[term]:
                # Every passage has the title; one that says the word itself has it once.
                without = np.ones(len(keys), bool)
                without[of_asked[here][terms_asked[here] == term] - first] = False
                has[first:last][without] += wanted.once[term]
                words[first:last][without] += 1
        found.append(
            [
                _Worth(key, float(worths[at]), float(has[at]), int(words[at]))
                for at, key in enumerate(keys, first)
            ]
        )
        first = last
    return found


def hits_of(snapshot: Snapshot, question: Question, passages: Mapping[str, str]) -> dict[str, Hit]:
    """Passages that something else found, without a score. `passages`: by their keys, with the keys of their texts."""
    wanted = _Wanted(snapshot, question, _asked(snapshot, question, MEASURED))
    units = [unit for text in sorted(set(passages.values())) for unit in snapshot.units_of(text)]
    if not units:
        return {}
    return {
        one.key: Hit(passages[one.key], one.key, 0.0, wanted.share(one.has), one.words)
        for worths in _worths(snapshot, units, wanted)
        for one in worths
        if one.key in passages
    }


def _unknown(snapshot: Snapshot, question: Question) -> float:
    """What the words that no text has would be worth: each as a rare one."""
    words = question.words - set(question.talk)
    unknown = sum(1 for word in words if word not in snapshot.known and word.isalpha())
    # What was misspelt is not unknown.
    return max(0, unknown - len(question.instead)) * float(snapshot.rarity.max())
