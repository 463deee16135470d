"""Reading a whole conversation again when it is over: what one turn by itself, or as it was heard, did not show.

The texts are those that were kept, so that most of what was hidden is placeholders by now. What is read beside that:
each text alone; all of them in the order of time, both sides complete; what one speaker said in several breaths as one
text; digits that only together pass a checksum; questions that came after their answer; what was hidden in one turn
and stands in the clear in another, as long as its words or its keyed hash are at hand.

A `Reader` is anything that reads a conversation so. `RuleReader` needs nothing but rules and the trained model; a
company's own chat model, inside its walls, is another one (`engines.language.redaction_reading`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from engines.redaction.actions import Action, hashed
from engines.redaction.context import Context
from engines.redaction.cues import find_cues
from engines.redaction.detectors.checks import is_card
from engines.redaction.memory import Memory
from engines.redaction.numbers import NumberReader, Run
from engines.redaction.redactor import RedactionConfig, redactor_for
from engines.redaction.resolve import settle
from engines.redaction.sequence.detector import SequenceDetector
from engines.redaction.stream import COMPANY_SPEAKERS, StreamRedactor
from engines.redaction.text import RawText, Span
from engines.redaction.tokens import BACKCHANNELS, FILLERS, Utterance, tokenise, words
from engines.redaction.turns import TurnReader
from engines.redaction.vocabulary import PLACEHOLDER, kind
from engines.speech.types import HeardWord

# One speaker's breaths are one text while no more than this lies between them.
_BREATH_MS = 15_000
_JOINED_LINES, _JOINED_CHARACTERS = 12, 1500
# A number may be given this slowly, and be named this late.
_NUMBER_MS, _NAMED_LATE_MS, _NAMED_LATE_LINES = 45_000, 30_000, 4
_CARD_LENGTHS = range(13, 20)
_LEAST_PART, _LEAST_NAMED = 3, 3
_POINTING = frozenset({"that", "that's", "this", "those", "these"})
_MONEY = words("dollar dollars pound pounds euro euros cent cents pence percent quid bucks")
_LONGEST_HASHED = 4  # words
_LATE, _SPLIT, _BESIDE, _HASH, _SURE = 0.55, 0.9, 0.5, 0.9, 0.9


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance as it is kept. Times in milliseconds of the call."""

    speaker: str
    text: str = field(repr=False)
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Find:
    """What a reader found in `lines[line]`: offsets in its text. `disputed`: detectors saw different types there."""

    line: int
    span: Span
    disputed: bool = False


class Reader(Protocol):
    """Reads a conversation that is over. Without state: one instance serves all threads.

    A reader that is a chat model must run where the company trusts it with what it may not keep.
    """

    name: str

    def read(self, lines: Sequence[Line], config: RedactionConfig) -> list[Find]:
        """Return what `config` names and `lines`, in the order of time, still hold. Placeholders are no finds.

        Raises `NotRead` where it depends on something that is away.
        """


