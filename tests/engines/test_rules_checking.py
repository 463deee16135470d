"""What is wrong with a policy is refused with a place and a sentence; what is right reads as a sentence."""

import json
import random

import pytest

from engines.rules import CompiledPolicies, check_policy, describe, parse_policy, to_data
from engines.rules.explain import clock
from engines.rules.schema import policy_schema
from engines.rules.spec import PolicyError, moment_keys
from tests.engines.rule_calls import CANCEL, NAMES, OFFER, Call, hint, rule

FULL = {
    "format": 1,
    "rules": [
        rule(
            {"missing": OFFER, "after": CANCEL, "within_ms": 20_000},
            hint("Offer", say="I can"),
            id="save",
            once=True,
        )
        | {
            "withdraw_when": {"any": [OFFER, {"heard": "calm"}]},
            "quiet": True,
            "priority": 70,
            "optional": False,
        },
        rule(
            {
                "all": [
                    {"phrases": ["card ... number"], "even_denied": True, "nth": 2},
                    {"not": {"pattern": "secure line", "speaker": "agent", "for_ms": 60_000}},
                    {"field": "queue", "is": ["Sales", "Care"]},
                    {"time": {"days": ["mon", "fri"], "from": "08:00", "until": "17:00"}},
                ]
            },
            {"do": "line", "title": "PCI", "say": "This line is secure"},
            {"do": "tag", "tag": "pci"},
            id="card",
            on_partials=True,
        ),
        rule(
            {"measure": "talk_share", "above": 0.7, "over_ms": 120_000, "speaker": "agent"},
            {"do": "alert", "title": "Talks too much", "severity": "bad"},
            id="talk",
        ),
        rule(
            {"sequence": [CANCEL, OFFER], "within_ms": 30_000}, {"do": "check", "title": "Offer"}, id="offer"
        ),
    ],
    "behaviours": [
        {
            "id": "b",
            "name": "Empathy",
            "situation": CANCEL,
            "expected": {"phrases": ["I understand"], "speaker": "agent"},
            "within_turns": 2,
            "praise": "Well done",
            "missed": hint("Show empathy"),
        }
    ],
    "playbooks": [
        {
            "id": "k",
            "name": "Save",
            "start": CANCEL,
            "steps": [
                {
                    "id": "a",
                    "title": "Ask",
                    "done": {"phrases": ["why"]},
                    "next": [{"when": OFFER, "to": "b"}, {"to": "c"}],
                },
                {"id": "b", "title": "Offer"},
                {"id": "c", "title": "Close"},
            ],
        }
    ],
}


def test_a_document_reads_writes_and_fits_its_schema():
    policy = parse_policy(FULL)
    assert parse_policy(json.loads(json.dumps(to_data(policy)))) == policy
    assert moment_keys(policy) == {"cancel", "offer", "calm"}
    assert check_policy(FULL, NAMES) == check_policy(policy, NAMES) == []
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(policy_schema())
    validator.check_schema(policy_schema())
    assert list(validator.iter_errors(FULL)) == list(validator.iter_errors(to_data(policy))) == []
    for wrong in (
        {"format": 2},
        {"format": 1, "rules": [rule({"heard": "x", "phrases": ["y"]})]},
        {"format": 1, "rules": [rule(CANCEL, {"do": "hint"})]},
    ):
        assert list(validator.iter_errors(wrong)), wrong


def test_every_action_and_condition_is_understood_by_the_engine():
    call = Call(*FULL["rules"], behaviours=FULL["behaviours"], playbooks=FULL["playbooks"])
    assert call.policies.refused == {}


