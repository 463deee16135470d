"""The bench of quality: a judge by rules from a policy's sentences, and one that asks a model; both see no answers."""

from __future__ import annotations

import json

import pytest

from bench.__main__ import main
from bench.qa_policy import policy_of
from bench.qa_rules import judge
from bench.qa_transcripts import read
from tests.peers.chat import chat_server, say

POLICY = """# Ferry policy
The current time is 2031-03-10 12:00:00 EST.
- Before any change you must list the details and obtain explicit user confirmation (yes) to proceed.
- All reservations can be cancelled within 24 hours of booking. Otherwise, basic economy or economy flights can be
  cancelled only if travel insurance is bought.
- The agent can only cancel the whole trip that is not flown.
- Each reservation can have at most two passengers.
- If the booking user is a gold member, 1 free checked bag for each economy passenger.
- If the user complains about delayed flights, the agent can offer a certificate, with the amount being $40 times the
  number of passengers.
"""
CALL = {
    "reservation_id": "AB12",
    "cabin": "economy",
    "insurance": "no",
    "created_at": "2031-03-10T08:00:00",
    "flights": [{"flight_number": "F1", "date": "2031-04-01", "origin": "A", "destination": "B"}],
    "passengers": [{"first_name": "Jo"}],
    "total_baggages": 1,
}
GOLD = {"membership": "gold", "payment_methods": {}}


def called(name, arguments, result):
    told = result if isinstance(result, str) else json.dumps(result)
    return [
        {
            "role": "assistant",
            "text": None,
            "tool_calls": [{"name": name, "arguments": json.dumps(arguments)}],
        },
        {"role": "tool", "tool": name, "text": told},
    ]


def looked_up(**fields):
    return called("get_reservation_details", {"reservation_id": "AB12"}, CALL | fields)


def said(*turns):
    who = {"c": "user", "a": "assistant"}
    return [{"role": who[one], "text": words} for one, words in turns]


CANCEL = called("cancel_reservation", {"reservation_id": "AB12"}, CALL)
ASKED = said(("c", "please cancel AB12"), ("a", "I cancel AB12. Please confirm (yes)."), ("c", "yes"))


def row(key, right, *steps):
    # What no judge may look at would tell it all.
    told = {"customer_instruction": "secret", "expected_actions": [{"name": "secret"}]}
    transcript = [step for part in steps for step in part]
    return told | {"id": key, "outcome_correct": right, "transcript": transcript}


ROWS = [
    row("in time", True, looked_up(), ASKED, CANCEL),
    row("too late", False, looked_up(created_at="2031-03-01T08:00:00"), ASKED, CANCEL),
    row("flown", False, looked_up(flights=[{"date": "2031-03-09"}]), ASKED, CANCEL),
    row("not asked", False, looked_up(), said(("c", "tell me about AB12")), CANCEL),
    row("forgotten", False, looked_up(), ASKED, said(("a", "Anything else?"), ("c", "no"))),
    row("refused", False, looked_up(), said(("c", "cancel AB12"), ("a", "I can not do that."))),
    row(
        "bags",
        False,
        called("get_user_details", {}, GOLD),
        looked_up(),
        said(("c", "one more bag please")),
        called(
            "update_reservation_baggages",
            {"reservation_id": "AB12", "total_baggages": 2, "nonfree_baggages": 0},
            CALL | {"total_baggages": 2},
        ),
    ),
    row(
        "gesture",
        True,
        called("get_user_details", {}, GOLD),
        looked_up(),
        said(("c", "it was delayed, is there any compensation?")),
        called("send_certificate", {"amount": 40}, "Certificate added."),
    ),
    row(
        "unasked",
        False,
        called("get_user_details", {}, GOLD),
        looked_up(),
        said(("c", "it was delayed again")),
        called("send_certificate", {"amount": 40}, "Certificate added."),
    ),
    row(
        "failed",
        False,
        looked_up(),
        ASKED,
        called("cancel_reservation", {"reservation_id": "AB12"}, "Error: no"),
    ),
]
SPEAKS = {
    "too late": "cancelled_against",
    "flown": "cancelled_against",
    "not asked": "unconfirmed",
    "forgotten": "agreed_not_done",
    "refused": "cancel_refused",
    "bags": "bags_charged_wrongly",
    "unasked": "gesture_unasked",
    "failed": "left_failed",
}


