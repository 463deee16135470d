"""Finds numbers: cards, phones, social security and account numbers, codes; written, spoken or mixed.

The rule, from left to right. A run of digits is hidden when

- a number is due (asked for or announced) and nothing names the run a quantity, however short it is; or
- digits were said before, and the run stands at the beginning or the end of the utterance or has two parts;
  or
- three digits were said one by one, or there are four or more that are no year, time, date or sum; or
- it is short, nothing explains it, and the customer's utterance ends with it.

The last rule is a trade. A customer who begins a card with "four" and pauses has given no sign yet, and what
is stored cannot be taken back; so "I would like two" loses its "two". A number in mid-sentence stays ("I have
two kids"), and so does an interjection: a card that begins with a lone "oh" shows it, as "oh" alone is
almost always a sigh. An agent's short numbers stay unless a number is being given.

In a partial the run at the growing end is hidden from its first word on, whatever it may become.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.redaction.context import Context, Due, Strength
from engines.redaction.cues import ANY, Cue, find_cues
from engines.redaction.detectors.checks import Verdict, classify, is_card, prepare
from engines.redaction.detectors.quantities import harmless_literals, is_counted, is_date_or_sum, is_pronoun
from engines.redaction.numbers import (
    LONGEST_BRIDGE,
    TIMES,
    WEAK,
    ZERO_LETTERS,
    NumberReader,
    Run,
    is_strong,
    joining,
    says_numbers,
)
from engines.redaction.text import Span
from engines.redaction.tokens import FILLERS, LEAD_INS, Utterance
from engines.redaction.vocabulary import NUMERIC_TYPES, TYPES

# A cue, or digits, lose their hold over the rest of the same text after so many words.
_REACH = 25
_GUESS = 0.4
# The reason of a number that was asked for or announced as one of its type.
ASKED_FOR = "said where it was asked for"
CONTINUES = "continues the digits before"
_WITH_LETTERS = frozenset(
    {
        "NUMBER",
        "ACCOUNT_NUMBER",
        "POLICY_NUMBER",
        "CLAIM_NUMBER",
        "BOOKING_REFERENCE",
        "ORDER_NUMBER",
        "PASSPORT",
        "DRIVING_LICENCE",
        "NATIONAL_ID",
        "IBAN",
        "POSTCODE",
    }
)
_WITH_DATES = frozenset({"DATE_OF_BIRTH"})
# What may follow a number at the growing end while it still may be part of an address or a longer number.
_UNDECIDED = FILLERS | WEAK | {"at", "dot", "underscore", "plus", "of", "the"}


# Not frozen: that would make each of them three times as dear.
@dataclass(slots=True)
class Reading:
    """What one utterance gave: its spans, and the number that is being given when it ends.

    `announced` says that a cue was in it; `guessed` that its digits were hidden only because it ended with
    them. `plain` are the stretches (start, end) of numbers that stay because they are a quantity, a sum or a date.
    """

    spans: list[Span]
    due: Due | None
    announced: bool = False
    guessed: bool = False
    plain: tuple[tuple[int, int], ...] = ()


class DigitDetector:
    """Finds runs of digits. `regions`: countries (ISO 3166, two letters) whose numbers are dialled bare."""

    name = "digits"

    def __init__(self, regions: tuple[str, ...]) -> None:
        self._regions = regions
        prepare(regions)

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return the numbers found. See `read` for what follows from them."""
        return self.read(utterance, context).spans

    def read(self, utterance: Utterance, context: Context) -> Reading:
        """Return the numbers found and what is due after them."""
        if not utterance.lows:
            return Reading([], context.due)
        cues = [cue for cue in find_cues(utterance) if cue.type == ANY or cue.type in NUMERIC_TYPES]
        if not cues and context.due is None and not says_numbers(utterance):
            return Reading([], None)
        reader = NumberReader(
            utterance,
            dates_from=_from(cues, context.due, _WITH_DATES),
            letters_from=_from(cues, context.due, _WITH_LETTERS),
            alone_from=_digits_alone(utterance, cues, context.due),
        )
        runs = [(run, kept) for run in reader.runs() if (kept := _without_cues(run, cues)).elements]
        literals = harmless_literals(utterance) if runs else []
        if len(runs) > 1:
            runs = _chained(utterance, runs, literals)
        due, since = context.due, 0
        pending = list(reversed(cues))
        spans: list[Span] = []
        plain: list[tuple[int, int]] = []
        for number, (whole, run) in enumerate(runs):
            while pending and pending[-1].last < run.first:
                cue = pending.pop()
                due, since = _announced(cue, due), cue.last
            if due is not None and run.first - since > _REACH:
                due = None
            growing = context.growing and number == len(runs) - 1 and _undecided_after(utterance, whole)
            verdict = self._judge(utterance, run, context, due, literals)
            if verdict is None and growing:
                verdict = Verdict(due.type if due else "NUMBER", 0.3, "digits at the growing end")
            if verdict is not None:
                spans.append(_span(utterance, run, verdict, self.name, growing=growing))
                due, since = _after(due, verdict, run), run.last
            elif (
                is_counted(utterance, run)
                or is_pronoun(utterance, run)
                or is_date_or_sum(utterance, run, literals)
            ):
                plain.append((utterance.starts[run.first], utterance.ends[run.last]))
        while pending:
            cue = pending.pop()
            due, since = _announced(cue, due), cue.last
        guessed = bool(spans) and all(span.score == _GUESS for span in spans)
        return Reading(spans, due, bool(cues), guessed, tuple(plain))

    def _judge(
        self,
        utterance: Utterance,
        run: Run,
        context: Context,
        due: Due | None,
        literals: list[tuple[int, int]],
    ) -> Verdict | None:
        """Say as what `run` is hidden, or None if it stays."""
        # "seven one day" is how recognition may begin "seven one eight": where a number is due, a partial waits.
        waits = context.growing and due is not None and due.strength is Strength.DUE
        if not waits and (is_counted(utterance, run) or is_pronoun(utterance, run)):
            return None
        if run.total == 0:  # months, ordinals or letters alone
            wanted = due is not None and due.strength is Strength.DUE
            if wanted and due is not None and (due.type == "DATE_OF_BIRTH" or len(run.elements) > 2):
                return Verdict(due.type, 0.6, ASKED_FOR)
            return None
        at_end = _only(utterance, range(run.last + 1, len(utterance.lows)), FILLERS)
        if due is not None and due.strength is Strength.DUE:
            return self._typed(utterance, run, due, 0.9, ASKED_FOR)
        dated = is_date_or_sum(utterance, run, literals)
        if due is not None:
            at_start = _only(utterance, range(run.first), LEAD_INS)
            if len(run.elements) > 1 or at_start or at_end:
                years = all(element.scaled for element in run.elements)
                if not (dated and (years or not (at_start or at_end))):
                    return self._typed(utterance, run, due, 0.7, CONTINUES)
        if run.singles >= 3:
            return self._classified(utterance, run)
        scaled = any(element.scaled for element in run.elements)
        # A turn that is nothing but "1956" may be a year or the first group of a card.
        nothing_else = at_end and _only(utterance, range(run.first), LEAD_INS)
        if dated and not (context.ends_turn and nothing_else and not scaled):
            return None
        if run.total >= 4 and not (len(run.elements) == 1 and run.elements[0].scaled):
            return self._classified(utterance, run)
        if context.ends_turn and at_end and not scaled:
            return Verdict("NUMBER", _GUESS, "digits at the end of a turn, more may follow")
        return None

    def _typed(self, utterance: Utterance, run: Run, due: Due, score: float, reason: str) -> Verdict:
        if due.type != "CREDIT_CARD" and is_card(run.digits[:20]):
            return self._classified(utterance, run)
        if due.type == "NUMBER" and run.total >= 9:
            return self._classified(utterance, run)
        return Verdict(due.type, 0.99 if is_card(run.digits[:20]) else score, reason)

    def _classified(self, utterance: Utterance, run: Run) -> Verdict:
        start, end = utterance.starts[run.first], utterance.ends[run.last]
        digits = run.digits
        international = utterance.gap(run.first).endswith("+") or digits.startswith("00")
        return classify(
            digits.removeprefix("00") if digits.startswith("00") else digits,
            written=utterance.text[start:end] if end - start <= 20 else "",
            international=international,
            regions=self._regions,
        )