@pytest.mark.parametrize(
    ("change", "where", "sentence"),
    [
        ({"id": "a b"}, "rules[0].id", "letters, digits"),
        ({"name": ""}, "rules[0].name", "missing"),
        ({"then": []}, "rules[0].then", "empty"),
        ({"then": [{"do": "sing"}]}, "rules[0].then[0]", "one of hint"),
        ({"then": [{"do": "hint"}]}, "rules[0].then[0].title", "missing"),
        ({"then": [hint("x" * 91)]}, "rules[0].then[0].title", "longer than 90"),
        ({"then": [hint(label="Shout")]}, "rules[0].then[0].label", "choose from Say"),
        ({"cooldown_ms": -1}, "rules[0].cooldown_ms", "milliseconds"),
        ({"once": "yes"}, "rules[0].once", "true or false"),
        ({"colour": "red"}, "rules[0]", "not known here"),
        ({"when": {}}, "rules[0].when", "exactly one of"),
        ({"when": "cancel"}, "rules[0].when", "a condition"),
        ({"when": {"all": []}}, "rules[0].when.all", "empty"),
        ({"when": {"measure": "turns"}}, "rules[0].when", "above"),
        (
            {"when": {"measure": "turns", "above": 1, "over_ms": 5_000}},
            "rules[0].when.over_ms",
            "leave over_ms out",
        ),
        ({"when": {"measure": "sentiment", "above": float("nan")}}, "rules[0].when.above", "a number"),
        ({"when": {"field": "queue"}}, "rules[0].when", "exactly one of"),
        ({"when": {"time": {"from": "8"}}}, "rules[0].when.time.from", "write 08:00"),
        (
            {"when": {"missing": {"field": "queue", "present": True}}},
            "rules[0].when.missing",
            "must be words",
        ),
        ({"when": {"sequence": [CANCEL]}}, "rules[0].when.sequence", "at least 2"),
        ({"when": CANCEL | {"nth": 0}}, "rules[0].when.nth", "from 1"),
        ({"when": {"measure": "turns", "above": 10**400}}, "rules[0].when.above", "a number"),
        ({"when": {"field": "queue", "is": 10**400}}, "rules[0].when.is", "takes texts"),
        ({"when": {"phrases": ["a \ud800 b"]}}, "rules[0].when.phrases", "that can be kept"),
        ({"then": [hint("a\x00b")]}, "rules[0].then[0].title", "cannot be kept"),
        ({"name": "x" * 1_000_000}, "rules[0]", "64 kB"),
    ],
)
def test_what_is_wrong_in_form_has_a_place_and_a_sentence(change, where, sentence):
    with pytest.raises(PolicyError) as error:
        parse_policy({"format": 1, "rules": [rule(CANCEL) | change]})
    assert any(one.where == where and sentence in one.sentence for one in error.value.complaints), error.value
    assert check_policy({"format": 1, "rules": [rule(CANCEL) | change]}, NAMES)


@pytest.mark.parametrize(
    "wrong", [None, [], "x", {"format": 2}, {"format": 1, "rules": [1]}, {"format": 1, "rules": {}}]
)
def test_what_is_no_policy_is_refused_without_falling_over(wrong):
    assert check_policy(wrong, NAMES)


def test_a_tower_of_conditions_is_refused():
    tower = CANCEL
    for _ in range(900):
        tower = {"not": tower}
    assert "deeper than 8" in check_policy({"format": 1, "rules": [rule(tower)]}, NAMES)[0].sentence


