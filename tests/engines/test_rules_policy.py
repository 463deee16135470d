"""Guidance from moments: hints shown and withdrawn, ticks, alerts, waits, and the reasons in words."""

import json
import random
from dataclasses import replace

import pytest

from engines.rules import (
    Decision,
    Heard,
    MomentEngine,
    MomentSpec,
    Occurrence,
    PolicyEngine,
    RuleSpec,
    check_rules,
)
from engines.rules.explain import clock, describe

NAMES = {
    "cancel": "Cancel threat",
    "offer": "Retention offer",
    "recording": "Recording notice",
    "no_recording": "No recording notice",
    "pci": "PCI notice",
    "no_pci": "PCI notice missing",
    "calm": "Calmed down",
}
TEXT = "well I want to cancel my service today"
HINT = RuleSpec("hint", "hint", "cancel", "Offer to make it right", expires_ms=0)


def said(key, at_ms, sequence=1, speaker="customer", text=TEXT, piece="cancel my service", lasts=2_000):
    start = text.index(piece)
    spans = ((start, start + len(piece)),)
    return Occurrence(key, "r1", at_ms, sequence, speaker, spans, until_ms=at_ms + lasts)


def brief(decisions):
    return [(one.rule_id, one.action) for one in decisions]


def test_a_hint_says_why_and_points_at_the_words():
    (one,) = PolicyEngine([HINT], NAMES).observe(said("cancel", 72_000, sequence=9), TEXT)
    assert one == Decision(
        "hint",
        "show",
        74_000,
        9,
        "Because the customer said “cancel my service” at 1:12",
        ((9, 15, 32),),
        "Because the customer said “{quote}” at 1:12",
    )


def test_an_absence_says_what_was_searched():
    rule = RuleSpec("r", "alert", "no_recording", "No recording notice", severity="bad")
    gone = Occurrence("no_recording", "r", 20_000, None, "agent", (), (0, 20_000), "recording", 20_000)
    (one,) = PolicyEngine([rule], NAMES).observe(gone)
    assert (one.action, one.sequence, one.evidence) == ("alert", None, ())
    assert one.reason == "Because no recording notice was given in the first 0:20"
    later = replace(gone, key="no_pci", expected="pci", searched=(62_000, 92_000))
    (one,) = PolicyEngine([replace(rule, when="no_pci")], NAMES).observe(later)
    assert one.reason == "Because no PCI notice was given between 1:02 and 1:32"


def test_a_hint_already_open_is_not_shown_again():
    engine = PolicyEngine([HINT], NAMES)
    assert brief(engine.observe(said("cancel", 0), TEXT)) == [("hint", "show")]
    assert engine.observe(said("cancel", 500_000), TEXT) == []


def test_a_hint_expires_and_may_come_again_after_its_cooldown():
    engine = PolicyEngine([replace(HINT, expires_ms=10_000, cooldown_ms=30_000)], NAMES)
    engine.observe(said("cancel", 0), TEXT)
    assert engine.advance(11_999) == []
    (one,) = engine.advance(15_000)
    assert (one.action, one.at_ms) == ("withdraw", 12_000)
    assert one.reason == "Because it had been shown for 0:10"
    assert engine.observe(said("cancel", 29_000), TEXT) == []
    assert brief(engine.observe(said("cancel", 30_000), TEXT)) == [("hint", "show")]


def test_an_expiry_is_noticed_without_a_tick_in_between():
    engine = PolicyEngine([replace(HINT, expires_ms=10_000)], NAMES)
    engine.observe(said("cancel", 0), TEXT)
    decisions = engine.observe(said("cancel", 40_000), TEXT)
    assert brief(decisions) == [("hint", "withdraw"), ("hint", "show")]


def test_once_means_once_in_the_call():
    engine = PolicyEngine([replace(HINT, once=True, expires_ms=1_000)], NAMES)
    assert len(engine.observe(said("cancel", 0), TEXT)) == 1
    engine.advance(10_000)
    assert engine.observe(said("cancel", 900_000), TEXT) == []


def test_a_hint_is_withdrawn_by_what_makes_it_needless():
    engine = PolicyEngine([replace(HINT, withdraw_on="offer")], NAMES)
    offer = said("offer", 10_000, 2, "agent", "I can offer a discount", "offer a discount")
    assert engine.observe(offer, "I can offer a discount") == []
    engine.observe(said("cancel", 20_000), TEXT)
    (one,) = engine.observe(replace(offer, at_ms=30_000, until_ms=31_000), "I can offer a discount")
    assert (one.rule_id, one.action, one.at_ms) == ("hint", "withdraw", 31_000)
    assert one.reason == "Because the agent said “offer a discount” at 0:30"