@pytest.fixture
def files(tmp_path):
    data, policy = tmp_path / "data.jsonl", tmp_path / "policy.md"
    data.write_text("\n".join(json.dumps(one) for one in ROWS) + "\n")
    policy.write_text(POLICY)
    return data, policy


def measured(capsys, files, *more):
    data, policy = files
    assert main(["qa", "--data", str(data), "--policy", str(policy), "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_rule_speaks_where_its_sentence_is_broken_and_is_silent_elsewhere(files):
    policy = policy_of(POLICY)
    found = {one.key: {said.rule for said in judge(policy, one)} for one in read(files[0])}
    assert found["in time"] == found["gesture"] == set()
    assert {key: rule for key, rule in SPEAKS.items() if rule not in found[key]} == {}


def test_a_rule_whose_sentence_is_missing_is_left_out(files):
    without = policy_of(POLICY.replace("explicit user confirmation", "a smile"))
    found = {one.key: judge(without, one) for one in read(files[0])}
    assert found["not asked"] == [] and found["too late"]


def test_the_figures_are_beside_the_set_s_own_majority(files, capsys):
    found = measured(capsys, files)
    assert (found["agreement"], found["kappa"], found["false_pass_rate"]) == (1.0, 1.0, 0.0)
    assert (found["majority"], found["transcripts"], found["right"]) == (0.8, 10, 2)
    assert found["rules"]["cancelled_against"] == {"wrong": 2, "right": 0}
    assert found["name"] == "qa" and "model" not in found


def test_what_gives_the_answer_away_is_not_read(files, capsys):
    told = [one | {"outcome_correct": not one["outcome_correct"]} for one in ROWS]
    files[0].write_text("\n".join(json.dumps(one) for one in told))
    found = measured(capsys, files)
    assert (found["agreement"], found["false_pass_rate"]) == (0.0, 1.0)


def test_a_model_is_asked_with_the_policy_and_its_quotes_must_be_there(files, capsys):
    def verdict(value, words):
        quotes = [{"line": 1, "words": words}]
        one = {"question": 1, "value": value, "confidence": 1.0, "quotes": quotes}
        return say({"answers": [one | {"looked_for": "", "reason": "So."}]})

    with chat_server() as peer:
        by_words = {"AB12. Please confirm": verdict("yes", "Please confirm (yes).")}
        invented, no = verdict("yes", "I am the best agent"), verdict("no", "AB12")

        def read(request):
            told = request["messages"][1]["content"]
            assert "secret" not in told and "Ferry policy" in told
            answer = next((say_ for words, say_ in by_words.items() if words in told), no)
            answer = invented if "one more bag" in told else answer
            return json.loads(answer.removeprefix("say:"))

        peer.read = read
        found = measured(capsys, files, "--provider", peer.url, "--provider-model", "ours-8b")["model"]
    assert len(peer.requests) == len(ROWS)
    # Of the five that asked for a yes one was right; the invented quote passes nothing.
    assert found["passed"] == {"right": 1, "wrong": 4} and found["failed"] == {"right": 1, "wrong": 4}
    assert (found["void"], found["answered"], found["model"]) == (1, 9, "ours-8b")
    assert found["tokens_in"] == len(ROWS)


@pytest.mark.parametrize(
    ("data", "policy"),
    [("{}", POLICY), ("not json", POLICY), ("", POLICY), (json.dumps(ROWS[0]), "Be kind.")],
)
def test_what_cannot_be_measured_says_so(files, capsys, data, policy):
    files[0].write_text(data)
    files[1].write_text(policy)
    assert main(["qa", "--data", str(files[0]), "--policy", str(files[1]), "--json"]) == 1
    assert capsys.readouterr().out == ""
    assert main(["qa", "--data", "nowhere", "--policy", str(files[1])]) == 1
