"""What raters said in calibrations, side by side: people, the automatic judge as one of them, and what was agreed.

Reads and no rules of who may see it: sessions whose scoring is not over are nobody's to compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from qa.answers import OPEN, applying, score_of
from qa.models import (
    Answer,
    Assignment,
    CalibrationCall,
    CalibrationReference,
    CalibrationSession,
    Evaluation,
    ScorecardTemplate,
)

How, State = CalibrationReference.How, CalibrationSession.State

# A person's id, or none: the automatic judge.
Rater = UUID | None
AUTOMATIC: Rater = None
# An answer and what it is worth, 0-100; none where it is worth nothing either way.
Said = tuple[str, float | None]
# A call of a session, and a criterion's key.
Place = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Reference:
    """The right answer in a place, how it came to be, why, and who decided it."""

    value: str
    how: str
    reason: str = ""
    by: UUID | None = None


@dataclass(slots=True)
class Rated:
    """One session. `given`: place -> rater -> what they said. `reference`: place -> the right answer, if there is one.

    `asked`: the criteria of its revision that can be compared, by key; free words cannot.
    """

    session: CalibrationSession
    asked: dict[str, dict[str, Any]]
    calls: list[CalibrationCall]
    given: dict[Place, dict[Rater, Said]] = field(default_factory=lambda: defaultdict(dict))
    reference: dict[Place, Reference] = field(default_factory=dict)

    def measure(self, place: Place) -> Said | None:
        """The reference as raters' answers are."""
        agreed = self.reference.get(place)
        return None if agreed is None else (agreed.value, score_of(self.asked[place[1]], agreed.value))

    def compared(self) -> Iterator[tuple[Place, Rater, Said, Said]]:
        """(place, rater, what they said, the reference); nobody is compared with themselves."""
        for place, said in self.given.items():
            agreed, measure = self.reference.get(place), self.measure(place)
            if agreed is None or measure is None:
                continue
            for rater, what in said.items():
                if agreed.how != How.RATER or rater is AUTOMATIC or rater != agreed.by:
                    yield place, rater, what, measure

    def open_places(self) -> list[Place]:
        """Where somebody answered and nothing is agreed yet."""
        return [place for place, said in self.given.items() if said and place not in self.reference]


def ratings_of(sessions: Sequence[CalibrationSession]) -> list[Rated]:
    """What was said in these sessions (with their `revision`), in the same order. Five queries.

    Only what was submitted by who still takes part counts as given.
    """
    calls: defaultdict[UUID, list[CalibrationCall]] = defaultdict(list)
    for call in CalibrationCall.objects.filter(session__in=sessions).order_by("position", "pk"):
        calls[call.session_id].append(call)
    people = participants_of(sessions)
    rated = {one.pk: Rated(one, _asked(one.revision.spec["criteria"]), calls[one.pk]) for one in sessions}
    of_call = {call.pk: rated[call.session_id] for own in calls.values() for call in own}
    told: defaultdict[tuple[UUID, Rater], dict[str, str]] = defaultdict(dict)
    for call_id, evaluator, key, value in _said_by_people(of_call):
        if evaluator in people[of_call[call_id].session.pk]:
            told[call_id, evaluator][key] = value
    # The same call may have been calibrated more than once.
    judged: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for call in (call for own in calls.values() for call in own):
        if call.automatic_id is not None:
            judged[call.automatic_id].append(call.pk)
    automatic = Answer.objects.filter(evaluation__in=list(judged)).order_by("pk")
    for evaluation_id, key, value in automatic.values_list("evaluation_id", "criterion_key", "automatic"):
        for call_id in judged[evaluation_id]:
            told[call_id, AUTOMATIC][key] = value
    for (call_id, rater), values in told.items():
        one = of_call[call_id]
        # What a rater's own answers leave out they were not asked: that two were not is no agreement.
        for key in applying(one.session.revision.spec["criteria"], values) & one.asked.keys():
            if values.get(key, OPEN) != OPEN:
                one.given[call_id, key][rater] = (values[key], score_of(one.asked[key], values[key]))
    for row in CalibrationReference.objects.filter(call__in=of_call):
        if row.criterion_key in of_call[row.call_id].asked:
            of_call[row.call_id].reference[row.call_id, row.criterion_key] = Reference(
                row.value, row.how, row.reason, row.decided_by_id
            )
    for one in rated.values():
        _propose(one)
    return list(rated.values())


def _asked(criteria: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in criteria if one["kind"] != "text"}


def participants_of(sessions: Iterable[CalibrationSession]) -> dict[UUID, set[UUID]]:
    """Who takes part, by session. One query."""
    found: dict[UUID, set[UUID]] = {one.pk: set() for one in sessions}
    rows = CalibrationSession.participants.through.objects.filter(calibrationsession__in=list(found))
    for session_id, user_id in rows.values_list("calibrationsession_id", "user_id"):
        found[session_id].add(user_id)
    return found


def _said_by_people(calls: Iterable[UUID]) -> Any:
    rows = Answer.objects.filter(
        evaluation__assignment__calibration__in=list(calls),
        evaluation__assignment__state=Assignment.State.DONE,
        evaluation__evaluator__isnull=False,
    ).exclude(evaluation__state=Evaluation.State.DRAFT)
    return rows.order_by("pk").values_list(
        "evaluation__assignment__calibration_id", "evaluation__evaluator_id", "criterion_key", "value"
    )


def _propose(one: Rated) -> None:
    """What is not agreed on explicitly: the reference rater's answer, or what two people or more said alike."""
    rater = one.session.reference_rater_id
    for place, said in one.given.items():
        if place in one.reference:
            continue
        people = {who: what for who, what in said.items() if who is not AUTOMATIC}
        if rater is not None and rater in people:
            one.reference[place] = Reference(people[rater][0], How.RATER, by=rater)
        elif len(people) > 1 and len({value for value, _score in people.values()}) == 1:
            one.reference[place] = Reference(next(iter(people.values()))[0], How.ALL_ALIKE)


def closed_sessions(
    template: ScorecardTemplate, *, since: datetime, until: datetime | None = None
) -> list[CalibrationSession]:
    """Calibrations by a scorecard that were closed since then (until before `until`), the oldest first. One query."""
    rows = CalibrationSession.objects.filter(
        revision__template=template, state=State.CLOSED, closed_at__gte=since
    )
    if until is not None:
        rows = rows.filter(closed_at__lt=until)
    return list(rows.select_related("revision").order_by("closed_at", "pk"))


def automatic_pairs(rated: Iterable[Rated]) -> dict[str, list[tuple[Said, Said]]]:
    """The automatic judge against the reference, by the criterion's key."""
    found: defaultdict[str, list[tuple[Said, Said]]] = defaultdict(list)
    for one in rated:
        for (_call, key), rater, what, measure in one.compared():
            if rater is AUTOMATIC:
                found[key].append((what, measure))
    return found
