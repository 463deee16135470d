"""Cards and social security numbers as people write and say them, made by lot: how many are hidden?

The trained model never saw the sentences around the numbers, which stand here alone. The rules did, in part: what they
missed here was read and mended, so the figures are those of a set that was worked on. Before that, cards and social
security numbers together had a recall of 0.9983 (0.9913 of the cases whole).

A case is one text, read by itself, or a conversation, heard turn by turn as the live path hears it (its finals). Phone
numbers are the control: what is done for cards must not cost them.

`measure_generated` reports, for each kind (`card_written`, `ssn_turns`, ...), the share of words with digits that are
hidden (`recall`), the share of cases with all of them hidden (`whole`), and how many cases there were.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engines.redaction.context import Context
from engines.redaction.redactor import DEFAULT, RedactionConfig, redactor_for
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.speech.types import HeardWord

SEED = 20_240_601
_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@dataclass(frozen=True, slots=True)
class Word:
    """One word, with the signs that touch it; `secret` if it gives away digits."""

    text: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One number given. `kind` is what and how; `turns` are (speaker, words), a single one is read as a text."""

    kind: str
    turns: tuple[tuple[str, tuple[Word, ...]], ...]


_ISSUERS = (("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("6011", 16), ("65", 16), ("34", 15), ("37", 15))


def _card(rng: random.Random) -> str:
    prefix, length = rng.choice(_ISSUERS)
    body = prefix + "".join(rng.choices("0123456789", k=length - len(prefix) - 1))
    total = 0
    for place, character in enumerate(reversed(body)):
        value = int(character)
        total += (value * 2 - 9 if value > 4 else value * 2) if place % 2 == 0 else value
    return body + str(-total % 10)


def _ssn(rng: random.Random) -> str:
    area = rng.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03d}{rng.randint(1, 99):02d}{rng.randint(1, 9999):04d}"


def _phone(rng: random.Random) -> str:
    area = rng.choice(("212", "415", "646", "312", "702", "617", "305"))
    return f"{area}{rng.randint(2, 9)}{rng.randint(0, 99):02d}{rng.randint(0, 9999):04d}"


# --- written -------------------------------------------------------------------------------------------------


def _cut(digits: str, sizes: tuple[int, ...]) -> list[str]:
    parts, at = [], 0
    for size in sizes:
        parts.append(digits[at : at + size])
        at += size
    return parts


def _sizes(kind: str, digits: str) -> tuple[int, ...]:
    if kind == "card":
        return (4, 6, 5) if len(digits) == 15 else (4, 4, 4, 4)
    return (3, 2, 4) if kind == "ssn" else (3, 3, 4)


def _written(rng: random.Random, kind: str, digits: str) -> str:
    style = rng.choice(
        ("plain", "spaces", "dashes", "dots", "narrow") if kind != "ssn" else ("plain", "spaces", "dashes")
    )
    parts = _cut(digits, _sizes(kind, digits))
    joins = {"plain": "", "spaces": " ", "dashes": "-", "dots": ".", "narrow": "\u00a0"}
    if kind == "phone" and style == "dots" and rng.random() < 0.5:
        return f"({parts[0]}) {parts[1]}-{parts[2]}"
    return joins[style].join(parts)


# --- spoken --------------------------------------------------------------------------------------------------


def _zero(rng: random.Random, *, first: bool) -> str:
    return "zero" if first or rng.random() < 0.5 else rng.choice(("oh", "oh", "o"))


def _singles(rng: random.Random, digits: str, *, first: bool) -> Iterator[str]:
    for i, digit in enumerate(digits):
        yield _zero(rng, first=first and i == 0) if digit == "0" else _ONES[int(digit)]


def _repeats(rng: random.Random, digits: str, *, first: bool) -> Iterator[str]:
    i = 0
    while i < len(digits):
        times = next((n for n in (3, 2) if digits[i : i + n] == digits[i] * n), 1)
        if times > 1:
            yield rng.choice(("triple", "treble")) if times == 3 else "double"
        yield _zero(rng, first=first and i == 0) if digits[i] == "0" else _ONES[int(digits[i])]
        i += times


def _pairs(rng: random.Random, digits: str, *, first: bool) -> Iterator[str]:
    i = 0
    while i < len(digits):
        pair = digits[i : i + 2]
        if len(pair) < 2 or pair[0] == "0":
            yield from _singles(rng, pair, first=first and i == 0)
        elif pair[0] == "1":
            yield _TEENS[int(pair[1])]
        else:
            yield _TENS[int(pair[0]) - 2]
            if pair[1] != "0":
                yield _ONES[int(pair[1])]
        i += 2


def _hundreds(rng: random.Random, digits: str, *, first: bool) -> Iterator[str]:
    """Groups that end in 00 as hundreds ("forty one hundred"), thousands so called, the others in pairs."""
    if len(digits) == 4 and digits[0] != "0" and digits[1:] == "000":
        yield from (_ONES[int(digits[0])], "thousand")
    elif len(digits) == 4 and digits[0] != "0" and digits[2:] == "00":
        yield from _pairs(rng, digits[:2], first=first)
        yield "hundred"
    else:
        yield from _pairs(rng, digits, first=first)


def _mixed(rng: random.Random, digits: str, *, first: bool) -> Iterator[str]:
    for i, digit in enumerate(digits):
        yield digit if rng.random() < 0.5 else next(_singles(rng, digit, first=first and i == 0))


def _chunks(rng: random.Random, digits: str, *, first: bool) -> Iterator[str]:
    """Figures in pieces beside words, as recognition with formatting half switched on writes them."""
    i = 0
    while i < len(digits):
        size = rng.randint(1, 4)
        piece = digits[i : i + size]
        if rng.random() < 0.5:
            yield piece
        else:
            yield from _singles(rng, piece, first=first and i == 0)
        i += size


_WAYS: tuple[Callable[..., Iterator[str]], ...] = (
    _singles,
    _singles,
    _repeats,
    _pairs,
    _hundreds,
    _mixed,
    _chunks,
)
_PAUSES = (
    "um",
    "uh",
    "let me see",
    "er",
    "and then",
    "okay",
    "sorry",
    "dash",
    "so",
    "hang on",
    "hold on",
    "yeah",
)


def _spoken(rng: random.Random, kind: str, digits: str, *, first: bool = True) -> list[Word]:
    """Say `digits` in groups; commas or nothing between them, now and then a filler."""
    way = rng.choice(_WAYS)
    sizes = _sizes(kind, digits) if rng.random() < 0.8 else tuple(rng.choice((1, 2, 3, 4, 5)) for _ in digits)
    mark = rng.choice(("", "", ",", ",", "."))
    fillers = rng.choice((0.0, 0.0, 0.25))
    words: list[Word] = []
    groups = [group for group in _cut(digits, sizes) if group]
    for number, group in enumerate(groups):
        if number and rng.random() < fillers:
            words += [Word(word) for word in rng.choice(_PAUSES).split()]
        said = list(way(rng, group, first=first and number == 0))
        if number < len(groups) - 1:
            said[-1] += mark
        words += [Word(word, True) for word in said]
    return words


# --- sentences -----------------------------------------------------------------------------------------------

_BEFORE: dict[str, tuple[str, ...]] = {
    "card": (
        "",
        "",
        "it's",
        "the one ending the statement is",
        "could you put it on",
        "the visa I've got here reads",
        "my credit card number is",
        "so the long number across the front is",
        "I'd like to settle this with my amex",
        "Right, ready? That'd be",
        "please charge",
        "you can bill my mastercard",
        "debit card",
        "I was double charged on card",
    ),
    "ssn": (
        "",
        "",
        "sure, it's",
        "my social is",
        "the social security number we have would be",
        "SSN",
        "for the credit check use",
        "and my wife's social security is",
        "okay then",
    ),
    "phone": ("", "it's", "my mobile is", "you can get me on", "the landline would be", "call", "text me at"),
}
_AFTER = (
    "",
    "",
    "",
    "thanks",
    "is that right",
    "if that helps",
    "and that's all I have",
    "did you get that",
    "please",
)
_ASK: dict[str, tuple[str, ...]] = {
    "card": (
        "what card would you like to use, could you read me the number",
        "and the card number whenever you're ready",
        "can I grab the sixteen digits off the front",
        "which card should I put that on, go ahead with the long number",
    ),
    "ssn": (
        "to verify you I need your social security number",
        "could I have your social please",
        "what is the SSN on file",
    ),
    "phone": ("and a phone number in case we get cut off", "what's the best number for you"),
}
_BACKCHANNELS = (
    "mm hmm",
    "yep",
    "okay",
    "go ahead",
    "uh huh",
    "got it",
    "right",
    "thank you",
    "perfect and then",
)
_READ_BACK = ("so that's", "okay", "I have", "let me read that back", "")
_CLOSING = ("thank you", "great let me run that", "perfect one moment", "and is that correct")


def _plain(text: str) -> list[Word]:
    return [Word(word) for word in text.split()]


def _cased(rng: random.Random, words: list[Word]) -> tuple[Word, ...]:
    """Write as recognition does: lower case without signs, with capitals and signs, or in capitals."""
    style = rng.choice(("asr", "asr", "formatted", "upper"))
    if style == "formatted":
        first = words[0]
        text = first.text[0].upper() + first.text[1:]
        last = words[-1] if len(words) > 1 else Word(text, first.secret)
        ended = Word(last.text + rng.choice((".", "", "?")), last.secret)
        return (ended,) if len(words) == 1 else (Word(text, first.secret), *words[1:-1], ended)
    if style == "upper":
        return tuple(Word(word.text.upper(), word.secret) for word in words)
    bare = [Word(word.text.lower().strip(".,?!'"), word.secret) for word in words]
    return tuple(word for word in bare if word.text)


def _text(rng: random.Random, kind: str, digits: str, form: str) -> Case:
    number = (
        [Word(part, True) for part in _written(rng, kind, digits).split(" ")]
        if form == "written"
        else _spoken(rng, kind, digits)
    )
    words = _plain(rng.choice(_BEFORE[kind])) + number + _plain(rng.choice(_AFTER))
    cased = _cased(rng, words) if form == "spoken" or rng.random() < 0.3 else tuple(words)
    return Case(f"{kind}_{form}", (("customer", cased),))


def _conversation(rng: random.Random, kind: str, digits: str) -> Case:
    asked = rng.random() < 0.8
    turns: list[tuple[str, tuple[Word, ...]]] = []
    if asked:
        turns.append(("agent", _cased(rng, _plain(rng.choice(_ASK[kind])))))
    if rng.random() < 0.3:
        turns.append(
            ("customer", _cased(rng, _plain(rng.choice(("sure one second", "let me get my purse", "yeah")))))
        )
    cuts = sorted(rng.sample(range(2, len(digits) - 1), rng.randint(1, 4)))
    groups = [digits[a:b] for a, b in zip([0, *cuts], [*cuts, len(digits)], strict=True)]
    for number, group in enumerate(groups):
        words = _spoken(rng, kind, group, first=number == 0)
        if number == 0 and (not asked or rng.random() < 0.3):
            words = _plain(rng.choice([text for text in _BEFORE[kind] if asked or text])) + words
        elif rng.random() < 0.3:
            words = _plain(rng.choice(("um", "so", "and", "okay", "and then", "yeah"))) + words
        turns.append(("customer", _cased(rng, words)))
        if rng.random() < 0.3:
            back = _plain(rng.choice(_READ_BACK)) + _spoken(rng, kind, group)
            turns.append(("agent", _cased(rng, back)))
        elif rng.random() < 0.6:
            turns.append(("agent", _cased(rng, _plain(rng.choice(_BACKCHANNELS)))))
    if rng.random() < 0.5:
        turns.append(("agent", _cased(rng, _plain(rng.choice(_READ_BACK)) + _spoken(rng, kind, digits))))
    turns.append(("agent", _cased(rng, _plain(rng.choice(_CLOSING)))))
    return Case(f"{kind}_turns", tuple(turns))


def cases(n: int, seed: int = SEED) -> Iterator[Case]:
    """Make `n` cases: two fifths cards, two fifths social security numbers, one fifth phones; same seed, same cases."""
    rng = random.Random(seed)
    makers: dict[str, Callable[[random.Random], str]] = {"card": _card, "ssn": _ssn, "phone": _phone}
    for i in range(n):
        kind = ("card", "ssn", "card", "ssn", "phone")[i % 5]
        digits = makers[kind](rng)
        form = ("written", "spoken", "spoken", "turns")[(i // 5) % 4]
        yield _conversation(rng, kind, digits) if form == "turns" else _text(rng, kind, digits, form)


# --- measuring -----------------------------------------------------------------------------------------------


def hidden_in_text(words: tuple[Word, ...], config: RedactionConfig = DEFAULT) -> list[bool]:
    """Say for each secret word of a text whether nothing of it is left."""
    text = " ".join(word.text for word in words)
    spans = redactor_for(config).examine(text, Context()).spans
    hidden, at = [], 0
    for word in words:
        start = at + len(word.text) - len(word.text.lstrip("(+"))
        end = at + len(word.text.rstrip(".,?!"))
        if word.secret:
            hidden.append(any(span.start <= start and end <= span.end for span in spans))
        at += len(word.text) + 1
    return hidden


def hidden_in_turns(case: Case, config: RedactionConfig = DEFAULT) -> list[bool]:
    """Say for each secret word of a conversation whether its final hides it."""
    redactor = StreamRedactor(config)
    now = 0
    hidden: list[bool] = []
    for speaker, words in case.turns:
        timed = [
            HeardWord(RawText(word.text), now + 300 * i, now + 300 * i + 300, 0.9)
            for i, word in enumerate(words)
        ]
        text = " ".join(word.text for word in words)
        final = redactor.redact_final(speaker, RawText(text), timed, now, now + 300 * len(words))
        gone = [(word.start_ms, word.end_ms) for word in final.words if word.text.startswith("[")]
        for word, time in zip(words, timed, strict=True):
            if word.secret:
                hidden.append(any(start <= time.start_ms and time.end_ms <= end for start, end in gone))
        now += 300 * len(words) + 700
    return hidden


def measure_generated(
    n: int = 5_000, seed: int = SEED, config: RedactionConfig = DEFAULT
) -> dict[str, dict[str, float]]:
    """Measure `n` cases; see above for what the keys mean. `all` is cards and social security numbers together."""
    counts: dict[str, list[int]] = {}
    for case in cases(n, seed):
        hidden = (
            hidden_in_turns(case, config)
            if case.kind.endswith("_turns")
            else hidden_in_text(case.turns[0][1], config)
        )
        for kind in (case.kind,) if case.kind.startswith("phone") else (case.kind, "all"):
            count = counts.setdefault(kind, [0, 0, 0, 0])
            count[0] += sum(hidden)
            count[1] += len(hidden)
            count[2] += all(hidden)
            count[3] += 1
    return {
        kind: {"recall": round(found / words, 5), "whole": round(whole / number, 5), "cases": number}
        for kind, (found, words, whole, number) in sorted(counts.items())
    }
