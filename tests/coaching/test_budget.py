"""How much an agent is shown: one hint at a time, not too many, and what is held back is counted."""

from __future__ import annotations

import json

from coaching.budget import Budget, Held, Limits, Mute, Offer


def offer(key: str, kind: str = "hint", **fields) -> Offer:
    return Offer(key, kind, fields.pop("rule", f"rule-{key}"), **fields)


def test_a_second_hint_waits_for_its_turn() -> None:
    budget = Budget(Limits())
    assert budget.offer(offer("a"), 1000) is None
    assert budget.offer(offer("b"), 5000) is Held.SOON
    assert budget.due(20_999) == []
    assert budget.due(21_000) == ["b"]
    assert budget.due(60_000) == []
    assert budget.counts == {"shown": 2, "soon": 1, "enough": 0, "muted": 0, "lost": 0}


def test_the_most_important_one_comes_first_and_the_others_keep_waiting() -> None:
    budget = Budget(Limits())
    budget.offer(offer("a"), 0)
    for key, priority in (("b", 50), ("c", 90), ("d", 50)):
        budget.offer(offer(key, priority=priority), 1000)
    assert [budget.due(at) for at in (20_000, 40_000, 60_000)] == [["c"], ["b"], ["d"]]


def test_six_a_call_and_the_rest_is_counted() -> None:
    budget = Budget(Limits(every_ms=0, per_call=6))
    answers = [budget.offer(offer(str(n)), n) for n in range(8)]
    assert answers == [None] * 6 + [Held.ENOUGH] * 2
    assert budget.counts["enough"] == 2


def test_what_waits_when_the_call_has_had_enough_is_lost_and_counted() -> None:
    budget = Budget(Limits(every_ms=1000, per_call=2))
    budget.offer(offer("a"), 0)
    budget.offer(offer("b"), 1)
    budget.offer(offer("c"), 2)
    assert budget.due(1000) == ["b"]
    assert not budget.waiting
    assert budget.counts["lost"] == 1


def test_what_must_be_read_is_outside_every_limit_and_cannot_be_muted() -> None:
    budget = Budget(Limits(every_ms=20_000, per_call=1), muted=[Mute(kind="line"), Mute(rule="r")])
    assert budget.offer(offer("a"), 0) is None
    for kind in ("line", "check", "step"):
        assert budget.offer(offer(kind, kind, rule="r"), 1) is None
    assert budget.offer(offer("p", "praise"), 1) is None
    assert budget.counts["shown"] == 1


def test_limits_of_nothing_are_no_limits() -> None:
    budget = Budget(Limits(every_ms=0, per_call=0))
    assert [budget.offer(offer(str(n)), 0) for n in range(50)] == [None] * 50


def test_an_agent_mutes_a_rule_or_a_kind_unless_it_must_be_shown() -> None:
    budget = Budget(Limits(), muted=[Mute(rule="upsell"), Mute(kind="praise")])
    assert budget.offer(offer("a", rule="upsell"), 0) is Held.MUTED
    assert budget.offer(offer("b", "praise"), 0) is Held.MUTED
    assert budget.offer(offer("c", rule="upsell", optional=False), 0) is None
    assert budget.counts["muted"] == 2


def test_muting_takes_what_waits() -> None:
    budget = Budget(Limits())
    budget.offer(offer("a"), 0)
    budget.offer(offer("b", rule="upsell"), 1)
    assert budget.mute([Mute(rule="upsell")]) == ["b"]
    assert budget.due(60_000) == []
    assert budget.counts["muted"] == 1


def test_what_became_pointless_before_its_turn_is_counted_as_lost() -> None:
    budget = Budget(Limits())
    budget.offer(offer("a"), 0)
    budget.offer(offer("b"), 1)
    assert budget.gone("b")
    assert not budget.gone("b")
    assert not budget.gone("a"), "what was shown is not lost"
    assert budget.counts["lost"] == 1


def test_a_successor_goes_on_where_it_was() -> None:
    budget = Budget(Limits())
    budget.offer(offer("a"), 0)
    budget.offer(offer("b"), 1)
    again = Budget(Limits(), state=json.loads(json.dumps(budget.state())))
    assert again.waiting == {"b"}
    assert again.offer(offer("c"), 2) is Held.SOON
    assert again.due(20_000) == ["b"]
    assert again.counts == {"shown": 2, "soon": 2, "enough": 0, "muted": 0, "lost": 0}
    assert budget.due(20_000) == ["b"], "the state is a copy"