def held_back_from(utterance: Utterance) -> int | None:
    """Return where the words begin that a partial must keep back, or None.

    "oh" and "double" at the growing end are the first half of a number or nothing; the next word will tell.
    """
    i = first = len(utterance.lows)
    while i and (utterance.lows[i - 1] in ZERO_LETTERS or utterance.lows[i - 1] in TIMES):
        i -= 1
    return utterance.starts[i] if i < first else None


def _from(cues: list[Cue], due: Due | None, types: frozenset[str]) -> int | None:
    """Return the token from which a number of one of `types` is given, or None."""
    if due is not None and due.type in types:
        return 0
    return next((cue.last + 1 for cue in cues if cue.type in types), None)


def _digits_alone(utterance: Utterance, cues: list[Cue], due: Due | None) -> int | None:
    """Return the token from which nothing but what may be digits is said, where digits are due, or None."""
    if due is None and not cues:
        return None
    start = cues[-1].last + 1 if cues else 0
    rest = utterance.lows[start:]
    alone = all(low in WEAK or low in FILLERS or is_strong(low) for low in rest)
    return start if alone else None


def _without_cues(run: Run, cues: list[Cue]) -> Run:
    """Drop what belongs to a cue: the sixteen of "sixteen digit number" is nobody's."""
    if not cues:
        return run
    inside = {
        i
        for cue in cues
        if cue.first <= run.last and cue.last >= run.first
        for i in range(cue.first, cue.last + 1)
    }
    if not inside:
        return run
    return Run([element for element in run.elements if element.first not in inside])


