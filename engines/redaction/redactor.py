"""Redaction of one text: which detectors run, what becomes of what they find, and the batch API.

A whole text is read without a conversation around it: a few digits alone stay, as nothing says that they
belong to anything. Live speech goes through `stream.StreamRedactor`, which knows what was said before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import phonenumbers

from engines.redaction.actions import Action, stand_in
from engines.redaction.context import Context, Detector
from engines.redaction.custom import CustomDetector, CustomType
from engines.redaction.detectors.checks import UNEXPLAINED
from engines.redaction.detectors.digits import ASKED_FOR, CONTINUES, DigitDetector, Reading, held_back_from
from engines.redaction.detectors.rules import RULES
from engines.redaction.extra import known, plugged_in
from engines.redaction.partials import GrowingReader, undecided_from
from engines.redaction.resolve import replaced, settle
from engines.redaction.scene import Topics
from engines.redaction.sequence.detector import SequenceDetector
from engines.redaction.sequence.tagger import tagger
from engines.redaction.text import RawText, RedactedText, Span
from engines.redaction.tokens import Utterance, tokenise
from engines.redaction.vocabulary import NUMERIC_TYPES, PROFILES, TYPES


@dataclass(frozen=True, slots=True)
class RedactionConfig:
    """What to redact, and how.

    `enabled_types` are names of `vocabulary.TYPES`; one that is off stays in the text. `custom` are the company's own
    types, all of them on. `actions` say what becomes of a type, MASK where nothing is said; HASH takes `hash_key`,
    which is the company's secret. `apart` are types that are hidden as told, and whose words a final hands over beside
    the text, to be sealed. `ours` are names of the company itself, which the model does not take for somebody's.
    `extra` names detectors that were registered as plug-ins; `model` says whether the trained model reads along.

    A card spoken in several breaths without a cue is a `NUMBER` at first. Where cards are redacted, such digits are
    masked in live speech whatever is said of `NUMBER`; only those that were asked for as a number of some other kind
    are treated as one.

    `regions` are the countries (ISO 3166, two letters) whose phone numbers are recognised without a country
    code. Times are in milliseconds: `beep_margin_ms` on either side of what is beeped; `due_ms` and
    `due_turns` say how long a number stays asked for, `open_ms` and `open_turns` how long further digits
    count as the rest of a number, `asked_ms` and `asked_turns` how long the answer to a question for a name
    is awaited.

    Raises ValueError for unknown types, regions and plug-ins, and for a hash without a key.
    """

    enabled_types: frozenset[str] = field(default_factory=lambda: PROFILES["standard"])
    regions: tuple[str, ...] = ("US", "GB")
    beep_margin_ms: int = 150
    due_ms: int = 45_000
    due_turns: int = 6
    open_ms: int = 30_000
    open_turns: int = 3
    asked_ms: int = 20_000
    asked_turns: int = 2
    actions: tuple[tuple[str, Action], ...] = ()
    hash_key: bytes = field(default=b"", repr=False)
    custom: tuple[CustomType, ...] = ()
    extra: tuple[str, ...] = ()
    model: bool = True
    apart: frozenset[str] = frozenset()
    ours: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        own = {one.name for one in self.custom}
        unknown = (
            (self.enabled_types | self.apart | {name for name, _action in self.actions}) - TYPES.keys() - own
        )
        if unknown:
            raise ValueError(f"unknown types: {', '.join(sorted(unknown))}")
        abroad = set(self.regions) - phonenumbers.SUPPORTED_REGIONS
        if abroad:
            raise ValueError(f"unknown regions: {', '.join(sorted(abroad))}")
        missing = set(self.extra) - known()
        if missing:
            raise ValueError(f"unknown plug-ins: {', '.join(sorted(missing))}")
        if not self.hash_key and any(action is Action.HASH for _name, action in self.actions):
            raise ValueError("a hash needs a key")

    def action(self, type_name: str) -> Action:
        """Return what becomes of findings of `type_name`."""
        return next((action for name, action in self.actions if name == type_name), Action.MASK)

    @property
    def found_types(self) -> frozenset[str]:
        """The names of all types that are looked for, the company's own among them."""
        return self.enabled_types | {one.name for one in self.custom}


# Not frozen: that would make each of them three times as dear.
@dataclass(slots=True)
class Findings:
    """What one text holds: settled spans of enabled types, and what the digits say about the next text.

    `kept_back` is where the words begin that a partial must not show yet (the text's length if none).
    """

    utterance: Utterance
    spans: list[Span]
    digits: Reading
    kept_back: int


