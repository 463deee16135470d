"""Moments in the course of one conversation: who speaks, what is missing, and taking over in between."""

import json
import random

import pytest

from engines.rules import CompiledMoments, Heard, MomentEngine, MomentSpec, check, check_all

RECORDING = MomentSpec(
    "recording", "Recording notice", "r1", "phrase", "agent", ("(call|line) ... recorded",)
)
NO_RECORDING = MomentSpec(
    "no_recording", "No notice", "r2", "absence", expected="recording", within_ms=20_000
)
CANCEL = MomentSpec("cancel", "Cancel threat", "r3", "phrase", "customer", ("cancel*",))
OFFER = MomentSpec("offer", "Retention offer", "r4", "phrase", "agent", ("(offer|discount)",))
NO_OFFER = MomentSpec(
    "no_offer", "No offer", "r5", "absence", expected="offer", after="cancel", within_ms=30_000
)
RECAP = MomentSpec("recap", "Recap", "r6", "phrase", "agent", ("to sum up",))
NO_RECAP = MomentSpec("no_recap", "No recap", "r7", "absence", expected="recap", after="cancel")
AMOUNT = MomentSpec("amount", "Amount", "r8", "pattern", "any", pattern=r"\$\d+")
COMMON = ("hello", "yes", "no", "my", "me", "it", "you", "we", "okay", "the", "a")
ALL = [RECORDING, NO_RECORDING, CANCEL, OFFER, NO_OFFER, RECAP, NO_RECAP, AMOUNT]


def said(sequence, speaker, start_ms, text, end_ms=None):
    return Heard(sequence, speaker, start_ms, start_ms + 2_000 if end_ms is None else end_ms, text)


def keys(occurrences):
    return [one.key for one in occurrences]


@pytest.mark.parametrize("words", [{"pattern": r"\w"}, {"phrases": ("(" + "|".join(COMMON) + ")",)}])
def test_what_is_heard_in_everything_is_refused(words):
    spec = MomentSpec("all", "All", "r", "pattern" if "pattern" in words else "phrase", **words)
    assert check(spec) == ["It would be heard in everything that is said: ask for something particular."]


def test_only_the_named_speaker_counts():
    engine = MomentEngine([CANCEL, AMOUNT])
    assert keys(engine.hear(said(1, "agent", 0, "you want to cancel for $5"))) == ["amount"]
    assert keys(engine.hear(said(2, "customer", 3000, "cancel it for $5"))) == ["cancel", "amount"]
    assert keys(engine.hear(said(3, "bot", 6000, "cancel or $5"))) == ["amount"]


def test_an_occurrence_says_where_and_when():
    (one,) = MomentEngine([CANCEL]).hear(said(7, "customer", 5_000, "so cancel, I said cancel"))
    assert (one.key, one.revision_id, one.sequence, one.speaker) == ("cancel", "r3", 7, "customer")
    assert (one.at_ms, one.until_ms) == (5_000, 7_000)
    assert one.spans == ((3, 9), (18, 24))
    assert one.searched is None


def test_what_was_never_said_is_absent_when_its_time_is_over_and_once():
    engine = MomentEngine([RECORDING, NO_RECORDING])
    assert engine.advance(19_999) == []
    (one,) = engine.advance(25_000)
    assert (one.key, one.at_ms, one.sequence, one.spans) == ("no_recording", 20_000, None, ())
    assert (one.searched, one.expected) == ((0, 20_000), "recording")
    assert engine.advance(90_000) == []
    assert engine.finish(99_000) == []


def test_said_in_time_is_not_absent():
    engine = MomentEngine([RECORDING, NO_RECORDING])
    engine.hear(said(1, "agent", 4_000, "this call is being recorded"))
    assert engine.advance(60_000) == []


def test_begun_in_time_counts_though_final_comes_late():
    engine = MomentEngine([RECORDING, NO_RECORDING])
    engine.hear(said(1, "customer", 21_000, "hello"))
    engine.hear(said(2, "agent", 19_000, "this call is recorded", end_ms=24_000))
    assert engine.advance(24_000) == []


