"""The judge of behaviours: what a policy expected of the agent in a situation, and whether it was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from coaching.models import BehaviourOutcome, PolicyRevision
from qa.answers import NA, NO, YES
from qa.judging import Judged, Spec
from qa.judging.material import Material

Result = BehaviourOutcome.Result


class BehaviourJudge:
    """Yes when the behaviour was shown each time that its situation came up; N/A when it never did."""

    key = "behaviour"
    label = _("a behaviour of a policy")
    kinds: tuple[str, ...] = ("yes_no",)
    revision = "behaviours 1"

    def complaints(self, criterion: Spec) -> list[str]:
        key = criterion["behaviour"]
        if not key:
            return [_t("name the behaviour that answers it.")]
        named = PolicyRevision.objects.filter(document__behaviours__contains=[{"id": key}])
        return [] if named.exists() else [_t("no published policy has a behaviour “%(key)s”.") % {"key": key}]

    def answers(self, criteria: Sequence[Spec], material: Material) -> Mapping[str, Judged]:
        keys = {one["behaviour"] for one in criteria}
        rows = BehaviourOutcome.objects.filter(
            conversation=material.conversation_id, behaviour_key__in=keys
        ).order_by("at_ms", "id")
        seen: dict[str, list[BehaviourOutcome]] = {}
        starts = {str(turn.id): turn.start_ms for turn in material.turns}
        for row in rows:
            if material.whole or any(start <= row.at_ms < end for start, end in material.segments):
                seen.setdefault(row.behaviour_key, []).append(row)
        return {one["key"]: answer(seen.get(one["behaviour"], []), starts, material) for one in criteria}


def answer(seen: Sequence[BehaviourOutcome], starts: Mapping[str, int], material: Material) -> Judged:
    """The words that show it; of what was missed, the situation and the stretch that was searched after it."""
    if not seen:
        return Judged(NA, [], 1.0)
    missed = [row for row in seen if row.result == Result.MISSED]
    if missed:
        first = missed[0]
        cause = _places(first.situation or first.evidence, starts)
        began = min((one["at_ms"] for one in cause), default=first.at_ms)
        searched = {"searched": [began, max(began, first.at_ms)], "for": first.name}
        sure = material.sureness(began, max(began + 1, first.at_ms))
        return Judged(NO, [*cause, searched], sure)
    places = [place for row in seen for place in _places(row.evidence, starts)]
    sure = min((material.confidences[t.id] for t in material.turns if str(t.id) in _ids(places)), default=1.0)
    return Judged(YES, places, sure)


def _places(evidence: Sequence[Mapping[str, Any]], starts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Evidence with the time that it was said; what was said in another agent's part is left out."""
    return [
        {**one, "utterance": str(one["utterance"]), "at_ms": starts[str(one["utterance"])]}
        for one in evidence
        if str(one.get("utterance")) in starts
    ]


def _ids(places: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(one["utterance"]) for one in places}
