"""What holds for any text: no error, no crossing, nothing left of what was found, nothing new the second time.

And for every regular expression of the package: the time for hostile text grows with its length, not faster.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil
import random
import re
import signal
import time
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engines.redaction
from engines.redaction.actions import hashed
from engines.redaction.context import Context, Due, Strength
from engines.redaction.cues import ASKED_TYPES
from engines.redaction.detectors.digits import DigitDetector
from engines.redaction.detectors.rules import RULES
from engines.redaction.redactor import DEFAULT, RedactionConfig, redact, redactor_for
from engines.redaction.text import RawText
from engines.redaction.tokens import tokenise, words
from engines.redaction.vocabulary import NUMERIC_TYPES, PROFILES, TYPES

FAST = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
SPOKEN = sorted(
    words(
        "one oh double seven twenty hundred fifty at dot com gmail gmailcom underscore www slash as in for bravo "
        "golf a b k my name is john smith password pin username zip code policy number card born on the fourth of "
        "march nineteen 4111 1111 12 3 AB12 GB82WEST12345698765432 QQ123456C 192.168.0.1 ::1 00:1a:2b:3c:4d:5e "
        "SW1A 1AA um and hold then 03/04/1982 a@b.com https://x.yz/q [NAME] [CREDIT_CARD] . , ? - : ( ) ' [ ] £ $ "
        '@ / "'
    )
)
TEXTS = st.one_of(
    st.text(st.characters(), max_size=80),
    st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF, categories=("Cs",)), max_size=4),
    st.lists(st.sampled_from((*SPOKEN, "\n")), max_size=25).map(" ".join),
    st.lists(st.one_of(st.sampled_from(SPOKEN), st.text(st.characters(), max_size=4)), max_size=20).map(
        "".join
    ),
)
CONTEXTS = st.builds(
    Context,
    due=st.none()
    | st.builds(Due, st.sampled_from(sorted(NUMERIC_TYPES)), st.sampled_from(Strength), st.integers(0, 20)),
    asked=st.none() | st.sampled_from(sorted(ASKED_TYPES)),
    ends_turn=st.booleans(),
    growing=st.booleans(),
)
DETECTORS = (*RULES, DigitDetector(("US", "GB")))
# By hand where a model may be part of the default; the rules alone are meant here.
STRICT = RedactionConfig(enabled_types=PROFILES["strict"])


@given(text=TEXTS, context=CONTEXTS)
@FAST
def test_every_detector_takes_any_text_and_points_into_it(text: str, context: Context) -> None:
    utterance = tokenise(text)
    for detector in DETECTORS:
        for span in detector.find(utterance, context):
            assert 0 <= span.start < span.end <= len(text)
            assert span.type in TYPES and 0 < span.score <= 1 and span.reason
            assert any(token.start < span.end and span.start < token.end for token in utterance.tokens), (
                "a finding without a word in it"
            )


@given(text=TEXTS, config=st.sampled_from((DEFAULT, STRICT)))
@FAST
def test_what_is_found_is_gone_and_nothing_crosses(text: str, config: RedactionConfig) -> None:
    redactor, context = redactor_for(config), Context()
    findings = redactor.examine(text, context)
    redacted = redactor.redacted(text, findings, context)
    expected, reached = "", 0
    for span, shown in zip(findings.spans, redacted.spans, strict=True):
        assert reached <= span.start < span.end <= len(text)
        expected += text[reached : span.start]
        assert shown.start == len(expected) and shown.type == span.type
        expected += redacted.text[shown.start : shown.end]
        assert redacted.text[shown.start : shown.end].startswith(f"[{span.type}")
        reached = span.end
    # All of the text but the findings, and at the place of each finding its placeholder and nothing of it.
    assert redacted.text == expected + text[reached:]


@given(text=TEXTS, config=st.sampled_from((DEFAULT, STRICT)))
@FAST
def test_what_comes_out_is_what_went_in_and_placeholders(text: str, config: RedactionConfig) -> None:
    redacted = redact(RawText(text), config)
    at = reached = 0
    for span in redacted.spans:
        assert reached <= span.start < span.end <= len(redacted.text)
        assert redacted.text[span.start : span.end] == f"[{span.type}]"
        # What stands before a placeholder stood in the text, behind what was there before it.
        before = redacted.text[reached : span.start]
        at, reached = text.index(before, at) + len(before), span.end
    assert text[at:].endswith(redacted.text[reached:])


@given(text=TEXTS, config=st.sampled_from((DEFAULT, STRICT)))
@FAST
def test_redacting_twice_changes_nothing(text: str, config: RedactionConfig) -> None:
    once = redact(RawText(text), config).text
    assert redact(RawText(once), config).text == once


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(engines.redaction.__path__, "engines.redaction."):
        if not found.name.endswith("__main__") and ".training" not in found.name:
            yield importlib.import_module(found.name)


def expressions() -> dict[str, re.Pattern[str]]:
    """Collect every compiled expression that a module of the package holds, by itself or in a collection."""
    found: dict[str, re.Pattern[str]] = {}
    for module in modules():
        for name, value in vars(module).items():
            members = value.values() if isinstance(value, dict) else value
            for member in members if isinstance(value, dict | list | tuple | set | frozenset) else (value,):
                for part in member if isinstance(member, tuple) else (member,):
                    if isinstance(part, re.Pattern):
                        found[f"{module.__name__}.{name}: {part.pattern[:40]}"] = part
    return found


PATTERNS = expressions()
PIECES = (
    *("\n", "\t", " ", "1 ", "a "),
    *sorted(
        words(
            "0 1 12 123 9999 a A ab z. x- w@ . , - : / _ @ [ ] ( ) ' + # é \u0661 www. http:// 1. 1- 1: 12/ a1 1a b2b "
            "0: ff: aa- GB82 SW1A AB12 12-34- 1.1. x.com com. [A [NAME \u0301"
        )
    ),
)


class TooLong(Exception):
    """An expression did not come back."""


def _interrupt(signum: int, frame: object) -> None:
    raise TooLong


def seconds(pattern: re.Pattern[str], text: str, *, limit: float = 1.0) -> float:
    """Return the processor time for all matches; `limit` if it is not done by then (`re` heeds signals)."""
    before = signal.signal(signal.SIGVTALRM, _interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit)
    started = time.process_time()
    try:
        for _match in pattern.finditer(text):
            pass
        pattern.fullmatch(text)
    except TooLong:
        return limit
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return time.process_time() - started


def hostile(pattern: re.Pattern[str], *, tries: int = 100) -> Iterator[str]:
    """Make units to repeat: single pieces, rows of them, and characters that stand in the expression itself."""
    rng = random.Random(pattern.pattern)
    own = sorted(character for character in set(pattern.pattern) if not character.isspace())
    yield from PIECES
    for _ in range(tries):
        yield "".join(rng.choices((*PIECES, *own), k=rng.randint(1, 4)))


def superlinear(pattern: re.Pattern[str]) -> str | None:
    """Return what makes `pattern` slower than its text is long, or None."""
    for unit in hostile(pattern):
        short, long = ((unit * size)[:size] + "!" for size in (1_500, 6_000))
        took = seconds(pattern, long)
        # Only what is slow at all is measured with care: 4 times the text may take 4 times as long, and some.
        if took >= 1.0:
            return unit
        if took > 0.008:
            slow = min(took, *(seconds(pattern, long) for _ in range(2)))
            fast = min(seconds(pattern, short) for _ in range(3))
            if slow > 9 * max(fast, 0.001):
                return unit
    return None


def test_the_expressions_are_found() -> None:
    assert len(PATTERNS) >= 12
    assert any("patterns" in name for name in PATTERNS) and any("tokens" in name for name in PATTERNS)


@pytest.mark.parametrize("name", PATTERNS)
def test_no_expression_takes_more_than_linear_time(name: str) -> None:
    assert superlinear(PATTERNS[name]) is None


@pytest.mark.parametrize("bad", [r"\d+x", r"(?:a|ab|b)*@", r"\w+@\w+", r"[ ,]*-"])
def test_the_fuzz_sees_an_expression_that_takes_longer(bad: str) -> None:
    assert superlinear(re.compile(bad)) is not None


@pytest.mark.parametrize(
    "unit", [*PIECES, "w w w dot ", "b as in ", "k 3 ", "password is ", "one dot ", "1 dot ", "gmailcom "]
)
def test_all_detectors_together_take_linear_time(unit: str) -> None:
    def took(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        gc.disable()  # its time hangs on all that the tests before have made
        try:
            started = time.process_time()
            utterance = tokenise(text)
            for detector in DETECTORS:
                detector.find(utterance, Context())
            return time.process_time() - started
        finally:
            gc.enable()

    took(500)
    if (long := took(6_000)) >= 0.1:
        # Only what is slow at all is measured with care.
        long = min(long, took(6_000))
        assert long < 0.1 or long < 9 * max(min(took(1_500) for _ in range(3)), 0.005)


@FAST
@given(st.sampled_from(["PHONE", "DATE_OF_BIRTH", "POLICY_NUMBER", "NAME"]), TEXTS)
def test_any_text_has_a_keyed_hash_that_space_does_not_change(type_name: str, text: str) -> None:
    assert hashed(b"key", type_name, text) == hashed(b"key", type_name, f" {text} ")
