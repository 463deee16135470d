"""Dialogues as people type them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from coaching.dialogues import TURNS_MAX, dialogue_read


@pytest.fixture(autouse=True)
def company(world):
    with world.northwind.scope():
        yield


def read(text):
    return [(turn.speaker, turn.start_ms, turn.end_ms, turn.text) for turn in dialogue_read(text).turns]


def test_lines_without_times_follow_each_other_at_the_pace_of_speech():
    assert read("agent: hello there\ncustomer: hi") == [
        ("agent", 0, 800, "hello there"),
        ("customer", 1400, 1800, "hi"),
    ]


def test_a_pause_on_a_line_of_its_own_and_a_line_that_goes_on():
    assert read("Customer: I want\nto leave\n(25 s)\n\na: why") == [
        ("customer", 0, 1600, "I want to leave"),
        ("agent", 1600 + 25_000 + 600, 27_600, "why"),
    ]


@pytest.mark.parametrize(
    "line", ["0:42 agent: hello", "[0:42] agent: hello", "(0:42) AGENT: hello", "agent (0:42): hello"]
)
def test_a_time_may_stand_before_the_speaker_or_after(line):
    assert read(f"customer: hi\n{line}\n1:02:03.5 customer: still here")[1:] == [
        ("agent", 42_000, 42_400, "hello"),
        ("customer", 3_723_500, 3_724_300, "still here"),
    ]


def test_given_times_may_overlap_a_little_but_nobody_is_heard_after_his_turn():
    turns = dialogue_read("0:00 agent: " + "word " * 30 + "\n0:05 customer: stop").turns
    assert turns[0].end_ms == 5_250


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Type a dialogue"),
        ("hello", "Line 1 does not say who speaks"),
        ("0:20 agent: one\n0:10 customer: two", "Line 2 begins before"),
        ("agent: x\n" * (TURNS_MAX + 1), "more than"),
        ("x" * 20_001, "longer than"),
        ("200:00:00 agent: hi\n", "Line 1|longer"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text, words):
    with pytest.raises(ValidationError, match=words):
        dialogue_read(text)


def test_what_calls_hide_is_hidden_here_too():
    [turn] = dialogue_read("customer: my card is 4111 1111 1111 1111").turns
    assert "4111" not in turn.text
    assert "CREDIT_CARD" in turn.text


def test_a_hold_is_typed_like_a_pause():
    typed = dialogue_read("agent: one moment\n(hold 90 s)\nagent: here I am\n(on hold 5 s)")
    assert typed.holds == [(800, True), (90_800, False), (92_600, True), (97_600, False)]
    assert typed.turns[1].start_ms > 90_800
