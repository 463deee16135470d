"""Secrets by chance: whatever a secret is split into and however it is said, none of it is seen."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

import pytest

from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from tests.engines.redaction_calls import DIGIT_WORDS, ONES, TEENS, TENS, Call, leaks


def card(rng: random.Random, *, valid: bool = True) -> str:
    digits = [rng.choice("456"), *rng.choices("0123456789", k=14)]
    total = sum(sum(divmod(int(d) * 2, 10)) if i % 2 == 0 else int(d) for i, d in enumerate(digits))
    check = (-total) % 10
    return "".join(digits) + str(check if valid else (check + 1) % 10)


def phone(rng: random.Random) -> str:
    return (
        "415555" + "".join(rng.choices("0123456789", k=4))
        if rng.random() < 0.5
        else "07911" + "".join(rng.choices("0123456789", k=6))
    )


def ssn(rng: random.Random) -> str:
    return f"{rng.randint(100, 665)}{rng.randint(10, 99)}{rng.randint(1000, 9999)}"


def spoken(rng: random.Random, digits: str) -> Iterator[str]:
    """Say `digits`: one by one, doubled, in pairs or written; digits and words mixed."""
    i = 0
    style = rng.choice(("singles", "pairs", "mixed", "written"))
    if style == "written":
        yield digits
        return
    while i < len(digits):
        rest = digits[i:]
        if style != "pairs" and len(rest) >= 3 and rest[0] == rest[1] == rest[2] and rng.random() < 0.5:
            yield from ("triple", ONES[int(rest[0])])
            i += 3
        elif style != "pairs" and len(rest) >= 2 and rest[0] == rest[1] and rng.random() < 0.5:
            yield from ("double", ONES[int(rest[0])])
            i += 2
        elif style == "pairs" and len(rest) >= 2 and rest[0] != "0":
            if rest[0] == "1":
                yield TEENS[int(rest[1])]
            else:
                yield TENS[int(rest[0]) - 2]
                if rest[1] != "0":
                    yield ONES[int(rest[1])]
            i += 2
        elif style == "mixed" and rng.random() < 0.3:
            yield rest[0]
            i += 1
        else:
            yield "oh" if rest[0] == "0" and rng.random() < 0.5 else ONES[int(rest[0])]
            i += 1


def pieces(rng: random.Random, digits: str, count: int) -> list[str]:
    cuts = sorted(rng.sample(range(1, len(digits)), count - 1))
    return [digits[a:b] for a, b in zip([0, *cuts], [*cuts, len(digits)], strict=True)]


QUESTIONS = {
    "card": ("can i take the card number please", "what's the long number across the front"),
    "phone": ("what's your phone number", "and a contact number for you"),
    "ssn": ("can you confirm your social security number", "your social please"),
}
ANNOUNCED = {"card": "my card number is", "phone": "my phone number is", "ssn": "my social is"}
FILLERS = ("um", "let me see", "uh", "and then", "okay", "sorry")
BACKCHANNELS = ("mm hmm", "go on", "yeah", "okay", "uh huh", "got it")


@pytest.mark.parametrize("seed", range(400))
def test_no_part_of_a_secret_is_ever_seen(seed: int) -> None:
    rng = random.Random(seed)
    kind = rng.choice(("card", "card", "phone", "ssn"))
    digits = {
        "card": lambda: card(rng, valid=rng.random() < 0.7),
        "phone": lambda: phone(rng),
        "ssn": lambda: ssn(rng),
    }[kind]()
    groups = pieces(rng, digits, rng.randint(1, 6))
    asked, announced = rng.random() < 0.5, rng.random() < 0.4
    call = Call(StreamRedactor() if seed % 2 else None)  # with the trained model, and without
    seen: list[str] = []
    if asked:
        seen.append(call.agent(rng.choice(QUESTIONS[kind])))
    for number, group in enumerate(groups):
        words = list(spoken(rng, group))
        if not asked and not announced and number == 0 and words == ["oh"]:
            words = ["zero"]  # a lone "oh" before any sign of a number is taken for a sigh, as documented
        if number == 0 and announced:
            words = ANNOUNCED[kind].split() + words
        elif rng.random() < 0.4:
            words = rng.choice(FILLERS).split() + words
        if rng.random() < 0.3:
            words = words + rng.choice(FILLERS).split()
        if rng.random() < 0.3:
            words[-1] += rng.choice(".,")
            words[0] = words[0].capitalize()
        for k in range(1, len(words) + 1):
            seen.append(call.redactor.redact_partial("customer", RawText(" ".join(words[:k]))).text)
        final = call.say("customer", " ".join(words))
        seen.append(final.redacted.text)
        seen += [word.text for word in final.words]
        assert final.redacted.spans and final.audio_intervals
        if rng.random() < 0.4:
            back = final_text = " ".join(spoken(rng, group))
            if final_text != "oh" and (asked or announced or len(group) >= 3):
                for k in range(1, len(back.split()) + 1):
                    seen.append(
                        call.redactor.redact_partial("agent", RawText(" ".join(back.split()[:k]))).text
                    )
                seen.append(call.agent(back))
        elif rng.random() < 0.5:
            seen.append(call.agent(rng.choice(BACKCHANNELS)))
        if rng.random() < 0.2:
            seen.append(call.customer(rng.choice(FILLERS)))
        state = json.dumps(call.redactor.state())
        assert not [word for word in re.findall(r"[a-z]+", state) if word in DIGIT_WORDS]
        assert digits not in state and not (len(group) > 6 and group in state)
    leaked = [text for text in seen if leaks(text)]
    assert not leaked, (groups, leaked)


@pytest.mark.parametrize("seed", range(300))
def test_a_partial_never_shows_a_digit_that_its_final_hides(seed: int) -> None:
    rng = random.Random(10_000 + seed)
    surroundings = [
        "i have two kids",
        "that's forty eight pounds",
        "at three thirty",
        "in twenty twenty four",
        "my card number is",
        "one moment",
        "oh i see",
        "to",
        "for",
        "and",
        "um",
        "that one",
        "double",
        "hundred",
        "thousand",
        "it was",
        "the last four digits",
        "reference number is",
        "g",
        "at gmail dot com",
        "john",
        "minutes",
        "10:30",
        "$50",
        "2024",
        "may",
        "first",
        "of",
        "my date of birth is",
        "percent",
        "50",
        "12.50",
        "is ten fifteen",
    ]
    call = Call(StreamRedactor() if seed % 2 else None)  # with the trained model, and without
    if rng.random() < 0.3:
        call.agent(
            rng.choice(
                [
                    *QUESTIONS["card"],
                    "what's the booking reference",
                    "and your date of birth",
                    "your email address",
                ]
            )
        )
    parts: list[str] = []
    for _ in range(rng.randint(1, 7)):
        if rng.random() < 0.5:
            parts += spoken(rng, "".join(rng.choices("0123456789", k=rng.randint(1, 5))))
        else:
            parts += rng.choice(surroundings).split()
    speaker = rng.choice(("customer", "agent"))
    partials = [
        call.redactor.redact_partial(speaker, RawText(" ".join(parts[:k]))) for k in range(1, len(parts) + 1)
    ]
    final = call.say(speaker, " ".join(parts))
    kept = leaks(final.redacted.text)
    for partial in partials:
        # What a partial shows must be, digit for digit, the beginning of what the final shows.
        shown = leaks(partial.text)
        remaining = iter(kept)
        assert all(word in remaining for word in shown), (" ".join(parts), partial.text, final.redacted.text)
