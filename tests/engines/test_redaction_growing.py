"""What is kept from partial to partial, or shared by those of several calls, changes nothing of what is found."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engines.redaction.redactor import DEFAULT, RedactionConfig
from engines.redaction.sequence.tagger import tagger
from engines.redaction.stream import StreamRedactor, partials_prepare
from engines.redaction.text import RawText
from engines.redaction.tokens import tokenise

# As in MultiDoGO's chats and as recognition writes: airlines, banks, insurance, media, software, fast food.
TURNS = (
    "hi i would like to change my seat please",
    "Sure! May I have your booking confirmation number and your last name, please?",
    "my name is {name} and the confirmation number is {code}",
    "it is {digits}",
    "what is the email address on your account",
    "{name} at {mail} dot com",
    "you can reach me at {first}.{last}@{mail}.com or on {phone}",
    "i live at {small} {last} street in {city} the zip code is {zip}",
    "Thank you, {name}. I have updated your billing address to {small} {last} Avenue, {city}.",
    "my card number is {digits} {digits} and it expires in the first of may",
    "no that is all for today thank you very much",
    "can you tell me the last four digits of your social security number",
    "oh {digits} i think double {small} no wait {digits}",
    "my password is {word}{small} and my user name is {first}{small}",
    "i want to cancel my subscription before the {small} of june it costs me {small} pounds a month",
    "okay",
    "Bonjour — ça va? 我的号码 {phone} İstanbul’s",
)
NAMES = (
    "John Smith",
    "priya patel",
    "Maria Garcia-Lopez",
    "o'neill",
    "siobhan",
    "Van der Berg",
    "tiger woods",
)
CITIES = ("Boston", "new york", "leeds", "San Francisco")
MAILS = ("gmail", "yahoo", "hot mail", "northwind")
WORDS = ("sunflower", "hunter", "Passw0rd!", "blue-sky")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh", "4111", "07")
NOISE = ("um", "uh", "the", "fight", "four", "at", "double", "Smith", ",", "7", "name", "[NAME]")


def said(dice: random.Random) -> str:
    name = dice.choice(NAMES)
    return dice.choice(TURNS).format(
        name=name,
        first=name.split()[0],
        last=name.split()[-1],
        code="".join(dice.choices("ABC123XYZ", k=6)),
        digits=" ".join(dice.choices(DIGITS, k=dice.randint(1, 6))),
        mail=dice.choice(MAILS),
        phone="".join(dice.choices("0123456789", k=10)),
        small=str(dice.randint(1, 99)),
        city=dice.choice(CITIES),
        zip="".join(dice.choices("0123456789", k=5)),
        word=dice.choice(WORDS),
    )


def growing(dice: random.Random, text: str) -> list[str]:
    """What recognition sends on its way to `text`: a few words more each time, the last ones written anew, now and then
    the same again, or all of it in capitals."""
    words, sent, upto = text.split(), [], 0
    while upto < len(words):
        upto = min(len(words), upto + dice.randint(1, 4))
        now = words[:upto]
        if dice.random() < 0.3:
            now = now[: -dice.randint(1, 2)] + dice.choices(NOISE, k=dice.randint(1, 2))
        if dice.random() < 0.1:
            now = [dice.choice(NOISE), *now[1:]]
        sent.append(" ".join(now).upper() if dice.random() < 0.05 else " ".join(now))
        if dice.random() < 0.2:
            sent.append(sent[-1])
    return sent


def fresh(redactor: StreamRedactor, config: RedactionConfig) -> StreamRedactor:
    """One that knows what was said, and has seen no partial."""
    other = StreamRedactor.restore(redactor.state(), config)
    other.memory_take(redactor.memory())
    return other


@pytest.mark.parametrize("seed", [1, 2])
def test_partials_are_what_they_would_be_from_scratch(seed: int) -> None:
    dice = random.Random(seed)
    configs = [DEFAULT, RedactionConfig(ours=("Northwind Air",)), DEFAULT, DEFAULT]
    calls = [StreamRedactor(config) for config in configs]
    for number in range(10):
        texts = [said(dice) for _ in calls]
        speaker = dice.choice(("agent", "customer"))
        ways = [growing(dice, text) for text in texts]
        for step in range(max(map(len, ways))):
            now = [(call, way[step], config) for call, way, config in zip(calls, ways, configs, strict=True)
                   if step < len(way)]  # fmt: skip
            if dice.random() < 0.8:
                partials_prepare((call, speaker, RawText(text)) for call, text, _config in now)
            for call, text, config in now:
                shown = call.redact_partial(speaker, RawText(text))
                assert shown == fresh(call, config).redact_partial(speaker, RawText(text))
        at_ms = 5_000 * number
        for call, text, config in zip(calls, texts, configs, strict=True):
            other = fresh(call, config).redact_final(speaker, RawText(text), (), at_ms, at_ms + 3_000)
            assert call.redact_final(speaker, RawText(text), (), at_ms, at_ms + 3_000) == other


def test_texts_scored_together_have_the_scores_of_each_by_itself() -> None:
    dice, model = random.Random(3), tagger()
    for size in (1, 2, 7, 40):
        texts = ["", *(said(dice) for _ in range(size)), " ".join(said(dice) for _ in range(30))]
        dice.shuffle(texts)
        together = [tokenise(text) for text in texts]
        scenes = [dice.choice(((), ("t=banking", "p=NAME", "a=NAME", "i=2"))) for _ in texts]
        model.score_together(zip(together, scenes, strict=True))
        scored = 0
        for text, one, scene in zip(texts, together, scenes, strict=True):
            alone = tokenise(text)
            labels, leads = model.tag(alone, scene=scene)
            if "scored" in one.__dict__:
                scored += 1
                assert np.array_equal(one.__dict__["scored"][2], alone.__dict__["scored"][2])
            assert model.tag(one, scene=scene) == (labels, leads)
        # All but the empty one, and one that is too long to be beside others.
        assert scored == size


def test_what_was_prepared_is_not_used_for_other_words_or_after_a_final() -> None:
    call = StreamRedactor()
    words = RawText("my name is john smith and i live in")
    partials_prepare([(call, "customer", words), (StreamRedactor(), "customer", words)])
    other = RawText("it is four one one one")
    assert call.redact_partial("customer", other) == fresh(call, DEFAULT).redact_partial("customer", other)
    partials_prepare([(call, "customer", words), (StreamRedactor(), "customer", words)])
    call.redact_final("agent", RawText("can you give me your card number please"), (), 0, 2_000)
    call.redact_final("customer", RawText("yes my visa card"), (), 3_000, 4_000)
    assert call.redact_partial("customer", words) == fresh(call, DEFAULT).redact_partial("customer", words)


def test_a_conversation_told_again_as_it_is_stored_knows_its_scene_and_hides_what_follows() -> None:
    turns = [
        ("agent", "what is your name and your card number please"),
        ("customer", "[NAME] and [CREDIT_CARD]"),
    ]
    told = StreamRedactor.retold([(speaker, text, 0, 5_000) for speaker, text in turns])
    assert StreamRedactor.reads(told.state()) and not StreamRedactor.reads({"version": 0})
    known = told.state()["scene"]
    assert known["turns"] == 1 and len(known["ever"]) == 2
    number = told.open_number(6_000)
    assert number is not None and number.since_ms == 5_000
    said_next = told.redact_final("customer", RawText("seven two"), (), 6_000, 7_000)
    assert said_next.redacted.text == "[CREDIT_CARD]"
