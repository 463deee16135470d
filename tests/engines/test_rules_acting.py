"""What rules do: limits, the screen, checklists, partials, quiet, behaviours, playbooks, and rules that fail."""

import pytest

from engines.rules.engine import RuleEngine
from tests.engines.rule_calls import CANCEL, OFFER, Call, acts, brief, hint, rule


def test_cooldown_once_and_most():
    call = Call(
        rule(CANCEL, id="cool", cooldown_ms=30_000),
        rule(CANCEL, id="once", once=True),
        rule(CANCEL, id="two", most=2),
    )
    heard = [acts(call.customer("cancel", at)) for at in (0, 10, 30, 60)]
    assert heard == [["cool", "once", "two"], ["two"], ["cool"], ["cool"]]


def test_what_one_event_sets_off_comes_by_priority_then_position():
    call = Call(
        rule(CANCEL, id="b", position=2),
        rule(CANCEL, id="a", position=1),
        rule(CANCEL, id="top", priority=80),
    )
    assert acts(call.customer("cancel", 0)) == ["top", "a", "b"]


def test_a_hint_stands_until_it_expires_or_is_made_needless_or_is_closed():
    call = Call(rule(CANCEL, hint(), expires_ms=10_000, withdraw_when=OFFER))
    assert brief(call.customer("cancel", 0)) == [("r", "show")]
    assert call.customer("cancel", 3) == [], "it stands there already"
    (gone,) = call.until(60)
    assert (gone.what, gone.at_ms, gone.reason) == ("expire", 12_000, "Because it had been shown for 0:10")
    assert brief(call.customer("cancel", 70)) == [("r", "show")]
    (taken,) = call.agent("I can offer something", 73)
    assert (taken.what, taken.reason) == ("withdraw", "Because the agent said “offer” at 1:13")
    call.customer("cancel", 80)
    call.engine.dismiss("p", "r")
    assert brief(call.customer("cancel", 83)) == [("r", "show")]


def test_what_stands_there_already_is_not_shown_twice():
    call = Call(
        rule(CANCEL, hint("Same"), id="a"), rule(CANCEL, hint("Same"), {"do": "tag", "tag": "x"}, id="b")
    )
    assert [(d.rule_id, d.what, d.action.do) for d in call.customer("cancel", 0)] == [
        ("a", "show", "hint"),
        ("b", "do", "tag"),
    ]
    assert call.engine.counts["duplicate"] == 1
    assert call.customer("cancel", 5) == [], "nor is a tag set twice"


def test_the_checklist_opens_ticks_once_and_can_be_done_late():
    notice = {"do": "check", "title": "Notice"}
    call = Call(
        rule({"heard": "recording"}, notice, id="done", position=2),
        rule({"missing": {"heard": "recording"}, "within_ms": 5_000}, notice | {"missed": True}, id="late"),
        rule(CANCEL, {"do": "check", "title": "Reason"}, id="why", position=1),
    )
    assert [(d.action.title, d.what, d.at_ms) for d in call.begun] == [
        ("Reason", "show", 0),
        ("Notice", "show", 0),
    ]
    assert brief(call.until(6)) == [("late", "miss")]
    assert brief(call.agent("this call is recorded", 7)) == [("done", "tick")]
    assert call.agent("it is recorded", 99) == []


def test_a_quiet_rule_waits_until_the_customer_has_finished():
    call = Call(rule(OFFER, hint(), quiet=True))
    call.partial("customer", "but i", 0, 3)
    assert call.agent("I offer", 1) == []
    (one,) = call.customer("but I never wanted it", 0, 6)
    assert (one.what, one.at_ms, one.sequence) == ("show", 6_000, 1)
    assert call.engine.counts["held"] == 1
    paused = Call(rule(OFFER, hint(), quiet=True))
    paused.partial("customer", "but i", 0, 3)
    paused.agent("I offer", 1)
    assert [d.at_ms for d in paused.until(9)] == [5_000], "he said nothing for two seconds"


EARLY = rule(CANCEL, hint(), {"do": "alert", "title": "Threat"}, on_partials=True)


def test_a_partial_shows_provisionally_and_its_final_confirms():
    call = Call(EARLY, rule({"phrases": ["my service"]}, hint("B"), id="words", on_partials=True))
    assert call.partial("customer", "I want to", 0, 1) == []
    (one,) = call.partial("customer", "I want to cancel", 0, 2)
    assert (one.what, one.provisional, one.evidence, one.action.do) == ("show", True, (), "hint")
    assert brief(call.partial("customer", "I want to cancel my service", 0, 3)) == [("words", "show")]
    final = call.customer("I want to cancel my service", 0, 3)
    assert brief(final) == [("r", "confirm"), ("r", "alert"), ("words", "confirm")]
    assert final[0].evidence == ((1, 10, 16),) and not final[0].provisional
    assert call.engine.counts == {"confirmed": 2}


