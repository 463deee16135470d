"""What detectors know beside the words: who speaks, whether more is to come, and what is due.

Nothing here holds a word or a digit of anybody: types, counts and times alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from engines.redaction.sequence.decode import Searched
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance


class Strength(StrEnum):
    """How surely digits are part of a number that is being given.

    DUE: it was asked for or announced and is not complete, so every digit belongs to it.
    OPEN: digits were said, so that more may follow; a quantity in the midst of other words does not belong.
    """

    DUE = "due"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Due:
    """A number that is being given. `digits` counts those heard since it was asked for."""

    type: str
    strength: Strength
    digits: int = 0


# Not frozen: that would make each of them three times as dear, and every text has one.
@dataclass(slots=True, unsafe_hash=True)
class Context:
    """The surroundings of one utterance.

    `due` is the number being given, if any. `asked` is the type of words (`NAME`, `EMAIL`) that this speaker
    was asked for. `ends_turn` says that digits left alone at the end of the text may be the beginning of a
    number (true of a customer's live utterance, false of agents and of whole documents). `growing` marks a
    partial: more words may follow, and nothing may be shown that they could turn into a finding. `live` says that the
    text is part of a conversation that goes on, so that it may hold but a part of a number. `scene` is what the model
    sees of the turns before (`scene.Scene.names`); empty where they are not known. `searched` is what the model found
    in the partial before, if there was one; it saves time and changes nothing.
    """

    due: Due | None = None
    asked: str | None = None
    ends_turn: bool = False
    growing: bool = False
    live: bool = False
    scene: tuple[str, ...] = ()
    searched: Searched | None = field(default=None, compare=False, repr=False)


class Detector(Protocol):
    """Finds one family of information. Without state: one instance serves all threads."""

    name: str

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return what was found, in order, as offsets in `utterance.text`."""