class NotRead(Exception):
    """A reader could not read, and may be asked again later. `fault` says why in one word, never what was read."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"not read: {fault}")
        self.fault = fault


class RuleReader:
    """Reads by the detectors of the live way and by rules over turns."""

    name = "rules"

    def read(self, lines: Sequence[Line], config: RedactionConfig) -> list[Find]:
        """See `Reader`."""
        plain = replace(config, actions=())
        read = [tokenise(line.text) for line in lines]
        types = plain.found_types
        found: list[list[Span]] = [[] for _line in lines]
        for number, span in (
            *_alone(lines, read, plain),
            *_replayed(lines, plain),
            *_joined(lines, read, plain),
            *_split_cards(lines, read),
            *_named_late(lines, read),
            *_beside(lines, read),
            *_by_hash(read, config),
        ):
            if span.type in types:
                found[number].append(span)
        _said_again(read, found, types)
        return list(_settled(lines, found))


def together(lines: Sequence[Line], finds: Iterable[Find]) -> list[Find]:
    """Settle the finds of several readers: none overlap, and what they name differently is disputed."""
    found: list[list[Span]] = [[] for _line in lines]
    doubtful = set()
    for one in finds:
        found[one.line].append(one.span)
        if one.disputed:
            doubtful.add((one.line, one.span.start))
    return [
        replace(one, disputed=True)
        if any(line == one.line and one.span.start <= at < one.span.end for line, at in doubtful)
        else one
        for one in _settled(lines, found)
    ]


def _settled(lines: Sequence[Line], found: Sequence[list[Span]]) -> Iterator[Find]:
    for number, spans in enumerate(found):
        text = lines[number].text
        for span in settle(spans):
            trimmed = _trimmed(text, span)
            if trimmed is not None:
                types = {one.type for one in spans if one.start < span.end and one.end > span.start}
                # "Number" is what any other number is, too.
                yield Find(number, trimmed, disputed=len(types - {"NUMBER"}) > 1)


def _trimmed(text: str, span: Span) -> Span | None:
    """Return `span` without placeholders and marks at its ends; None if nothing is left that says anything."""
    clear = [(span.start, span.end)]
    for one in PLACEHOLDER.finditer(text, 0):
        if one.start() < span.end and one.end() > span.start:
            start, end = clear.pop()
            clear += [(start, max(start, one.start())), (min(end, one.end()), end)]
    said = [(at, end) for at, end in clear if any(character.isalnum() for character in text[at:end])]
    if not said:
        return None
    start, end = said[0][0], said[-1][1]
    while not text[start].isalnum():
        start += 1
    while not text[end - 1].isalnum():
        end -= 1
    return replace(span, start=start, end=end)


# --- Ways of reading ------------------------------------------------------------------------------------


def _alone(
    lines: Sequence[Line], read: Sequence[Utterance], config: RedactionConfig
) -> Iterator[tuple[int, Span]]:
    redactor, context, customer = redactor_for(config), Context(), TurnReader(config)
    for number, (line, utterance) in enumerate(zip(lines, read, strict=True)):
        ours = line.speaker in COMPANY_SPEAKERS
        findings = redactor.examined(utterance, context) if ours else customer.examine(utterance)
        for span in findings.spans:
            yield number, span


def _replayed(lines: Sequence[Line], config: RedactionConfig) -> Iterator[tuple[int, Span]]:
    """Read as the live way does, but in order: there, one side's question may be recognised after its answer."""
    stream = StreamRedactor(config)
    for number, line in enumerate(lines):
        # The times of words are their places here, so that what was hidden tells where it stood.
        at_ms, until_ms = line.start_ms, max(line.end_ms, line.start_ms + len(line.text))
        heard = [
            HeardWord(RawText(line.text[start:end]), at_ms + start, at_ms + end, 1.0)
            for start, end in _pieces(line.text)
        ]
        done = stream.redact_final(line.speaker, RawText(line.text), heard, at_ms, until_ms)
        why = list(done.redacted.spans)
        places = [
            (word.start_ms - at_ms, word.end_ms - at_ms)
            for word in done.words
            if PLACEHOLDER.match(word.text)
        ]
        places = [at for at in places if PLACEHOLDER.sub("", line.text[at[0] : at[1]]).strip(" .,;:!?")]
        if why and not places and not done.words:
            places = [(0, len(line.text))]
        for index, (start, end) in enumerate(places):
            yield number, replace(why[min(index, len(why) - 1)], start=start, end=end)
        last = [one for one in PLACEHOLDER.finditer(line.text) if kind(one.group(1)).numeric]
        if last:
            # A number was given here: what was asked for is answered, and hides no more digits.
            stream = StreamRedactor(config)
            rest = line.text[last[-1].end() :]
            if rest.strip():
                stream.redact_final(line.speaker, RawText(rest), (), line.start_ms, line.end_ms)


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = None
    for at, character in enumerate(text):
        if character.isspace():
            if start is not None:
                yield start, at
            start = None
        elif start is None:
            start = at
    if start is not None:
        yield start, len(text)


