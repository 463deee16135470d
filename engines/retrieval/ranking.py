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
import scipy.sparse as sparse
from numpy.typing import NDArray

from engines.retrieval.index import PASSAGE_LENGTH, SATURATION, Snapshot, names_asked

# A question of so few words is what somebody typed: no word of it is left out.
FEW_WORDS = 8
TALK_OF_FEW = 0.3


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
    def is_short(self) -> bool:
        """Whether it is a few words, as somebody types them."""
        return len({word for sentence in self.sentences for word in sentence.values()}) <= FEW_WORDS

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
    together = np.zeros(len(snapshot.vocabulary), np.float32)
    for words in asked:
        for term, weight in words.items():
            together[term] += weight
    once = np.minimum(together, 1.0) * snapshot.rarity
    found = [(unit, _worths(snapshot, int(unit), together * snapshot.rarity, once)) for unit in best]
    highest = max((one.worth for _unit, worths in found for one in worths), default=0.0) or 1.0
    whole = float(once.sum()) + _unknown(snapshot, question) or 1.0
    hits = []
    for unit, worths in found:
        score, best_here = float(scores[unit]), max((one.worth for one in worths), default=0.0)
        if best_here <= 0:
            # Only the title has the words: the beginning says what it is about.
            shares = [(one, 1.0) for one in worths[:1]]
        elif question.is_short:
            # A few words are answered by a paragraph; what stands around it says whether it is meant.
            own = float(scores[best[0]])
            shares = [
                (one, (score / own + 2 * one.worth / highest) / 3 * own / score)
                for one in worths
                if one.worth > 0
            ]
        else:
            shares = [(one, one.worth / best_here) for one in worths if one.worth > 0]
        text = snapshot.text_key(int(unit))
        hits += [
            Hit(text, one.key, score * share, min(1.0, one.has / whole), one.words) for one, share in shares
        ]
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
            if not few and any(letter.isdigit() or letter == "@" for letter in word):
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
    terms = sorted({term for words in asked for term in words})
    place = {term: number for number, term in enumerate(terms)}
    by_sentence = _by_sentence([{place[term]: weight for term, weight in words.items()} for words in asked])
    scores = (snapshot.matrix[:, terms] @ by_sentence(len(terms))).toarray()
    named = [names_asked(sentence, snapshot.names) for sentence in question.sentences]
    often = Counter(name for names in named for name in names)
    if often:
        columns = {name: number for number, name in enumerate(sorted(often))}
        matrix = snapshot.name_matrix[:, [snapshot.names[name] for name in columns]]
        wanted = [
            {
                columns[name]: weights.names * often[name] ** -weights.repeated * question.weight(number)
                for name in names
            }
            for number, names in enumerate(named)
        ]
        scores += (matrix @ _by_sentence(wanted)(len(columns))).toarray()
    total = (scores**weights.sharpness).sum(axis=1)
    total *= np.where(snapshot.for_the_house, weights.for_the_house, 1.0)
    total *= np.where(snapshot.overview, weights.overview, 1.0)
    if len(terms) > FEW_WORDS and weights.feedback:
        total = _fed_back(snapshot, total, weights)
    scored: NDArray[np.float32] = total.astype(np.float32)
    return scored


def _by_sentence(asked: list[dict[int, float]]):  # type: ignore[no-untyped-def]
    rows = [term for words in asked for term in words]
    columns = [number for number, words in enumerate(asked) for _term in words]
    values = np.array([weight for words in asked for weight in words.values()], np.float32)
    return lambda terms: sparse.csr_matrix((values, (rows, columns)), shape=(terms, len(asked)))


def _fed_back(snapshot: Snapshot, total: NDArray[np.float32], weights: Weights) -> NDArray[np.float32]:
    best = _top(total, weights.feedback_units)
    if not len(best):
        return total
    shares = total[best] / total[best].sum()
    words = np.asarray((sparse.diags(shares) @ snapshot.forward[best]).sum(axis=0)).ravel()
    terms = np.argsort(-words, kind="stable")[: weights.feedback_words]
    more = np.asarray(snapshot.matrix[:, terms] @ (words[terms] / words[terms[0]])).ravel()
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


def _worths(
    snapshot: Snapshot, unit: int, wanted: NDArray[np.float32], once: NDArray[np.float32]
) -> list[_Worth]:
    """`wanted`, `once`: what each word of the vocabulary is worth, as often as it is asked and once."""
    found = []
    title = [term for term in snapshot.title_terms(unit) if once[term]]
    for key, terms, counts in snapshot.passages(unit):
        length = float(counts.sum()) / snapshot.mean_passage
        held_back = SATURATION * (1 - PASSAGE_LENGTH + PASSAGE_LENGTH * length)
        worth = float((counts * (SATURATION + 1) / (counts + held_back) * wanted[terms]).sum())
        has = float(once[terms].sum()) + sum(float(once[term]) for term in title if term not in terms)
        words = int((once[terms] > 0).sum()) + sum(term not in terms for term in title)
        found.append(_Worth(key, worth, has, words))
    return found


def _unknown(snapshot: Snapshot, question: Question) -> float:
    """What the words that no text has would be worth: each as a rare one."""
    words = {word for sentence in question.sentences for word in sentence.values()} - set(question.talk)
    unknown = sum(1 for word in words if word not in snapshot.known and word.isalpha())
    # What was misspelt is not unknown.
    return max(0, unknown - len(question.instead)) * float(snapshot.rarity.max())