def errors(*rules, **parts):
    complaints = check_policy(
        {"format": 1, "rules": list(rules)} | parts, NAMES, speakers={"cancel": "customer"}
    )
    return [one.sentence for one in complaints if one.kind == "error"]


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ({"all": [CANCEL, {"not": CANCEL}]}, "for its opposite"),
        ({"all": [CANCEL | {"nth": 2}, {"not": {"heard": "cancel"}}]}, "never having been said"),
        ({"not": {"heard": "cancel"}}, "nothing sets it off"),
        ({"measure": "talk_share", "above": 1.2}, "talk_share cannot be above 1.2"),
        (
            {"all": [{"measure": "turns", "above": 9}, {"measure": "turns", "below": 4}]},
            "turns cannot be above 9",
        ),
        ({"all": [CANCEL, {"field": "queue", "is": "a"}, {"field": "queue", "is": "b"}]}, "the field queue"),
        (
            {"all": [CANCEL, {"field": "queue", "is": "a"}, {"field": "queue", "present": False}]},
            "known and not known",
        ),
        ({"all": [CANCEL, {"time": {"days": ["mon"]}}, {"time": {"days": ["tue"]}}]}, "no such time of day"),
        ({"time": {"from": "08:00", "until": "08:00"}}, "the same time"),
        ({"any": [CANCEL, {"not": CANCEL}]}, "acts always"),
        ({"measure": "talk_share", "below": 2}, "acts always"),
        ({"pattern": r"\w+"}, "heard in everything"),
        ({"pattern": r"(a+)+b"}, "run for minutes"),
        ({"phrases": ["(((oops"]}, "bracket"),
        ({"heard": "cancle"}, "Did you mean “cancel”?"),
        (CANCEL | {"speaker": "agent"}, "never from the agent"),
        ({"field": "quue", "present": True}, "Did you mean “queue”?"),
        ({"missing": OFFER, "after": OFFER, "within_ms": 5}, "missing after itself"),
        ({"missing": OFFER, "within_ms": 20}, "Nobody says anything within 20 ms"),
        ({"measure": "turns", "above": 0}, "acts always"),
        ({"measure": "silence_ms", "above": 0}, "acts always"),
        ({"measure": "talk_share", "above": 0}, "acts always"),
        ({"measure": "sentiment", "above": -0.95}, "acts always"),
        ({"measure": "sentiment", "below": -0.9}, "sentiment cannot be below -0.9"),
        ({"time": {"from": "00:00", "until": "24:00"}}, "acts always"),
        ({"time": {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}}, "acts always"),
        ({"field": "channel", "present": True}, "acts always"),
        ({"field": "channel", "present": False}, "every call has a channel"),
        ({"all": [CANCEL, {"field": "channel", "is": ["chat", "fax"]}]}, "There is no channel “fax”"),
        ({"pattern": "(?=cancel)"}, "can never match"),
        ({"measure": "turns", "below": 5}, "acts always"),
        ({"measure": "turns", "below": 1}, "turns cannot be below 1"),
        ({"measure": "turns", "above": 5_000}, "turns cannot be above 5000"),
        ({"measure": "duration_ms", "above": 86_400_000}, "duration_ms cannot be above 86400000"),
        ({"measure": "words_per_minute", "above": 1_000}, "words_per_minute cannot be above"),
        ({"field": "channel", "is": ["voice", "Chat", "email"]}, "acts always"),
        ({"field": "channel", "is_not": ["voice", "chat", "email"]}, "every call has a channel"),
        ({"any": [{"field": "queue", "present": True}, {"field": "queue", "present": False}]}, "acts always"),
        ({"any": [{"field": "queue", "is": "a"}, {"field": "queue", "is_not": "a"}]}, "acts always"),
        (
            {"all": [CANCEL, {"field": "metadata.age", "above": 9}, {"field": "metadata.age", "below": 3}]},
            "metadata.age cannot be above 9 and below 3",
        ),
        ({"all": [{"missing": OFFER, "within_ms": 5_000}, OFFER]}, "for their being missing"),
        ({"all": [CANCEL, {"field": "language", "is": "english"}]}, "no code of a language"),
        (
            {"all": [CANCEL, {"field": "language", "is": "en-GB"}, {"field": "language", "is_not": "en"}]},
            "the field language",
        ),
        ({"pattern": "a^b"}, "can never match"),
    ],
)
def test_what_never_happens_always_happens_or_does_not_exist_is_an_error(when, sentence):
    assert any(sentence in one for one in errors(rule(when, withdraw_when=OFFER))), errors(rule(when))


def test_what_would_be_gone_at_once_is_refused_and_what_is_done_twice_is_told():
    said = [
        (one.kind, one.where, one.sentence)
        for one in check_policy(
            {"format": 1, "rules": [rule(CANCEL, hint("Same"), hint("Same"), expires_ms=999)]}, NAMES
        )
    ]
    assert [(kind, where) for kind, where, _sentence in said] == [
        ("error", "rules[0].expires_ms"),
        ("warning", "rules[0].then"),
    ]
    assert "gone after 999 ms" in said[0][2] and "the same thing twice" in said[1][2]


def test_a_queue_that_is_not_there_and_a_time_beyond_every_call_are_told():
    asked = []

    def queues():
        asked.append(1)
        return ["sales"]

    def told(when):
        document = {"format": 1, "rules": [rule({"all": [CANCEL, when]})]}
        return [(one.kind, one.sentence) for one in check_policy(document, NAMES, queues=queues)]

    assert told({"field": "product", "is": "x"}) == told({"field": "queue", "is_not": "support"}) == []
    assert not asked
    assert told({"field": "queue", "is": "Sales"}) == []
    assert told({"field": "queue", "is": ["sales", "gone"]}) == [
        ("warning", "There is no queue “gone” now: no call would be in it.")
    ]
    [(kind, sentence)] = told({"missing": OFFER, "within_ms": 5 * 3_600_000})
    assert kind == "warning" and "Calls end before that" in sentence


