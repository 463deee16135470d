"""Redaction of a live conversation: what was asked for a moment ago decides what a bare "four one" is.

One `StreamRedactor` per conversation, fed with partials and finals in the order in which they are heard. Its
state names types, counts and times, never a word, so that it may be stored with the call's checkpoint.

- A question for a number, or its announcement, holds for `due_turns` turns or `due_ms` of call time after it
  or after the last digits that followed, for both speakers (agents read back). Backchannels do not count.
- Digits that were hidden without a question keep the way open for `open_turns` and `open_ms`. Those that were
  hidden only because a customer's turn ended with them do so for that speaker alone.
- A partial is read with the same state but without the clock, and hides the whole growing end. It changes
  nothing: only finals do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from secrets import token_bytes
from threading import Lock
from typing import Any

from engines.redaction.actions import digits_of
from engines.redaction.context import Context, Due, Strength
from engines.redaction.cues import ASKED_TYPES, find_cues
from engines.redaction.detectors.checks import is_card
from engines.redaction.detectors.digits import ASKED_FOR
from engines.redaction.memory import Memory
from engines.redaction.muting import Muting
from engines.redaction.redactor import DEFAULT, Findings, RedactionConfig, redactor_for
from engines.redaction.resolve import replaced
from engines.redaction.scene import Scene
from engines.redaction.sequence.decode import Searched
from engines.redaction.sequence.tagger import tagger
from engines.redaction.text import RawText, RedactedText, Span
from engines.redaction.timing import RedactedWord, redacted_words, words_trusted
from engines.redaction.tokens import BACKCHANNELS, Utterance, tokenise
from engines.redaction.turns import types_hidden
from engines.redaction.vocabulary import TYPES, kind
from engines.speech.types import HeardWord

# Who works for the company: digits that end a turn of theirs begin no card.
COMPANY_SPEAKERS = frozenset({"agent", "supervisor", "bot"})
_STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Apart:
    """What stood where `span`, one of the redacted text's own, stands now. It goes nowhere but into a seal."""

    span: Span
    words: RawText


@dataclass(frozen=True, slots=True)
class RedactedUtterance:
    """A final, safe to keep.

    `words` carry the placeholder once for all words of a finding; they are empty when the words as timed
    could not be matched with the text. `audio_intervals` are [start, end) in milliseconds of the call's
    audio, to be beeped on this speaker's channel: in order, apart from each other, margins included. `audio_reach`
    says for each how far it may be widened where a voice goes on that no word was written of. `apart` are the words
    of findings of `RedactionConfig.apart`, which are hidden in all the rest like any other.
    """

    redacted: RedactedText
    words: tuple[RedactedWord, ...]
    audio_intervals: tuple[tuple[int, int], ...]
    audio_reach: tuple[tuple[int, int], ...] = ()
    apart: tuple[Apart, ...] = ()


