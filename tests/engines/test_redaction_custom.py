"""Types of a company's own: by pattern, by list, by example; what cannot be used is refused with a reason."""

from __future__ import annotations

import time

import pytest

from engines.redaction.context import Context
from engines.redaction.custom import CustomDetector, CustomType, Example, learn
from engines.redaction.tokens import tokenise


def found(kind: CustomType, text: str) -> list[str]:
    spans = CustomDetector((kind,)).find(tokenise(text), Context())
    assert all(span.type == kind.name and text[span.start : span.end] not in span.reason for span in spans)
    return [text[span.start : span.end] for span in spans]


def marked(text: str) -> Example:
    """Make an example of a text with [brackets] around what is meant."""
    start, end = text.index("["), text.index("]")
    return Example(text.replace("[", "").replace("]", ""), start, end - 1)


def test_a_pattern_is_found_at_its_place_in_any_script() -> None:
    badge = CustomType("BADGE", "badge", patterns=(r"\bB-[0-9]{4}\b",))
    assert found(badge, "é💳 mein Ausweis B-1234, nicht b-1234") == ["B-1234"]
    assert found(badge, "\ud800 B-1234") == ["B-1234"]
    assert found(CustomType("BADGE", "badge", patterns=("(?i)b-[0-9]{4}",)), "b-1234") == ["b-1234"]
    assert hash(badge) == hash(CustomType("BADGE", "badge", patterns=(r"\bB-[0-9]{4}\b",)))


def test_words_are_found_whole_in_any_case_and_the_longest_first() -> None:
    project = CustomType("PROJECT", "project", words=("blue heron", "Blue Heron Two", "O'Hara"))
    assert found(project, "the BLUE  heron two and blue-heron, o’hara; blue herons") == [
        "BLUE  heron two",
        "blue-heron",
        "o’hara",
    ]


@pytest.mark.parametrize(
    ("examples", "hit", "miss"),
    [
        (("badge [AB-1234]", "it is [XY-99871] ok"), "mine QQ-4321 yes", "mine QQ-12 yes"),
        (("my desk is [12]", "the desk is [7]"), "desk is 31", "i have 31 boxes"),
        (("locker [north]", "at locker [south] today", "see [east]"), "Locker west", "go west"),
        (("met [Falcon]", "ask [Harrier]"), "the FALCON said", "the eagle said"),
    ],
)
def test_examples_teach_their_form_and_the_word_before(
    examples: tuple[str, ...], hit: str, miss: str
) -> None:
    kind = CustomType("THING", "thing", examples=tuple(map(marked, examples)))
    assert len(found(kind, hit)) == 1 and found(kind, miss) == []
    for learnt in learn(kind):
        assert learnt.explanation and not any(
            text[text.index("[") + 1 : text.index("]")] in learnt.explanation for text in examples
        )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "badge", "patterns": ("x",)}, "capitals"),
        ({"name": "NAME", "patterns": ("x",)}, "taken"),
        ({"label": " ", "patterns": ("x",)}, "label"),
        ({}, "give a pattern"),
        ({"patterns": (r"(a)\1",)}, "cannot be used"),
        ({"patterns": (r"(?=a)a",)}, "cannot be used"),
        ({"patterns": ("(",)}, "cannot be used"),
        ({"patterns": ("a*",)}, "nothing stands"),
        ({"patterns": ("a" * 501,)}, "characters"),
        ({"patterns": ("((a{100}){100}){100}",)}, "cannot be used"),
        ({"words": ("...",)}, "no letter"),
        ({"words": ("a",) * 10_001}, "more than"),
        ({"examples": (Example("short", 2, 99),)}, "mark words"),
        ({"examples": (Example("short", 3, 3),)}, "mark words"),
    ],
)
def test_what_cannot_be_used_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CustomType(**({"name": "BADGE", "label": "badge"} | given))  # type: ignore[arg-type]


def test_a_pattern_that_would_ruin_others_takes_linear_time() -> None:
    kind = CustomType("BADGE", "badge", patterns=(r"(?:a+)+b", r"(?:a|a)*c", r"(?:a|aa)+$x"))
    started = time.process_time()
    assert found(kind, "a" * 50_000) == []
    assert time.process_time() - started < 2.0


def test_the_text_of_an_example_is_in_no_repr() -> None:
    assert "secret" not in repr(CustomType("BADGE", "badge", examples=(Example("my secret 12345", 10, 15),)))