def test_what_a_final_does_not_bear_out_is_taken_back_and_counted():
    call = Call(EARLY)
    call.partial("customer", "cancel", 0, 1)
    (gone,) = call.customer("can sell", 0, 2)
    assert (gone.what, gone.provisional) == ("withdraw", True)
    assert call.engine.counts["unconfirmed"] == 1
    assert brief(call.partial("customer", "cancel", 5, 6)) == [("r", "show")], "it costs the rule nothing"
    call.hand_over()
    assert brief(call.until(40)) == [("r", "withdraw")], "a final that never came"
    assert brief(call.customer("cancel", 41)) == [("r", "show"), ("r", "alert")]


BEHAVIOUR = {
    "id": "empathy",
    "name": "Empathy",
    "situation": {"phrases": ["angry"], "speaker": "customer"},
    "expected": {"phrases": ["I understand", "so sorry"], "speaker": "agent"},
    "within_ms": 10_000,
    "praise": "Well done",
    "missed": hint("Show empathy"),
}


def test_a_behaviour_is_done_or_missed():
    call = Call(behaviours=[BEHAVIOUR])
    call.customer("I am angry", 0)
    done, praise = call.agent("I understand that", 5)
    assert (done.source, done.what, done.evidence) == ("behaviour", "done", ((1, 5, 10), (2, 0, 12)))
    assert done.reason == "Because the customer said “angry” at 0:00, and “I understand” followed at 0:05"
    assert (praise.what, praise.action.title) == ("show", "Well done")
    call.customer("still angry", 20)
    taken, missed, shown = call.until(33)
    assert (taken.what, missed.what, missed.at_ms, shown.action.title) == (
        "withdraw",
        "missed",
        32_000,
        "Show empathy",
    )
    assert (
        missed.reason
        == "Because the customer said “angry” at 0:20 and no “I understand” followed within 0:10"
    )
    assert brief(call.agent("I am so sorry", 40)) == [("empathy", "withdraw")], "late, but done"
    call.customer("angry", 50)
    assert call.engine.finish(55_000) == [], "there was still time"


PLAYBOOK = {
    "id": "save",
    "name": "Save",
    "start": CANCEL,
    "steps": [
        {
            "id": "ask",
            "title": "Ask why",
            "done": {"phrases": ["why"], "speaker": "agent"},
            "next": [{"when": {"phrases": ["too expensive"]}, "to": "price"}, {"to": "other"}],
        },
        {"id": "price", "title": "Offer", "done": OFFER, "next": [{"to": "end"}]},
        {"id": "other", "title": "Listen"},
        {"id": "end", "title": "Confirm", "done": {"heard": "calm"}},
    ],
}


def test_a_playbook_follows_the_talk_and_the_hand():
    call = Call(playbooks=[PLAYBOOK])

    def steps(decisions):
        return [(d.what, d.step) for d in decisions]

    assert steps(call.customer("I cancel", 0)) == [("step", "ask")]
    assert steps(call.agent("tell me why", 5)) == [("step_done", "ask"), ("step", "other")]
    assert steps(call.engine.move("p", "save", "ask", 6_000)) == [("step", "ask")]
    call.hand_over()
    (moved,) = call.customer("it is too expensive", 7)
    assert (moved.source, moved.step, moved.reason) == (
        "playbook",
        "price",
        "Because the customer said “too expensive” at 0:07",
    )
    assert steps(call.agent("my offer", 12)) == [("step_done", "price"), ("step", "end")]
    assert steps(call.customer("thank you", 15)) == [("step_done", "end"), ("end", None)]
    with pytest.raises(ValueError, match="no step"):
        call.engine.move("p", "save", "nowhere", 0)


def test_a_rule_can_go_to_a_step():
    step = {"do": "step", "playbook": "save", "step": "price"}
    call = Call(rule({"phrases": ["expensive"]}, step), playbooks=[PLAYBOOK])
    (one,) = call.customer("so expensive", 0)
    assert (one.source, one.rule_id, one.step) == ("playbook", "save", "price")


def test_a_rule_that_fails_is_counted_and_the_others_go_on(monkeypatch):
    call = Call(rule(CANCEL, id="bad", priority=90), rule(CANCEL, id="good"))
    consider = RuleEngine._consider

    def breaks(self, number, *rest):
        if number == 0:
            raise RuntimeError("broken")
        return consider(self, number, *rest)

    monkeypatch.setattr(RuleEngine, "_consider", breaks)
    assert [acts(call.customer("cancel", at)) for at in range(0, 50, 10)] == [["good"]] * 5
    assert call.engine.failures == {"p/bad": 3}, "after three failures it is left alone"
    assert call.engine.kinds == {"p/bad": "RuntimeError"}
    assert call.engine.counts["failed"] == 3


