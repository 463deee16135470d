"""What a language model is asked about a call in tests of its judging, and what it says."""

from __future__ import annotations

from typing import Any

from qa.evaluating import answer_save, evaluation_start, evaluation_submit
from qa.models import Answer, Evaluation
from qa.scoring import conversation_score
from tests.peers.chat import say

SAID = (
    ("customer", "my router is dead since this morning", 1_000),
    ("agent", "i am sorry to hear that let us find out why", 9_000),
    ("agent", "the cause is a cable that came loose", 20_000),
    ("customer", "thank you so much", 30_000),
)


def verdict(
    question: int = 1,
    value: str = "yes",
    *,
    line: int = 3,
    words: str = "",
    confidence: float = 0.9,
    looked_for: str = "",
    reason: str = "Because.",
) -> dict[str, Any]:
    quotes = [{"line": line, "words": words}] if words else []
    told = {"question": question, "value": value, "confidence": confidence, "quotes": quotes}
    return told | {"looked_for": looked_for, "reason": reason}


def verdicts(*answers: dict[str, Any]) -> str:
    return say({"answers": list(answers)})


def score(ended: Any, *lines: tuple[str, str, int]) -> Evaluation:
    (found,) = conversation_score(conversation_id=ended(*(lines or SAID)).pk)
    return found


def answers(evaluation: Evaluation) -> list[Answer]:
    return list(evaluation.answers.order_by("position"))


CAUSE = "the cause is a cable that came loose"


def person_judges(automatic: Evaluation, person: Any, value: str) -> Evaluation:
    """Have a person evaluate the same part by the same card, each criterion with `value`."""
    row = evaluation_start(
        conversation=automatic.conversation,
        template=automatic.revision.template,
        user=person,
        agent_id=automatic.agent_id,
    )
    for criterion in automatic.revision.spec["criteria"]:
        answer_save(evaluation=row, user=person, key=criterion["key"], value=value)
    return evaluation_submit(evaluation=row, user=person)
