"""The search for the model's best labels is exact, and what is kept of words and texts is what it should be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import phonenumbers
import pytest

from engines.redaction.detectors.checks import is_phone
from engines.redaction.sequence.decode import Decoder
from engines.redaction.sequence.tagger import tagger
from engines.redaction.tokens import tokenise


def plain_viterbi(scores: np.ndarray, transitions: np.ndarray) -> list[int]:
    best, origins = scores[0], []
    for row in scores[1:]:
        ways = best[:, None] + transitions
        origins.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + row
    labels = [int(best.argmax())]
    for origin in reversed(origins):
        labels.append(int(origin[labels[-1]]))
    return labels[::-1]


def worth(labels: list[int], scores: np.ndarray, transitions: np.ndarray) -> float:
    steps = sum(transitions[a, b] for a, b in pairwise(labels))
    return float(sum(row[label] for row, label in zip(scores, labels, strict=True)) + steps)


@pytest.mark.parametrize("outside", [0.0, 2.0, 5.0])
def test_no_path_is_better_than_the_one_that_is_found(outside: float) -> None:
    rng = np.random.default_rng(int(outside))
    unlike = 0
    for _ in range(400):
        transitions = rng.normal(0, 2, (6, 6)) + np.eye(6) * 2
        scores = rng.normal(0, 3, (int(rng.integers(1, 12)), 6)).astype(np.float32)
        scores[:, 0] += outside
        decoder = Decoder(transitions)
        found = decoder.best(decoder.leads(scores + decoder.staying))
        expected = plain_viterbi(scores, transitions)
        unlike += found != expected
        assert worth(found, scores, transitions) == pytest.approx(
            worth(expected, scores, transitions), abs=2e-3
        )
    assert unlike < 4


def test_a_long_number_leaves_no_digits_behind_but_two() -> None:
    model = tagger()
    model.tag(tokenise("my card is 4929817365018273 and the pin is 83625"))
    kept = {word for known in model._words.known for word in known if word.isdecimal() and len(word) > 3}
    assert "4900000000000000" in kept and "83000" in kept
    assert not any(word[2:].strip("0") for word in kept)


@pytest.mark.parametrize("text", ["", " ", "a", "…b2b [NAME]’s 12٣!", "[CREDIT_CARD 1111] x", "İt’s ok\n"])
def test_tokens_and_gaps_make_up_the_text(text: str) -> None:
    utterance = tokenise(text)
    tokens, gaps = utterance.tokens, utterance.gaps
    assert [text[token.start : token.end] for token in tokens] == utterance.surfaces
    assert [token.low for token in tokens] == utterance.lows
    assert "".join(a + b for a, b in zip(gaps, [*utterance.surfaces, ""], strict=True)) == text
    assert utterance.has_figures == any(token.is_digits for token in tokens)


@pytest.mark.parametrize("region", ["US", "GB", "DE", "AR", "IT", "CA"])
def test_a_phone_number_is_what_the_numbering_plan_takes(region: str) -> None:
    example = phonenumbers.example_number(region)
    digits = phonenumbers.national_significant_number(example)
    for shown in (digits, digits[:-1], digits + "1", digits + "11", "9" * 14, digits[:7]):
        try:
            number = phonenumbers.parse(shown, region)
        except phonenumbers.NumberParseException:
            continue
        expected = 7 <= len(shown) <= 15 and phonenumbers.is_valid_number(number)
        assert is_phone(shown, (region,), international=False) == expected
