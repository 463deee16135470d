"""Questions that ask the same thing, in groups.

A question is its words, pairs of words and pieces of words (three to five letters, which forgive slips), weighted by
how rare they are. Groups that are known take up what is like them; what is left is grouped by average linkage. A known
group never loses a question, so that it stays itself as it grows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.upkeep.statements import words_of

# Mean similarity (cosine, 0 to 1) of a question to those of its group.
JOINS = 0.22
# More at once take memory by the square.
AT_ONCE = 3_000
_WORDS, _PIECES = 0.7, 0.3


def groups(texts: Sequence[str], known: Sequence[int | None], talk: Collection[str] = ()) -> list[int | None]:
    """The group of each question: a number of `known` for those that have one or are like one, a number above all of
    them for new groups of two and more, None for what stands alone. `talk`: words that say nothing of the matter."""
    if not texts:
        return []
    # Not with this module: few processes ever need it, and all would load it.
    import scipy.sparse as sparse

    vectors = _vectors(texts, frozenset(talk))
    found: list[int | None] = list(known)
    by_group: defaultdict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(known):
        if group is not None:
            by_group[group].append(number)
    new = [number for number, group in enumerate(known) if group is None and vectors[number].nnz]
    if by_group and new:
        names = sorted(by_group)
        # The mean of normed vectors: its product with a question is the mean similarity.
        means = sparse.vstack([sparse.csr_matrix(vectors[by_group[name]].mean(axis=0)) for name in names])
        alike = (vectors[new] @ means.T).toarray()
        for number, row in zip(new, alike, strict=True):
            if row.max() >= JOINS:
                found[number] = names[int(row.argmax())]
        new = [number for number in new if found[number] is None]
    after = max(by_group, default=-1) + 1
    new = new[:AT_ONCE]
    if len(new) > 1:
        from sklearn.cluster import AgglomerativeClustering

        distance = 1.0 - (vectors[new] @ vectors[new].T).toarray()
        labels = AgglomerativeClustering(
            n_clusters=None, metric="precomputed", linkage="average", distance_threshold=1.0 - JOINS
        ).fit_predict(np.clip(distance, 0.0, 1.0))
        sizes = np.bincount(labels)
        kept = {
            int(label): after + place for place, label in enumerate(dict.fromkeys(labels[sizes[labels] > 1]))
        }
        for number, label in zip(new, labels, strict=True):
            found[number] = kept.get(int(label))
    return found


def middle(texts: Sequence[str], talk: Collection[str] = ()) -> int:
    """Which of these is most like all of them; of equal ones the first."""
    vectors = _vectors(texts, frozenset(talk))
    alike = np.asarray((vectors @ vectors.T).sum(axis=1)).ravel()
    return int(alike.argmax()) if len(texts) else 0


def _vectors(texts: Sequence[str], talk: frozenset[str]) -> Any:
    import scipy.sparse as sparse

    says_nothing = words_of(" ".join(talk))

    def words(text: str) -> list[str]:
        return sorted(words_of(text) - says_nothing)

    parts = [
        _weighed(texts, _WORDS, analyzer=words),
        _weighed([" ".join(words(text)) for text in texts], _PIECES, analyzer="char_wb", ngram_range=(3, 5)),
    ]
    both = sparse.hstack(parts).tocsr()
    lengths: NDArray[np.float64] = np.sqrt(np.asarray(both.multiply(both).sum(axis=1)).ravel())
    return sparse.diags(1.0 / np.where(lengths > 0, lengths, 1.0)) @ both


def _weighed(texts: Sequence[str], weight: float, **given: Any) -> Any:
    # Half of what a start takes.
    import scipy.sparse as sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        return TfidfVectorizer(sublinear_tf=True, **given).fit_transform(texts) * weight
    except ValueError:  # no text has a word
        return sparse.csr_matrix((len(texts), 1))
