"""Live speech with the trained model: partials, answers, what is said again, plug-ins, many threads."""

from __future__ import annotations

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.redaction import extra
from engines.redaction.context import Context
from engines.redaction.presidio import LABELS, PresidioDetector
from engines.redaction.redactor import RedactionConfig, redact, redactor_for
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.redaction.tokens import tokenise
from engines.redaction.vocabulary import PROFILES, TYPES
from tests.engines.redaction_calls import RULES, Call, leaks

STRICT = RedactionConfig(enabled_types=PROFILES["strict"])
PIECES = (
    "my name is",
    "john smith",
    "i live at",
    "twelve oak street",
    "springfield",
    "my password is",
    "tiger 77",
    "the booking reference is",
    "g 75 f 34",
    "a",
    "one",
    "this one",
    "two kids",
    "forty nine dollars",
    "at 3:30",
    "in 2019",
    "four one one one",
    "4111 1111",
    "zip code",
    "90210",
    "double seven",
    "oh",
    "and then",
    "thank you",
    "it is",
    "for",
    "to",
    "audi a 4",
    "i am 42",
    "john dot smith at gmail dot com",
    "on march 14",
    "no",
    "yes",
    "b",
)


@pytest.mark.parametrize("config", [RedactionConfig(), STRICT], ids=["standard", "strict"])
@given(
    parts=st.lists(st.sampled_from(PIECES), min_size=1, max_size=7),
    asked=st.sampled_from(
        ("", "what is your card number", "your address please", "your user name", "your name")
    ),
    speaker=st.sampled_from(("agent", "customer")),
)
@example(parts=["oh", "tiger 77", "twelve oak street", "my name is"], asked="", speaker="agent")
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_digit_that_a_final_hides_is_in_any_of_its_partials(
    config: RedactionConfig, parts: list[str], asked: str, speaker: str
) -> None:
    call = Call(StreamRedactor(config))
    if asked:
        call.say("agent" if speaker == "customer" else "customer", asked)
    words = " ".join(parts).split()
    partials = [
        call.redactor.redact_partial(speaker, RawText(" ".join(words[:count]))).text
        for count in range(1, len(words) + 1)
    ]
    kept = leaks(call.say(speaker, " ".join(words)).redacted.text)
    for partial in partials:
        remaining = iter(kept)
        assert all(digit in remaining for digit in leaks(partial)), (" ".join(words), partial)


def test_a_partial_waits_for_a_name_and_takes_it_back() -> None:
    redactor = StreamRedactor()
    words = ["you", "are", "speaking", "with", "maria", "gonzalez", "from", "accounts", "today"]
    shown = [
        redactor.redact_partial("agent", RawText(" ".join(words[:n]))).text for n in range(1, len(words) + 1)
    ]
    assert not re.search("maria|gonzalez", " ".join(shown))
    assert shown[0] == "you" and shown[-1].startswith("you are speaking with [NAME]")


@pytest.mark.parametrize(
    ("question", "answer", "left"),
    [
        ("what is your address please", "it's 42 lower bakers row ashford", r"it's \[ADDRESS\]"),
        ("and the user name", "marlin fisher 42", r"\[USERNAME\]"),
        ("what is your password", "yes it's tiger 77", r"yes it's \[PASSWORD\]"),
        ("can i have the policy number", "it's a b 4 4 7", r"it's \[POLICY_NUMBER\]"),
        ("what is your booking reference", "g 7 5 f 3 4", r"\[BOOKING_REFERENCE\]"),
        ("what is the claim number", "44 71", r"\[CLAIM_NUMBER\]"),
        ("and your zip code", "nine oh two one oh", r"\[POSTCODE\]"),
        ("the order number please", "um 77 81", r"um \[ORDER_NUMBER\]"),
    ],
)
def test_one_side_asks_and_the_other_answers(question: str, answer: str, left: str) -> None:
    call = Call()
    assert call.agent(question) == question
    for count in range(1, len(answer.split()) + 1):
        partial = call.redactor.redact_partial("customer", RawText(" ".join(answer.split()[:count]))).text
        assert not leaks(partial)
    assert re.fullmatch(left, call.customer(answer))


def test_what_was_hidden_is_found_when_it_is_said_again() -> None:
    call = Call()
    call.agent("what is your name please")
    assert call.customer("siobhan gallagher") == "[NAME]"
    assert call.agent("lovely to meet you siobhan") == "lovely to meet you [NAME]"
    words = ["so", "siobhan", "gallagher", "it", "is"]
    shown = [call.redactor.redact_partial("agent", RawText(" ".join(words[:n]))).text for n in range(1, 6)]
    assert not re.search("siobhan|gallagher", " ".join(shown))
    assert call.agent(" ".join(words)) == "so [NAME] it is"
    call.agent("and the password")
    assert call.customer("it's zanzibar 9") == "it's [PASSWORD]"
    assert call.agent("so zanzibar 9 thanks") == "so [PASSWORD] thanks"
    call.agent("your card number please")
    call.customer("4929 1234 5678 9012")
    call.now_ms += 600_000
    assert call.agent("i have the one with 9012 here") == "i have the one with [CREDIT_CARD] here"