def _chained(
    utterance: Utterance, runs: list[tuple[Run, Run]], literals: list[tuple[int, int]]
) -> list[tuple[Run, Run]]:
    """Make one of runs that only pauses part, which recognition writes as full stops: "Two. Ninety four. One".

    A quantity is left alone.
    """
    chained: list[tuple[Run, Run]] = []
    counted = False  # whether the last run read, by itself, is a quantity
    for whole, run in runs:
        before, counted = counted, is_counted(utterance, run) or is_date_or_sum(utterance, run, literals)
        if chained and not before and not counted and _near(utterance, chained[-1][0], whole):
            left, left_run = chained[-1]
            # New ones: a run without a cue in it is one and the same twice, and what is known of one no longer holds.
            chained[-1] = Run(left.elements + whole.elements), Run(left_run.elements + run.elements)
        else:
            chained.append((whole, run))
    return chained


def _near(utterance: Utterance, left: Run, right: Run) -> bool:
    """Say whether nothing stands between two runs but what may stand between two groups of one number."""
    between = range(left.last + 1, right.first)
    return (
        len(between) <= LONGEST_BRIDGE
        and all(utterance.bridges(i) and utterance.low(i) != "and" for i in between)
        and all(joining(utterance.gap(i)) for i in range(between.start, right.first + 1))
    )


def _only(utterance: Utterance, indices: range, allowed: frozenset[str]) -> bool:
    return allowed.issuperset(utterance.lows[indices.start : indices.stop])


def _undecided_after(utterance: Utterance, run: Run) -> bool:
    return _only(utterance, range(run.last + 1, len(utterance.lows)), _UNDECIDED)


def _announced(cue: Cue, due: Due | None) -> Due:
    """Return what is due after `cue`. "The last four" asks for more of the same."""
    if cue.type == ANY:
        return Due(due.type if due else "NUMBER", Strength.DUE)
    return Due(cue.type, Strength.DUE)


def _after(due: Due | None, verdict: Verdict, run: Run) -> Due:
    """Return what is due after `run` was hidden as `verdict`."""
    if due is None or due.strength is Strength.OPEN:
        kind = due.type if due is not None and verdict.type == "NUMBER" else verdict.type
        return Due(kind, Strength.OPEN, (due.digits if due else 0) + run.total)
    digits = due.digits + run.total
    strength = Strength.OPEN if digits >= TYPES[due.type].complete_at else Strength.DUE
    return Due(due.type, strength, digits)


def _span(utterance: Utterance, run: Run, verdict: Verdict, detector: str, *, growing: bool) -> Span:
    """Make the span, with the signs that belong to the number: "+", "(" before it and ")" behind."""
    text = utterance.text
    first, end = utterance.starts[run.first], utterance.ends[run.last]
    start = first
    while start and text[start - 1] in "+(":
        start -= 1
    if growing:
        end = utterance.ends[-1]
    if "(" in text[start:first] and text[end : end + 1] == ")":
        end += 1
    return Span(start, end, verdict.type, verdict.score, detector, verdict.reason)