def test_said_too_late_is_absent():
    engine = MomentEngine([RECORDING, NO_RECORDING])
    engine.hear(said(1, "agent", 20_500, "this call is recorded"))
    assert keys(engine.advance(23_000)) == ["no_recording"]


def test_absence_after_something_waits_from_its_end_and_starts_anew():
    engine = MomentEngine([CANCEL, OFFER, NO_OFFER])
    assert engine.advance(50_000) == []
    engine.hear(said(1, "customer", 60_000, "i will cancel"))
    engine.hear(said(2, "customer", 70_000, "really cancel"))
    (one,) = engine.advance(92_000)
    assert one.searched == (62_000, 92_000)
    engine.hear(said(3, "customer", 100_000, "cancel now"))
    engine.hear(said(4, "agent", 103_000, "a discount maybe"))
    assert engine.advance(200_000) == []


def test_an_answer_heard_before_the_question_still_answers():
    engine = MomentEngine([CANCEL, OFFER, NO_OFFER])
    engine.hear(said(1, "agent", 61_000, "i can offer you something", end_ms=64_000))
    engine.hear(said(2, "customer", 60_000, "i will cancel", end_ms=63_000))
    assert engine.advance(200_000) == []


def test_a_successor_knows_what_was_heard_before_the_question():
    engine = MomentEngine([CANCEL, OFFER, NO_OFFER])
    engine.hear(said(1, "agent", 61_000, "i can offer you something", end_ms=64_000))
    successor = MomentEngine([CANCEL, OFFER, NO_OFFER])
    successor.restore(engine.state())
    successor.hear(said(2, "customer", 60_000, "i will cancel", end_ms=63_000))
    assert successor.advance(200_000) == []


def test_an_earlier_offer_is_no_answer():
    engine = MomentEngine([CANCEL, OFFER, NO_OFFER])
    engine.hear(said(1, "agent", 10_000, "i can offer you something"))
    engine.hear(said(2, "customer", 60_000, "i will cancel"))
    assert keys(engine.advance(200_000)) == ["no_offer"]


def test_absence_until_the_end_of_the_call():
    engine = MomentEngine([CANCEL, RECAP, NO_RECAP])
    engine.hear(said(1, "customer", 1_000, "i will cancel"))
    assert engine.advance(500_000) == []
    (one,) = engine.finish(600_000)
    assert (one.key, one.searched) == ("no_recap", (3_000, 600_000))


def test_a_call_that_ends_before_the_time_is_over_misses_nothing():
    engine = MomentEngine([RECORDING, NO_RECORDING])
    assert engine.finish(15_000) == []
    assert engine.advance(60_000) == []


def test_an_utterance_heard_twice_counts_once():
    engine = MomentEngine([CANCEL])
    assert keys(engine.hear(said(1, "customer", 0, "cancel"))) == ["cancel"]
    assert engine.hear(said(1, "customer", 0, "cancel")) == []


def test_looking_at_a_partial_changes_nothing():
    engine = MomentEngine(ALL)
    before = engine.state()
    assert keys(engine.look(said(1, "agent", 0, "this call is recorded"))) == ["recording"]
    assert engine.state() == before