WAITING = replace(HINT, unless="offer", wait_ms=10_000)


def test_a_rule_that_waits_acts_when_nothing_followed():
    engine = PolicyEngine([WAITING], NAMES)
    assert engine.observe(said("cancel", 72_000, sequence=4), TEXT) == []
    assert engine.advance(83_999) == []
    (one,) = engine.advance(84_500)
    assert (one.action, one.at_ms, one.sequence, one.evidence) == ("show", 84_000, 4, ((4, 15, 32),))
    assert one.reason == (
        "Because the customer said “cancel my service” at 1:12 and no retention offer followed within 0:10"
    )


@pytest.mark.parametrize(
    ("at_ms", "silent"), [(75_000, True), (84_000, True), (84_001, False), (60_000, False)]
)
def test_a_rule_that_waits_is_answered_in_its_time_only(at_ms, silent):
    engine = PolicyEngine([WAITING], NAMES)
    offer = said("offer", at_ms, 5, "agent", "an offer", "offer", lasts=1_000)
    events = [said("cancel", 72_000), offer] if at_ms > 72_000 else [offer, said("cancel", 72_000)]
    for event in events:
        engine.observe(event, TEXT)
    assert (engine.advance(90_000) == []) is silent


def test_an_answer_heard_before_the_words_it_answers_counts():
    engine = PolicyEngine([WAITING], NAMES)
    engine.observe(said("offer", 73_000, 1, "agent", "an offer", "offer", lasts=3_000), "an offer")
    successor = PolicyEngine([WAITING], NAMES)
    successor.restore(engine.state())
    for either in (engine, successor):
        either.observe(said("cancel", 72_000, 2), TEXT)
        assert either.advance(200_000) == []


def test_the_checklist_opens_in_order_and_ticks_once():
    rules = [
        RuleSpec("b", "checklist", "offer", "Offer", position=2),
        RuleSpec("a", "checklist", "recording", "Recording notice", position=1),
        HINT,
    ]
    engine = PolicyEngine(rules, NAMES)
    assert brief(engine.start()) == [("a", "show"), ("b", "show")]
    notice = said("recording", 3_000, 1, "agent", "this call is recorded", "call is recorded")
    (one,) = engine.observe(notice, "this call is recorded")
    assert (one.rule_id, one.action) == ("a", "tick")
    assert one.reason == "Because the agent said “call is recorded” at 0:03"
    assert engine.observe(notice, "this call is recorded") == []


def test_priority_orders_what_one_moment_sets_off():
    rules = [
        replace(HINT, id="low"),
        replace(HINT, id="high", priority=5),
        replace(HINT, id="also", priority=5),
    ]
    assert [one.rule_id for one in PolicyEngine(rules, NAMES).observe(said("cancel", 0), TEXT)] == [
        "also",
        "high",
        "low",
    ]


def test_finals_out_of_order_do_not_swallow_an_alert():
    engine = PolicyEngine([RuleSpec("a", "alert", "cancel", "Threat")], NAMES)
    assert len(engine.observe(said("cancel", 10_000, 1), TEXT)) == 1
    assert len(engine.observe(said("cancel", 9_000, 2), TEXT)) == 1


def test_a_long_quotation_is_shortened_in_the_middle():
    text = "cancel " + "very " * 60 + "soon"
    (one,) = PolicyEngine([HINT], NAMES).observe(said("cancel", 0, text=text, piece=text), text)
    assert " … " in one.reason
    assert len(one.reason) < 150


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"when": "nobody"}, "does not exist"),
        ({"unless": "nobody", "wait_ms": 5}, "does not exist"),
        ({"withdraw_on": "nobody"}, "does not exist"),
        ({"title": " "}, "needs a title"),
        ({"title": "x" * 91}, "longer than 90"),
        ({"label": "Shout"}, "no label"),
        ({"severity": "dire"}, "no severity"),
        ({"kind": "song"}, "no kind"),
        ({"unless": "offer"}, "needs a time"),
        ({"wait_ms": 5}, "needs “unless”"),
        ({"unless": "cancel", "wait_ms": 5}, "never act"),
        ({"withdraw_on": "cancel"}, "go as it comes"),
        ({"cooldown_ms": -1}, "negative"),
        ({"kind": "checklist", "withdraw_on": "offer"}, "stays ticked"),
        ({"kind": "alert", "withdraw_on": "offer"}, "closed by a person"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_in_words(change, complaint):
    assert check_rules([HINT], NAMES) == {}
    assert complaint in " ".join(check_rules([replace(HINT, **change)], NAMES)["hint"])


def test_two_rules_with_one_id_are_refused():
    assert "Two rules" in check_rules([HINT, HINT], NAMES)["hint"][0]


def test_a_rule_with_an_unknown_moment_never_acts():
    engine = PolicyEngine([replace(HINT, when="nobody"), WAITING], NAMES)
    assert engine.observe(said("cancel", 0), TEXT) == []
    assert brief(engine.advance(99_000)) == [("hint", "show")]


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (20_000, "0:20"), (72_900, "1:12"), (3_723_000, "1:02:03")]
)
def test_call_time_is_written_as_people_read_it(ms, text):
    assert clock(ms) == text


