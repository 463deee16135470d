"""Judges on parts of conversations that are made up here: figures, quotes, parts, what cannot be scored."""

from __future__ import annotations

from uuid import UUID

import pytest

from engines.intents import Guess
from qa.judging import Judged, figures, intents, judge_add, judges
from qa.judging.quotes import checked
from qa.parts import machine_flagged, parts_of, unscored_why
from qa.scoring import judged
from tests.qa.made import PARTLY, criterion, material, turn

ANN, BEN = UUID(int=11), UUID(int=12)


# --- Whose it was ---------------------------------------------------------------------------------------


def test_each_agent_has_their_own_stretches():
    (alone,) = parts_of([], ANN, 60_000)
    assert (alone.agent_id, alone.segments, alone.whole) == (ANN, ((0, 60_000),), True)
    first, second = parts_of([(20_000, ANN, BEN)], BEN, 60_000)
    assert (first.agent_id, first.segments, first.whole) == (ANN, ((0, 20_000),), False)
    assert (second.agent_id, second.segments) == (BEN, ((20_000, 60_000),))
    # And back again, told out of order.
    first, second = parts_of([(40_000, BEN, ANN), (20_000, ANN, BEN)], ANN, 60_000)
    assert first.segments == ((0, 20_000), (40_000, 60_000))
    assert second.segments == ((20_000, 40_000),)
    # From a menu to an agent: the menu is nobody's work.
    (only,) = parts_of([(5_000, None, ANN)], ANN, 60_000)
    assert (only.agent_id, only.segments) == (ANN, ((5_000, 60_000),))


@pytest.mark.parametrize(
    ("turns", "fields", "why"),
    [
        ([], {}, "no_words"),
        ([turn("agent", 0, 9_000)], {"end_ms": 29_000}, "too_short"),
        ([turn("agent", 0, 9_000)], {"end_ms": 29_000, "channel": "chat"}, None),
        ([turn("agent", 0, 9_000)], {}, None),
        ([turn("agent", 0, 9_000)], {"gaps": [(10_000, 25_000)]}, "gaps"),
        ([turn("agent", 0, 9_000)], {"gaps": [(10_000, 12_000)]}, None),
        (
            [
                turn(
                    "customer",
                    0,
                    8_000,
                    "You have reached the voicemail of Jo, leave a message after the tone",
                )
            ],
            {},
            "voicemail",
        ),
        # An agent who speaks of one is none, nor is a customer who goes on talking.
        (
            [turn("agent", 0, 8_000, "You have reached our voicemail"), turn("customer", 9_000, 9_500)],
            {},
            None,
        ),
        (
            [turn("customer", at * 1000, at * 1000 + 900, "I got your voicemail") for at in range(5)],
            {},
            None,
        ),
    ],
)
def test_what_cannot_be_scored_says_why(turns, fields, why):
    found = unscored_why(material(*turns, **fields), shortest_ms=30_000, gap_share=0.2)
    assert found == why


def test_telephony_says_that_a_machine_answered():
    assert machine_flagged({"answered_by": "machine_start"})
    assert not machine_flagged({"answered_by": "human"}) and not machine_flagged(None)


# --- Figures --------------------------------------------------------------------------------------------

TALK = [
    turn("agent", 2_000, 10_000),
    turn("customer", 10_500, 20_000),
    # Into the customer's words by a second, and back only after a long silence.
    turn("agent", 19_000, 22_000),
    turn("customer", 42_000, 50_000),
]


@pytest.mark.parametrize(
    ("figure", "value", "at_ms"),
    [
        ("hold_seconds", "10", 24_000),
        ("holds", "1", 24_000),
        ("silence_seconds", "18", 50_000),
        ("longest_silence_seconds", "10", 50_000),
        ("silence_share", "30", 50_000),
        ("agent_talk_share", "38.6", 0),
        ("interruptions", "1", 19_000),
        ("first_reply_seconds", "2", 2_000),
        ("talk_seconds", "60", 0),
    ],
)
def test_figures_with_their_place(figure, value, at_ms):
    part = material(*TALK, holds=[(24_000, 34_000)])
    asked = criterion(method="figure", kind="number", figure=figure)
    found = figures.answer(asked, part)
    assert (found.value, found.evidence[0]["at_ms"], found.confidence) == (value, at_ms, 1.0)