def test_useful_conditions_raise_no_alarm():
    fine = [
        {"all": [CANCEL, {"not": OFFER}]},
        {"all": [{"measure": "duration_ms", "above": 60_000}, {"not": CANCEL}]},
        {"not": CANCEL | {"for_ms": 5_000}},
        {"field": "metadata.vip", "is": True},
        {"all": [CANCEL, {"any": [{"measure": "turns", "above": 9}, {"measure": "turns", "below": 4}]}]},
        {"all": [CANCEL, {"field": "language", "is": "en"}, {"field": "language", "is_not": "en-IE"}]},
        {"all": [CANCEL, {"field": "channel", "is_not": ["chat", "email"]}]},
        {"all": [CANCEL, {"missing": OFFER, "after": CANCEL}, OFFER]},
        {"all": [{"field": "metadata.age", "above": 17}, {"field": "metadata.age", "below": 30}]},
        {"field": "queue", "present": False},
        {"all": [{"time": {"from": "22:00", "until": "06:00"}}, {"time": {"days": ["sat"]}}, CANCEL]},
    ]
    assert (
        check_policy({"format": 1, "rules": [rule(one, id=f"r{at}") for at, one in enumerate(fine)]}, NAMES)
        == []
    )


def test_rules_are_compared_with_each_other():
    tell = hint("Same")
    queue = {"field": "queue", "is": "x"}
    document = {
        "format": 1,
        "rules": [
            rule(CANCEL, tell, id="wide"),
            rule({"all": [CANCEL, queue]}, tell, id="narrow", priority=10),
            rule(OFFER, {"do": "disposition", "value": "kept"}, id="kept"),
            rule(OFFER, {"do": "disposition", "value": "lost"}, id="lost"),
            rule(OFFER, {"do": "disposition", "value": "lost"}, id="twice"),
            rule({"heard": "calm"}, hint("Other"), id="fine", withdraw_when={"heard": "calm"}),
        ],
    }
    complaints = check_policy(document, NAMES)
    assert [(one.where, one.kind) for one in complaints if "as it comes" in one.sentence] == [
        ("rules[5].withdraw_when", "error")
    ]
    said = {(one.where, one.sentence.split(" the rule")[0]) for one in complaints if one.kind == "warning"}
    assert said == {
        ("rules[1]", "It is shadowed by"),
        ("rules[3]", "It contradicts"),
        ("rules[4]", "It contradicts"),
        ("rules[4]", "It is the same as"),
    }


def playbook(**ways):
    steps = [
        {"id": one, "title": one.upper(), "done": CANCEL, "next": [{"to": to} for to in targets]}
        for one, targets in ways.items()
    ]
    return {"playbooks": [{"id": "k", "name": "K", "start": CANCEL, "steps": steps}]}


@pytest.mark.parametrize(
    ("ways", "sentence"),
    [
        ({"a": "b", "b": "a"}, "go round in a circle"),
        ({"a": "b", "b": "", "c": ""}, "No way leads to the step “C”"),
        ({"a": "x"}, "no step “x”"),
        ({"a": "a"}, "lead to itself"),
        ({"a": "bd", "b": "c", "c": "b", "d": ""}, "The steps “B”, “C” go round"),
    ],
)
def test_playbooks_lead_somewhere(ways, sentence):
    assert any(sentence in one for one in errors(**playbook(**ways)))
    assert errors(**playbook(a="bc", b="ac", c="")) == [], "a circle with a way out"


def test_ids_are_given_once_and_steps_exist():
    assert any("used twice" in one for one in errors(rule(CANCEL), rule(OFFER)))
    step = {"do": "step", "playbook": "k", "step": "z"}
    assert any("no step “z”" in one for one in errors(rule(CANCEL, step), **playbook(a="")))
    assert any("no playbook “k”" in one for one in errors(rule(CANCEL, step)))
    aimed = rule(CANCEL, step | {"step": "b"})
    assert errors(aimed, **playbook(a="", b="")) == [], "a step that a rule goes to is reached"


