"""Moments of the customer's mood and of the call's fields: when they come about, and what is refused."""

from __future__ import annotations

import json

import pytest

from engines.rules import CompiledMoments, Heard, MomentEngine, MomentSpec, Occurrence
from engines.rules.moments import check


def mood(**fields: object) -> MomentSpec:
    given = {"speaker": "customer", "mood": "below", "turns": 2, "limit": -0.3} | fields
    return MomentSpec("upset", "Upset", "r1", "sentiment", **given)  # type: ignore[arg-type]


def field(**fields: object) -> MomentSpec:
    given = {"field": "customer.segment", "test": "is", "values": ("VIP",)} | fields
    return MomentSpec("vip", "VIP customer", "r2", "metadata", **given)  # type: ignore[arg-type]


BAD, GOOD = "this is terrible and ridiculous", "that is great thank you so much"


def play(engine: MomentEngine, *lines: tuple[str, str], first: int = 0) -> list[Occurrence]:
    return [
        one
        for at, (speaker, text) in enumerate(lines, first)
        for one in engine.hear(Heard(at, speaker, at * 1000, at * 1000 + 900, text))
    ]


def test_a_mood_comes_about_once_until_it_was_not_so() -> None:
    engine = MomentEngine([mood()])
    assert play(engine, ("customer", BAD), ("agent", BAD), ("customer", "yes")) == []
    [one] = play(engine, ("customer", BAD), ("customer", BAD), first=3)
    assert (one.key, one.sequence, one.speaker, one.spans) == ("upset", 3, "customer", ((0, len(BAD)),))
    assert one.score is not None and one.score < -0.3
    lines = [("customer", GOOD), ("customer", GOOD), ("customer", BAD), ("customer", BAD)]
    assert [one.sequence for one in play(engine, *lines, first=5)] == [8]


def test_what_staff_say_has_no_mood() -> None:
    assert play(MomentEngine([mood()]), *[("agent", BAD)] * 5) == []
    [complaint] = check(mood(speaker="agent"))
    assert "never inferred" in complaint
    assert check(mood(speaker="any")) == [complaint]


def test_a_trend_compares_with_as_many_before() -> None:
    falling, rising = mood(mood="falling", limit=0.4), mood(mood="rising", limit=0.4)
    lines = [("customer", GOOD)] * 2 + [("customer", BAD)] * 2
    assert [one.sequence for one in play(MomentEngine([falling]), *lines)] == [3]
    assert play(MomentEngine([rising]), *lines) == []
    assert [one.sequence for one in play(MomentEngine([rising]), *lines[::-1])] == [3]


def test_a_successor_goes_on() -> None:
    engine = MomentEngine([mood(), field()])
    engine.fields({"customer.segment": "vip"}, 0)
    play(engine, ("customer", BAD))
    state = json.loads(json.dumps(engine.state()))
    assert "terrible" not in json.dumps(state)
    successor = MomentEngine([mood(), field()])
    successor.restore(state)
    assert successor.fields({"customer.segment": "vip"}, 2000) == []
    assert len(play(successor, ("customer", BAD), first=1)) == 1


def test_a_field_at_the_beginning_and_when_it_changes() -> None:
    engine = MomentEngine([field()])
    assert engine.fields({"customer.segment": "standard"}, 0) == []
    [one] = engine.fields({"customer.segment": "vip"}, 4000)
    assert (one.sequence, one.searched, one.at_ms) == (None, None, 4000)
    assert engine.fields({"customer.segment": "vip"}, 5000) == []
    engine.fields({}, 6000)
    assert len(engine.fields({"customer.segment": "VIP"}, 7000)) == 1


@pytest.mark.parametrize(
    ("fields", "known", "so"),
    [
        ({"test": "is_not"}, {}, True),
        ({"test": "above", "field": "metadata.contacts", "limit": 2.0}, {"metadata.contacts": "3"}, True),
        ({"test": "above", "field": "metadata.contacts", "limit": 2.0}, {"metadata.contacts": "many"}, False),
        ({"test": "below", "field": "metadata.contacts", "limit": 2.0}, {"metadata.contacts": 1}, True),
        ({"test": "present", "field": "product"}, {"product": "x"}, True),
        ({"test": "present", "field": "product"}, {"product": ""}, False),
    ],
)
def test_tests_of_a_field(fields: dict[str, object], known: dict[str, object], so: bool) -> None:
    assert bool(MomentEngine([field(**fields)]).fields(known, 0)) is so  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (mood(limit=-0.95), "never be so"),
        (mood(mood="above", limit=-0.95), "always be so"),
        (mood(mood="falling", limit=2.5), "never be so"),
        (mood(mood="rising", limit=0.0), "more than 0"),
        (mood(limit=None), "Give the level"),
        (mood(mood=""), "below or above"),
        (mood(turns=21), "1 to 20"),
        (field(field="colour"), "no field of a call"),
        (field(field="metadata."), "no field of a call"),
        (field(field="channel", values=("fax",)), "no channel “fax”"),
        (field(field="channel", test="present"), "always be so"),
        (field(field="channel", values=("voice", "Chat", "email")), "always be so"),
        (field(field="channel", test="is_not", values=("voice", "chat", "email")), "never be so"),
        (field(field="language", values=("english",)), "no code of a language"),
        (field(values=(" ",)), "at least one value"),
        (field(test="above"), "the number"),
        (field(test="above", field="queue", limit=1.0), "never be so"),
        (field(test=""), "what is asked"),
    ],
)
def test_what_cannot_be_is_refused(spec: MomentSpec, word: str) -> None:
    assert word in " ".join(check(spec))


def test_something_missing_may_wait_for_them() -> None:
    sorry = MomentSpec("sorry", "Apology", "r3", "phrase", "agent", ("sorry",))
    missing = MomentSpec(
        "no_sorry", "No apology", "r4", "absence", expected="sorry", after="upset", within_ms=5000
    )
    compiled = CompiledMoments([mood(turns=1), sorry, missing])
    assert not compiled.refused
    engine = MomentEngine(compiled)
    play(engine, ("customer", BAD))
    assert [one.key for one in engine.advance(6000)] == ["no_sorry"]
    kept = MomentEngine(compiled)
    play(kept, ("customer", BAD), ("agent", "i am sorry"))
    assert kept.advance(9000) == []
