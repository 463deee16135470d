"""Words that nobody wrote: a misspelt one is read as the collection's own word that is one slip away."""

from __future__ import annotations

from collections.abc import Mapping

SHORTEST = 4
LONG = 7


def _one_slip(word: str, letters: str) -> set[str]:
    """What is one letter left out, doubled, swapped or mistaken away."""
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = {left + right[1:] for left, right in cuts if right}
    found |= {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    found |= {left + letter + right[1:] for left, right in cuts if right for letter in letters}
    found |= {left + letter + right for left, right in cuts for letter in letters}
    return found


def corrected(word: str, known: Mapping[str, int], letters: str = "abcdefghijklmnopqrstuvwxyz") -> str | None:
    """The known word (with how many texts have it) that a misspelt one stands for; None where there is none.

    Words of less than four letters and those with digits are left alone: so many are one slip away from another.
    """
    if len(word) < SHORTEST or not word.isalpha() or word in known:
        return None
    slips = {one for one in _one_slip(word, letters) if one in known}
    if len(word) >= LONG:
        # The slip was in the ending, which the stem has not lost therefore.
        slips |= {word[:-2]} & known.keys()
    # The first letter is rarely the wrong one, and a short word with another one is another word.
    same = [one for one in slips if one[0] == word[0] or one[:2] == word[1::-1]]
    return max(same or (slips if len(word) >= LONG else ()), key=lambda one: (known[one], one), default=None)
