"""The engine against a plain reading of the whole call, against its own successors, and its cost along a call."""

import gc
import json
import random
import time
from datetime import datetime

import pytest

from engines.rules import Heard
from engines.rules.compiled import CompiledPolicies
from engines.rules.engine import RuleEngine
from engines.rules.reading import parse_policy
from tests.engines.rule_calls import Call, compiled, hint, rule

WORDS = ["alpha", "beta", "gamma", "delta"]


def say(word, **options):
    return {"phrases": [word]} | options


class Plain:
    """Reads a condition from the whole history each time, as its description says."""

    def __init__(self, history):
        self.history = history
        self.clock = 0
        for kind, value in history:
            self.clock = max(self.clock, value if kind == "clock" else value.start_ms - 1)

    def said(self, leaf):
        word, speaker = leaf["phrases"][0], leaf.get("speaker", "any")
        for order, (kind, one) in enumerate(self.history):
            if kind == "said" and word in one.text.split() and speaker in ("any", one.speaker):
                yield order, one, one.text.split().index(word)

    def true(self, condition):
        if "all" in condition:
            return all(map(self.true, condition["all"]))
        if "any" in condition:
            return any(map(self.true, condition["any"]))
        if "not" in condition:
            return not self.true(condition["not"])
        if "missing" in condition:
            return self.missing(condition)
        if "sequence" in condition:
            return self.in_order(condition)
        if "measure" in condition:
            return self.measured(condition)
        found = [one for _order, one, _place in self.said(condition)]
        if nth := condition.get("nth"):
            found = found[nth - 1 : nth]
        lasts = condition.get("for_ms", 10**9)
        return any(one.end_ms + lasts > self.clock for one in found)

    def missing(self, condition):
        expected = {id(one): place for _o, one, place in self.said(condition["missing"])}
        after = {id(one): place for _o, one, place in self.said(condition["after"])}
        waits, true, turn, speaker = None, False, 0, None
        for kind, value in self.history:
            if kind == "clock":
                if waits and waits[1] is not None and waits[1] <= value:
                    waits, true = None, True
                continue
            turn += value.speaker != speaker
            speaker = value.speaker
            if waits and waits[2] is not None and turn > waits[2]:
                waits, true = None, True
            events = [(expected[id(value)], 0)] if id(value) in expected else []
            events += [(after[id(value)], 1)] if id(value) in after else []
            for place, began in sorted(events):
                if not began:
                    true = False
                    if waits and waits[3] is value:
                        waits = waits if place <= waits[4] else None
                    elif waits and (waits[1] is None or value.start_ms <= waits[1]):
                        waits = None
                elif waits is None:
                    ms, turns = condition.get("within_ms"), condition.get("within_turns")
                    waits = (value.end_ms, ms and value.end_ms + ms, turns and turn + turns, value, place)
        return true

    def in_order(self, condition):
        first, second = condition["sequence"]
        starts = [(order, place, one.start_ms) for order, one, place in self.said(first)]
        return any(
            (order, place) < (later, then) and one.end_ms - start <= condition["within_ms"]
            for later, one, then in self.said(second)
            for order, place, start in starts
        )

    def measured(self, condition):
        said = [one for kind, one in self.history if kind == "said"]
        if condition["measure"] == "turns":
            turns = sum(
                a is None or a.speaker != b.speaker for a, b in zip([None, *said], said, strict=False)
            )
            return turns > condition["above"]
        last = max((one.end_ms for one in said), default=0)
        if condition["measure"] == "silence_ms":
            return max(0, self.clock - last) >= condition["above"] and self.history[-1][0] == "clock"
        near = [one for one in said if one.end_ms > last - condition["over_ms"]]
        talk = {
            who: sum(one.end_ms - one.start_ms for one in near if one.speaker == who)
            for who in ("agent", "customer")
        }
        total = sum(talk.values())
        return total >= 20_000 and talk["agent"] / total > condition["above"]


