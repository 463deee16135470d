"""Names of a company's list: heard however they are written, and filled in where rules say so."""

from __future__ import annotations

import pytest

from engines.rules import CompiledMoments, Heard, MomentEngine, MomentSpec, check, check_policy
from engines.rules.compiled import CompiledPolicies
from engines.rules.engine import RuleEngine
from engines.rules.filling import filled
from engines.rules.names import Named, NameFinder, check_names
from engines.rules.reading import parse_policy
from engines.rules.spec import Action
from tests.engines.rule_calls import hint, rule

LIST = (
    Named("Northwind", ("north win",)),
    Named("Northwind Plus"),
    Named("Plan 5"),
    Named("Plan Twenty Five"),
    Named("Office 365"),
    Named("AT&T"),
    Named("ION"),
    Named("Disney+"),
    Named("Wendy's"),
    Named("5G Home"),
    Named("Nestlé"),
    Named("InTouch", exact=True),
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("they said North Wind is cheaper", ["Northwind"]),
        ("NORTHWIND'S offer, north-winds", ["Northwind", "Northwind"]),
        ("i am with north win now", ["Northwind"]),
        ("northwind plus or northwind", ["Northwind Plus", "Northwind"]),
        ("i went north. wind was strong", []),
        ("plan five not plan 25", ["Plan 5", "Plan Twenty Five"]),
        ("plan twenty five", ["Plan Twenty Five"]),
        ("planfive", ["Plan 5"]),
        ("office three sixty five", ["Office 365"]),
        ("office three hundred and sixty-five", ["Office 365"]),
        ("Office 365", ["Office 365"]),
        ("a t and t, AT&T and att", ["AT&T", "AT&T", "AT&T"]),
        ("look at t shirts", []),
        ("i on the phone", []),
        ("ion and i o n", ["ION", "ION"]),
        ("Disney+ and disney plus, not disney", ["Disney+", "Disney+"]),
        ("wendy said wendys", ["Wendy's"]),
        ("five g home", ["5G Home"]),
        ("nestle and nestlés", ["Nestlé", "Nestlé"]),
        ("keep in touch with intouch", ["InTouch"]),
        ("[PERSON] northwind", ["Northwind"]),
        ("", []),
    ],
)
def test_a_name_is_heard_as_it_is_written_by_recognition(text: str, names: list[str]) -> None:
    finder = NameFinder(LIST)
    found = finder.named(text)
    assert [name for _start, _end, name in found] == names
    assert finder.find(text) == [(start, end) for start, end, _name in found]
    assert all(text[start:end] == text[start:end].strip() for start, end, _name in found)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([Named("Three")], "is a number"),
        ([Named("Plan", ("12",))], "is a number"),
        ([Named("B")], "single letter"),
        ([Named("  ")], "is empty"),
        ([Named("&&")], "no letters"),
        ([Named("North wind"), Named("Northwind")], "too: keep it with one of them"),
        ([Named("x" * 61)], "longer than 60"),
        ([Named("Globex", ("globe x",) * 31)], "more than 30"),
    ],
)
def test_a_list_that_cannot_work_is_refused_in_words(names: list[Named], words: str) -> None:
    assert any(words in one for one in check_names(names))


def test_a_sound_list_has_no_complaints_and_an_empty_one_says_that_it_never_fires() -> None:
    assert check_names(LIST) == []
    spec = MomentSpec("rival", "Rival", "r", "entity", "customer", entity="competitor")
    assert "never be heard" in check(spec)[0] and "Names to listen for" in check(spec)[0]
    assert CompiledMoments([spec]).refused
    assert (
        "choose amount, date, product or competitor"
        in check(MomentSpec("x", "X", "r", "entity", entity="colour"))[0]
    )


RIVAL = MomentSpec(
    "rival", "Rival named", "r", "entity", "customer", entity="competitor",
    names=(Named("Northwind"), Named("Globex")),
)  # fmt: skip
PLAN = MomentSpec("plan", "Plan named", "r", "entity", entity="product", names=(Named("Plan 5"),))


def _said(moments: MomentEngine, engine: RuleEngine, sequence: int, text: str, speaker: str = "customer"):
    heard = Heard(sequence, speaker, sequence * 10_000, sequence * 10_000 + 2_000, text)
    return engine.hear(heard, moments.hear(heard))


