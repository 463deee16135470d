"""The judge that goes by what was heard: yes when a moment was, or was not, in the agent's part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from moments.models import MomentOccurrence
from qa.answers import NA, NO, YES
from qa.judging import Evidence, Judged, Spec
from qa.judging.material import Material


class MomentJudge:
    """Answers yes/no criteria. What was heard is evidence by its place, what was not by the stretch searched."""

    key = "moment"
    label = _("whether a moment was heard")
    kinds: tuple[str, ...] = ("yes_no",)
    revision = "moments 1"

    def complaints(self, criterion: Spec) -> list[str]:
        return [] if criterion["moment"] else [_t("choose the moment that answers it.")]

    def answers(self, criteria: Sequence[Spec], material: Material) -> Mapping[str, Judged]:
        return {one["key"]: answer(one, material) for one in criteria}


def answer(criterion: Spec, material: Material) -> Judged:
    """Answer one criterion.

    A moment that nobody listened for is not judged (N/A), nor is a criterion whose condition did not come about, nor,
    for an agent who took the call over, what was due before.
    """
    end_ms = material.end_ms
    from_ms = material.start_ms
    if criterion["applies_after"] is not None:
        condition = material.by_moment.get(criterion["applies_after"])
        if not condition:
            return Judged(NA, [searched(from_ms, end_ms, criterion["applies_after_name"])], 1.0)
        from_ms = condition[0].at_ms
    found = [one for one in material.by_moment.get(criterion["moment"], ()) if one.at_ms >= from_ms]
    if not found and material.listened is not None and criterion["moment"] not in material.listened:
        return Judged(NA)
    expected = criterion["expect"] == "present"
    if found:
        sure = max(_sureness(one, material) for one in found)
        return Judged(YES if expected else NO, [place(one) for one in found], sure)
    # "It was not missing" is shown by where it was said.
    said = [one for one in material.by_moment.get(criterion["missing"] or "", ()) if one.at_ms >= from_ms]
    if criterion["missing"] and not said and material.start_ms > 0 and criterion["applies_after"] is None:
        return Judged(NA, [], 1.0)
    evidence: Evidence = [place(one) for one in said]
    sure = max(_sureness(one, material) for one in said) if said else material.sureness(from_ms, end_ms)
    return Judged(
        NO if expected else YES,
        evidence or [searched(from_ms, max(from_ms, end_ms), criterion["moment_name"])],
        sure,
    )


def _sureness(occurrence: MomentOccurrence, material: Material) -> float:
    if occurrence.utterance_id is None:
        from_ms, to_ms = occurrence.searched_from_ms, occurrence.searched_to_ms
        return 1.0 if from_ms is None or to_ms is None else material.sureness(from_ms, to_ms)
    told = 1.0 if occurrence.score is None else occurrence.score
    return told * material.confidences.get(occurrence.utterance_id, 1.0)


def searched(from_ms: int, to_ms: int, what: str) -> dict[str, Any]:
    """Evidence of an absence: the stretch that was searched, and what was looked for."""
    return {"searched": [from_ms, to_ms], "for": what}


def place(occurrence: MomentOccurrence) -> dict[str, Any]:
    """Evidence of a moment: where its words are; of a silence the stretch; of a field of the call its name."""
    if occurrence.utterance_id is None:
        if occurrence.searched_from_ms is None or occurrence.searched_to_ms is None:
            # A field of the call, which nobody said: it was so from then on.
            return {"marked": occurrence.definition.name, "at_ms": occurrence.at_ms}
        return searched(occurrence.searched_from_ms, occurrence.searched_to_ms, occurrence.definition.name)
    return {
        "utterance": str(occurrence.utterance_id),
        "start": occurrence.start,
        "end": occurrence.end,
        "at_ms": occurrence.at_ms,
    }