def _joined(
    lines: Sequence[Line], read: Sequence[Utterance], config: RedactionConfig
) -> Iterator[tuple[int, Span]]:
    # Breaths that belong to different sentences read alike, so that the model must be sure of what it sees in them.
    redactor, context = redactor_for(config), Context()
    for group in _breaths(lines, read):
        starts, at = [], 0
        for number in group:
            starts.append(at)
            at += len(lines[number].text) + 1
        whole = " ".join(lines[number].text for number in group)
        for span in redactor.examine(whole, context).spans:
            if span.score < _SURE and (span.detector == SequenceDetector.name or not _crosses(span, starts)):
                continue
            for number, start in zip(group, starts, strict=True):
                first = max(0, span.start - start)
                last = min(len(lines[number].text), span.end - start)
                if first < last:
                    yield number, replace(span, start=first, end=last)


def _crosses(span: Span, starts: Sequence[int]) -> bool:
    return any(span.start < start < span.end for start in starts)


def _breaths(lines: Sequence[Line], read: Sequence[Utterance]) -> Iterator[list[int]]:
    """What one speaker said in several breaths, with nothing but "mm hmm" of others between: numbers of lines."""
    group: list[int] = []
    length = 0
    for number, line in enumerate(lines):
        if group and line.speaker != lines[group[-1]].speaker:
            if _says_something(read[number]):
                yield from _several(group)
                group, length = [number], len(line.text)
            continue
        if group and (
            line.start_ms - lines[group[-1]].end_ms > _BREATH_MS
            or len(group) >= _JOINED_LINES
            or length + len(line.text) > _JOINED_CHARACTERS
        ):
            yield from _several(group)
            group, length = [], 0
        group.append(number)
        length += len(line.text)
    yield from _several(group)


def _several(group: list[int]) -> Iterator[list[int]]:
    if len(group) > 1:
        yield group


def _says_something(utterance: Utterance) -> bool:
    return any(token.low not in BACKCHANNELS for token in utterance.tokens)


# --- Numbers over turns ---------------------------------------------------------------------------------


def _runs(utterance: Utterance) -> list[Run]:
    """Digits that may be a number's: no amounts."""
    lows = utterance.lows
    return [
        run
        for run in NumberReader(utterance).runs()
        if run.digits
        and not any(element.scaled for element in run.elements)
        and utterance.low(run.last + 1) not in _MONEY
        and not (lows and utterance.gap(run.first).rstrip().endswith(("$", "£", "€")))
    ]


def _span(utterance: Utterance, run: Run, type_name: str, score: float, reason: str) -> Span:
    tokens = utterance.tokens
    return Span(tokens[run.first].start, tokens[run.last].end, type_name, score, "hindsight", reason)


def _split_cards(lines: Sequence[Line], read: Sequence[Utterance]) -> Iterator[tuple[int, Span]]:
    for speaker in {line.speaker for line in lines}:
        parts = [
            (number, run)
            for number, line in enumerate(lines)
            if line.speaker == speaker
            for run in _runs(read[number])
            if run.total >= _LEAST_PART
        ]
        for first in range(len(parts)):
            digits = ""
            for last in range(first, len(parts)):
                number, run = parts[last]
                if last > first and lines[number].start_ms - lines[parts[last - 1][0]].end_ms > _NUMBER_MS:
                    break
                digits += run.digits
                if len(digits) > _CARD_LENGTHS[-1]:
                    break
                if last > first and len(digits) in _CARD_LENGTHS and is_card(digits):
                    for number, run in parts[first : last + 1]:
                        why = "a card number over several turns"
                        yield number, _span(read[number], run, "CREDIT_CARD", _SPLIT, why)


