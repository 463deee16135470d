"""The judge that asks a language model: questions in the company's words, answered with quotes of the transcript.

What it says is held against the transcript and the question (`qa.judging.verdicts`). It never raises for what a server
does: what could not be answered stays open, with why, for people and for another try.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from engines.language.qa_judge import (
    QA_JUDGE,
    TOKENS_AN_ANSWER,
    Line,
    Question,
    Verdicts,
    asked,
    batches,
    variables,
    windows,
)
from engines.language.tasks import Outcome, Value
from engines.redaction.text import RedactedText
from engines.speech.faults import Fault
from providers.language import task_plan
from providers.language_selectors import TaskReach, task_reach
from qa.answers import NA, choices_of
from qa.judging import MODEL, Judged, Spec
from qa.judging.material import Material
from qa.judging.verdicts import TOO_LONG, Window, combined, judged_of, language_name
from qa.models import Answer

# Over all requests about one agent's part.
TOTAL_S = 300.0
# A conversation of more windows than this is for people: an hour and more, by a model of the smallest context.
WINDOWS_MAX = 20
CHARACTERS_A_TOKEN = 4
# After these the next request would fare no better.
_GIVE_UP = frozenset({Fault.AWAY, Fault.BUSY, Fault.SLOW, Fault.REFUSED, Fault.UNSUPPORTED})

Ask = Callable[..., Outcome[Verdicts]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a part needs: a window of it, and the criteria that are asked about it."""

    window: Window
    criteria: Sequence[Spec]

    @property
    def tokens(self) -> tuple[int, int]:
        """What it takes, in and out, as estimated."""
        words = sum(len(one.text.text) + 12 for one in self.window.lines)
        told = len(QA_JUDGE.prompt.system) + len(asked([question_of(one) for one in self.criteria]))
        return (words + told) // CHARACTERS_A_TOKEN, TOKENS_AN_ANSWER * len(self.criteria)


class ModelJudge:
    """Answers by asking the company's model. `within_s` is for one request, `total_s` for one agent's part."""

    key = MODEL
    label = _("a language model")
    kinds: tuple[str, ...] = ("yes_no", "scale", "choice", "number")
    revision = "model 1"

    def __init__(self, *, within_s: float | None = None, total_s: float = TOTAL_S) -> None:
        self._within_s, self._total_s = within_s or QA_JUDGE.within_s, total_s

    def complaints(self, criterion: Spec) -> list[str]:
        return []

    def answers(self, criteria: Sequence[Spec], material: Material) -> Mapping[str, Judged]:
        """Asks outside of any transaction, and not where an event loop runs. Three queries, and what it costs."""
        plan, reach = task_plan(QA_JUDGE, sticky=str(material.conversation_id)), task_reach(QA_JUDGE)
        if not plan.possible or reach is None:
            return {one["key"]: self._open(plan.fault) for one in criteria}
        return self.answered(criteria, material, plan.run, reach.characters)

    def answered(
        self, criteria: Sequence[Spec], material: Material, ask: Ask, characters: int
    ) -> dict[str, Judged]:
        """The same with whoever is asked."""
        requests, long = requests_of(criteria, material, characters)
        found: dict[str, list[Judged]] = {one["key"]: [] for one in criteria}
        for one in long:
            found[one["key"]].append(self._open(TOO_LONG))
        ends, fault = time.monotonic() + self._total_s, ""
        for request in requests:
            told, fault = self._asked(request, material, ask, ends) if not fault else ({}, fault)
            for one in request.criteria:
                found[one["key"]].append(told.get(one["key"]) or self._open(fault))
            if fault not in _GIVE_UP:
                fault = ""
        return {one["key"]: combined(one, found[one["key"]]) for one in criteria}

    def _asked(
        self, request: Request, material: Material, ask: Ask, ends: float
    ) -> tuple[dict[str, Judged], str]:
        """Answers of one request by key, and what kept it from answering; in halves where they were too long."""
        left = ends - time.monotonic()
        if left <= 0:
            return {}, Fault.SLOW
        questions = [question_of(one) for one in request.criteria]
        given: Mapping[str, Value] = variables(
            request.window.lines, questions, language_name(material.language)
        )
        outcome = ask(given, within_s=min(self._within_s, left))
        if outcome.value is None:
            if outcome.cut and len(request.criteria) > 1:
                middle = len(request.criteria) // 2
                halves = [
                    self._asked(Request(request.window, half), material, ask, ends)
                    for half in (request.criteria[:middle], request.criteria[middle:])
                ]
                return halves[0][0] | halves[1][0], halves[0][1] or halves[1][1]
            return {one["key"]: self._open(outcome.fault) for one in request.criteria}, outcome.fault
        who = f"{self.revision} · {outcome.model} · prompt {outcome.revision}"
        return judged_of(outcome.value, request.criteria, request.window, material, who), ""

    def _open(self, why: str) -> Judged:
        known = why in Answer.OpenWhy.values
        return Judged("", judge=self.revision, open_why=why if known else Answer.OpenWhy.BROKEN)


def requests_of(
    criteria: Sequence[Spec], material: Material, characters: int
) -> tuple[list[Request], list[Spec]]:
    """What would be asked about a part, and the criteria for which it is too long.

    A part of several windows is asked about in each; only what is yes or no can be put together again.
    """
    said = [turn for turn in material.turns if turn.text.strip()]
    lines = [Line(number, turn.speaker, RedactedText(turn.text)) for number, turn in enumerate(said, start=1)]
    cut = windows(lines, characters)
    if not cut:
        return [], list(criteria)
    whole = len(cut) == 1
    fitting = [one for one in criteria if whole or one["kind"] == "yes_no"]
    if len(cut) > WINDOWS_MAX:
        fitting = []
    long = [one for one in criteria if one not in fitting]
    made = [
        Request(
            Window(
                part,
                said,
                material.start_ms if number == 0 else said[part[0].number - 1].start_ms,
                material.end_ms if number == len(cut) - 1 else said[part[-1].number - 1].end_ms,
            ),
            [fitting[at] for at in batch],
        )
        for number, part in enumerate(cut)
        for batch in batches(len(fitting))
    ]
    return made, long


def question_of(criterion: Spec) -> Question:
    """A criterion as it is put to a model."""
    allowed = [(one["value"], str(one["label"])) for one in choices_of(criterion)]
    if criterion["kind"] == "scale" and allowed:
        worst, best = allowed[0][0], allowed[-1][0]
        ends = {worst: f"{worst}, the worst", best: f"{best}, the best"}
        allowed = [(value, ends.get(value, value)) for value, _label in allowed]
    elif criterion["kind"] == "yes_no":
        allowed = [(value, value) for value, _label in allowed]
    if criterion["allow_na"] and allowed:
        allowed.append((NA, "it does not apply here"))
    return Question(
        criterion["question"],
        allowed,
        criterion["guideline"],
        criterion["good_example"],
        criterion["bad_example"],
    )


def model_reach() -> TaskReach | None:
    """What the model that would judge takes at once and costs; None where the company has set none up."""
    return task_reach(QA_JUDGE)
