"""The next step: learned from a few dialogues, and for a task of which only the playbook is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from engines.next_step.dialogue import Dialogue, Event, dialogue_from, read_dialogues, row_of
from engines.next_step.features import learn_actions, pairs, states_told
from engines.next_step.fitting import _counts
from engines.next_step.model import NextStepModel, pack, steps, train, unpack
from engines.next_step.schema import read_schemas, schema_from
from engines.next_step.ways import STEP, Ways
from engines.next_step.words import clauses, kind_of, name_parts, news, tokens
from tests.next_steps_made import (
    QUICK,
    QUICK_PLAYBOOK,
    THINGS,
    learned,
    playbook,
    schema,
    spoken,
    talk,
    talks,
)


@pytest.fixture(scope="module")
def model() -> NextStepModel:
    return learned()


def share(model: NextStepModel, task: str, first: int = 100) -> float:
    right = every = 0
    for number in range(first, first + 10):
        dialogue = dialogue_from(talk(task, number))
        for place, action in dialogue.decisions():
            found = model.suggest(task, schema(task), dialogue.events[:place])
            right += found[0].action == action
            every += 1
    return right / every


def test_it_suggests_what_was_done_before(model: NextStepModel) -> None:
    assert share(model, "flight") > 0.9


def test_of_a_new_task_the_playbook_is_enough(model: NextStepModel) -> None:
    assert "table" not in model.tasks
    assert share(model, "table") > 0.8


def test_a_suggestion_has_words_a_probability_and_a_reason(model: NextStepModel) -> None:
    events = [
        *(Event("customer", "I need a ride"), Event("agent", "May I have your name, please?", "ask_name")),
        Event("customer", "John"),
    ]
    first, *others = model.suggest("ride", schema("ride"), events)
    assert (first.action, first.words) == ("ride_ask_driver", "Which driver would you like, please?")
    assert 0.5 < first.probability <= 1 and first.reason.startswith(
        "Because the playbook goes on with it; so done "
    )
    assert all(other.probability <= first.probability for other in others)


def test_a_dialogue_takes_on_the_ways_of_its_agent_and_no_other_does(model: NextStepModel) -> None:
    """Who asks for the driver before the name does so again; whoever follows another call learns nothing of it."""
    first = Event("customer", "I need a ride")
    asked = Event("agent", "Which driver would you like, please?", "ride_ask_driver")

    def likely(step: float) -> list[float]:
        follower = model.follow("ride", schema("ride"))
        follower._ways = Ways(model.past, step)
        for event in (first, asked, first):
            follower.add(event)
        assert list(follower.probabilities()) == list(follower.probabilities()), "asking changes nothing"
        return list(follower.probabilities())

    assert likely(0.0) != likely(STEP) == likely(STEP), "and nothing is left behind"
    follower, ways = model.follow("ride", schema("ride")), Ways(model.past)
    follower.add(first)
    place = [candidate.action for candidate in follower.candidates].index("ride_ask_driver")
    places = model.past.places(
        follower._now.contexts(None), follower._marks, pairs(follower._now, follower.candidates)
    )
    before = ways.scores(places)
    ways.learn(places, follower.probabilities(), place)
    moved = ways.scores(places) - before
    assert moved.argmax() == place and moved.max() > 0 > moved.min()


def test_the_same_words_of_a_common_action_are_that_action(model: NextStepModel) -> None:
    data = json.loads(json.dumps(playbook("table")).replace('"goodbye"', '"table_bye"'))
    own = schema_from("table", data, {})
    actions = {candidate.action for candidate in model.follow("table", own).candidates}
    assert "goodbye" in actions and "table_bye" not in actions


def test_nothing_is_known_of_a_task_without_playbook_and_past() -> None:
    alone = train(talks("flight"), {}, past=QUICK, playbook=QUICK_PLAYBOOK)
    assert alone.playbook is None and alone.suggest("ride", None, [Event("customer", "hello")]) == []
    assert alone.suggest("flight", None, [Event("customer", "hello")])[0].action == "hello"


def test_the_file_holds_the_model_and_nothing_else_is_taken_for_one(model: NextStepModel) -> None:
    data = pack(model)
    again = unpack(data)
    events = list(dialogue_from(talk("ride", 3)).events[:5])
    for task in ("ride", "table"):
        one, two = (each.suggest(task, schema(task), events) for each in (model, again))
        assert [s.action for s in one] == [s.action for s in two]
        assert [s.probability for s in one] == pytest.approx([s.probability for s in two], abs=0.01)
    assert pack(unpack(data)) == data
    for wrong in (b"", b"next-step-1\n", data[:-20], b"\x80\x04K\x01."):
        with pytest.raises(ValueError, match="next-step model"):
            unpack(wrong)


def test_no_labelled_action_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to learn from"):
        train([Dialogue("1", "flight", (Event("customer", "hello"),))], {})


def test_states_are_no_actions_and_kinds_of_query_are_one() -> None:
    data = {
        "replies": {
            "ask": "Which day?",
            "query_check": "Query Check",
            "query_book": "Query Book",
            "yes": "Yes",
        },
        "graph": {"ask": "query_check", "yes": "query_book"},
    }
    found = schema_from("t", data, {"ask": "Which day?"})
    assert list(found.replies) == ["ask", "query"] and list(found.states) == ["yes"]
    booked = Event("agent", action="query", facts=(("RequestType", '"Book"'),))
    assert found.node_of(booked) == "query_book"
    assert found.order == {"ask": 0, "query_check": 1, "query_book": 2}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Can I have your flight ID, please?", "ask"),
        ("Alright, it is free at 4 pm. Can I book the appointment for you?", "offer"),
        ("Unfortunately I cannot find your account.", "bad"),
        ("Is there anything else that I can do for you?", "more"),
        ("I am sorry, I don't quite understand what you mean.", "lost"),
        ("Goodbye. Enjoy your ride!", "bye"),
        ("Your current balance is {balance:d} in credit.", "tell"),
        ("", "free"),
    ],
)
def test_kinds_by_their_words(words: str, kind: str) -> None:
    assert kind_of("some_action", words) == kind


def test_words_are_read_without_their_numbers() -> None:
    assert tokens("I can't, it's 9931939443153!") == ["i", "can't", "it's", "000000000"]
    assert name_parts("AccountNumber") == name_parts("account_number") == ["account", "number"]
    assert news(tokens("The doctor has a conflicting appointment")) == "bad"
    assert clauses("My PIN is 1, but I forgot my name.") == ["My PIN is 1", " ", " I forgot my name"][::2]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"id": 1, "task": "t"}, "a list of events"),
        ({"id": 1, "task": "t", "events": [{"role": "boss"}]}, "is no role"),
        ({"id": 1, "task": "t", "events": [{"role": "agent", "action": 4}]}, "an action is a name"),
    ],
)
def test_wrong_dialogues_are_refused_by_their_line(
    tmp_path: Path, row: dict[str, Any], complaint: str
) -> None:
    path = tmp_path / "talks.jsonl"
    path.write_text(json.dumps(talk("ride", 1)) + "\n\n" + json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=rf"talks.jsonl, line 3: .*{complaint}"):
        read_dialogues(path)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("engines.next_step.trial.PAST", QUICK)
    monkeypatch.setattr("engines.next_step.trial.PLAYBOOK", QUICK_PLAYBOOK)
    monkeypatch.setattr("engines.next_step.trial.FOLDS", 2)
    (tmp_path / "schemas").mkdir()
    for task in THINGS:
        (tmp_path / "schemas" / f"{task}.json").write_text(json.dumps(playbook(task)))
        (tmp_path / "schemas" / f"{task}.responses.json").write_text(json.dumps(spoken(task)))
    for name, tasks, numbers in (
        ("train", ("flight", "ride"), range(12)),
        ("data", tuple(THINGS), range(50, 54)),
    ):
        rows = [talk(task, number) for task in tasks for number in numbers]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def bench(files: Path, data: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    arguments = (
        "--train",
        str(files / "train.jsonl"),
        "--data",
        str(files / data),
        "--schemas",
        str(files / "schemas"),
    )
    code = main(["next_step", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out or "{}")


def test_the_bench_reports_seen_and_unseen_tasks_apart(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = bench(files, "data.jsonl", capsys)
    assert code == 0
    assert set(result["seen"]["tasks"]) == {"flight", "ride"} and set(result["unseen"]["tasks"]) == {"table"}
    assert result["seen_accuracy"] > 0.8 and result["unseen_accuracy"] > 0.6
    counts, joint = result["decisions"], result["accuracy"]
    hits = result["seen_accuracy"] * counts["seen"] + result["unseen_accuracy"] * counts["unseen"]
    assert joint == pytest.approx(hits / (counts["seen"] + counts["unseen"]), abs=1e-3)


def test_dialogues_of_the_training_are_measured_by_models_without_them(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = bench(files, "train.jsonl", capsys)
    assert code == 0 and result["how"]["seen"].startswith("cross-validation")
    assert result["seen_accuracy"] > 0.8 and result["decisions"]["seen"] > 80


def test_a_bench_without_its_files_says_so(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(files, "nowhere.jsonl", capsys)[0] == 1
    (files / "schemas" / "ride.json").write_text("{}")
    assert main(["next_step", "--train", "x", "--data", "x", "--schemas", str(files / "schemas")]) == 1


def test_schemas_are_read_by_their_file_names(files: Path) -> None:
    found = read_schemas(files / "schemas")
    assert set(found) == set(THINGS) and set(found["ride"].states) == {"query_success", "query_failure"}
    (files / "schemas" / "ride.json").write_text("{}")
    with pytest.raises(ValueError, match=r"ride.json: a schema needs replies and a graph"):
        read_schemas(files / "schemas")


def test_what_agents_dismissed_is_learned_as_wrong() -> None:
    rows = [talk("ride", number) for number in range(8)]
    schemas = {"ride": schema("ride")}
    asked = (Event("customer", "I need a ride"), Event("agent", "May I have your name, please?", "ask_name"))

    def likely(dismissed: list[str]) -> dict[str, float]:
        calls = [{"role": "customer", "text": "I need a ride", "rejected": dismissed} for _ in range(6)]
        more = [{"id": f"call {at}", "task": "ride", "events": [call]} for at, call in enumerate(calls)]
        model = train([dialogue_from(row) for row in (*rows, *more)], schemas, past=QUICK, playbook=None)
        found = model.suggest("ride", schemas["ride"], asked[:1], most=10)
        return {one.action: one.probability for one in found}

    before, after = likely([]), likely(["hello"])
    assert after["hello"] < before["hello"] / 2 and sum(after.values()) == pytest.approx(1)
    # Names that nobody knows, and one twice, change nothing.
    assert likely(["hello", "hello", "nobody_does"]) == after


def test_a_step_that_was_dismissed_and_then_taken_is_not_wrong() -> None:
    row = talk("ride", 1)
    at = next(place for place, event in enumerate(row["events"]) if event.get("action") == "ask_name")
    row["events"][at - 1]["rejected"] = ["ask_name", "goodbye"]
    dialogue = dialogue_from(row)
    known = learn_actions([dialogue], {})
    refused = [one for one in steps(dialogue, schema("ride"), known, unseen=False) if one.gold < 0]
    [step] = refused
    assert len(step.wrong) == 1 and row_of(dialogue)["events"][at - 1]["rejected"] == ["ask_name", "goodbye"]
    assert dialogue_from(row_of(dialogue)) == dialogue
    with pytest.raises(ValueError, match="list of names"):
        dialogue_from({"id": 1, "task": "x", "events": [{"role": "customer", "rejected": "goodbye"}]})


def told_after(*events: Event) -> dict[str, int]:
    data = {
        "replies": {
            "ask_pin": "Your PIN, please?",
            "offer": "It is available. Should I book it for you?",
            "booked": "It is booked.",
            "refused": "Unfortunately that failed.",
            "ask_birth": "Your date of birth, please?",
            "info_missing": "Info missing. Can't remember PIN",
            "yes": "Yes",
            "no": "No",
            "query_success": "Succeeded",
            "query_failure": "Failed",
        },
        "graph": {
            "ask_pin": "offer",
            "info_missing": "ask_birth",
            "yes": "query",
            "no": "ask_pin",
            "query_success": "booked",
            "query_failure": "refused",
        },
    }
    task = schema_from("book", data)
    follower = learned().follow("book", task)
    for event in events:
        follower.add(event)
    return states_told(follower._now)


def test_states_are_told_by_answers_forgetting_and_what_was_found() -> None:
    offer = Event("agent", "It is available. Should I book it for you?", "offer")
    assert told_after() == {}
    assert told_after(offer, Event("customer", "yes please")) == {"yes": 2}
    # A yes to something else is none.
    assert told_after(Event("customer", "yes please")) == {}
    asked = Event("agent", "Your PIN, please?", "ask_pin")
    forgot = Event("customer", "I forgot it")
    assert told_after(asked, forgot) == {"info_missing": 2}
    birth = Event("agent", "Your date of birth, please?", "ask_birth")
    assert told_after(asked, forgot, birth, Event("customer", "in May")) == {"info_missing": 1}
    query = Event("agent", "", "query")
    found = Event("system", facts=(("Status", "Reservation failed"),))
    assert told_after(query, found) == {"query_failure": 2}
    denied = Event("system", facts=(("Status", "Reservation denied"),))
    assert told_after(query, denied)["query_failure"] == 2
    # Its step has been done; a look-up that is denied may as well mean no.
    assert told_after(Event("agent", "", "refused"), query, denied) == {"no": 2}
    assert told_after(query, Event("system", facts=(("Status", "Pending"),))) == {}


def test_an_ending_of_the_playbook_is_the_only_one() -> None:
    data = json.loads(
        json.dumps(playbook("table")).replace("Thank you and goodbye.", "Bye. Enjoy your meal!")
    )
    data = json.loads(json.dumps(data).replace('"goodbye"', '"table_bye"'))
    actions = {each.action for each in learned().follow("table", schema_from("table", data, {})).candidates}
    assert "table_bye" in actions and "goodbye" not in actions


def test_groups_count_more_alike_than_their_steps() -> None:
    groups = ["a", "a", "a", "b"]
    assert list(_counts(groups, 0.0)) == [1, 1, 1, 1]
    assert list(_counts(groups, 1.0)) == pytest.approx([2 / 3] * 3 + [2])
