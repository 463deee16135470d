"""Cuts what people said into clauses that can be quoted: fillers off, questions known, evidence kept.

Recognisers often give lower case without punctuation, and end an utterance at a pause in mid-sentence. So a
sentence that hangs ("so i have") is joined with the same speaker's next words, and where there is no
punctuation a clause is also taken to end before a new subject ("i lost my card | i need a new one").
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from engines.rules.text import Words, listed, words_of

MAX_QUOTE = 140


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance, redacted. Times are milliseconds of call time."""

    sequence: int
    speaker: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of one speaker's words. `words` are offsets in `text`; `evidence` the "
    "sequences, ascending."""

    speaker: str
    text: str
    words: Words
    evidence: tuple[int, ...]
    question: bool
    place: float

    def quote(self, first_word: int = 0) -> str:
        """Return the clause as a sentence of at most `MAX_QUOTE` characters.

        A clause too long is begun at `first_word`, if that is well into it, and cut behind a whole word.
        """
        text = self.text
        if len(text) > MAX_QUOTE and first_word:
            text = text[self.words.starts[first_word] :]
        text = " ".join(text.split())
        if len(text) >= MAX_QUOTE:
            text = text[: MAX_QUOTE - 1].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"
        text = _LONE_I.sub("I", text)
        text = text[:1].upper() + text[1:]
        return text if text.rstrip("”\"’'").endswith((".", "!", "?", "…")) else text + "."


_LONE_I = re.compile(r"(?<![\w'’.-])i(?=$|['’\s,.!?;…])(?!\.\w)")
_STOP = re.compile(r"[.!?;…]+(?=\s|$)|\s[–—-]+\s|[\r\n]+")
_NOISE = re.compile(
    r"\[(?:noise|laughter|silence|unk|inaudible|background|cough|music)\]|<[a-z_]+>", re.IGNORECASE
)
_HANGING = listed(
    "a an the my your our their his her its and or but so because to of for with from at in on by about into "
    "is are was were am be been have has had will would can could should i we you they if when "
    "that which who "
    "as than not very really just uh um"
)
_FILLERS = listed(
    "uh um er erm ah oh ooh mm hmm mhm okay ok so well yeah yep yes yup hi hello hey alright "
    "right and but like "
    "actually basically sure great perfect wonderful excellent certainly absolutely of course "
    "now then please "
    "thanks thank look listen anyway good morning afternoon evening understood sorry"
)
_PAIRED = (
    ("you", "know"),
    ("i", "mean"),
    ("thank", "you"),
    ("i", "see"),
    ("all", "right"),
    ("no", "worries"),
    ("no", "problem"),
    ("of", "course"),
    ("i", "understand"),
    ("go", "ahead"),
)
_SUBJECTS = listed("i we my you your it that this there they he she the")
_NEW_SUBJECT = listed("i we")
_HELD = listed(
    "that because if when what think where which who how as than say said says know hope sure "
    "guess see until since "
    "while before after like thing told time way once whether day reason everything all do did "
    "can could would "
    "will should am are was were have had may might must shall be sooner wish believe does is even something"
)
_CONDITIONS = listed("if unless when")
_JOINERS = listed("and but so then")
_POINTING = listed("about for with do did of")
_UNSPLIT = _HELD | _JOINERS | _HANGING
_ASKERS = listed(
    "can could would will do does did is are was were have has may shall should am what how "
    "why when where which "
    "who whose whom"
)
_SUBJECT_PAIRS = (("you", "will"), ("you", "should"), ("it", "will"), ("someone", "will"))
_OPENERS = (
    ("how", "long"),
    ("how", "much"),
    ("is", "there"),
    ("can", "you"),
    ("could", "you"),
    ("would", "you"),
    ("do", "you"),
    ("are", "you"),
    ("how", "can"),
    ("how", "may"),
    ("can", "i"),
    ("may", "i"),
    ("thank", "you"),
    ("let", "me"),
    ("my", "name"),
)
_AFTER_ASKER = _SUBJECTS | listed(
    "not much long many about any everything anything these those can may do does is"
)
_AUXILIARIES = listed("will would could should did are was were have has")
_JOIN_WITHIN_MS = 2_500


def clauses_of(lines: Sequence[Line]) -> list[Clause]:
    """Return the clauses of a conversation, in order. `place` runs from 0 (its start) to 1 (its end)."""
    stretches = _joined(lines)
    clauses: list[Clause] = []
    for number, (speaker, text, offsets, sequences) in enumerate(stretches):
        place = number / max(1, len(stretches) - 1)
        for start, end, asked in _pieces(text):
            trimmed = _trim(text, start, end)
            if trimmed is None:
                continue
            start, end = trimmed
            first = bisect_right(offsets, start) - 1
            last = bisect_right(offsets, end - 1) - 1
            piece = text[start:end]
            words = words_of(piece)
            question = asked or _asks(words.norms)
            clauses.append(Clause(speaker, piece, words, tuple(sequences[first : last + 1]), question, place))
    return clauses


