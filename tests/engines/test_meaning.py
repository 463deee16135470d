"""Meaning by examples: what is heard, what is refused, the file, and what it costs."""

from __future__ import annotations

from time import process_time

import pytest

from engines.intents import UnusableModel
from engines.intents.languages import foreign, is_english, little_known
from engines.intents.meaning import MeaningModel, Meanings, ordinary, telling
from engines.intents.meaning_training import ALARMS, UnusableExamples, learn

STOLEN = (
    "my card was stolen",
    "somebody stole my card",
    "i lost my credit card",
    "i can't find my bank card anywhere",
    "i think my card has been stolen",
    "my wallet with my card in it is gone",
    "i have lost my debit card",
    "someone took my bank card",
    "my card is lost or stolen",
    "i left my card in a taxi",
)
ORDER = ("i want to order a second card", "my card does not work in the shop")


@pytest.fixture(scope="module")
def model() -> MeaningModel:
    learned = learn(STOLEN, ORDER)
    assert learned.figures["alarms"] <= ALARMS * len(ordinary()) + 1
    assert learned.figures["heard"] >= 5 and learned.figures["near_misses"] == 2
    return learned.model


def test_what_means_the_same_is_heard_and_nothing_else(model: MeaningModel) -> None:
    ears = Meanings([model])
    for text in (*STOLEN, "my debit card got stolen yesterday", "Hello, I've lost my card!"):
        [(at, score)] = ears.heard(text)
        assert at == 0 and 0.5 < score <= 1, text
    for text in (*ORDER, "please change my address", "i lost my umbrella", "", "?!", "[credit_card]"):
        assert ears.heard(text) == [], text


def test_the_nearest_example_is_told(model: MeaningModel) -> None:
    example, likeness = model.nearest(telling().read("they stole my card"))
    assert example == "somebody stole my card" and 0.2 < likeness < 1
    assert model.nearest(telling().read(STOLEN[0])) == (STOLEN[0], pytest.approx(1.0))


def test_several_are_asked_at_once(model: MeaningModel) -> None:
    other = learn(("how much do i owe", "what is my balance today", "tell me how much i have to pay")).model
    both = Meanings([other, model])
    assert [at for at, _score in both.heard("someone stole my card")] == [1]
    assert [at for at, _score in both.heard("how much do i owe you")] == [0]
    [(_at, score)] = both.heard("i lost my card")
    assert score == pytest.approx(model.score(model.margin(telling().read("i lost my card"))), abs=1e-4)


def test_the_file_is_the_model_and_nothing_else_is(model: MeaningModel) -> None:
    data = model.to_bytes()
    again = MeaningModel.from_bytes(data)
    assert again.to_bytes() == data and learn.__wrapped__(STOLEN, ORDER).model.to_bytes() == data
    assert Meanings([again]).heard("i lost my card") == Meanings([model]).heard("i lost my card")
    for broken in (b"", b"PK", data[:-30], data + data[:9], b"x" * 5_000_000):
        if broken != data + data[:9]:
            with pytest.raises(UnusableModel):
                MeaningModel.from_bytes(broken)


@pytest.mark.parametrize(
    ("examples", "near", "word"),
    [
        (("i lost my card", "I lost my card!", "i  lost my card"), (), "at least 3 different"),
        ((*STOLEN, "yes"), (), "is one word"),
        (STOLEN, ("My card was stolen.",), "both to be heard and not"),
        ((*STOLEN, "ich habe meine karte verloren"), (), "German"),
        (STOLEN, ("j'ai perdu ma carte et je ne sais pas",), "French"),
        ((*STOLEN, "я потеряла карту"), (), "another script"),
        (
            (*STOLEN, "zgubiłem moją kartę"),
            (),
            "another language than English.*phrases or by an intent classifier",
        ),
        (("gdzie jest karta", "nie mam karty", "karta znika"), (), "do not seem to be English"),
        ((*STOLEN, "my card my card was stolen"), ("my card my card my card was stolen",), "cannot be told"),
        (tuple(f"my card number {at} was stolen" for at in range(201)), (), "At most 200"),
    ],
)
def test_sentences_that_teach_nothing_are_refused(
    examples: tuple[str, ...], near: tuple[str, ...], word: str
) -> None:
    with pytest.raises(UnusableExamples, match=word):
        learn(examples, near)


def test_english_is_taken_for_english() -> None:
    assert [one for one in ordinary() if foreign(one)] == []
    assert not little_known(["restore factory settings", "engage whisper mode", "what is my balance please"])
    assert [is_english(code) for code in ("en", "en-GB", "EN_us", "", "de", "enx")] == [True] * 4 + [
        False
    ] * 2
    assert len(set(ordinary())) == len(ordinary()) > 350


def test_an_utterance_costs_little(model: MeaningModel) -> None:
    ears = Meanings([model] * 20)
    text = (
        "well i was calling because my debit card got stolen in the train and i would like to know what to do"
    )

    def took(text: str, times: int) -> float:
        began = process_time()
        for _ in range(times):
            ears.heard(text)
        return (process_time() - began) / times

    ears.heard(text)
    # The least of some: the interpreter may tidy up all that other tests have made in the midst of one.
    assert min(took(text, 50) for _ in range(5)) < 0.0006
    assert min(took("supercalifragilistic " * 400, 1) for _ in range(5)) < 0.01