def test_rules_behaviours_and_playbooks_are_described_in_sentences():
    policy = parse_policy(FULL)
    save, card, talk, offer = (describe(one, NAMES) for one in policy.rules)
    assert save == (
        "When “Cancel threat” comes up from the customer and no retention offer follows within 0:20, show the agent "
        "“Offer” (Say); once per call; for 2:00; until “Retention offer” comes up from the agent or “Calm” comes up; "
        "once the customer has finished speaking."
    )
    assert card.startswith(
        "When someone says “card ... number” (even when denied) for the 2nd time and no “secure line” has come up in "
        "the last 1:00 and the queue is Sales or Care and it is Monday or Friday from 08:00 until 17:00, have the "
        "agent read “This line is secure” and tag the call “pci”"
    )
    assert talk.startswith(
        "When the agent has more than 70 % of the talking in the last 2:00, alert the supervisor"
    )
    assert "comes up from the customer and then “Retention offer”" in offer
    assert describe(policy.behaviours[0], NAMES) == (
        "When “Cancel threat” comes up from the customer, “I understand” is expected within 2 turns; if it comes, "
        "praise the agent: “Well done”; if not, show the agent “Show empathy” (Say)."
    )
    assert describe(policy.playbooks[0], NAMES) == (
        "It begins when “Cancel threat” comes up from the customer with “Ask”. “Ask” is done when someone says “why”: "
        "if “Retention offer” comes up from the agent, “Offer”; then “Close”. “Offer” is the end. “Close” is the end."
    )


def test_a_long_quotation_is_shortened_in_the_middle():
    call = Call(rule({"pattern": r"cancel.{0,400}soon"}))
    (one,) = call.customer("cancel " + "very " * 60 + "soon", 0)
    assert " … " in one.reason and len(one.reason) < 150


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (20_000, "0:20"), (72_900, "1:12"), (3_723_000, "1:02:03")]
)
def test_call_time_is_written_as_people_read_it(ms, text):
    assert clock(ms) == text


def spoiled(rng, value):
    """A document with one of its values replaced, removed or doubled."""
    value = json.loads(json.dumps(value))
    while True:
        part = rng.choice([one for one in walk(value) if one])
        if isinstance(part, dict):
            key = rng.choice(list(part))
            if rng.random() < 0.3:
                del part[key]
            else:
                part[key] = rng.choice(
                    [None, -1, 0, 10**12, 0.5, "", "x" * 600, "(", [], {}, True, [CANCEL], CANCEL]
                )
        else:
            part.append(part[0]) if rng.random() < 0.5 else part.pop()
        return value


def walk(value):
    yield value
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            yield from walk(one)


def test_no_document_makes_the_check_fall_and_what_it_passes_runs():
    rng = random.Random(5)
    passed = 0
    for _ in range(250):
        document = FULL
        for _ in range(rng.randint(1, 2)):
            document = spoiled(rng, document)
        complaints = check_policy(document, NAMES)
        assert all(one.sentence and one.sentence[-1] in ".!?" for one in complaints)
        if any(one.kind == "error" for one in complaints):
            continue
        passed += 1
        call = Call(
            policies=CompiledPolicies({"p": parse_policy(document)}, NAMES), fields={"queue": "Sales"}
        )
        assert call.policies.refused == {}
        call.customer("cancel, the card number", 1)
        call.agent("why? I offer a discount, I understand", 5)
        call.engine.finish(90_000)
        assert not call.engine.failures
    assert passed > 20


def test_sound_is_asked_for_in_vain_where_all_is_written():
    document = {
        "format": 1,
        "rules": [
            rule({"any": [CANCEL, {"measure": "silence_ms", "above": 5_000}]}, hint()),
            rule({"measure": "turns", "above": 9}, hint("Turns"), id="turns"),
        ],
    }
    for channels in ((), ("voice",), ("voice", "chat")):
        assert check_policy(document, NAMES, channels=channels) == []
    (one,) = check_policy(document, NAMES, channels=("chat", "email"))
    assert (one.kind, one.where) == ("warning", "rules[0].when.any[1]")
    assert one.sentence.startswith("“silence_ms” is measured of sound")