def _joined(lines: Sequence[Line]) -> list[tuple[str, str, list[int], list[int]]]:
    """Return (speaker, text, offset of each utterance in it, their sequences), hanging sentences joined."""
    stretches: list[tuple[str, str, list[int], list[int]]] = []
    last_end = 0
    for line in sorted(lines, key=lambda one: one.sequence):
        # Blanked in place, so that offsets stay.
        text = _NOISE.sub(lambda found: " " * len(found.group()), line.text).rstrip()
        if not text.strip():
            continue
        if stretches and line.start_ms - last_end <= _JOIN_WITHIN_MS:
            speaker, before, offsets, sequences = stretches[-1]
            if speaker == line.speaker and _hangs(before):
                offsets.append(len(before) + 1)
                sequences.append(line.sequence)
                stretches[-1] = (speaker, f"{before} {text}", offsets, sequences)
                last_end = line.end_ms
                continue
        stretches.append((line.speaker, text, [0], [line.sequence]))
        last_end = line.end_ms
    return stretches


def _hangs(text: str) -> bool:
    norms = words_of(text[-40:]).norms
    return bool(norms) and norms[-1] in _HANGING and not text.endswith((".", "!", "?"))


def _pieces(text: str) -> list[tuple[int, int, bool]]:
    """Return (start, end, ends with a question mark) of the sentences of `text`."""
    pieces: list[tuple[int, int, bool]] = []
    start = 0
    stops = [(found.start(), found.end(), "?" in found.group()) for found in _STOP.finditer(text)]
    for stop, onward, asked in [*stops, (len(text), len(text), False)]:
        if text[start:stop].strip():
            inner = _split_bare(text, start, stop)
            pieces += [(first, last, asked and last == stop) for first, last in inner]
        start = onward
    return pieces


def _split_bare(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Split a stretch without commas where a new clause seems to begin."""
    words = words_of(text[start:end])
    norms = words.norms
    if "," in text[start:end] or len(norms) < 6:
        return [(start, end)]
    cuts = [0]
    for at in range(2, len(norms) - 2):
        if at - cuts[-1] < 3 or words.starts[at] == words.starts[at - 1]:
            continue
        joiner = norms[at] in _JOINERS and norms[at + 1] in _SUBJECTS
        if not _CONDITIONS.isdisjoint(norms[cuts[-1] : at]):
            # "if it is not fixed today i will cancel" without its first half says something else.
            continue
        pair = (norms[at], norms[at + 1])
        # "do that | i have been ..." but not "the letter that i have".
        pointing = norms[at - 1] == "that" and norms[at - 2] in _POINTING
        held = norms[at - 1] in _UNSPLIT and not pointing
        subject = (norms[at] in _NEW_SUBJECT or pair in _SUBJECT_PAIRS) and not held
        opener = pair in _OPENERS and norms[at - 1] not in _HANGING | _ASKERS
        if joiner or subject or opener:
            cuts.append(at)
    edges = [start + words.starts[at] for at in cuts[1:]]
    return list(zip([start, *edges], [*edges, end], strict=True))


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the offsets of text[start:end] without its fillers, or None where nothing else is left."""
    words = words_of(text[start:end])
    norms = words.norms
    at = 0
    while at < len(norms):
        if tuple(norms[at : at + 2]) in _PAIRED and norms[at + 2 : at + 3] not in (["for"], ["that"]):
            at += 2
        elif norms[at] in _FILLERS or (
            norms[at] == "no" and norms[at + 1 : at + 2] and norms[at + 1] in _SUBJECTS
        ):
            at += 1
        else:
            break
    last = len(norms)
    while last > at and norms[last - 1] in {"uh", "um", "okay", "ok", "and", "so", "but"}:
        last -= 1
    if last <= at:
        return None
    # A contraction is two words at one place: a cut never falls inside it.
    stop = end if last == len(norms) else start + words.ends[last - 1]
    return start + words.starts[at], start + len(text[start:stop].rstrip(" ,;:-–—"))


def _asks(norms: list[str]) -> bool:
    return (
        len(norms) > 1
        and norms[0] in _ASKERS
        and (
            norms[1] in _AFTER_ASKER
            or norms[0] in {"what", "which", "how"}
            or (norms[0] in {"when", "why", "where", "who"} and norms[1] in _AUXILIARIES)
        )
    )