@dataclass(frozen=True, slots=True)
class _Given:
    """The number being given, by `speaker` ("" while nobody has); `alone`: nobody else may go on with it.

    `since_ms`: where the utterance begins in which it was asked for or begun; None in a state of earlier times.
    """

    type: str
    strength: str
    digits: int
    at_ms: int
    turns: int
    speaker: str
    alone: bool
    since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question for a name or an address: what for, by whom, when, and how many turns ago."""

    type: str
    speaker: str
    at_ms: int
    turns: int


@dataclass(frozen=True, slots=True)
class OpenNumber:
    """A number that is being given and of which more may come: since when in the call, and by whom.

    `is_partial`: some digits were heard, but fewer than such a number has. Where it has only been asked for,
    `speaker` is empty.
    """

    since_ms: int
    speaker: str
    is_partial: bool


class StreamRedactor:
    """Redacts one conversation as it is heard. Calls from several threads take turns."""

    def __init__(self, config: RedactionConfig = DEFAULT) -> None:
        self._config = config
        self._redactor = redactor_for(config)
        self._given: _Given | None = None
        self._asked: _Asked | None = None
        self._topics = self._redactor.topics
        self._scene = Scene.begin(self._topics)
        self._memory = Memory(self._redactor.everyday_words())
        self._muting = Muting(config.beep_margin_ms)
        # By speaker, what the model found in the last partial: labels by scores, no words.
        self._searched: dict[str, Searched] = {}
        # And what was made of it, as recognition often sends the same words again: how many times the state had
        # changed by then, and a keyed digest of the words.
        self._shown: dict[str, tuple[int, bytes, RedactedText]] = {}
        # What the model made of the last partial's words before it looked for the best labels: numbers, by the digest.
        self._scored: dict[str, tuple[bytes, Any]] = {}
        # A partial that is about to be read, cut into words and scored (`partials_prepare`).
        self._prepared: dict[str, tuple[bytes, Utterance]] = {}
        self._changes = 0
        self._key = token_bytes(16)
        self._lock = Lock()

    def redact_final(
        self, speaker: str, text: RawText, words: Sequence[HeardWord], start_ms: int, end_ms: int
    ) -> RedactedUtterance:
        """Redact what `speaker` said from `start_ms` to `end_ms` and remember what is due after it.

        `words` may be empty or lack times, or have some that cannot be: then, if anything was found, the whole
        utterance is beeped. Any speaker but `COMPANY_SPEAKERS` counts as a customer.
        """
        raw = text.reveal() or " ".join(word.text.reveal() for word in words)
        words = words_trusted(words, start_ms, end_ms)
        with self._lock:
            utterance = tokenise(raw)
            digest, scored = self._scored.pop(speaker, (b"", None))
            if scored is not None and digest == self._digest(raw):
                utterance.__dict__["scored"] = scored
            context = self._context(speaker, utterance, start_ms)
            findings = self._redactor.examined(utterance, context, self._memory.find(utterance))
            self._remember(speaker, findings, context, start_ms, end_ms)
            self._changes += 1
        found = findings.spans
        stand_ins = self._redactor.stand_ins(raw, found, context)
        hidden = [span for span, one in zip(found, stand_ins, strict=True) if one is not None]
        with self._lock:
            self._memory.remember(utterance, hidden)
            self._changes += 1
        timed = redacted_words(raw, findings.spans, words, stand_ins)
        if timed is None:
            # The words are not those of the text ("4111" for "four one one one"): redact them by themselves.
            spoken = " ".join(word.text.reveal() for word in words)
            apart = self._redactor.examine(spoken, context).spans
            if [span.type for span in apart] == [span.type for span in findings.spans]:
                timed = redacted_words(spoken, apart, words, stand_ins)
            elif apart and not findings.spans:
                findings = replace(findings, spans=[_whole(raw, apart)])
                stand_ins = [f"[{findings.spans[0].type}]"]
        sounds = timed.sounds if timed else None
        with self._lock:
            muted = self._muting.beeps(
                speaker, sounds, found=bool(findings.spans), start_ms=start_ms, end_ms=end_ms
            )
        redacted = replaced(raw, findings.spans, stand_ins)
        return RedactedUtterance(
            redacted,
            timed.words if timed else (),
            muted.intervals,
            muted.reach,
            self._apart(raw, found, stand_ins, redacted) if found is findings.spans else (),
        )

    def redact_partial(self, speaker: str, text: RawText) -> RedactedText:
        """Redact what `speaker` is heard to say so far; changes no state.

        No digit is shown that the final could hide, nor an "oh". The end of the text may be missing for one word,
        as only the next one tells what it is; after a number all the rest is, as recognition writes its last
        words anew each time, and digits as "fight" or "one's" among them.
        """
        raw = text.reveal()
        digest = self._digest(raw)
        with self._lock:
            changes = self._changes
            known = self._shown.get(speaker)
            if known is not None and known[:2] == (changes, digest):
                return known[2]
            prepared = self._prepared.pop(speaker, None)
            utterance = prepared[1] if prepared is not None and prepared[0] == digest else tokenise(raw)
            searched = self._searched.setdefault(speaker, {})
            context = self._context(speaker, utterance, None, growing=True, searched=searched)
            again = self._memory.find(utterance, growing=True)
        findings = self._redactor.examined(utterance, context, again)
        # A finding may reach over the words kept back; it must hide its own beginning all the same.
        spans = [span for span in findings.spans if span.start < findings.kept_back]
        shown = raw[: max([findings.kept_back, *(span.end for span in spans)])]
        shown = shown if len(shown) == len(raw) else shown.rstrip()
        # A lone "oh" may turn out to open an address or a number: two dots hold its place until the final tells.
        if "oh" in utterance.vocabulary:
            for begins, ends, low in zip(utterance.starts, utterance.ends, utterance.lows, strict=True):
                inside = any(span.start < ends and begins < span.end for span in spans)
                if low == "oh" and ends <= len(shown) and not inside:
                    shown = f"{shown[:begins]}..{shown[ends:]}"
        redacted = replaced(shown, spans, self._redactor.stand_ins(shown, spans, context))
        with self._lock:
            self._shown[speaker] = changes, digest, redacted
            self._scored[speaker] = digest, utterance.__dict__.get("scored")
        return redacted

    def _prepare(self, speaker: str, text: RawText) -> tuple[Utterance, tuple[str, ...]] | None:
        """Cut a partial into words, and say with which scene it is read. None: it needs no reading."""
        raw = text.reveal()
        digest = self._digest(raw)
        with self._lock:
            known = self._shown.get(speaker)
            if not self._redactor.has_model or (known is not None and known[:2] == (self._changes, digest)):
                return None
            utterance = tokenise(raw)
            self._prepared[speaker] = digest, utterance
            return utterance, self._scene_of(speaker, utterance)

    def _digest(self, raw: str) -> bytes:
        return blake2b(raw.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).digest()

    def suspect(self, at_ms: int) -> None:
        """Treat what follows `at_ms` as if a card number had just been asked for.

        For a conversation that is joined in its middle: what was said before is not known, so digits are hidden
        for as long as they would be after the question.
        """
        with self._lock:
            self._given = _Given("CREDIT_CARD", Strength.DUE.value, 0, at_ms, 0, "", False)
            self._changes += 1

    def open_number(self, at_ms: int) -> OpenNumber | None:
        """Return the number of which, at `at_ms` of the call, more digits are still waited for; None if there is none.

        What was said since it began may turn out to belong to it.
        """
        with self._lock:
            given = self._given
        if given is None or not self._is_open(given, at_ms):
            return None
        since_ms = given.at_ms if given.since_ms is None else given.since_ms
        return OpenNumber(since_ms, given.speaker, 0 < given.digits < TYPES[given.type].complete_at)

    def state(self) -> dict[str, Any]:
        """Return what must outlive the process, as JSON: types, counts, speakers' roles and times."""
        with self._lock:
            return {
                "version": _STATE_VERSION,
                "given": _told(self._given) if self._given else None,
                "asked": _told(self._asked) if self._asked else None,
                "scene": self._scene.state(),
            }

    def memory(self) -> dict[str, Any]:
        """Return the digests of what was hidden, with their key, as JSON. It goes nowhere but into a seal."""
        with self._lock:
            return self._memory.exported()

    def memory_take(self, memory: Mapping[str, Any]) -> None:
        """Go on from `memory()`. Raises ValueError if it is not such a thing."""
        with self._lock:
            self._memory.take_over(memory)

    @staticmethod
    def reads(state: Mapping[str, Any]) -> bool:
        """Say whether `restore` can read `state`: another version of ours may have written it."""
        return state.get("version") == _STATE_VERSION

    @classmethod
    def retold(
        cls, turns: Iterable[tuple[str, str, int, int]], config: RedactionConfig = DEFAULT
    ) -> StreamRedactor:
        """Return a redactor that has heard `turns` as they were stored: speaker, redacted text, from and to (ms).

        What was given shows in the placeholders, but not how many digits of a number were: afterwards digits are hidden
        as if a card number had just been asked for.
        """
        redactor, reached_ms = cls(config), 0
        for speaker, text, start_ms, end_ms in turns:
            redactor.redact_final(speaker, RawText(text), (), start_ms, end_ms)
            reached_ms = max(reached_ms, end_ms)
        redactor.suspect(reached_ms)
        return redactor

    @classmethod
    def restore(cls, state: Mapping[str, Any], config: RedactionConfig = DEFAULT) -> StreamRedactor:
        """Return a redactor that goes on from `state()`. Raises ValueError if it is not such a state."""
        if not cls.reads(state):
            raise ValueError("not a redaction state of this version")
        redactor = cls(config)
        try:
            given, asked = state["given"], state["asked"]
            redactor._given = _Given(**given) if given is not None else None
            redactor._asked = _Asked(**asked) if asked is not None else None
            # A call that was under way when this came to be has none.
            if (scene := state.get("scene")) is not None:
                redactor._scene = Scene.restore(scene, redactor._topics)
            if redactor._given is not None:
                Strength(redactor._given.strength)
            known = all(part is None or part.type in TYPES for part in (redactor._given, redactor._asked))
        except (KeyError, TypeError) as error:
            raise ValueError("not a redaction state") from error
        if not known:
            raise ValueError("a redaction state with unknown types")
        return redactor

    def _apart(
        self, raw: str, found: Sequence[Span], stand_ins: Sequence[str | None], redacted: RedactedText
    ) -> tuple[Apart, ...]:
        """Return the words of findings that are to be handed over, all of whose kinds are.

        What may be a card goes as little as a card does: bare digits that nobody asked for may be a part of one.
        """
        if not self._config.apart or not found:
            return ()
        hidden = [span for span, one in zip(found, stand_ins, strict=True) if one is not None]
        return tuple(
            Apart(placed, RawText(raw[span.start : span.end]))
            for span, placed in zip(hidden, redacted.spans, strict=True)
            if {span.type, *span.beside} <= self._config.apart
            and (span.type != "NUMBER" or span.reason == ASKED_FOR)
            and not is_card(digits_of(raw[span.start : span.end]))
        )

    def _context(
        self,
        speaker: str,
        utterance: Utterance,
        at_ms: int | None,
        *,
        growing: bool = False,
        searched: Searched | None = None,
    ) -> Context:
        given, asked, config = self._given, self._asked, self._config
        due = None
        mine = given is not None and (not given.alone or given.speaker == speaker)
        if given is not None and mine and self._is_open(given, at_ms):
            due = Due(given.type, Strength(given.strength), given.digits)
        question = None
        if (
            asked is not None
            and asked.speaker != speaker
            and asked.turns < config.asked_turns
            and (at_ms is None or at_ms - asked.at_ms <= config.asked_ms)
        ):
            question = asked.type
        scene = self._scene_of(speaker, utterance)
        return Context(due, question, speaker not in COMPANY_SPEAKERS, growing, True, scene, searched)

    def _scene_of(self, speaker: str, utterance: Utterance) -> tuple[str, ...]:
        if speaker in COMPANY_SPEAKERS:
            return ()
        known: tuple[int, tuple[str, ...]] | None = utterance.__dict__.get("scene")
        if known is None or known[0] != self._changes:
            known = utterance.__dict__["scene"] = (
                self._changes,
                self._scene.names(self._topics, utterance.lows),
            )
        return known[1]

    def _is_open(self, given: _Given, at_ms: int | None) -> bool:
        """Whether more of a number is waited for; with no `at_ms`, without regard to the clock."""
        config = self._config
        strong = given.strength == Strength.DUE
        turns, milliseconds = (
            (config.due_turns, config.due_ms) if strong else (config.open_turns, config.open_ms)
        )
        return given.turns < turns and (at_ms is None or at_ms - given.at_ms <= milliseconds)

    def _remember(
        self, speaker: str, findings: Findings, context: Context, start_ms: int, end_ms: int
    ) -> None:
        reading = findings.digits
        says_something = not BACKCHANNELS.issuperset(findings.utterance.vocabulary)
        if reading.spans or reading.announced:
            self._given = self._given_after(speaker, findings, context, start_ms, end_ms)
        elif self._given is not None and says_something:
            self._given = replace(self._given, turns=self._given.turns + 1)
        self._asked = self._asked_after(speaker, findings, end_ms, says_something=says_something)
        if speaker not in COMPANY_SPEAKERS:
            given = [*(span.type for span in findings.spans), *types_hidden(findings.utterance)]
            self._scene = self._scene.after(self._topics, findings.utterance.lows, given)

    def _given_after(
        self, speaker: str, findings: Findings, context: Context, start_ms: int, end_ms: int
    ) -> _Given | None:
        reading, before = findings.digits, self._given if context.due is not None else None
        due = reading.due
        if due is None:
            return None
        if before is not None and before.speaker not in ("", speaker) and not reading.announced:
            # A read-back gives no new digits: the number is as complete as it was.
            return replace(before, at_ms=max(before.at_ms, end_ms), turns=0)
        giver = speaker if reading.spans else ""
        # A single digit that merely ended a turn says too little about those of another speaker.
        alone = reading.guessed and before is None and due.digits <= 1
        # A new question is for a new number; otherwise it is the same one that goes on.
        goes_on = before is not None and not reading.announced
        since_ms = before.since_ms if before is not None and goes_on else start_ms
        return _Given(due.type, due.strength.value, due.digits, end_ms, 0, giver, alone, since_ms)

    def _asked_after(
        self, speaker: str, findings: Findings, end_ms: int, *, says_something: bool
    ) -> _Asked | None:
        asked = self._asked
        if asked is not None and asked.speaker != speaker:
            if any(span.type == asked.type for span in findings.spans):
                asked = None
            elif says_something:
                asked = replace(asked, turns=asked.turns + 1)
        words = [cue for cue in find_cues(findings.utterance) if cue.type in ASKED_TYPES]
        if words:
            cue = words[-1]
            end = findings.utterance.tokens[cue.last].end
            if not any(span.type == cue.type and span.end > end for span in findings.spans):
                return _Asked(cue.type, speaker, end_ms, 0)
        return asked


def partials_prepare(partials: Iterable[tuple[StreamRedactor, str, RawText]]) -> None:
    """Have the model look at several partials together, by speaker, each of a redactor of its own or another speaker's.

    `redact_partial` says then what it would say anyway, and is cheaper by a good part.
    """
    texts = []
    for redactor, speaker, text in partials:
        prepared = redactor._prepare(speaker, text)
        if prepared is not None:
            texts.append(prepared)
    if len(texts) > 1:
        tagger().score_together(texts)


def _told(one: _Given | _Asked) -> dict[str, Any]:
    # What `asdict` gives, which looks into each value: dear for what is told with every final.
    return {name: getattr(one, name) for name in one.__slots__}


def _whole(raw: str, apart: list[Span]) -> Span:
    """Return one span over the whole text: something was found in its words that cannot be placed in it."""
    best = max(apart, key=lambda span: kind(span.type).priority)
    return replace(best, start=0, end=len(raw), reason="found in the words as timed, not in the text")