def _named_late(lines: Sequence[Line], read: Sequence[Utterance]) -> Iterator[tuple[int, Span]]:
    """Digits of which somebody said afterwards what they are: "so that was your account number"."""
    for number, utterance in enumerate(read):
        for cue in find_cues(utterance):
            pointed = _POINTING.intersection(utterance.lows[max(0, cue.first - 4) : cue.first])
            if not pointed or not cue.type or not kind(cue.type).numeric:
                continue
            for before in range(number, max(-1, number - _NAMED_LATE_LINES - 1), -1):
                if lines[number].start_ms - lines[before].end_ms > _NAMED_LATE_MS:
                    break
                runs = [
                    run
                    for run in _runs(read[before])
                    if run.total >= _LEAST_NAMED and (before < number or run.last < cue.first)
                ]
                for run in runs:
                    yield (
                        before,
                        _span(read[before], run, cue.type, _LATE, "what it was, was said afterwards"),
                    )
                if runs:
                    break


def _beside(lines: Sequence[Line], read: Sequence[Utterance]) -> Iterator[tuple[int, Span]]:
    """A turn of digits alone, next to a turn of the same speaker that ends or begins with a hidden number."""
    last: dict[str, int] = {}
    for number, line in enumerate(lines):
        before = last.get(line.speaker)
        if _says_something(read[number]):
            last[line.speaker] = number
        if before is None or line.start_ms - lines[before].end_ms > _NUMBER_MS:
            continue
        for bare, other, end in ((number, before, -1), (before, number, 0)):
            hidden = [token for token in read[other].tokens if token.low not in FILLERS]
            if not hidden or not hidden[end].is_placeholder:
                continue
            at = hidden[end]
            match = PLACEHOLDER.fullmatch(lines[other].text[at.start : at.end])
            run = _only_digits(read[bare])
            if match is not None and run is not None and kind(match.group(1)).numeric:
                yield bare, _span(read[bare], run, match.group(1), _BESIDE, "digits beside a hidden number")


def _only_digits(utterance: Utterance) -> Run | None:
    runs = _runs(utterance)
    if len(runs) != 1 or runs[0].total < _LEAST_PART:
        return None
    run = runs[0]
    rest = (*utterance.tokens[: run.first], *utterance.tokens[run.last + 1 :])
    return run if all(token.low in FILLERS for token in rest) else None


# --- Values that stand elsewhere ------------------------------------------------------------------------


def _by_hash(read: Sequence[Utterance], config: RedactionConfig) -> Iterator[tuple[int, Span]]:
    """Values whose keyed hash stands in a placeholder, in the clear in another turn."""
    hashing = {name for name, action in config.actions if action is Action.HASH}
    known: dict[str, set[str]] = {}
    for utterance in read:
        for one in PLACEHOLDER.finditer(utterance.text):
            if one.group(1) in hashing and (one.group(2) or "").startswith("#"):
                known.setdefault(one.group(1), set()).add(one.group(2)[1:])
    for type_name, values in known.items():
        for number, utterance in enumerate(read):
            for start, end in _candidates(utterance, numeric=kind(type_name).numeric):
                if hashed(config.hash_key, type_name, utterance.text[start:end]) in values:
                    why = "hidden elsewhere in this conversation"
                    yield number, Span(start, end, type_name, _HASH, "hindsight", why)


def _candidates(utterance: Utterance, *, numeric: bool) -> Iterator[tuple[int, int]]:
    tokens = utterance.tokens
    if numeric:
        for run in _runs(utterance):
            yield tokens[run.first].start, tokens[run.last].end
        return
    for first in range(len(tokens)):
        for last in range(first, min(first + _LONGEST_HASHED, len(tokens))):
            if tokens[last].is_placeholder:
                break
            yield tokens[first].start, tokens[last].end


def _said_again(read: Sequence[Utterance], found: list[list[Span]], types: frozenset[str]) -> None:
    """Find what was found in one turn in all others, earlier ones as well."""
    memory = Memory()
    for utterance, spans in zip(read, found, strict=True):
        memory.remember(utterance, settle(spans))
    for utterance, spans in zip(read, found, strict=True):
        again = [span for span in memory.find(utterance) if span.type in types]
        spans += [
            one for one in again if not any(one.start < own.end and one.end > own.start for own in spans)
        ]