def test_a_rule_is_described_in_a_sentence():
    rule = replace(WAITING, once=True, expires_ms=30_000)
    assert describe(rule, NAMES) == (
        "When “Cancel threat” comes up and “Retention offer” does not follow within 0:10, "
        "show the agent “Offer to make it right” (Say), once per call, for 0:30."
    )


MOMENTS = [
    MomentSpec("cancel", "Cancel threat", "r", "phrase", "customer", ("cancel*",)),
    MomentSpec("offer", "Retention offer", "r", "phrase", "agent", ("(offer|discount)",)),
    MomentSpec("recording", "Recording notice", "r", "phrase", "agent", ("recorded",)),
    MomentSpec("calm", "Calmed down", "r", "phrase", "customer", ("thank you",)),
    MomentSpec("no_recording", "No recording notice", "r", "absence", expected="recording", within_ms=20_000),
]
RULES = [
    RuleSpec("hint", "hint", "cancel", "A", cooldown_ms=20_000, expires_ms=15_000, withdraw_on="calm"),
    RuleSpec("late", "hint", "cancel", "B", unless="offer", wait_ms=8_000, expires_ms=0, withdraw_on="offer"),
    RuleSpec("tick", "checklist", "recording", "C"),
    RuleSpec("alert", "alert", "no_recording", "D", severity="bad"),
    RuleSpec("again", "alert", "cancel", "E", unless="calm", wait_ms=30_000, cooldown_ms=60_000),
]


@pytest.mark.parametrize("seed", range(20))
def test_a_successor_decides_as_the_first_would_have(seed):
    rng = random.Random(seed)
    texts = ["i will cancel", "call is recorded", "have a discount", "thank you", "hello"]
    steps, heard, at = [], {}, 0
    for sequence in range(1, 60):
        at += rng.randint(100, 9_000)
        one = Heard(sequence, rng.choice(["agent", "customer"]), at, at + 1_500, rng.choice(texts))
        heard[sequence] = one.text
        steps += [one, at + rng.randint(-2_000, 2_000)]

    def run(disturbed):
        moments, policy = MomentEngine(MOMENTS), PolicyEngine(RULES, NAMES)
        decisions = policy.start()
        for step in steps:
            if disturbed and rng.random() < 0.5:
                states = json.loads(json.dumps([moments.state(), policy.state()], sort_keys=True))
                moments, policy = MomentEngine(MOMENTS), PolicyEngine(RULES, NAMES)
                moments.restore(states[0])
                policy.restore(states[1], heard.__getitem__)
            if isinstance(step, Heard):
                for occurrence in moments.hear(step):
                    decisions += policy.observe(occurrence, step.text)
            else:
                for occurrence in moments.advance(step):
                    decisions += policy.observe(occurrence)
                decisions += policy.advance(step)
        return decisions

    undisturbed = run(False)
    assert len({one.rule_id for one in undisturbed}) >= 3
    assert run(False) == undisturbed
    assert run(True) == undisturbed


def test_state_holds_no_words_and_a_restored_wait_reads_them_from_their_home():
    engine = PolicyEngine([WAITING], NAMES)
    engine.observe(said("cancel", 72_000, sequence=4), TEXT)
    state = json.loads(json.dumps(engine.state()))
    assert "service" not in json.dumps(state)
    home, blind = PolicyEngine([WAITING], NAMES), PolicyEngine([WAITING], NAMES)
    home.restore(state, {4: TEXT}.__getitem__)
    blind.restore(state)
    assert "said “cancel my service” at 1:12" in home.advance(99_000)[0].reason
    assert "said this at 1:12" in blind.advance(99_000)[0].reason
    with pytest.raises(ValueError, match="version"):
        home.restore({"v": 0})
