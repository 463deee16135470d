"""Words of a hint recognised in what the agent says: shortened and rephrased, but not merely alike."""

from __future__ import annotations

import pytest

from engines.rules.used import UsedWatch, stem

SAY = "Here is what I can do right away: twenty percent off for the next six months, starting with your next bill."


@pytest.mark.parametrize(
    "lines",
    [
        ["so i can do twenty percent off for the next six months starting with the next bill"],
        ["i can give you twenty percent off", "that is for six months from your next bill"],
    ],
)
def test_words_that_are_shortened_or_spread_over_two_utterances_count(lines):
    watch = UsedWatch(SAY)
    assert [watch.hear(line) for line in lines][-1]


@pytest.mark.parametrize(
    "lines",
    [
        ["let me see what i can do for you right away"],
        ["i will send you the bill next week"],
        # Its words one by one over a long call are not the hint.
        ["twenty minutes ago", "ah well", "six of them", "i see", "it is starting now", "okay", "your bill"],
    ],
)
def test_what_only_sounds_alike_does_not_count(lines):
    watch = UsedWatch(SAY)
    assert not any(watch.hear(line) for line in lines)


def test_one_whole_sentence_of_several_is_enough():
    watch = UsedWatch(
        "I am sorry for the trouble. Please type the number into the secure form that I am sending you."
    )
    assert watch.hear("could you please type that number into our secure form i am sending it")


def test_a_hint_of_few_words_must_be_said_whole():
    watch = UsedWatch("Ask for the invoice number.")
    assert not watch.hear("what is the number")
    assert watch.hear("may i ask for your invoice number")


def test_a_hint_without_telling_words_is_never_used():
    watch = UsedWatch("Thank you!")
    assert not watch.can_tell
    assert not watch.hear("thank you")


def test_a_successor_goes_on_and_its_state_holds_no_words():
    watch = UsedWatch(SAY)
    assert not watch.hear("i can give you twenty percent off")
    state = watch.state()
    assert all(isinstance(place, int) for places in state for place in places)
    assert UsedWatch(SAY, state).hear("that is for six months from your next bill")


def test_forms_of_a_word_are_one():
    assert len({stem(word) for word in ("offer", "offers", "offered", "offering")}) == 1