def test_the_memory_is_no_part_of_the_state() -> None:
    call = Call()
    call.agent("what is your name please")
    call.customer("siobhan gallagher")
    state = call.redactor.state()
    assert set(state) == {"version", "given", "asked", "scene"} and "siobhan" not in json.dumps(state)
    # A call that goes on elsewhere has lost it; the rules remain.
    elsewhere = StreamRedactor.restore(state, RULES)
    said = elsewhere.redact_final("agent", RawText("lovely to meet you siobhan"), (), 9000, 9900)
    assert said.redacted.text == "lovely to meet you siobhan"


def test_everyday_words_are_not_hidden_because_somebody_bears_them() -> None:
    call = Call(StreamRedactor())
    call.agent("what is your name please")
    call.customer("will hope")
    assert call.agent("i hope it will work") == "i hope it will work"


@dataclass
class Found:
    entity_type: str
    start: int
    end: int
    score: float


class Analyzer:
    """What `presidio_analyzer.AnalyzerEngine` looks like from outside."""

    def analyze(self, text: str, language: str, **_more: Any) -> list[Found]:
        assert language == "en"
        at = text.find("Zorblax")
        known = [Found("PERSON", at, at + 7, 0.85)] if at >= 0 else []
        return [
            *known,
            Found("PERSON", 0, 2, 0.1),
            Found("bad name", 0, 2, 1.0),
            Found("CREDIT_CARD", 0, 99_999, 0.2),
        ]


class Recognizer:
    """What `presidio_analyzer.EntityRecognizer` looks like from outside."""

    supported_entities = ("US_PASSPORT",)

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[Found] | None:
        assert entities == ["US_PASSPORT"] and nlp_artifacts is None
        return [
            Found("US_PASSPORT", found.start(), found.end(), 0.9) for found in re.finditer("QX77", text)
        ] or None


def test_presidio_is_one_more_detector() -> None:
    extra.register("test-presidio", PresidioDetector(Analyzer(), recognizers=(Recognizer(),)))
    config = RedactionConfig(extra=("test-presidio",), model=False)
    assert redact(RawText("so Zorblax came with QX77 ok"), config).text == "so [NAME] came with [PASSPORT] ok"
    off = RedactionConfig(enabled_types=frozenset({"EMAIL"}), extra=("test-presidio",), model=False)
    assert redact(RawText("so Zorblax came"), off).text == "so Zorblax came"
    with pytest.raises(ValueError, match="neither"):
        PresidioDetector()


def test_presidio_itself_where_it_is_installed() -> None:
    package = pytest.importorskip("presidio_analyzer", reason="presidio-analyzer is no dependency")
    recognizer = package.predefined_recognizers.CreditCardRecognizer()
    spans = PresidioDetector(recognizers=[recognizer]).find(tokenise("card 4111111111111111"), Context())
    assert [span.type for span in spans] == ["CREDIT_CARD"]
    # As a whole, with no language model fetched, and with every name it may give known here.
    registry = package.RecognizerRegistry()
    registry.load_predefined_recognizers(
        languages=["en", "es", "it", "pl", "de", "ko", "sv", "th", "tr", "fi"]
    )
    named = {name for one in registry.recognizers for name in one.supported_entities}
    assert named and named <= LABELS.keys()
    config = RedactionConfig(extra=("presidio",), model=False, enabled_types=PROFILES["strict"])
    text = "coins to 16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ please"
    assert redact(RawText(text), config).text == "coins to [ACCOUNT_NUMBER] please"
    assert "16Yeky" in redact(RawText(text), RedactionConfig(model=False)).text


def test_what_presidio_finds_has_a_name_of_ours() -> None:
    assert set(LABELS.values()) <= TYPES.keys()


def test_a_plug_in_that_is_not_there_is_an_error_and_no_silence() -> None:
    with pytest.raises(ValueError, match="unknown"):
        extra.plugged_in("nobody")
    try:
        import presidio_analyzer  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match="not installed"):
            redactor_for(RedactionConfig(extra=("presidio",)))


def test_threads_share_a_redactor() -> None:
    lot = random.Random(4)
    texts = [" ".join(lot.choices(PIECES, k=6)) for _ in range(150)]
    alone = [redact(RawText(text), STRICT) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for _round in range(3):
            assert list(pool.map(lambda text: redact(RawText(text), STRICT), texts)) == alone


def test_threads_share_a_conversation() -> None:
    redactor = StreamRedactor()

    def turn(number: int) -> str:
        speaker = ("agent", "customer")[number % 2]
        redactor.redact_partial(speaker, RawText("four one one"))
        said = redactor.redact_final(
            speaker, RawText("four one one one one one"), (), number * 10, number * 10 + 5
        )
        redactor.state()
        return said.redacted.text

    with ThreadPoolExecutor(8) as pool:
        assert not [text for text in pool.map(turn, range(200)) if leaks(text)]
