"""Conditions: when each kind is true, what sets a rule off, and the reasons in words."""

from datetime import datetime

import pytest

from tests.engines.rule_calls import CANCEL, OFFER, Call, acts, hint, rule


def test_a_moment_sets_a_rule_off_each_time_and_says_why():
    call = Call(rule(CANCEL))
    (one,) = call.customer("well I want to cancel my service", 72)
    assert (one.rule_id, one.what, one.at_ms, one.sequence, one.evidence) == (
        "r",
        "do",
        74_000,
        1,
        ((1, 15, 21),),
    )
    assert one.reason == "Because the customer said “cancel” at 1:12"
    assert one.form == "Because the customer said “{quote}” at 1:12"
    assert call.agent("please do not cancel", 80) == []
    assert acts(call.customer("I said cancelled", 90)) == ["r"]


def test_words_without_a_moment_and_denied_words():
    words = {"phrases": ["(cancel*|close) ... account"], "speaker": "customer"}
    call = Call(
        rule(words), rule(words | {"even_denied": True}, id="even"), rule({"pattern": r"\bclos\w+"}, id="re")
    )
    assert acts(call.customer("please close my old account", 1)) == ["even", "r", "re"]
    assert acts(call.customer("I am not going to close my account", 5)) == ["even"]
    assert acts(call.agent("I will close your account", 9)) == ["re"]


def test_the_nth_time_only():
    call = Call(rule(CANCEL | {"nth": 2}))
    assert [acts(call.customer("cancel", at)) for at in (1, 5, 9)] == [[], ["r"], []]


def test_something_missing_after_something_said():
    when = {"missing": OFFER, "after": CANCEL, "within_ms": 20_000}
    call = Call(rule(when))
    assert call.customer("I want to cancel my service", 2) == []
    assert call.until(23.9) == []
    (one,) = call.until(24)
    assert (one.at_ms, one.sequence, one.evidence) == (24_000, 1, ((1, 10, 16),))
    assert (
        one.reason == "Because the customer said “cancel” at 0:02 and no retention offer followed within 0:20"
    )
    call.customer("cancel it now", 30)
    call.agent("I can offer a discount", 51.5)
    assert call.until(99) == []


def test_an_answer_that_began_in_time_counts_and_one_before_does_not():
    when = {"missing": OFFER, "after": CANCEL, "within_ms": 5_000}
    late = Call(rule(when))
    late.customer("cancel", 2)
    late.agent("an offer", 8.9, 4)
    assert late.until(60) == []
    before = Call(rule(when))
    before.agent("an offer", 0, 1)
    before.customer("cancel", 2)
    assert acts(before.until(60)) == ["r"]
    # The final of what overlapped the question came first.
    overlapping = Call(rule(when))
    overlapping.agent("an offer", 3, 3)
    overlapping.customer("cancel", 2, 3)
    assert overlapping.until(60) == []


def test_in_one_utterance_the_order_of_the_words_decides():
    when = {"missing": {"phrases": ["may I"]}, "after": {"phrases": ["hold the line"]}, "within_ms": 5_000}
    asked = Call(rule(when))
    asked.agent("hold the line, if I may, may I?", 0)
    assert asked.until(60) == []
    not_asked = Call(rule(when))
    not_asked.agent("may I say, hold the line", 0)
    assert acts(not_asked.until(60)) == ["r"]


def test_missing_from_the_start_by_turns_and_until_the_end():
    start = rule({"missing": {"heard": "recording"}, "within_ms": 10_000}, id="start")
    turns = rule({"missing": OFFER, "after": CANCEL, "within_turns": 2}, id="turns")
    end = rule({"missing": {"phrases": ["goodbye"]}}, id="end")
    call = Call(start, turns, end)
    (first,) = call.until(10)
    assert first.reason == "Because no recording notice was given in the first 0:10"
    call.customer("cancel", 11)
    assert call.agent("oh", 14) + call.agent("I see", 17) + call.customer("yes", 20) == []
    (one,) = call.agent("well", 23)
    assert one.rule_id == "turns"
    assert (
        one.reason
        == "Because the customer said “cancel” at 0:11 and no retention offer followed within 2 turns"
    )
    (last,) = call.engine.finish(30_000)
    assert last.reason == "Because no “goodbye” was given before the call ended"
    assert last.at_ms == 30_000


