"""The judge that asks an intent classifier what the customer meant: yes, or which of a choice's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from engines.intents import Guess, UnusableModel
from moments.classifying import model_of
from moments.models import Classifier
from qa.answers import NO, OPEN, YES, choice_value, choices_of
from qa.judging import Judged, Spec
from qa.judging.material import Material, Turn
from qa.judging.moments import searched

log = structlog.get_logger(__name__)

# An hour's call has fewer; what is longer than this is no conversation.
TURNS_MAX = 1_000


class IntentJudge:
    """Goes by the classifier that is live for the task; where there is none, people answer."""

    key = "intent"
    label = _("an intent classifier")
    kinds: tuple[str, ...] = ("yes_no", "choice")
    revision = "intents 1"

    def complaints(self, criterion: Spec) -> list[str]:
        if not criterion["task"]:
            return [_t("name the task of the classifier that answers it.")]
        if criterion["kind"] == "yes_no" and not criterion["intent"]:
            return [_t("name the intent that means yes.")]
        return []

    def answers(self, criteria: Sequence[Spec], material: Material) -> Mapping[str, Judged]:
        told = {task: _guesses(task, material) for task in {one["task"] for one in criteria}}
        return {one["key"]: answer(one, told[one["task"]], material) for one in criteria}


def _guesses(task: str, material: Material) -> list[tuple[Turn, Guess]] | None:
    """What the customer meant, utterance by utterance; None where nobody can tell."""
    live = Classifier.objects.filter(task=task, state=Classifier.State.LIVE)
    classifier_id = live.values_list("pk", flat=True).first()
    if classifier_id is None:
        return None
    try:
        model = model_of(classifier_id)
    except UnusableModel as error:
        log.error("qa.unusable_classifier", classifier=str(classifier_id), error=str(error))
        return None
    said = [turn for turn in material.turns if turn.speaker == "customer" and turn.text.strip()]
    return [(turn, model.guess(turn.text)) for turn in said[:TURNS_MAX]]


def answer(criterion: Spec, told: Sequence[tuple[Turn, Guess]] | None, material: Material) -> Judged:
    """The surest utterance decides; what the classifier refuses says nothing."""
    if told is None:
        return Judged(OPEN)
    least = criterion["least_score"] or 0.0
    sure = [(turn, guess) for turn, guess in told if not guess.refused and guess.score >= least]
    if criterion["kind"] == "yes_no":
        wanted = {criterion["intent"]: YES}
    else:
        values = {one["value"] for one in choices_of(criterion)}
        wanted = {g.intent: choice_value(g.intent) for _t_, g in sure if choice_value(g.intent) in values}
    meant = [(turn, guess) for turn, guess in sure if guess.intent in wanted]
    if meant:
        turn, guess = max(meant, key=lambda one: one[1].score)
        place = {"utterance": str(turn.id), "start": 0, "end": len(turn.text), "at_ms": turn.start_ms}
        sureness = guess.score * material.confidences.get(turn.id, 1.0)
        return Judged(wanted[guess.intent], [place], sureness)
    if criterion["kind"] == "choice":
        return Judged(OPEN)
    missed = max((g.score for _turn, g in told if g.intent == criterion["intent"]), default=0.0)
    evidence = [searched(material.start_ms, material.end_ms, criterion["intent"])]
    return Judged(NO, evidence, 1.0 - missed)