def test_what_was_named_is_evidence_and_is_filled_in() -> None:
    moments = CompiledMoments([RIVAL, PLAN])
    document = {
        "format": 1,
        "rules": [
            rule(
                {"heard": "rival"},
                hint("How we compare with {competitor}", say="{product} beats {competitor}."),
                {"do": "prefill", "field": "metadata.competitor", "value": "{competitor}"},
                {"do": "prefill", "field": "metadata.plan", "value": "{product}"},
                {"do": "knowledge", "query": "against {competitor}"},
            )
        ],
    }
    policies = CompiledPolicies({"p": parse_policy(document)}, {"rival": "Rival named"})
    engine, ears = RuleEngine(policies), MomentEngine(moments)
    engine.start()
    shown = [one.action for one in _said(ears, engine, 1, "north wind and globex are cheaper")]
    # The product has not been named: that field would be pointless, and waits for no one.
    assert [one.title or one.value or one.query for one in shown] == [
        "How we compare with Northwind and Globex",
        "Northwind, Globex",
        "against Northwind Globex",
    ]
    assert shown[0].say == "the product beats Northwind and Globex."

    first = _said(ears, engine, 2, "i have plan five", "agent")
    assert first == []
    state = engine.state()
    assert "plan five" not in str(state)
    successor = RuleEngine(policies)
    successor.restore(state)
    later = [one for one in _said(ears, successor, 30, "Globex again") if one.what == "show"]
    assert later[0].action.say == "Plan 5 beats Globex."
    assert [one.action.value for one in later[1:3]] == ["Globex", "Plan 5"]


def test_what_is_filled_in_keeps_its_bounds() -> None:
    long = {"competitor": tuple(f"{'x' * 58}{at}" for at in range(5))}
    action = Action("alert", title="Against {competitor}", note="{competitor}")
    assert len(filled(action, long).title) == 90 and filled(action, long).title.endswith("…")
    assert filled(action, long).note.count(", ") == 2
    plain = Action("hint", title="Ask {why}", value=3)
    assert filled(plain, long) is plain


def test_the_reason_tells_which_name_the_words_stand_for() -> None:
    policies = CompiledPolicies(
        {"p": parse_policy({"format": 1, "rules": [rule({"heard": "rival"})]})}, {"rival": "Rival named"}
    )
    ears, engine = MomentEngine([RIVAL]), RuleEngine(policies)
    (one,) = _said(ears, engine, 1, "north wind is cheaper")
    assert one.reason == "Because the customer said “north wind” (Northwind) at 0:10"
    (one,) = _said(ears, engine, 2, "it was Globex")
    assert one.reason == "Because the customer said “Globex” at 0:20"


def test_a_partial_fills_in_what_it_names_and_keeps_nothing_of_it() -> None:
    document = {
        "format": 1,
        "rules": [rule({"heard": "rival"}, hint("Against {competitor}"), on_partials=True)],
    }
    policies = CompiledPolicies({"p": parse_policy(document)}, {"rival": "Rival named"})
    ears, engine = MomentEngine([RIVAL]), RuleEngine(policies)
    early = Heard(-1, "customer", 0, 900, "globex")
    (shown,) = engine.partial(early, ears.look(early))
    assert shown.provisional and shown.action is not None and shown.action.title == "Against Globex"
    assert "named" not in engine.state()["acts"]


@pytest.mark.parametrize(
    ("then", "where", "words"),
    [
        ({"do": "check", "title": "Ask about {competitor}"}, "then[0]", "same in every call"),
        ({"do": "tag", "tag": "{competitor}"}, "then[0]", "same in every call"),
        ({"do": "prefill", "field": "metadata.{product}", "value": "x"}, "then[0]", "only its value"),
        ({"do": "hint", "title": "About {product}"}, "then[0]", "does not itself ask"),
    ],
)
def test_a_slot_where_none_can_be_filled_in_is_told(then: dict, where: str, words: str) -> None:
    document = {"format": 1, "rules": [rule({"heard": "rival"}, then)]}
    told = {"rival": "competitor", "plan": "product"}
    [complaint] = check_policy(document, told, tells=told)
    assert complaint.where.endswith(where) and words in complaint.sentence


def test_a_slot_that_nothing_fills_in_is_refused() -> None:
    document = {"format": 1, "rules": [rule({"heard": "rival"}, hint("Against {competitor}"))]}
    [complaint] = check_policy(document, {"rival": "customer"})
    assert complaint.kind == "error" and "would never be filled in" in complaint.sentence
    assert check_policy(document, {"rival": "customer"}, tells={"rival": "competitor"}) == []
