"""Cutting text into words and digit strings, and the short word lists that several detectors need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

# A placeholder is one opaque token, so that redacting twice changes nothing. No alternative can begin where
# another one could, and none nests a repetition: the scan is linear in any text.
_TOKEN = re.compile(r"(\[[A-Z][A-Z_]{1,31}(?: (?:[0-9]{4}|#[0-9a-f]{8}))?\]|\d+|[^\W\d_]+(?:['’][^\W\d_]+)*)")
# The same for a text of ASCII alone, which is most of them: a third of the time.
_ASCII_TOKEN = re.compile(
    r"(\[[A-Z][A-Z_]{1,31}(?: (?:[0-9]{4}|#[0-9a-f]{8}))?\]|[0-9]+|[A-Za-z]+(?:'[A-Za-z]+)*)"
)
_FIGURE = re.compile(r"\d")


# Not frozen: that would make each of them three times as dear.
@dataclass(slots=True)
class Token:
    """One word, digit string or placeholder. `low` is lower case with straight apostrophes."""

    start: int
    end: int
    low: str

    @property
    def is_digits(self) -> bool:
        return self.low[0].isdecimal()

    @property
    def is_placeholder(self) -> bool:
        return self.low[0] == "["

    @property
    def is_letter(self) -> bool:
        return len(self.low) == 1 and self.low.isalpha()


class Utterance:
    """Text with its tokens, in order. What several detectors ask for is worked out once.

    `surfaces` are the tokens as they stand in the text, `lows` in lower case with straight apostrophes, `vocabulary`
    the same, each once: a quick way to see that a detector has nothing to look for. `starts` and `ends` say where they
    stand. `small` is the whole text in small letters. `gaps` are what stands before each token, and after the last one.
    `has_figures` says whether any token is a digit string, of whatever script.
    """

    def __init__(self, text: str) -> None:
        parts = (_ASCII_TOKEN if text.isascii() else _TOKEN).split(text)
        self.text = text
        self.small = text.lower()
        self.surfaces = parts[1::2]
        self.gaps = parts[0::2]
        lows = list(map(str.lower, self.surfaces))
        if "’" in text:
            lows = [low.replace("’", "'") for low in lows]
        self.lows = lows
        self.vocabulary = frozenset(lows)
        # The digits of a placeholder are no token of their own.
        self.has_figures = _FIGURE.search(text) is not None and (
            "[" not in text or any(low[0].isdecimal() for low in lows)
        )
        borders = list(accumulate(map(len, parts)))
        self.starts = borders[0:-1:2]
        self.ends = borders[1::2]

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens one by one: dear, so made where they are asked for."""
        return tuple(map(Token, self.starts, self.ends, self.lows))

    @cached_property
    def touching(self) -> list[bool]:
        """Whether each token begins where the one before it ends ("b2": two tokens, the second touches)."""
        return [i > 0 and not gap for i, gap in enumerate(self.gaps[:-1])]

    def gap(self, index: int) -> str:
        """Return what stands between token `index` and the one before it (or the start of the text)."""
        return self.gaps[index]

    def after(self, index: int) -> str:
        """Return what stands between token `index` and the next one (or the end of the text)."""
        return self.gaps[index + 1]

    def low(self, index: int) -> str:
        """Return the lower-case word at `index`, or "" outside of the text."""
        return self.lows[index] if 0 <= index < len(self.lows) else ""

    def bridges(self, index: int) -> bool:
        """Say whether token `index` may stand between two groups of one number: a filler, or "hold on"."""
        low = self.lows[index]
        return (
            low in FILLERS
            or low in ("hold", "hang")
            or (low == "on" and self.low(index - 1) in ("hold", "hang"))
        )

    def capitalised(self, index: int) -> bool:
        """Say whether token `index` begins with a capital and the next letter, if any, is small."""
        word = self.surfaces[index]
        return word[0].isupper() and not (len(word) > 1 and word[1].isupper())


def tokenise(text: str) -> Utterance:
    """Cut `text` into tokens. Any Unicode is taken; letters and digits part even when they touch."""
    return Utterance(text)


def words(text: str) -> frozenset[str]:
    """Return the words of a space-separated list."""
    return frozenset(text.split())


# Said between two groups of one number without ending it.
FILLERS = words(
    "um uhm umm uh er erm err eh ah ahh hm hmm mm mhm let me see so then and okay ok right yeah yes yep "
    "yup like well sorry next dash hyphen space comma stroke slash just wait please sir madam again "
    "followed by it's that's is"
)
# With the fillers these make a turn that says nothing: it neither ends nor ages what was asked for.
BACKCHANNELS = FILLERS | words(
    "huh uhuh sure go ahead on carry continue got it perfect great lovely alright all thank thanks you i see "
    "of course good fine cool that carefully here hang hold whenever you're ready one moment second a sec"
)
# What an answer may begin with before the thing that was asked for.
LEAD_INS = FILLERS | words(
    "sure of course yeah yes no it it's its is that's that the my i'm i am name number card hi hello "
    "thanks thank you one first last full surname okay here this would be will email e mail address "
    "spelled spelt oh"
)