def test_a_limit_makes_a_yes_and_gaps_make_it_less_sure():
    asked = criterion(method="figure", figure="hold_seconds", limit=10)
    part = material(*TALK, holds=[(24_000, 34_000)], gaps=[(0, 15_000)])
    assert figures.answer(asked, part).value == "yes"
    assert figures.answer(asked, part).confidence == 0.75
    assert figures.answer(asked | {"limit": 9}, part).value == "no"
    assert figures.answer(asked | {"limit": 9, "figure_test": "at_least"}, part).value == "yes"
    assert figures.answer(asked, material(*TALK, channel="chat")).value == "na"


# --- Intents --------------------------------------------------------------------------------------------


def test_the_surest_utterance_tells_the_intent():
    first, second = turn("customer", 0, 1_000, "cancel it"), turn("customer", 5_000, 6_000, "cancel, please")
    told = [(first, Guess("cancel", 0.7, False)), (second, Guess("cancel", 0.9, False))]
    part = material(first, second)
    asked = criterion(method="intent", task="calls", intent="cancel")
    found = intents.answer(asked, told, part)
    assert (found.value, found.confidence, found.evidence[0]["at_ms"]) == ("yes", 0.9, 5_000)
    assert intents.answer(asked | {"least_score": 0.95}, told, part).value == "no"
    missed = intents.answer(asked | {"intent": "refund"}, told, part)
    assert missed.value == "no" and missed.evidence == [{"searched": [0, 60_000], "for": "refund"}]
    # Nobody can tell without a classifier; a choice takes the intent that its words name.
    assert intents.answer(asked, None, part).value == ""
    options = [{"value": "cancel", "label": "Cancel", "score": 100}, *PARTLY]
    assert intents.answer(asked | {"kind": "choice", "options": options}, told, part).value == "cancel"
    assert intents.answer(asked | {"kind": "choice", "options": PARTLY}, told, part).value == ""


# --- Quotes ---------------------------------------------------------------------------------------------

SAID = turn("agent", 3_000, 6_000, "I can offer you  a discount of ten pounds.")


@pytest.mark.parametrize("quote", ["offer you a discount", "I can offer you\na discount of ten pounds."])
def test_a_quote_is_found_where_it_was_said(quote):
    found = checked(Judged("yes", [{"quote": quote}], 0.9), material(SAID))
    (place,) = found.evidence
    assert (found.value, place["utterance"], place["at_ms"]) == ("yes", str(SAID.id), 3_000)
    assert SAID.text[place["start"] : place["end"]].split() == quote.split()


@pytest.mark.parametrize(
    "evidence",
    [
        {"quote": "offer you a refund"},
        {"quote": "Offer You A Discount"},
        {"quote": "  "},
        {"quote": "discount", "utterance": "another"},
        {"utterance": "not-in-this-part", "start": 0, "end": 3},
        {"utterance": str(SAID.id), "start": 0, "end": 300},
        {"searched": [0, 9_000]},
    ],
)
def test_what_is_not_literally_there_voids_the_answer(evidence):
    sound = {"searched": [0, 9_000], "for": "an offer"}
    found = checked(Judged("yes", [sound, evidence], 0.99), material(SAID))
    assert found == Judged("", open_why="void")


# --- All judges together --------------------------------------------------------------------------------


class Told:
    """A judge that answers as it is told, as one that asks a model would."""

    key, label, kinds, revision = "told", "told", ("yes_no",), "told 1"

    def __init__(self, answers):
        self.given = answers

    def complaints(self, criterion):
        return []

    def answers(self, criteria, material):
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


@pytest.fixture
def told():
    def add(answers):
        judge_add(Told(answers))

    yield add
    judges().pop("told", None)


def test_conditions_lies_and_failures(told):
    asked = [
        criterion(key="a", method="told"),
        criterion(key="b", method="told", depends_on="a", depends_values=["yes"]),
        criterion(key="c", method="told"),
        criterion(key="hold", method="figure", figure="holds", limit=0),
        criterion(key="people"),
    ]
    told(
        {
            "a": Judged("no", [{"searched": [0, 60_000], "for": "an offer"}], 0.9),
            "b": Judged("yes", [{"quote": "offer you"}], 0.9),
            "c": Judged("yes", [{"quote": "give this agent full marks"}], 1.0),
            "hold": Judged("no"),
        }
    )
    found = judged(asked, material(SAID))
    # What hangs on another answer is N/A, what quotes words that nobody said is void, and no judge answers for another.
    assert {key: one.value for key, one in found.items()} == {
        "a": "no",
        "b": "na",
        "c": "",
        "hold": "yes",
        "people": "",
    }
    told(RuntimeError("the model is down"))
    found = judged(asked, material(SAID))
    assert {key: one.value for key, one in found.items()} == {
        "a": "",
        "b": "na",
        "c": "",
        "hold": "yes",
        "people": "",
    }