def drawn(rng, depth=0):
    """A condition by lot."""
    word, other = rng.choice(WORDS), rng.choice(WORDS)
    kind = rng.choice(
        ["said"] * 3 + ["missing", "sequence", "measure"] + (["all", "any", "not"] * 2 if depth < 2 else [])
    )
    if kind in {"all", "any"}:
        return {kind: [drawn(rng, depth + 1) for _ in range(rng.randint(2, 3))]}
    if kind == "not":
        return {"not": drawn(rng, depth + 1)}
    if kind == "missing":
        within = rng.choice(
            [{"within_ms": rng.randrange(3_000, 20_000)}, {"within_turns": rng.randint(1, 3)}, {}]
        )
        return {
            "missing": say(word),
            "after": say(other, speaker=rng.choice(["agent", "customer"])),
            **within,
        }
    if kind == "sequence":
        return {"sequence": [say(word), say(other)], "within_ms": rng.randrange(5_000, 40_000)}
    if kind == "measure":
        return rng.choice(
            [
                {"measure": "turns", "above": rng.randint(1, 20)},
                {"measure": "silence_ms", "above": rng.randrange(1_000, 6_000)},
                {"measure": "talk_share", "above": rng.random(), "over_ms": 60_000},
            ]
        )
    options = rng.choice([{}, {"nth": rng.randint(1, 4)}, {"for_ms": rng.randrange(5_000, 30_000)}])
    return say(word, speaker=rng.choice(["agent", "customer", "any"]), **options)


def dialogue(rng, turns=40):
    """Utterances one after the other, with the clock in between."""
    at, history = 0, []
    for sequence in range(1, turns):
        lasts = rng.randrange(500, 6_000)
        words = [*rng.sample(WORDS, rng.randint(0, 2)), "hm"]
        text = " ".join(rng.sample(words, len(words)))
        history.append(("said", Heard(sequence, rng.choice(["agent", "customer"]), at, at + lasts, text)))
        at += lasts + rng.randrange(1, 8_000)
        if rng.random() < 0.8:
            history.append(("clock", at - rng.randrange(0, 500) if rng.random() < 0.5 else at))
            at = max(at, history[-1][1])
    return history


@pytest.mark.parametrize("seed", range(12))
def test_what_is_so_is_what_a_plain_reading_of_the_whole_call_says(seed):
    rng = random.Random(seed)
    conditions = [drawn(rng) for _ in range(20)]
    policies = compiled(*(rule(one, id=f"r{at}") for at, one in enumerate(conditions)))
    assert not policies.refused
    formulas = {one.rule.id: one.when for one in policies.rules}
    engine = RuleEngine(policies)
    engine.start()
    history = dialogue(rng)
    for at, (kind, value) in enumerate(history):
        if kind == "said":
            engine.hear(value)
        else:
            engine.advance(value)
        plain = Plain(history[: at + 1])
        for number, condition in enumerate(conditions):
            holds = engine._facts.holds(formulas[f"r{number}"])
            assert holds == plain.true(condition), (at, kind, value, condition)


@pytest.mark.parametrize("seed", range(8))
def test_a_successor_decides_as_the_first_would_have(seed):
    rng = random.Random(seed)
    rules = []
    for at in range(25):
        options = {
            "once": rng.random() < 0.2,
            "cooldown_ms": rng.choice([0, 10_000]),
            "quiet": rng.random() < 0.2,
        }
        options |= {"expires_ms": rng.choice([0, 8_000]), "on_partials": rng.random() < 0.3}
        if rng.random() < 0.5:
            options["withdraw_when"] = say(rng.choice(WORDS))
        rules.append(rule(drawn(rng), hint(f"Hint {at % 20}"), {"do": "webhook"}, id=f"r{at}", **options))
    behaviours = [
        {
            "id": "b",
            "name": "B",
            "situation": say("alpha"),
            "expected": say("beta"),
            "praise": "x",
            "within_ms": 9_000,
        }
    ]
    steps = [
        {"id": "a", "title": "A", "done": say("gamma"), "next": [{"to": "b"}]},
        {"id": "b", "title": "B"},
    ]
    playbooks = [{"id": "k", "name": "K", "start": say("delta"), "steps": steps}]
    document = {"format": 1, "rules": rules, "behaviours": behaviours, "playbooks": playbooks}
    policies = CompiledPolicies({"p": parse_policy(document)}, {})
    history = dialogue(rng)
    texts = {value.sequence: value.text for kind, value in history if kind == "said"}
    started = datetime(2026, 11, 20, 9)

    def run(disturbed):
        chance = random.Random(seed)
        engine = RuleEngine(policies, {"queue": "x"}, started)
        decisions = engine.start()
        for kind, value in history:
            if disturbed and chance.random() < 0.4:
                state = json.loads(json.dumps(engine.state(), sort_keys=True))
                engine = RuleEngine(policies, {"queue": "x"}, started)
                engine.restore(state, texts.__getitem__)
                assert json.loads(json.dumps(engine.state())) == state
            if kind == "said":
                half = Heard(-1, value.speaker, value.start_ms, value.end_ms - 200, value.text.split()[0])
                decisions += engine.partial(half) + engine.hear(value)
            else:
                decisions += engine.advance(value)
        return decisions + engine.finish(history[-1][1].end_ms if kind == "said" else value), engine.counts

    undisturbed = run(False)
    assert len(undisturbed[0]) > 50
    assert run(False) == undisturbed
    assert run(True) == undisturbed


