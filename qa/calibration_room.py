"""A calibration as its page and the API show it: before, who has submitted; afterwards, raters side by side.

While scoring goes on nothing of what anybody answered is read here, whoever asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import User
from conversations.events import person, stamp
from qa.answers import choices_shown, label_of, total_of
from qa.calibration_access import calls_readable, may_lead
from qa.calibration_figures import (
    CriterionFigures,
    RaterFigures,
    criteria_figures,
    raters_figures,
    trend,
)
from qa.calibration_ratings import AUTOMATIC, Rated, Rater, closed_sessions, ratings_of
from qa.models import Answer, Assignment, CalibrationCall, CalibrationSession, ScorecardTemplate
from qa.selectors import quality_settings

State = CalibrationSession.State
Shown = dict[str, Any]
RESULTS_PERIOD = timedelta(days=365)


def calibration_listed(row: CalibrationSession) -> Shown:
    """One row of the list; `row` as `calibrations_visible` gives it."""
    return {
        "id": str(row.pk),
        "name": row.name,
        "state": row.state,
        "scorecard": str(row.revision.template_id),
        "revision": {"name": row.revision.spec["name"], "number": row.revision.number},
        "leader": person(row.leader),
        "reference_rater": person(row.reference_rater),
        **{name: stamp(getattr(row, name)) for name in ("created_at", "due_at", "opened_at")},
        **{name: stamp(getattr(row, name)) for name in ("scored_at", "closed_at")},
    }


def calibration_shown(row: CalibrationSession, user: User) -> Shown:
    """A session whole, as far as this person may see it now.

    Beside what the list has: `leads`; `participants` with how many calls each has `submitted`; `calls`; and once
    scoring is over, of each call the `raters` with their totals and `criteria` with all answers, those that differ
    first, and `figures`. A fixed number of queries, whatever is in it.
    """
    calls = list(row.calls.select_related("conversation__customer", "agent", "automatic"))
    people = list(row.participants.order_by("name"))
    work = list(
        Assignment.objects.filter(calibration__in=calls, assignee__in=people).values_list(
            "assignee_id", "calibration_id", "state", "pk"
        )
    )
    done = Counter(who for who, _call, state, _pk in work if state == Assignment.State.DONE)
    readable = calls_readable(user, calls)
    mine = {
        call: pk
        for who, call, state, pk in work
        if call is not None and who == user.pk and state == Assignment.State.OPEN
    }
    shown = {
        **calibration_listed(row),
        "leads": may_lead(user, row),
        "participants": [
            {**(person(one) or {}), "submitted": done[one.pk], "of": len(calls)} for one in people
        ],
        "calls": [_call(one, readable, mine) for one in calls],
        "figures": None,
        "missing": [],
    }
    if row.is_compared:
        (rated,) = ratings_of([row])
        _compare(shown, rated, calls, people, readable)
    return shown


def _call(one: CalibrationCall, readable: set[UUID], mine: dict[UUID, UUID]) -> Shown:
    known = one.conversation_id in readable
    return {
        "id": str(one.pk),
        "conversation": str(one.conversation_id),
        "customer": str(one.conversation.customer or "") if known else "",
        "announced_at": stamp(one.conversation.announced_at),
        "agent": person(one.agent),
        "assignment": str(mine[one.pk]) if one.pk in mine else None,
        "readable": known,
        "raters": [],
        "criteria": [],
    }


# --- Side by side ---------------------------------------------------------------------------------------


def _compare(
    shown: Shown, rated: Rated, calls: list[CalibrationCall], people: list[User], readable: set[UUID]
) -> None:
    names = {one.pk: one.name for one in people}
    cells, totals = _cells(calls, {one.pk for one in people}, rated.session.revision.spec["criteria"])
    names |= dict(
        User.objects.filter(pk__in={one.by for one in rated.reference.values() if one.by}).values_list(
            "pk", "name"
        )
    )
    for call, row in zip(calls, shown["calls"], strict=True):
        raters: list[Rater] = [one.pk for one in people if (call.pk, one.pk) in totals]
        if (call.pk, AUTOMATIC) in totals:
            raters.append(AUTOMATIC)
        row["raters"] = [{**_rater(who, names), "total": _number(totals[call.pk, who])} for who in raters]
        criteria = [
            _criterion(number, spec, rated, call, raters, cells, names, call.conversation_id in readable)
            for number, spec in enumerate(rated.session.revision.spec["criteria"], 1)
        ]
        row["criteria"] = sorted(criteria, key=lambda one: (-one["different"], one["number"]))
    bar = quality_settings().kappa_percent / 100
    shown["figures"] = {
        "bar": bar,
        "criteria": criteria_shown(criteria_figures([rated], bar=bar)),
        "raters": raters_shown(raters_figures([rated], bar=bar), names),
    }
    keys = {key for _call_id, key in rated.open_places()}
    shown["missing"] = [one["question"] for key, one in rated.asked.items() if key in keys]


def _rater(who: Rater, names: dict[UUID, str]) -> Shown:
    return {
        "person": None if who is None else {"id": str(who), "name": names.get(who, "")},
        "automatic": who is AUTOMATIC,
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _cells(
    calls: list[CalibrationCall], people: set[UUID], criteria: list[Shown]
) -> tuple[dict[tuple[UUID, str, Rater], Answer], dict[tuple[UUID, Rater], Any]]:
    """Answers by call, criterion and rater, and totals by call and rater. Two queries."""
    rows = Answer.objects.filter(
        evaluation__assignment__calibration__in=calls,
        evaluation__assignment__state=Assignment.State.DONE,
        evaluation__evaluator__in=people,
    ).select_related("evaluation__assignment")
    cells: dict[tuple[UUID, str, Rater], Answer] = {}
    totals: dict[tuple[UUID, Rater], Any] = {}
    for answer in rows:
        call_id, who = answer.evaluation.assignment.calibration_id, answer.evaluation.evaluator_id
        if call_id is not None:
            cells[call_id, answer.criterion_key, who] = answer
            totals[call_id, who] = answer.evaluation.total
    judged = {one.automatic_id: one for one in calls if one.automatic_id}
    for answer in Answer.objects.filter(evaluation__in=judged):
        call = judged[answer.evaluation_id]
        cells[call.pk, answer.criterion_key, AUTOMATIC] = answer
    for call in judged.values():
        # Of what the judge had said, whatever people have made of it since.
        said = ((one, cells.get((call.pk, one["key"], AUTOMATIC))) for one in criteria)
        totals[call.pk, AUTOMATIC] = total_of((one, answer.automatic) for one, answer in said if answer)[0]
    return cells, totals


def _criterion(
    number: int,
    spec: Shown,
    rated: Rated,
    call: CalibrationCall,
    raters: Iterable[Rater],
    cells: dict[tuple[UUID, str, Rater], Answer],
    names: dict[UUID, str],
    readable: bool,
) -> Shown:
    place = (call.pk, spec["key"])
    given, agreed = rated.given.get(place, {}), rated.reference.get(place)
    measure = rated.measure(place)
    answers = []
    for who in raters:
        answer = cells.get((call.pk, spec["key"], who))
        value = "" if answer is None else answer.automatic if who is AUTOMATIC else answer.value
        score = given[who][1] if who in given else None
        words = readable and answer is not None
        answers.append(
            {
                **_rater(who, names),
                "value": value if spec["kind"] != "text" or readable else "",
                "label": label_of(spec, value) if spec["kind"] != "text" or readable else "",
                "score": score,
                "points_off": abs(score - measure[1])
                if measure is not None and measure[1] is not None and score is not None
                else None,
                "agrees": None if measure is None or who not in given else value == measure[0],
                "comment": answer.comment if words and answer is not None else "",
                "evidence": answer.evidence if words and answer is not None else [],
            }
        )
    return {
        "number": number,
        "key": spec["key"],
        "section": spec["section"],
        "question": spec["question"],
        "kind": spec["kind"],
        "choices": choices_shown(spec),
        # How many different answers there are beyond one.
        "different": max(0, len({value for value, _score in given.values()}) - 1),
        "given": len(given),
        "answers": answers,
        "reference": None
        if agreed is None
        else {
            "value": agreed.value,
            "label": label_of(spec, agreed.value),
            "how": agreed.how,
            "reason": agreed.reason if readable else "",
            "by": names.get(agreed.by, "") if agreed.by else "",
        },
    }


# --- Figures --------------------------------------------------------------------------------------------


def agreed_shown(one: Any) -> Shown | None:
    """Figures of agreement with how many pairs they rest on, and whether those are too few."""
    if one is None:
        return None
    return {name: getattr(one, name) for name in ("n", "percent", "points", "kappa", "low", "few")}


def criteria_shown(rows: Iterable[CriterionFigures]) -> list[Shown]:
    """By criterion, what raters most disagree with the reference on first."""
    found = [
        {
            **{name: getattr(row, name) for name in ("key", "section", "question", "alpha", "raters")},
            "people": agreed_shown(row.people),
            "automatic": agreed_shown(row.automatic),
        }
        for row in rows
    ]
    return sorted(
        found, key=lambda one: 100 if one["people"]["percent"] is None else one["people"]["percent"]
    )


def raters_shown(rows: Iterable[RaterFigures], names: dict[UUID, str]) -> list[Shown]:
    return [{**_rater(row.rater, names), **(agreed_shown(row.agreed) or {})} for row in rows]


def results_shown(template: ScorecardTemplate, *, since: datetime) -> Shown:
    """Closed calibrations by a scorecard since then together: by criterion, by rater, and from one to the next."""
    bar = quality_settings().kappa_percent / 100
    rated = ratings_of(closed_sessions(template, since=since))
    raters = raters_figures(rated, bar=bar)
    names = dict(
        User.objects.filter(pk__in=[one.rater for one in raters if one.rater]).values_list("pk", "name")
    )
    return {
        "since": stamp(since),
        "bar": bar,
        "sessions": len(rated),
        "criteria": criteria_shown(criteria_figures(rated, bar=bar)),
        "raters": raters_shown(raters, names),
        "trend": [
            {
                "id": str(one.session.pk),
                "name": one.session.name,
                "closed_at": stamp(one.session.closed_at),
                "people": agreed_shown(one.people),
                "automatic": agreed_shown(one.automatic),
            }
            for one in trend(rated, bar=bar)
        ],
    }