def test_a_detector_that_fails_leaves_what_the_moments_found(monkeypatch):
    call = Call(rule(CANCEL, id="moment"), rule({"phrases": ["my"]}, id="words"))

    def breaks(speaker, text):
        raise MemoryError

    monkeypatch.setattr(call.policies.detectors, "find", breaks)
    assert acts(call.customer("cancel my service", 0)) == ["moment"]
    assert call.engine.failures == {"detectors": 1}


def test_a_rule_that_cannot_be_compiled_is_refused_and_the_rest_runs():
    call = Call(rule({"pattern": "(a+)+"}, id="bad"), rule(CANCEL, id="good"))
    assert "run for minutes" in call.policies.refused["p/bad"].sentence
    assert acts(call.customer("cancel", 0)) == ["good"]


def test_an_utterance_heard_before_gives_nothing():
    call = Call(rule(CANCEL))
    call.customer("cancel", 0)
    call.sequence = 0
    assert call.customer("cancel", 0) == []


def test_what_the_agent_closed_before_the_final_does_not_come_back_with_it():
    call = Call(rule(CANCEL, hint(), on_partials=True, cooldown_ms=60_000))
    call.partial("customer", "cancel", 0, 1)
    call.engine.dismiss("p", "r")
    assert call.customer("cancel it", 0) == []
    assert brief(call.customer("cancel", 90)) == [("r", "show")]


def test_what_the_agent_closed_rests_from_then_and_once_is_once():
    call = Call(
        rule(CANCEL, hint("Cool"), id="cool", cooldown_ms=30_000, expires_ms=0),
        rule(CANCEL, hint("Once"), id="once", once=True),
    )
    assert acts(call.customer("cancel", 0)) == ["cool", "once"]
    for rule_id in ("cool", "once"):
        call.engine.dismiss("p", rule_id, index=0, at_ms=20_000)
    call.hand_over()
    assert call.customer("cancel", 40) == [], "thirty seconds begin when it was closed"
    assert acts(call.customer("cancel", 51)) == ["cool"]


def test_of_two_hints_of_a_rule_one_can_be_closed():
    call = Call(
        rule(CANCEL, hint("One"), {"do": "line", "title": "Two", "say": "Read this"}, withdraw_when=OFFER)
    )
    call.customer("cancel", 0)
    call.engine.dismiss("p", "r", index=0, at_ms=5_000)
    call.hand_over()
    gone = call.agent("here is an offer", 10)
    assert [(one.what, one.index) for one in gone] == [("withdraw", 1)]


def test_what_was_closed_and_opened_again_leaves_in_its_time():
    call = Call(rule(CANCEL, hint(), expires_ms=30_000))
    call.customer("cancel", 0)
    call.engine.dismiss("p", "r", index=0, at_ms=5_000)
    call.hand_over()
    assert call.engine.undismiss("p", "r", index=0, at_ms=6_000)
    assert call.customer("cancel", 8) == [], "it stands there again"
    assert [(one.what, one.at_ms) for one in call.until(60)] == [("expire", 32_000)]
    assert not call.engine.undismiss("p", "r", index=0, at_ms=61_000), "it ran out, nobody closed it"
    call.customer("cancel", 70)
    call.engine.dismiss("p", "r", index=0, at_ms=75_000)
    assert not call.engine.undismiss("p", "r", index=0, at_ms=150_000), "its time is over"


def test_a_long_hold_sets_a_rule_off_whoever_follows_the_call():
    def played(hand_over):
        call = Call(
            rule({"measure": "hold_ms", "above": 60_000}, hint("Come back to them"), id="long"),
            rule({"measure": "hold_ms", "below": 1_000}, hint("No"), id="short"),
        )
        call.agent("one moment please", 1)
        made = call.engine.hold(True, 5_000) + call.until(64)
        if hand_over:
            call.hand_over()
        made += call.until(70) + call.engine.hold(False, 80_000) + call.until(90)
        # Told only when it is over: what happened in it comes with its end.
        made += call.engine.hold(True, 100_000) + call.engine.hold(False, 120_000)
        return [(one.rule_id, one.what, one.at_ms) for one in made]

    assert played(hand_over=True) == played(hand_over=False)
    assert ("long", "show", 65_000) in [each[:3] for each in played(hand_over=False)]


def test_a_hold_that_is_told_as_a_whole_is_lived_through():
    call = Call(rule({"measure": "hold_ms", "above": 60_000}, id="long"))
    assert call.engine.hold(True, 5_000) == []
    (made,) = call.engine.hold(False, 100_000)
    assert (made.rule_id, made.at_ms) == ("long", 65_000)
