"""Moments: what is said, or is not said in time, in one conversation.

`CompiledMoments` is made once from the definitions and shared; a `MomentEngine` follows one conversation
with it. Two clocks matter. `hear` takes an utterance when its words are final; finals of two speakers may
come in either order. `advance(now_ms)` promises that everything spoken before `now_ms` has been heard: only
then does an absence run out, so that a sentence begun in time and final late still counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from engines.rules.apart import Apart
from engines.rules.detectors import Detector, Detectors
from engines.rules.entities import ENTITIES, LISTED
from engines.rules.names import Named, NameFinder, check_names
from engines.rules.occurrences import START, Heard, MomentSpec, Occurrence
from engines.rules.ordinary import share_heard
from engines.rules.patterns import Pattern, PatternError, parse_pattern
from engines.rules.phrases import PhraseError, Variant, parse
from engines.rules.spec import Value
from engines.rules.standing import Standing, check_field, check_mood

MAX_PHRASES = 200
MAX_VARIANTS = 2_000
KINDS = ("phrase", "pattern", "entity", "absence", "intent", "examples", "question", "sentiment", "metadata")
# Told by a classifier or a model outside, whose findings come with `MomentEngine.hear`.
OUTSIDE = frozenset({"intent", "examples"})
# Told out of line by what takes seconds, with a deadline: it comes with `MomentEngine.told`, or not at all.
OUT_OF_LINE = frozenset({"question"})
LEAST_QUESTION, MOST_QUESTION = 10, 300
SPEAKERS = ("agent", "customer", "any")


def check(spec: MomentSpec, spoken: Iterable[str] | None = None) -> list[str]:
    """Return what is wrong with one definition, in words for who wrote it; empty when it is sound.

    `spoken` are the keys of the phrase and pattern moments that an absence may name; None skips that check.
    """
    wrong: list[str] = []
    if not spec.key or spec.key == START:
        wrong.append("The moment needs a key, and “start” is taken: it means the start of the call.")
    if spec.speaker not in SPEAKERS:
        wrong.append(f"“{spec.speaker}” is no speaker: choose agent, customer or any.")
    if spec.kind in ("phrase", "pattern"):
        wrong += _check_words(spec)
    elif spec.kind == "entity":
        wrong += _check_entity(spec)
    elif spec.kind == "absence":
        wrong += _check_absence(spec, None if spoken is None else set(spoken))
    elif spec.kind == "intent":
        if not spec.task or not spec.intent:
            wrong.append("Say which classifier tells it, and which of its intents it is.")
    elif spec.kind == "question":
        wrong += _check_question(spec)
    elif spec.kind == "sentiment":
        wrong += check_mood(spec)
    elif spec.kind == "metadata":
        wrong += check_field(spec)
    elif spec.kind != "examples":
        wrong.append(f"“{spec.kind}” is no kind of moment: choose {', '.join(KINDS)}.")
    return wrong


def _check_words(spec: MomentSpec) -> list[str]:
    variants: tuple[Variant, ...] = ()
    pattern: Pattern | None = None
    if spec.kind == "phrase":
        variants, wrong = _phrases(spec)
        if wrong:
            return wrong
    else:
        try:
            pattern = parse_pattern(spec.pattern or "")
        except PatternError as error:
            return [str(error)]
    if share_heard(variants, pattern, reject_negated=spec.reject_negated) == 1:
        return ["It would be heard in everything that is said: ask for something particular."]
    return []


def _check_question(spec: MomentSpec) -> list[str]:
    text = spec.question
    if not text.strip():
        return ["Write the question, so that “yes” means that the moment came up."]
    if not LEAST_QUESTION <= len(text) <= MOST_QUESTION:
        return [f"A question has {LEAST_QUESTION} to {MOST_QUESTION} characters."]
    if any(not one.isprintable() for one in text):
        return ["Write the question in one line, in characters that can be seen."]
    if not text.rstrip().endswith(("?", "？", "؟", ";")):
        return ["Write a question that is answered with yes or no, and end it with a question mark."]
    return []


def _check_entity(spec: MomentSpec) -> list[str]:
    if spec.entity in ENTITIES:
        return []
    if spec.entity not in LISTED:
        known = f"{', '.join((*ENTITIES, *LISTED[:-1]))} or {LISTED[-1]}"
        return [f"“{spec.entity}” cannot be found by itself: choose {known}."]
    if not spec.names:
        return [
            f"It would never be heard: the company’s list has no {spec.entity} yet. "
            "Add one under “Names to listen for”."
        ]
    return check_names(spec.names)


# A call lasts no day.
_LONGEST_MS = 86_400_000


def _check_absence(spec: MomentSpec, spoken: set[str] | None) -> list[str]:
    wrong: list[str] = []
    if not spec.expected:
        wrong.append("Say which moment is expected.")
    elif spoken is not None and spec.expected not in spoken:
        wrong.append(f"The expected moment “{spec.expected}” is not among the moments that are spoken.")
    if spec.after != START and spoken is not None and spec.after not in spoken:
        wrong.append(f"“after” names “{spec.after}”, which is not among the moments that are spoken.")
    if spec.expected and spec.expected == spec.after:
        wrong.append("A moment cannot be expected after itself.")
    if spec.within_ms is not None and spec.within_ms <= 0:
        wrong.append("The time allowed must be more than zero.")
    elif spec.within_ms is not None and spec.within_ms > _LONGEST_MS:
        wrong.append(
            "Calls end before that, so that it would never be missing: leave the time out for “until the call ends”."
        )
    if spec.expected and spec.expected == spec.key:
        wrong.append("A moment cannot wait for itself.")
    return wrong


def _phrases(spec: MomentSpec) -> tuple[tuple[Variant, ...], list[str]]:
    variants: list[Variant] = []
    wrong: list[str] = []
    if not any(phrase.strip() for phrase in spec.phrases):
        wrong.append("Give at least one phrase.")
    if len(spec.phrases) > MAX_PHRASES:
        wrong.append(f"More than {MAX_PHRASES} phrases: split the moment.")
    for phrase in spec.phrases[:MAX_PHRASES]:
        if not phrase.strip():
            continue
        try:
            variants += parse(phrase)
        except PhraseError as error:
            wrong.append(str(error))
    if len(variants) > MAX_VARIANTS:
        wrong.append(
            f"The phrases have more than {MAX_VARIANTS} combinations of alternatives: split the moment."
        )
    return tuple(dict.fromkeys(variants)), wrong


def spoken_variants(phrases: Iterable[str]) -> tuple[Variant, ...]:
    """Return all that phrases stand for. Raises `PhraseError` where they are wrong, none, or too many."""
    variants = [variant for phrase in phrases if phrase.strip() for variant in parse(phrase)]
    if not variants:
        raise PhraseError("Give at least one phrase.")
    if len(variants) > MAX_VARIANTS:
        raise PhraseError(
            f"The phrases have more than {MAX_VARIANTS} combinations of alternatives: split them up."
        )
    return tuple(dict.fromkeys(variants))


def check_all(specs: Sequence[MomentSpec]) -> dict[str, list[str]]:
    """Return what is wrong with a set of definitions, by key; sound ones are left out."""
    spoken = {spec.key for spec in specs if spec.kind != "absence"}
    asked = {spec.key for spec in specs if spec.kind in OUT_OF_LINE}
    wrong: dict[str, list[str]] = {}
    seen: set[str] = set()
    for spec in specs:
        found = check(spec, spoken)
        if spec.kind == "absence" and spec.expected in asked:
            found.append(
                f"“{spec.expected}” is asked of a model, which may be away or late: "
                "that it was not heard shows nothing."
            )
        if spec.key in seen:
            found.append(f"Two moments have the key “{spec.key}”.")
        seen.add(spec.key)
        if found:
            wrong.setdefault(spec.key, []).extend(found)
    return wrong


def asked_out_of_line(specs: Iterable[MomentSpec], keys: Collection[str]) -> list[MomentSpec]:
    """Return those definitions that are told out of line and needed by who listens for `keys`: they are among them, or
    one of them begins to wait for something when they come up."""
    known = list(specs)
    after = {spec.after for spec in known if spec.kind == "absence" and spec.key in keys}
    return [spec for spec in known if spec.kind in OUT_OF_LINE and (spec.key in keys or spec.key in after)]


class CompiledMoments:
    """Definitions ready to run. Immutable; one serves every conversation that uses the same set.

    What runs when: `detectors` on finals, and on partials where a rule asks for that; `standing` on finals and when a
    field changes; `absences` by the clock; `out_of_line` beside the conversation, with a deadline, by whoever can.

    A definition that `check_all` refuses is left out and reported in `refused` (key to complaints): one bad
    row must not silence the rest of a call.
    """

    def __init__(self, specs: Sequence[MomentSpec]) -> None:
        self.refused = check_all(specs)
        for spec in specs:
            lost = {spec.expected, spec.after} & self.refused.keys() if spec.kind == "absence" else set()
            if lost and spec.key not in self.refused:
                # What can never be heard would be missing in every call.
                self.refused[spec.key] = [
                    f"It waits for “{key}”, which is refused." for key in sorted(map(str, lost))
                ]
        self.specs = tuple(spec for spec in specs if spec.key not in self.refused)
        self.by_key = {spec.key: spec for spec in self.specs}
        detectors = []
        self.finders: dict[int, NameFinder] = {}
        lists: dict[tuple[Named, ...], NameFinder] = {}
        self.absences: list[MomentSpec] = []
        self.starters: dict[str, list[MomentSpec]] = {}
        self.fulfilled_by: dict[str, list[MomentSpec]] = {}
        for owner, spec in enumerate(self.specs):
            if spec.kind == "absence":
                self.absences.append(spec)
                self.starters.setdefault(spec.after, []).append(spec)
                self.fulfilled_by.setdefault(str(spec.expected), []).append(spec)
                continue
            if spec.kind not in ("phrase", "pattern", "entity"):
                continue  # told from outside, or by no words
            variants = _phrases(spec)[0] if spec.kind == "phrase" else ()
            pattern = parse_pattern(spec.pattern or "") if spec.kind == "pattern" else None
            entity = spec.entity if spec.kind == "entity" else ""
            names = None
            if entity in LISTED:
                names = lists.get(spec.names) or lists.setdefault(spec.names, NameFinder(spec.names))
                self.finders[owner] = names
            detectors.append(
                Detector(owner, spec.speaker, variants, pattern, spec.reject_negated, entity, names)
            )
        self.detectors = Detectors(detectors)
        self.standing = [spec for spec in self.specs if spec.kind in ("sentiment", "metadata")]
        self.out_of_line = [spec for spec in self.specs if spec.kind in OUT_OF_LINE]
        self.asks_fields = any(spec.kind == "metadata" for spec in self.specs)


class MomentEngine:
    """Follows one conversation. Not safe for use from two tasks at once."""

    def __init__(self, moments: CompiledMoments | Sequence[MomentSpec]) -> None:
        self._moments = moments if isinstance(moments, CompiledMoments) else CompiledMoments(moments)
        self._now_ms = 0
        self._sequence: int | None = None
        # An absence under way: its key, from when it waits, and until when (None: the end of the call).
        self._open: dict[str, tuple[int, int | None]] = {}
        # When each moment that some absence expects was last said. A final may be late: what overlapped the
        # end of the sentence that starts the wait answers it, though it was heard first.
        self._last: dict[str, tuple[int, int]] = {}
        self._standing = Standing(self._moments.standing)
        self._apart = Apart(self._moments.detectors)
        for spec in self._moments.starters.get(START, ()):
            self._open[spec.key] = (0, spec.within_ms)

    def look(self, heard: Heard) -> list[Occurrence]:
        """Return what is said in an utterance, or in a partial, and change nothing."""
        specs = self._moments.specs
        return [
            Occurrence(
                specs[owner].key,
                specs[owner].revision_id,
                heard.start_ms,
                heard.sequence,
                heard.speaker,
                spans,
                until_ms=heard.end_ms,
                entity=specs[owner].entity,
                names=self._names(owner, heard.text, spans),
            )
            for owner, spans in self._apart.find(heard.speaker, heard.text)
        ]

    def failed(self) -> dict[str, tuple[int, str]]:
        """Return how often detectors have failed so far, by the moment's key, and the last error's type of each."""
        apart = self._apart
        return {
            self._moments.specs[owner].key: (times, apart.kinds[owner])
            for owner, times in apart.failures.items()
        }

    def _names(self, owner: int, text: str, spans: tuple[tuple[int, int], ...]) -> tuple[str, ...]:
        finder = self._moments.finders.get(owner)
        if finder is None:
            return ()
        named = (name for start, end in spans for _start, _end, name in finder.named(text[start:end]))
        return tuple(dict.fromkeys(named))

    def hear(self, heard: Heard, told: Sequence[Occurrence] = ()) -> list[Occurrence]:
        """Take the next utterance and return what is said in it, in the order of its words, and then what was `told`.

        `told` are occurrences in this utterance that others found: intents. They start and fulfil absences, too.
        An utterance whose sequence is not above the last one's was heard before, and gives nothing.
        """
        if self._sequence is not None and heard.sequence <= self._sequence:
            return []
        self._sequence = heard.sequence
        occurrences = [*self.look(heard), *told, *self._moods(heard)]
        self._waits(occurrences, heard.start_ms, heard.end_ms)
        return occurrences

    def told(self, heard: Heard, told: Sequence[Occurrence]) -> list[Occurrence]:
        """Take what others found in an utterance after it was heard. It starts and fulfils absences as if it had been
        found at once; one that has run out meanwhile has."""
        self._waits(told, heard.start_ms, heard.end_ms)
        return list(told)

    def fields(self, fields: Mapping[str, Value | None], at_ms: int) -> list[Occurrence]:
        """Take what is known of the call, at its beginning and whenever it changes; return what has become so."""
        occurrences = [
            Occurrence(spec.key, spec.revision_id, at_ms, None, "", (), until_ms=at_ms)
            for spec in self._standing.fields(fields)
        ]
        self._waits(occurrences, at_ms, at_ms)
        return occurrences

    def _moods(self, heard: Heard) -> list[Occurrence]:
        return [
            Occurrence(
                spec.key,
                spec.revision_id,
                heard.start_ms,
                heard.sequence,
                heard.speaker,
                ((0, len(heard.text)),),
                until_ms=heard.end_ms,
                score=round(value, 3),
            )
            for spec, value in self._standing.hear(heard)
        ]

    def _waits(self, occurrences: Sequence[Occurrence], start_ms: int, end_ms: int) -> None:
        """End and begin the waits that these bring about."""
        for occurrence in occurrences:
            for spec in self._moments.fulfilled_by.get(occurrence.key, ()):
                self._fulfil(spec, start_ms, end_ms)
        for occurrence in occurrences:
            for spec in self._moments.starters.get(occurrence.key, ()):
                self._await(spec, end_ms)

    def _fulfil(self, spec: MomentSpec, start_ms: int, end_ms: int) -> None:
        key = str(spec.expected)
        known = self._last.get(key)
        if known is None or end_ms > known[1]:
            self._last[key] = (start_ms, end_ms)
        waiting = self._open.get(spec.key)
        if waiting is not None and _answers(start_ms, end_ms, waiting):
            del self._open[spec.key]

    def _await(self, spec: MomentSpec, end_ms: int) -> None:
        if spec.key in self._open:
            return
        until = None if spec.within_ms is None else end_ms + spec.within_ms
        last = self._last.get(str(spec.expected))
        if last is None or not _answers(last[0], last[1], (end_ms, until)):
            self._open[spec.key] = (end_ms, until)

    def advance(self, now_ms: int) -> list[Occurrence]:
        """Return the absences whose time ran out, everything before `now_ms` having been heard."""
        if now_ms <= self._now_ms:
            return []
        self._now_ms = now_ms
        return self._run_out(
            [(key, end) for key, (_, end) in self._open.items() if end is not None and end <= now_ms]
        )

    def finish(self, now_ms: int) -> list[Occurrence]:
        """End the call at `now_ms`: as `advance`, and what was awaited until the end is absent.

        An absence whose time had not run out when the call ended is dropped: there was still time.
        """
        occurrences = self.advance(now_ms)
        occurrences += self._run_out(
            [(key, max(now_ms, at)) for key, (at, end) in self._open.items() if end is None]
        )
        self._open.clear()
        return occurrences

    def _run_out(self, due: list[tuple[str, int]]) -> list[Occurrence]:
        occurrences = []
        for key, end_ms in sorted(due, key=lambda one: (one[1], one[0])):
            spec = self._moments.by_key[key]
            from_ms, _ = self._open.pop(key)
            occurrences.append(
                Occurrence(
                    key,
                    spec.revision_id,
                    end_ms,
                    None,
                    self._moments.by_key[str(spec.expected)].speaker,
                    (),
                    searched=(from_ms, end_ms),
                    expected=spec.expected,
                    until_ms=end_ms,
                )
            )
        return occurrences

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON: bounded by the number of absences, without any words."""
        return {
            "v": 1,
            "now": self._now_ms,
            "sequence": self._sequence,
            "open": {key: list(waiting) for key, waiting in self._open.items()},
            "last": {key: list(said) for key, said in self._last.items()},
            **({"standing": self._standing.state()} if self._moments.standing else {}),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken. What it says of moments that no longer exist is dropped.

        Raises ValueError on a state of an unknown version.
        """
        if state.get("v") != 1:
            raise ValueError(f"unknown version of moment state: {state.get('v')!r}")
        self._now_ms = state["now"]
        self._sequence = state["sequence"]
        known = {spec.key for spec in self._moments.absences}
        self._open = {key: (at, end) for key, (at, end) in state["open"].items() if key in known}
        self._last = {
            key: (start, end)
            for key, (start, end) in state["last"].items()
            if key in self._moments.fulfilled_by
        }
        if "standing" in state:
            self._standing.restore(state["standing"])


def _answers(start_ms: int, end_ms: int, waiting: tuple[int, int | None]) -> bool:
    """Say whether words spoken from `start_ms` to `end_ms` fall into what is waited for.

    They may begin before the wait (people talk over each other) but must end in or after it, and must begin
    before its end.
    """
    from_ms, until_ms = waiting
    return end_ms > from_ms and (until_ms is None or start_ms <= until_ms)
