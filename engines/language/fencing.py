"""Texts of documents as data for a model: nothing in them can end the fence that they stand in.

A fence is a line with a number drawn anew for each request, which no document can know. What people do not see when
they read a document (control characters, characters without width, tags, marks of direction) is taken out, and so is
whatever looks like a fence or like the turns of a conversation.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Control, format, private and unassigned characters and surrogates; line breaks and tabs stay.
_UNSEEN = {"Cc", "Cf", "Co", "Cn", "Cs"}
_VARIANTS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u115f\u1160\u3164\uffa0\u034f]")
# How models' own templates begin and end a turn.
_TURNS = re.compile(r"<\|[^|>\n]{0,40}\|>|\[/?INST\]|<</?SYS>>|</?s>", re.IGNORECASE)


def seen(text: str) -> str:
    """The text as a reader sees it: without characters that show nothing."""
    kept = (one for one in text if one in "\n\t" or unicodedata.category(one) not in _UNSEEN)
    return _VARIANTS.sub("", "".join(kept))


@dataclass(frozen=True, slots=True)
class Fence:
    """A fence of one request."""

    boundary: str

    @classmethod
    def drawn(cls) -> Fence:
        """One that nobody knows."""
        return cls(secrets.token_hex(12))

    def around(self, name: str, text: str) -> str:
        """A text within the fence, under a name of ours."""
        inside = _TURNS.sub(" ", seen(text)).replace(self.boundary, " ")
        # Of our own fences nothing is left, even with a wrong number.
        inside = re.sub(r"<<|>>", " ", inside)
        return f"<<{self.boundary} {name}>>\n{inside.strip()}\n<<{self.boundary} end of {name}>>"

    def all(self, texts: Sequence[tuple[str, str]]) -> str:
        """Several of (name, text), one after the other."""
        return "\n\n".join(self.around(name, text) for name, text in texts)
