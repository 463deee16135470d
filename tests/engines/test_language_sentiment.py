"""Sentiment of a customer's words: sign and order in plain cases, nothing in neutral ones."""

import pytest

from engines.language import score


@pytest.mark.parametrize(
    "text",
    [
        "this is absolutely ridiculous",
        "i'm not happy with this",
        "i am fed up, this is the third time i call",
        "it still doesn't work",
        "I want to cancel, your service is terrible",
        "let me speak to your supervisor",
        "you people are useless",
        "nobody told me and i was overcharged",
    ],
)
def test_unhappy(text):
    assert -1 <= score(text) <= -0.15


@pytest.mark.parametrize(
    "text",
    [
        "thank you so much, that is great",
        "perfect",
        "i really appreciate your help",
        "not bad at all",
        "oh that's wonderful",
        "no problem",
        "i'm very happy with that",
    ],
)
def test_happy(text):
    assert 0.15 <= score(text) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "my number is [PHONE_NUMBER]",
        "the city is boston",
        "it is the credit card ending in [CREDIT_CARD]",
        "can i pay the rest of the bill right now",
        "five business days",
    ],
)
def test_neutral(text):
    assert score(text) == 0


def test_stronger_words_weigh_more():
    assert score("very annoying") < score("annoying") < score("slightly annoying") < 0
    assert score("this is awful and a disgrace") < score("this is awful")
    assert score("not angry") > 0
    assert abs(score("terrible " * 500)) <= 1
