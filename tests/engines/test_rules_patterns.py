"""Regular expressions: what is refused, what is skipped, and that skipping loses nothing."""

import random
import re
import time

import pytest

from engines.rules.detectors import MAX_TEXT
from engines.rules.patterns import PatternError, PatternSet, parse_pattern


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "empty"),
        ("[", "not a regular expression"),
        ("(?P<n>a)(?P<n>b)", "not a regular expression"),
        ("a*", "nothing is said"),
        ("(a+)+b", "repeats a part"),
        ("(a|a)*b", "repeats a part"),
        ("(a|ab)+c", "repeats a part"),
        (r"(\w+\s?)*x", "repeats a part"),
        ("(x+x+)+y", "repeats a part"),
        ("(?:(?:a{1,50}){1,50}){1,50}b", "repeats a part"),
        (".*foo", "unlimited"),
        ("(?=foo)", "can never match"),
        ("foo$bar", "can never match"),
        ("foo^", "can never match"),
        (r"\bfoo\b^", "can never match"),
        ("foo[^x]+bar", "unlimited"),
        (r"\w*\w*\w*x", "very long"),
        (r"\d+\d+\d+x", "very long"),
        (".{0,90}x.{0,90}y.{0,90}z", "very long"),
        (r"(\w)\1 card", "refers back"),
        ("a" * 301, "longer than"),
    ],
)
def test_dangerous_or_broken_patterns_are_refused_in_words(pattern, complaint):
    with pytest.raises(PatternError, match=complaint):
        parse_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "required"),
    [
        (r"\bcard\w*\s+\w+\s+number\b", {"number"}),
        ("(cancel|close) it", {"ancel", "lose"}),
        ("(?:not|never) happy", {" happy"}),
        (r"Order\s?\d{5}", {"order"}),
        (r"\d{3}-\d{4}", {"-"}),
        ("(foo)?bar", {"bar"}),
        ("(?:color ){2}", {"color "}),
        ("[abc]+", set()),
        ("cat|[0-9]", set()),
    ],
)
def test_the_literals_a_match_must_contain(pattern, required):
    assert parse_pattern(pattern).required == required


def test_skipping_by_literals_finds_what_plain_search_finds():
    rng = random.Random(5)
    words = [
        "cancel",
        "card",
        "order",
        "close",
        "Number",
        "re",
        "happy",
        "to",
        "x1",
        "colour",
        "12345",
        "Ünder",
    ]
    patterns = [
        r"(cancel|close)\s+\w+",
        r"card\b",
        r"order \d{5}",
        r"[a-z]\d",
        "(?:colou?r) to",
        "ün",
        "re (?:to|happy)",
    ]
    index = PatternSet(list(enumerate(map(parse_pattern, patterns))))
    hits = 0
    for _ in range(500):
        text = " ".join(rng.choices(words, k=rng.randint(1, 8)))
        plain = [
            (number, *match.span())
            for number, pattern in enumerate(patterns)
            for match in re.finditer(pattern, text, re.IGNORECASE)
        ]
        assert index.find(text) == plain
        hits += len(plain)
    assert hits > 500


@pytest.mark.parametrize(
    "pattern", [r"\w+\d", r"(a|b)+c", ".{0,60}x.{0,60}y", r"\bcard\w*\s+\w+\s+number\b", r"\d+\w+x"]
)
def test_an_accepted_pattern_stays_quick_on_hostile_text(pattern):
    try:
        expression = parse_pattern(pattern).expression
    except PatternError:
        return
    for text in ("a" * MAX_TEXT, "1" * MAX_TEXT, "x" * MAX_TEXT, "card a " * (MAX_TEXT // 7)):
        began = time.process_time()
        expression.search(text)
        assert time.process_time() - began < 1.0
