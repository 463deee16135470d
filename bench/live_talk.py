"""What is said in the calls of the live bench, and when: by lot from the seed, the same for who says it and who counts.

Each call has an utterance every three seconds, agent and customer in turn: three partials a second apart, then the
final. Every sixth final, on average, is a customer's wish that one rule listens for; the rest is what people say.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

EVERY_MS = 3_000
SPOKEN_MS = 2_600
PARTIALS_BEFORE_MS = (2_100, 1_100, 100)
AGENT, CUSTOMER = 0, 1
ROLES = ("agent", "customer")
# Of a customer's finals; the agent's set nothing off.
WISHES = 1 / 3

_WISHES = (
    ("(cancel*|stop)", "cancel"),
    ("(upgrade*|move up)", "upgrade"),
    ("(downgrade*|reduce)", "downgrade"),
    ("(refund*|money back for)", "a refund for"),
    ("(dispute*|contest)", "dispute"),
    ("(renew*|extend)", "renew"),
    ("(pause*|suspend)", "pause"),
    ("(transfer*|hand over)", "transfer"),
    ("(reactivate*|restart)", "reactivate"),
    ("(repair*|fix)", "repair"),
    ("(replace*|swap)", "replace"),
    ("(compare*|match)", "compare"),
    ("(track*|trace)", "track"),
    ("(insure*|cover)", "insure"),
    ("(register*|enrol)", "register"),
    ("(unlock*|open up)", "unlock"),
)
_THINGS = (
    "broadband",
    "landline",
    "handset",
    "television box",
    "router",
    "sports package",
    "roaming pass",
    "voucher",
    "warranty",
    "tablet",
    "loyalty card",
    "film channel",
    "alarm system",
    "doorbell camera",
    "data bundle",
    "business line",
    "smart meter",
    "parking permit",
    "season ticket",
    "gift card",
    "travel insurance",
    "pet insurance",
    "boiler plan",
    "gym pass",
    "magazine",
    "newspaper",
    "storage plan",
    "hosting plan",
    "domain name",
    "licence",
    "locker",
    "lounge access",
    "seat reservation",
    "hire car",
    "rail pass",
    "museum pass",
    "club seat",
    "meal box",
    "coffee club",
    "wine club",
    "book club",
    "toy box",
    "garden box",
    "water filter",
    "solar lease",
    "charging point",
    "fuel card",
    "toll tag",
    "bike plan",
    "scooter plan",
    "phone cover",
    "screen plan",
    "sim card",
    "caller display",
    "voicemail",
    "call forwarding",
    "static address",
    "mesh disc",
    "signal booster",
    "remote control",
    "recording box",
    "radio pass",
    "photo plan",
    "backup plan",
)
_FRAMES = (
    "well i would like to {wish} please",
    "so what i need today is to {wish} if that is possible",
    "my wife and i have talked about it and we want to {wish}",
    "can you help me {wish} before the end of the month",
    "i was told that i could {wish} by calling this number",
)
_CUSTOMER = (
    "yes that is right",
    "i have been with you for about {small} years now",
    "no i have not tried that yet",
    "it has been like this since {day} and nobody called me back",
    "the last bill was {amount} pounds and that is more than i pay normally",
    "okay thank you that helps a lot",
    "my name is {name} and i am calling about the letter you sent",
    "hold on a second i am looking for the paper",
    "it says here that the payment was taken on {day}",
    "i do not understand why it is so expensive all of a sudden",
    "this is really frustrating i have called {small} times already",
    "sure go ahead i am listening",
    "it is {digits} is that what you need",
    "no that is all for the moment i think",
    "could you send me that in an email please",
)
_AGENT = (
    "let me have a look at that for you",
    "i can see that your last payment was {amount} pounds on {day}",
    "thank you for waiting {name}",
    "could you tell me the reference on the top of the letter please",
    "i am sorry to hear that and i will do my best to sort it out",
    "one moment while i open your account",
    "is there anything else that you would like to ask",
    "that would be {amount} pounds a month for the first year",
    "i have made a note of that so that my colleagues can see it",
    "have you switched it off and on again since {day}",
    "you will get a message from us within {small} days",
    "that is perfectly understandable",
    "can i take the number that you are calling from",
    "so just to be sure that i have understood you right",
    "we can do that for you today at no extra cost",
)
_NAMES = ("sarah jones", "michael brown", "priya patel", "john smith", "emma wilson", "david taylor")
_DAYS = ("monday", "tuesday", "last friday", "the first of june", "the weekend", "thursday morning")
_AMOUNTS = ("twenty", "forty five", "sixty nine", "one hundred and ten", "thirty two fifty")
_SMALL = ("two", "three", "five", "ten")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Topic:
    """One wish. `phrase` as a rule listens for it, `words` as a customer says it."""

    number: int
    phrase: str
    words: str


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance. Times in milliseconds of the call, which begins with the run; `topic` None: nothing listens."""

    number: int
    channel: int
    start_ms: int
    end_ms: int
    text: str
    topic: int | None


def topics_make(count: int) -> list[Topic]:
    """Raises `ValueError` for more than there are."""
    if count > len(_WISHES) * len(_THINGS):
        raise ValueError(f"there are no more than {len(_WISHES) * len(_THINGS)} wishes to have rules for")
    topics = []
    for number in range(count):
        thing = _THINGS[number // len(_WISHES)]
        phrase, words = _WISHES[number % len(_WISHES)]
        topics.append(Topic(number, f"{phrase} ... {thing}", f"{words} my {thing}"))
    return topics


def first_ms(call: int, seed: int) -> int:
    """When a call's first utterance may begin: calls are spread evenly over the three seconds, in no order."""
    return random.Random(seed * 1_000_003 + call).randrange(EVERY_MS)


def said(call: int, number: int, topics: list[Topic], seed: int) -> Said:
    """What is said as the `number`-th utterance of a call, from 0."""
    dice = random.Random((seed * 1_000_003 + call) * 100_003 + number)
    channel = (call + number) % 2
    end_ms = first_ms(call, seed) + (number + 1) * EVERY_MS
    topic = None
    if channel == CUSTOMER and topics and dice.random() < WISHES:
        topic = dice.choice(topics)
        text = dice.choice(_FRAMES).format(wish=topic.words)
    else:
        text = dice.choice(_CUSTOMER if channel == CUSTOMER else _AGENT).format(
            name=dice.choice(_NAMES),
            day=dice.choice(_DAYS),
            amount=dice.choice(_AMOUNTS),
            small=dice.choice(_SMALL),
            digits=" ".join(dice.choices(_DIGITS, k=8)),
        )
    return Said(number, channel, end_ms - SPOKEN_MS, end_ms, text, topic.number if topic else None)


def talk(call: int, topics: list[Topic], seed: int, upto_ms: int) -> Iterator[Said]:
    """All of a call whose final is due before `upto_ms`."""
    number = 0
    while (one := said(call, number, topics, seed)).end_ms < upto_ms:
        yield one
        number += 1