def test_one_after_the_other():
    call = Call(rule({"sequence": [CANCEL, OFFER, {"heard": "calm"}], "within_ms": 60_000}))
    call.agent("an offer", 0)
    call.customer("cancel", 5)
    assert call.customer("thank you", 9) == []
    call.agent("an offer", 12)
    (one,) = call.customer("thank you", 20)
    assert (
        one.reason
        == "Because the customer said “thank you” at 0:20, after cancel threat came from the customer at 0:05"
    )
    assert one.evidence == ((5, 0, 9), (2, 0, 6))
    call.customer("cancel", 100)
    call.agent("an offer", 110)
    assert call.customer("thank you", 170) == [], "too long after the first"


def test_all_any_and_not_with_what_lapses():
    quiet = {"not": {"phrases": ["discount"], "for_ms": 30_000}}
    call = Call(rule({"all": [CANCEL, {"any": [{"field": "queue", "is": ["Sales"]}, OFFER]}, quiet]}))
    assert call.customer("cancel", 0) == []
    assert acts(call.agent("my offer", 5)) == ["r"], "the last thing that was wanting"
    assert call.agent("a discount", 10) == []
    assert call.customer("cancel", 20) == []
    (one,) = call.until(42)
    assert one.reason.startswith("Because no “discount” came up in the last 0:30")
    assert acts(call.customer("cancel", 50)) == ["r"]


def test_fields_are_compared_as_people_write_them():
    fields = {"queue": "  retention ", "metadata.age": "42", "metadata.vip": True, "language": "en_GB"}
    conditions = [
        {"field": "queue", "is": ["Retention", "x"]},
        {"field": "queue", "is_not": ["Sales"]},
        {"field": "metadata.age", "above": 41},
        {"field": "metadata.vip", "is": ["true"]},
        {"field": "metadata.none", "present": False},
        {"field": "metadata.none", "is_not": ["a"]},
        {"field": "language", "is": ["EN"]},
        {"field": "language", "is": ["en-gb"]},
        {"field": "language", "is_not": ["de", "en-US"]},
    ]
    wrong = [
        {"field": "queue", "is": "Sales"},
        {"field": "metadata.age", "below": 42},
        {"field": "metadata.none", "is": "a"},
        {"field": "queue", "above": 3},
        {"field": "metadata.vip", "present": False},
        {"field": "language", "is_not": ["en"]},
    ]
    rules = [rule(one, id=f"t{at}") for at, one in enumerate(conditions)]
    rules += [rule(one, id=f"f{at}") for at, one in enumerate(wrong)]
    call = Call(*rules, fields=fields)
    assert acts(call.begun) == [f"t{at}" for at in range(9)], "at the start"
    assert acts(call.engine.set_fields({"queue": "sales"}, 5_000)) == ["f0", "f4", "f5"]


@pytest.mark.parametrize(
    ("day", "hour", "acted"),
    [(20, 7, []), (20, 8, ["day"]), (20, 23, ["night"]), (21, 2, ["night"]), (21, 9, [])],
)
def test_local_time(day, hour, acted):
    rules = [
        rule({"time": {"days": ["fri"], "from": "08:00", "until": "17:00"}}, id="day"),
        rule({"time": {"days": ["fri"], "from": "22:00", "until": "06:00"}}, id="night"),
    ]
    assert acts(Call(*rules, started=datetime(2026, 11, day, hour)).begun) == acted


def test_time_of_day_turns_during_a_call():
    late = rule({"time": {"from": "17:00"}}, id="late")
    call = Call(late, started=datetime(2026, 11, 20, 16, 59, 50))
    assert call.until(9.9) == []
    (one,) = call.until(60)
    assert (one.at_ms, one.reason) == (10_000, "Because it is from 17:00")


