"""Words, phrases and negation: what is found in one utterance, and where."""

import pytest

from engines.rules import Heard, MomentEngine, MomentSpec, check
from engines.rules.phrases import PhraseError, parse
from engines.rules.text import words_of


def found(text, *phrases, speaker="customer", reject_negated=True):
    """Return the pieces of `text` that a moment with `phrases` finds."""
    spec = MomentSpec("m", "M", "r1", "phrase", "any", phrases, reject_negated=reject_negated)
    assert check(spec) == []
    occurrences = MomentEngine([spec]).hear(Heard(1, speaker, 0, 1000, text))
    return [text[start:end] for one in occurrences for start, end in one.spans]


@pytest.mark.parametrize(
    ("text", "norms"),
    [
        ("I'm NOT happy!", ["i", "am", "not", "happy"]),
        ("don’t, won't; can't", ["do", "not", "will", "not", "can", "not"]),
        ("im gonna cancel", ["i", "am", "going", "to", "cancel"]),
        ("my wife's card", ["my", "wife", "card"]),
        ("it's follow-up 20%", ["it", "is", "follow", "up", "20"]),
        ("card [CREDIT_CARD] ok", ["card", "[credit_card]", "ok"]),
        ("ÉCOUTEZ Straße", ["écoutez", "strasse"]),
        ("", []),
        ("... !?", []),
    ],
)
def test_words_are_normalised(text, norms):
    assert words_of(text).norms == norms


def test_offsets_lead_back_to_the_written_words():
    text = "Well,  I don’t know [PHONE]."
    words = words_of(text)
    pieces = [text[start:end] for start, end in zip(words.starts, words.ends, strict=True)]
    assert pieces == ["Well", "I", "don’t", "don’t", "know", "[PHONE]"]


@pytest.mark.parametrize(
    ("text", "phrase", "piece"),
    [
        ("I want to cancel my service", "cancel my service", "cancel my service"),
        ("I WANT TO CANCEL, my service", "cancel my service", "CANCEL, my service"),
        ("that is a cancellation", "cancel*", "cancellation"),
        ("cancel", "cancel*", "cancel"),
        ("cancel my whole stupid service", "cancel ... service", "cancel my whole stupid service"),
        ("cancel service", "cancel ... service", "cancel service"),
        ("close the account", "(cancel*|close) (my|the|) (service|account)", "close the account"),
        ("close account", "(cancel*|close) (my|the|) (service|account)", "close account"),
        ("please shut down it", "(close|shut down) it", "shut down it"),
        ("I’m calling about it", "i am calling", "I’m calling"),
        ("i am calling about it", "I'm calling", "i am calling"),
        ("read me [CREDIT_CARD] again", "[credit_card]", "[CREDIT_CARD]"),
        ("cancel it please", "cancel ... (it|)", "cancel it"),
    ],
)
def test_phrase_is_found_where_it_stands(text, phrase, piece):
    assert found(text, phrase) == [piece]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("I cancelled", "cancel"),
        ("my service is cancelled", "cancel my service"),
        ("cancel one two three four service", "cancel ... service"),
        ("cance", "cancel*"),
        ("credit card", "[credit_card]"),
        ("the (cancel) word is candle", "close"),
    ],
)
def test_phrase_is_not_found(text, phrase):
    assert found(text, phrase) == []


@pytest.mark.parametrize(
    "text",
    [
        "i'm not going to cancel",
        "I am not going to cancel",
        "i do not want to cancel",
        "i don't want to cancel",
        "I would never cancel",
        "i won't cancel",
        "there is no cancel",
        "i'm really not actually going to cancel",
        "i don't want you to cancel",
        "i do not think i want to cancel",
    ],
)
def test_what_is_denied_is_rejected(text):
    assert found(text, "cancel") == []
    assert found(text, "cancel", reject_negated=False) == ["cancel"]


@pytest.mark.parametrize(
    "text",
    [
        "no i want to cancel",
        "No, cancel it",
        "it doesn't work, cancel it",
        "It is not working. Cancel it",
        "can't you cancel it",
        "not only that i will cancel",
        "if you do not fix it i will cancel",
        "no just cancel it",
    ],
)
def test_a_negation_of_something_else_does_not_count(text):
    assert [piece.lower() for piece in found(text, "cancel")] == ["cancel"]


def test_negation_inside_a_gap_counts_unless_the_phrase_says_it():
    assert found("i want to not cancel", "want ... cancel") == []
    assert found("i am not happy", "not happy") == ["not happy"]
    assert found("i am happy", "not happy") == []


def test_spans_of_one_moment_do_not_overlap_and_the_longest_wins():
    assert found("cancel my service now, cancel", "cancel", "cancel my service") == [
        "cancel my service",
        "cancel",
    ]


@pytest.mark.parametrize(
    ("phrase", "complaint"),
    [
        ("", "empty"),
        ("(a|) (b|)", "could be"),
        ("... cancel", "both sides"),
        ("cancel ...", "both sides"),
        ("ca*", "at least 3"),
        ("* cancel", "beginning of a word"),
        ("(cancel", "bracket"),
        ("((a|b) c)", "bracket"),
        ("a|b", "alternatives in brackets"),
        ("(a ... b|c) d", "outside the brackets"),
        ("a $ b", "no meaning"),
        ("x " * 300, "longer than"),
        (" ".join(["(aa|bb|cc|dd)"] * 6), "combinations"),
        ("a ... b ... c ... d ... e", "gaps"),
    ],
)
def test_a_phrase_that_cannot_work_is_refused_in_words(phrase, complaint):
    with pytest.raises(PhraseError, match=complaint):
        parse(phrase)