class Redactor:
    """All detectors of one configuration. Without state; safe to share between threads."""

    def __init__(self, config: RedactionConfig) -> None:
        self.config = config
        self._types = config.found_types
        self._actions = dict(config.actions)
        self._digits = DigitDetector(config.regions)
        self._numeric_on = not self._types.isdisjoint(NUMERIC_TYPES)
        # Parts of a card look like any number until the last of them.
        self._guarded = "CREDIT_CARD" in self._types and (
            "NUMBER" not in self._types or self._actions.get("NUMBER", Action.MASK) is not Action.MASK
        )
        others: list[Detector] = list(RULES)
        self._growing: GrowingReader | None = None
        self._model: SequenceDetector | None = None
        if config.model:
            self._model = SequenceDetector()
            self._growing = GrowingReader(tagger())
            self._ours = _company_names(config.ours)
        if config.custom:
            others.append(CustomDetector(config.custom))
        others += [plugged_in(name) for name in config.extra]
        self._finds = tuple(detector.find for detector in others)

    def examine(self, text: str, context: Context, more: Sequence[Span] = ()) -> Findings:
        """Find everything in `text`. `more` are findings of the caller's own, settled with the rest."""
        utterance = tokenise(text)
        return self.examined(utterance, context, more)

    def examined(self, utterance: Utterance, context: Context, more: Sequence[Span] = ()) -> Findings:
        """Find everything in a text that is cut into words already."""
        digits = self._digits.read(utterance, context)
        found = [*digits.spans, *more]
        if utterance.lows:
            for find in self._finds:
                found += find(utterance, context)
        if context.growing:
            return self._grown(utterance, context, digits, found)
        if self._model is not None:
            read = self._model.find(utterance, context)
            found = self._told_apart(utterance, context, found, read)
            found += _beside(self._not_ours(read, utterance), utterance, digits)
        spans = [span for span in found if span.type in self._types or self._guards(span, context)]
        return Findings(utterance, settle(spans), digits, len(utterance.text))

    def _grown(self, utterance: Utterance, context: Context, digits: Reading, found: list[Span]) -> Findings:
        """Return what a partial holds: while words are coming, digits are hidden whatever their type may become."""
        waits: list[int | None] = []
        if self._growing is not None:
            more, wait = self._growing.read(utterance, context.scene, context.searched)
            found += _beside(self._not_ours(more, utterance), utterance, digits)
            waits += [wait, undecided_from(utterance)]
        if self._numeric_on:
            waits.append(held_back_from(utterance))
            # After a number nothing is shown: recognition writes its last words anew each time.
            waits += [span.end for span in digits.spans[:1]]
        spans = [
            span
            for span in found
            if span.type in self._types or (self._numeric_on and span.detector == self._digits.name)
        ]
        kept_back = min((at for at in waits if at is not None), default=len(utterance.text))
        return Findings(utterance, settle(spans), digits, kept_back)

    def _told_apart(
        self, utterance: Utterance, context: Context, found: list[Span], read: Sequence[Span]
    ) -> list[Span]:
        """Return what rules found, without the numbers that nothing but their length speaks for and the model clears.

        What it `read` as something personal it does not clear; the rest it is asked about once more, leaning to doubt.

        Not on a live call: there a number of any length may be the first group of a card, and what is shown and stored
        cannot be taken back.
        """
        if context.live or self._model is None or not found:
            return found
        little = [
            span
            for span in found
            if _says_little(span) and not any(one.start < span.end and span.start < one.end for one in read)
        ]
        if not little:
            return found
        doubted = self._model.doubted(utterance, context, little)
        cleared = {id(span) for span, doubt in zip(little, doubted, strict=True) if not doubt}
        return [span for span in found if id(span) not in cleared]

    def _not_ours(self, spans: list[Span], utterance: Utterance) -> list[Span]:
        """Return what the model found without the company's own name ("you are through to ...")."""
        if not self._ours or not spans:
            return spans
        return [
            span
            for span in spans
            if tuple(
                low
                for start, low in zip(utterance.starts, utterance.lows, strict=True)
                if span.start <= start < span.end
            )
            not in self._ours
        ]

    @property
    def has_model(self) -> bool:
        """Whether the model reads beside the rules."""
        return self._model is not None

    @property
    def topics(self) -> Topics:
        """What tells the model which sector a conversation speaks of; nothing without a model."""
        return tagger().topics if self._model is not None else Topics()

    def everyday_words(self) -> frozenset[str]:
        """Words that are too common to be somebody's name by themselves, as far as the model knows."""
        return self._growing.everyday if self._growing is not None else frozenset()

    def stand_ins(self, text: str, spans: Sequence[Span], context: Context) -> list[str | None]:
        """Return what replaces each of the settled `spans` of `text`; None where its words stay.

        While words are still coming everything is masked: the last four digits of a growing number would show it
        digit by digit, and a partial is shown to people of all roles.
        """
        if not self._actions or context.growing:
            return [f"[{span.type}]" for span in spans]
        result: list[str | None] = []
        seen: set[str] = set()
        for span in spans:
            action = self._actions.get(span.type, Action.MASK)
            if action is not Action.MASK and self._guards(span, context):
                action = Action.MASK
            # What digits stand before, in this text or in the conversation, may be the beginning of this number.
            whole = span.type not in seen and (context.due is None or not context.due.digits)
            seen.add(span.type)
            words = text[span.start : span.end]
            result.append(stand_in(action, span.type, words, key=self.config.hash_key, whole=whole))
        return result

    def redacted(self, text: str, findings: Findings, context: Context) -> RedactedText:
        """Return `text` without the `findings` in it."""
        return replaced(text, findings.spans, self.stand_ins(text, findings.spans, context))

    def _guards(self, span: Span, context: Context) -> bool:
        """Say whether `span` may be a part of a card, whatever is said of numbers in general."""
        return self._guarded and context.live and span.type == "NUMBER" and span.reason != ASKED_FOR