def test_what_is_refused_is_told_and_the_rest_works():
    broken = MomentSpec("broken", "Broken", "r", "pattern", pattern="(a+)+")
    waits = MomentSpec("waits", "Waits", "r", "absence", expected="broken", within_ms=5)
    compiled = CompiledMoments([CANCEL, broken, waits])
    assert set(compiled.refused) == {"broken", "waits"}
    engine = MomentEngine(compiled)
    assert keys(engine.hear(said(1, "customer", 0, "cancel"))) == ["cancel"]
    assert engine.advance(10_000) == []


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (MomentSpec("a", "A", "r", "phrase"), "at least one phrase"),
        (MomentSpec("a", "A", "r", "phrase", phrases=("  ",)), "at least one phrase"),
        (MomentSpec("a", "A", "r", "phrase", phrases=("(x",)), "bracket"),
        (MomentSpec("a", "A", "r", "pattern"), "empty"),
        (MomentSpec("a", "A", "r", "absence"), "which moment is expected"),
        (MomentSpec("a", "A", "r", "absence", expected="nobody"), "not among"),
        (MomentSpec("a", "A", "r", "absence", expected="cancel", after="nobody"), "not among"),
        (MomentSpec("a", "A", "r", "absence", expected="cancel", after="cancel"), "after itself"),
        (MomentSpec("a", "A", "r", "absence", expected="cancel", within_ms=0), "more than zero"),
        (MomentSpec("a", "A", "r", "absence", expected="cancel", within_ms=86_400_001), "never be missing"),
        (MomentSpec("a", "A", "r", "absence", expected="a", within_ms=9_000), "wait for itself"),
        (MomentSpec("start", "A", "r", "phrase", phrases=("x",)), "is taken"),
        (MomentSpec("a", "A", "r", "shout"), "no kind"),
        (MomentSpec("a", "A", "r", "phrase", "cat", phrases=("x",)), "no speaker"),
        (MomentSpec("a", "A", "r", "phrase", phrases=("x",) * 201), "More than 200"),
    ],
)
def test_what_is_wrong_is_said_in_words(spec, complaint):
    assert complaint in " ".join(check(spec, {"cancel"}))


def test_two_moments_with_one_key_are_refused():
    assert check_all(ALL) == {}
    assert "Two moments" in check_all([CANCEL, CANCEL])["cancel"][0]


def call(rng):
    """Return a made-up call: utterances and clock ticks, as (kind, what)."""
    texts = [
        "i will cancel",
        "this call is recorded",
        "a discount",
        "to sum up",
        "it is $5",
        "hello",
        "not cancel",
    ]
    at, steps = 0, []
    for sequence in range(1, 40):
        at += rng.randint(100, 12_000)
        steps.append(("hear", said(sequence, rng.choice(["agent", "customer"]), at, rng.choice(texts))))
        if rng.random() < 0.6:
            steps.append(("advance", at + rng.randint(-3_000, 2_000)))
    return [*steps, ("finish", at + 5_000)]


@pytest.mark.parametrize("seed", range(15))
def test_a_successor_goes_on_as_if_nothing_had_happened(seed):
    rng = random.Random(seed)
    steps = call(rng)
    compiled = CompiledMoments(ALL)
    undisturbed = MomentEngine(compiled)
    expected = [getattr(undisturbed, kind)(what) for kind, what in steps]
    assert sum(map(len, expected)) > 5
    engine, got = MomentEngine(compiled), []
    for kind, what in steps:
        if rng.random() < 0.4:
            state = json.loads(json.dumps(engine.state(), sort_keys=True))
            engine = MomentEngine(compiled)
            engine.restore(state)
        got.append(getattr(engine, kind)(what))
    assert got == expected


def test_state_is_small_and_holds_no_words():
    engine = MomentEngine(ALL)
    sizes = []
    for sequence in range(2_000):
        engine.hear(said(sequence, "customer", sequence * 3_000, "cancel my zebra"))
        sizes.append(len(json.dumps(engine.state())))
    assert "zebra" not in json.dumps(engine.state())
    assert sizes[-1] < sizes[10] + 100 < 1_000


def test_a_state_of_another_version_is_refused_and_unknown_moments_are_dropped():
    with pytest.raises(ValueError, match="version"):
        MomentEngine(ALL).restore({"v": 99})
    engine = MomentEngine(ALL)
    engine.hear(said(1, "customer", 0, "cancel"))
    fewer = MomentEngine([CANCEL, OFFER])
    fewer.restore(engine.state())
    assert fewer.finish(900_000) == []