def test_silence_duration_and_hold_are_noticed_as_time_passes():
    call = Call(
        rule({"measure": "silence_ms", "above": 5_000}, id="silence"),
        rule({"measure": "duration_ms", "above": 60_000}, id="long"),
        rule({"measure": "hold_ms", "above": 10_000}, id="hold"),
    )
    call.agent("hello", 0)
    (one,) = call.until(8)
    assert (one.rule_id, one.at_ms, one.reason) == ("silence", 7_000, "Because nobody spoke for 0:05")
    assert call.until(12) == [], "the same silence"
    call.customer("hi", 14)
    call.engine.hold(True, 17_000)
    assert [(d.rule_id, d.at_ms) for d in call.until(40)] == [("hold", 27_000)], (
        "on hold, silence does not count"
    )
    call.engine.hold(False, 40_000)
    assert [(d.rule_id, d.at_ms) for d in call.until(61)] == [("silence", 45_000), ("long", 60_000)]


def test_measures_of_the_talk():
    call = Call(
        rule({"measure": "talk_share", "above": 0.7}, id="share"),
        rule({"measure": "words_per_minute", "above": 200, "speaker": "customer"}, id="fast"),
        rule({"measure": "overtalk_ms", "above": 1_500}, id="over"),
        rule({"measure": "turns", "above": 3}, id="turns"),
    )
    assert call.agent("so " * 30, 0, 18) == [], "too early to say"
    assert acts(call.customer("well", 18, 3)) == ["share"]
    assert acts(call.customer("word " * 30, 22, 6)) == ["fast"]
    assert acts(call.agent("may I", 26, 2)) == ["over"]
    (one,) = call.customer("no", 30)
    assert one.reason == "Because there were more than 3 turns"


def test_in_writing_nothing_is_measured_of_sound():
    loud = {"measure": "talk_share", "above": 0.7}
    quiet = {"measure": "silence_ms", "above": 5_000}
    rules = [
        rule(loud, id="share"),
        rule(quiet, id="silence"),
        rule({"measure": "silence_ms", "below": 5_000}, id="lively"),
        rule({"measure": "hold_ms", "above": 5_000}, id="hold"),
        rule({"all": [CANCEL, {"not": quiet}]}, id="opposite"),
        rule({"any": [CANCEL, loud]}, id="either"),
        rule({"measure": "turns", "above": 1}, id="turns"),
        rule({"measure": "duration_ms", "above": 60_000}, id="long"),
    ]
    told = {}
    for channel in ("voice", "chat", "email"):
        call = Call(*rules, fields={"channel": channel})
        told[channel] = acts(
            call.begun + call.agent("so " * 60, 0, 30) + call.customer("I want to cancel", 31)
        )
        call.hand_over()
        told[channel] += acts(call.engine.hold(True, 40_000) + call.until(61))
    written = ["either", "turns", "long"]
    assert told["chat"] == told["email"] == written
    assert set(told["voice"]) == {"share", "silence", "hold", "opposite", *written}


def test_mood_is_the_customers_alone_level_and_trend():
    low = rule({"measure": "sentiment", "below": -0.3, "over_ms": 60_000}, id="low")
    fall = rule({"measure": "sentiment_change", "below": -0.3, "over_ms": 30_000}, id="fall")
    call = Call(low, fall)
    for at in range(5):
        assert call.agent("this is ridiculous, terrible and awful", at * 10) == []
    call.customer("that is great thank you", 60)
    call.customer("lovely, that works", 65)
    call.customer("but this is not working", 120)
    assert acts(call.customer("this is ridiculous I am furious", 125)) == ["fall", "low"]


def test_an_absence_of_the_library_is_a_moment_like_any_other():
    (one,) = Call(rule({"heard": "silent"}, hint())).until(20)
    assert (one.what, one.sequence, one.reason) == (
        "show",
        None,
        "Because no recording notice was given in the first 0:20",
    )
