"""Words of one meaning, as a company keeps them: what is asked in one is asked in all."""

from __future__ import annotations

import re
from collections.abc import Sequence


def widened(sentences: Sequence[str], groups: Sequence[Sequence[str]]) -> list[list[str]]:
    """Each sentence with the other words of the groups that it has a word of."""
    by_word = {word.casefold(): group for group in groups for word in group}
    if not by_word:
        return [[sentence] for sentence in sentences]
    longest_first = sorted(by_word, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
    wide = []
    for sentence in sentences:
        said = {found.casefold() for found in pattern.findall(sentence)} & by_word.keys()
        others = [other for word in sorted(said) for other in by_word[word] if other.casefold() not in said]
        wide.append([sentence, *dict.fromkeys(others)])
    return wide
