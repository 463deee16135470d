"""Behaviours of a policy as answers to criteria: shown, missed with the stretch, and never called for."""

from __future__ import annotations

from coaching.judging import BehaviourJudge
from coaching.models import BehaviourOutcome
from qa.judging.material import Material, Turn
from tests.qa.made import criterion
from tests.understanding import policy_make


def test_a_behaviour_answers_a_criterion(northwind, make_conversation):
    row = make_conversation(agent=northwind.people["agent"])
    first, second = row.utterances.order_by("sequence")
    behaviour = {
        "id": "empathy",
        "name": "Empathy",
        "situation": {"phrases": ["wrong"]},
        "expected": {"phrases": ["sorry"]},
        "within_ms": 30_000,
    }
    asked = criterion(method="behaviour", behaviour="empathy")
    judge = BehaviourJudge()
    assert "no published policy" in judge.complaints(asked)[0]
    revision = policy_make(behaviours=[behaviour])
    assert judge.complaints(asked) == []

    turns = [Turn(u.pk, u.speaker, u.start_ms, u.end_ms, u.text, 0.8) for u in (first, second)]
    material = Material(row.pk, [(0, 60_000)], turns)

    def answer():
        return judge.answers([asked], material)["one"]

    def outcome(result, said, at_ms):
        place = {"utterance": str(said.pk), "start": 0, "end": 5}
        BehaviourOutcome.objects.create(
            conversation=row,
            revision=revision,
            behaviour_key="empathy",
            name="Empathy",
            result=result,
            evidence=[place],
            at_ms=at_ms,
        )

    assert answer().value == "na"
    outcome("done", first, 1_000)
    shown = answer()
    assert (shown.value, shown.confidence) == ("yes", 0.8)
    assert shown.evidence == [{"utterance": str(first.pk), "start": 0, "end": 5, "at_ms": 0}]
    # Missed once is missed; where it was called for, and what was searched for it.
    outcome("missed", second, 35_000)
    missed = answer()
    assert missed.value == "no"
    assert missed.evidence[-1] == {"searched": [5_000, 35_000], "for": "Empathy"}
