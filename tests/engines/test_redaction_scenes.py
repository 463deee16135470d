"""Scenes: what the turns before tell the model, without a word of theirs."""

from __future__ import annotations

import json

import pytest

from engines.redaction.context import Context
from engines.redaction.redactor import RedactionConfig, redactor_for
from engines.redaction.scene import Scene, Topics, family
from engines.redaction.sequence.tagger import tagger
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.redaction.tokens import tokenise
from engines.redaction.turns import TurnReader

TOPICS = Topics(("food", "travel"), {"flight": (-2.0, 2.0), "pizza": (9.0, -9.0), "and": (0.1, -0.1)})
BOOKING = ("hi good morning", "i want to book a flight from boston to denver", "two tickets please")
SIGNING_UP = ("hi i need a new cable connection", "my name is anna kovacs", "yes for my home")


def test_what_the_words_speak_of_adds_up_over_turns():
    scene = Scene.begin(TOPICS)
    assert scene.names(TOPICS, ["hello"])[0] == "t=none"
    assert scene.names(TOPICS, ["a", "flight"])[0] == "t=travel"
    scene = scene.after(TOPICS, ["flight", "flight"], ())
    assert scene.sums == (-2.0, 2.0), "a word counts once a turn"
    assert scene.after(TOPICS, ["pizza"], ()).sums == (1.0, -1.0), "and never for more than three"


def test_families_of_what_was_given_are_remembered():
    scene = Scene.begin(TOPICS)
    assert scene.names(TOPICS, ())[1:] == ("p=start", "a=", "i=0")
    scene = scene.after(TOPICS, (), ("NAME", "CREDIT_CARD", "LOYALTY"))
    assert scene.names(TOPICS, ())[1:] == ("p=name+number", "a=name+number", "i=1")
    scene = scene.after(TOPICS, (), ())
    assert scene.names(TOPICS, ())[1:] == ("p=nothing", "a=name+number", "i=2")
    for _ in range(9):
        scene = scene.after(TOPICS, (), ("EMAIL",))
    assert scene.names(TOPICS, ())[1:] == ("p=email", "a=email+name+number", "i=6")
    assert family("TITLE") is family("MADE_UP") is None


def test_a_scene_is_stored_without_words():
    scene = Scene.begin(TOPICS).after(TOPICS, ["flight", "secretword"], ("NAME",))
    state = json.loads(json.dumps(scene.state()))
    assert "secret" not in json.dumps(state) and "flight" not in json.dumps(state)
    assert Scene.restore(state, TOPICS) == scene
    other = Scene.restore(state, Topics(("a", "b", "c")))
    assert (other.sums, other.ever) == ((0.0, 0.0, 0.0), scene.ever)
    with pytest.raises(ValueError, match="not a scene"):
        Scene.restore({"sums": 3}, TOPICS)


def read(turns: tuple[str, ...]) -> list[list[str]]:
    reader = TurnReader(RedactionConfig())
    found = []
    for turn in turns:
        utterance = tokenise(turn)
        found.append([turn[span.start : span.end] for span in reader.examine(utterance).spans])
    return found


def test_the_same_digits_are_a_date_in_one_conversation_and_a_number_in_another():
    assert read((*BOOKING, "0825"))[-1] == []
    assert read((*SIGNING_UP, "0825"))[-1] == ["0825"]


def test_a_number_that_only_its_length_speaks_for_is_hidden_on_a_live_call():
    text = "0825"
    redactor = redactor_for(RedactionConfig())
    assert redactor.examine(text, Context(live=True)).spans
    stream = StreamRedactor()
    for number, turn in enumerate(BOOKING):
        stream.redact_final("customer", RawText(turn), (), number * 5_000, number * 5_000 + 4_000)
    heard = stream.redact_final("customer", RawText(text), (), 30_000, 32_000)
    assert "0825" not in heard.redacted.text


def test_a_stream_goes_on_with_its_scene_in_another_process():
    stream = StreamRedactor()
    for number, turn in enumerate(SIGNING_UP):
        stream.redact_final("customer", RawText(turn), (), number * 5_000, number * 5_000 + 4_000)
    state = json.loads(json.dumps(stream.state()))
    assert state["scene"]["ever"] == ["name"] and "kovacs" not in json.dumps(state)
    again = StreamRedactor.restore(state)
    assert again.state() == stream.state()
    del state["scene"]
    assert StreamRedactor.restore(state).state()["scene"] == Scene.begin(tagger().topics).state()


def test_what_the_agent_says_is_no_part_of_it():
    stream = StreamRedactor()
    before = stream.state()["scene"]
    stream.redact_final("agent", RawText("your flight to denver and my name is peter"), (), 0, 4_000)
    assert stream.state()["scene"] == before