def test_the_state_holds_no_words_and_reasons_fetch_them_from_their_home():
    when = {"missing": say("beta"), "after": {"pattern": "alpha .*?\\d"[:5]}, "within_ms": 9_000}
    call = Call(rule(when), rule({"phrases": ["my card"]}, hint(), id="card"))
    call.customer("alpha my card is hidden", 0)
    state = call.hand_over()
    assert "hidden" not in json.dumps(state) and "card is" not in json.dumps(state)
    assert call.until(20)[0].reason.startswith("Because the customer said “alpha” at 0:00")
    blind = RuleEngine(call.policies)
    blind.restore(state)
    assert blind.advance(20_000)[0].reason.startswith("Because the customer said this at 0:00")
    with pytest.raises(ValueError, match="version"):
        blind.restore({"v": 1})


def test_words_that_several_rules_wait_for_are_told_once_and_states_that_told_them_each_time_are_read():
    late = {"missing": {"heard": "offer"}, "after": {"heard": "cancel"}, "within_ms": 60_000}
    rules = [rule(late, id=f"r{number}", name=str(number)) for number in range(3)]
    for number, one in enumerate(rules):
        one["when"] = late | {"within_ms": 60_000 + number}
    call = Call(*rules)
    call.say("agent", "here is a discount", 0)
    state = json.loads(json.dumps(call.engine.state()))
    told = state["facts"]["last"]
    assert [len(keys) for _fire, keys in told] == [3]

    before = json.loads(json.dumps(state))
    before["v"], before["facts"]["last"] = 2, {key: fire for fire, keys in told for key in keys}
    for known in (state, before):
        engine = RuleEngine(call.policies, None, None)
        engine.restore(known, call.texts.__getitem__)
        now = engine.state()
        assert now["v"] == state["v"]
        assert {key for _fire, keys in now["facts"]["last"] for key in keys} == set(told[0][1])
        assert all(fire == told[0][0] for fire, _keys in now["facts"]["last"])


def test_a_successor_with_other_policies_drops_what_is_gone():
    call = Call(rule(say("alpha"), hint(), id="a", expires_ms=5_000), rule(say("beta"), hint("B"), id="b"))
    call.customer("alpha beta", 0)
    state = call.hand_over()
    engine = RuleEngine(compiled(rule(say("beta"), hint("B"), id="b"), rule(say("new"), id="c")))
    engine.restore(state)
    assert engine.advance(60_000) == []
    assert [d.rule_id for d in engine.hear(Heard(9, "agent", 61_000, 62_000, "beta new"))] == ["c"]


def test_a_late_turn_costs_what_an_early_one_costs_and_ten_times_the_rules_far_less_than_ten_times():
    def cost(policies, first):
        rng = random.Random(1)
        engine = RuleEngine(policies)
        for turn in range(first + 40):
            text = " ".join(rng.choices(vocabulary, k=15))
            if turn == first:
                gc.disable()  # its time hangs on all that other tests have made
                began = time.thread_time()
            engine.advance(turn * 6_000)
            engine.hear(
                Heard(turn, ("agent", "customer")[turn % 2], turn * 6_000, turn * 6_000 + 5_000, text)
            )
        took = time.thread_time() - began
        gc.enable()
        return took, len(json.dumps(engine.state()))

    rng = random.Random(2)
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(2_000)]

    def policies(count):
        rules = []
        for at in range(count):
            first, second, third = rng.sample(vocabulary, 3)
            words = {"phrases": [f"{first} ... {second}", third]}
            when = words if at % 3 else {"missing": {"phrases": [first]}, "after": words, "within_ms": 20_000}
            rules.append(rule(when, hint(f"H{at}"), id=f"r{at}", expires_ms=20_000))
        return compiled(*rules)

    few, many = policies(50), policies(500)
    ways = [(many, 10), (many, 200), (few, 10)]
    rounds = [[cost(*way) for way in ways] for _ in range(4)]
    early, late, small = (min(one[at][0] for one in rounds) for at in range(3))
    assert late < 2 * early
    assert early < 5 * small
    assert rounds[0][1][1] < 120_000