def _company_names(names: Iterable[str]) -> frozenset[tuple[str, ...]]:
    """Return the words of each name, but not of one that may be a person's."""
    lexicon = tagger().lexicon
    people = lexicon.first | lexicon.last
    spelled = (tuple(tokenise(name).lows) for name in names)
    return frozenset(words for words in spelled if words and not people.issuperset(words))


def _says_little(span: Span) -> bool:
    return span.type == "NUMBER" and span.reason in (UNEXPLAINED, CONTINUES)


def _beside(spans: list[Span], utterance: Utterance, digits: Reading) -> list[Span]:
    """Return what the model found without what is known to be something else: placeholders, and plain quantities."""
    if not spans:
        return spans
    if "[" in utterance.text:
        stand_ins = [(token.start, token.end) for token in utterance.tokens if token.is_placeholder]
        spans = [part for span in spans for part in _around(span, stand_ins)]
    if digits.plain:
        spans = [
            part
            for span in spans
            for part in (_around(span, digits.plain) if span.type in NUMERIC_TYPES else (span,))
            if part is span or any(map(str.isalnum, utterance.text[part.start : part.end]))
        ]
    return spans


def _around(span: Span, stand_ins: Sequence[tuple[int, int]]) -> Iterator[Span]:
    """Yield the parts of `span` between placeholders."""
    start = span.start
    for begin, end in stand_ins:
        if begin < span.end and end > start:
            if begin > start:
                yield replace(span, start=start, end=begin)
            start = end
    if start < span.end:
        yield replace(span, start=start) if start != span.start else span


@lru_cache(maxsize=256)
def redactor_for(config: RedactionConfig) -> Redactor:
    """Return the redactor of `config`, made once."""
    return Redactor(config)


DEFAULT = RedactionConfig()
_ROUNDS = 4


def warm_up() -> None:
    """Read a first text, which loads the model and the numbering plans: a second's work that nobody shall wait for."""
    redact(RawText("my name is john smith and my number is 020 7946 0018"))


def redact(text: RawText, config: RedactionConfig = DEFAULT) -> RedactedText:
    """Return `text`, taken as a whole, without what `config` names. Thread-safe."""
    words = text.reveal()
    redactor, context = redactor_for(config), Context()
    findings = redactor.examine(words, context)
    result = redactor.redacted(words, findings, context)
    # With placeholders around them the words that stayed may read otherwise: until nothing more is found, so that
    # redacting once more changes nothing.
    for _round in range(_ROUNDS):
        if not result.spans:
            break
        more = [
            span
            for span in redactor.examine(result.text, context).spans
            if not any(one.start < span.end and one.end > span.start for one in result.kept)
        ]
        if not more:
            break
        spans = settle([*findings.spans, *(_moved_back(span, findings.spans, result) for span in more)])
        findings = replace(findings, spans=spans)
        result = redactor.redacted(words, findings, context)
    return result


def _moved_back(span: Span, found: Sequence[Span], result: RedactedText) -> Span:
    """Return `span` of the redacted text where it stands in the text before, widened to what it cuts of `found`."""
    placed = sorted((*result.spans, *result.kept), key=lambda one: one.start)
    pairs = list(zip(found, placed, strict=True))
    start, end = _before(span.start, pairs), _before(span.end, pairs, is_end=True)
    return replace(span, start=start, end=end)


def _before(at: int, pairs: Sequence[tuple[Span, Span]], *, is_end: bool = False) -> int:
    shift = 0
    for old, now in pairs:
        if now.end <= at:
            shift = old.end - now.end
        elif now.start < at:
            return old.end if is_end else old.start
    return at + shift
