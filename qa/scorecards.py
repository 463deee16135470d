"""A scorecard as JSON: what is published, what keeps it from being published, and who it is for."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations.models import Conversation
from qa.answers import STEPS_MAX, choices_of, counts, cycle_of
from qa.judging import MODEL, PERSON, judges
from qa.judging.model import model_reach
from qa.models import Criterion, ScorecardTemplate

Kind = Criterion.Kind

# Fields that stand in the spec as they are.
PLAIN = (
    *(
        "section",
        "question",
        "guideline",
        "good_example",
        "bad_example",
        "coaching_tip",
        "weight",
        "auto_fail",
    ),
    *(
        "allow_na",
        "kind",
        "options",
        "low",
        "high",
        "depends_values",
        "method",
        "expect",
        "behaviour",
        "figure",
    ),
    *("figure_test", "limit", "task", "intent", "least_score"),
)


def criterion_spec(criterion: Criterion) -> dict[str, Any]:
    """Return a criterion as JSON; `key` stays the same over revisions. Moments are named by their keys."""
    moment, after = criterion.moment, criterion.applies_after
    missing = moment.expected if moment is not None and moment.expected_id else None
    return {
        "key": str(criterion.pk),
        **{name: getattr(criterion, name) for name in PLAIN},
        "depends_on": str(criterion.depends_on_id) if criterion.depends_on_id else None,
        "moment": moment.key if moment else None,
        "moment_name": moment.name if moment else None,
        # Of a moment that is the absence of another: what was said instead of missing is the evidence.
        "missing": missing.key if missing else None,
        # Revisions that were published before there were models have none, and stay what would be published today.
        **({"said_by": criterion.said_by} if criterion.method == MODEL else {}),
        "applies_after": after.key if after else None,
        "applies_after_name": after.name if after else None,
    }


def scorecard_spec(template: ScorecardTemplate) -> dict[str, Any]:
    """Return a scorecard as it stands: `{"name", "audience", "criteria": [...]}`; active criteria, in their order."""
    rows = template.criteria.filter(active=True).select_related("moment__expected", "applies_after")
    return {
        "name": template.name,
        "audience": {
            "teams": sorted(str(pk) for pk in template.teams.values_list("pk", flat=True)),
            "queues": sorted(template.queues.values_list("key", flat=True)),
            "channels": sorted(template.channels),
        },
        "criteria": [criterion_spec(row) for row in rows.order_by("position", "id")],
    }


def is_for(spec: dict[str, Any], *, team_id: object, queue: str | None, channel: str) -> bool:
    """Whether a scorecard judges calls of this team, queue (its key) and channel. What is left open is for all."""
    audience = spec["audience"]
    return (
        (not audience["teams"] or str(team_id) in audience["teams"])
        and (not audience["queues"] or queue in audience["queues"])
        and (not audience["channels"] or channel in audience["channels"])
    )


def scorecard_complaints(template: ScorecardTemplate) -> list[str]:
    """Return what keeps a scorecard from being published, in words for who wrote it."""
    rows = template.criteria.filter(active=True).select_related("moment__expected", "applies_after")
    criteria = list(rows.order_by("position", "id"))
    if not criteria:
        return [_("The scorecard has no criteria yet.")]
    specs = {str(row.pk): criterion_spec(row) for row in criteria}
    complaints = []
    if not any(one["weight"] for one in specs.values() if counts(one)):
        complaints.append(
            _("Every weight is zero, so that there would be no total: give at least one criterion a weight.")
        )
    if ring := cycle_of({key: one["depends_on"] for key, one in specs.items()}):
        names = " → ".join(f"“{specs[key]['question']}”" for key in [*ring, ring[0]])
        complaints.append(
            _("These criteria wait for one another, so that none could be asked: %(ring)s.") % {"ring": names}
        )
    if unknown := set(template.channels) - set(Conversation.Channel.values):
        complaints.append(_("There is no such channel: %(names)s.") % {"names": ", ".join(sorted(unknown))})
    for criterion in criteria:
        said = (
            _kind_complaints(criterion)
            + _condition_complaints(criterion, specs)
            + _method_complaints(criterion)
        )
        complaints += [f"{criterion.question}: {one}" for one in said]
    return complaints


def scorecard_warnings(spec: dict[str, Any]) -> list[str]:
    """What will not be answered as things stand, though it can be published: two queries, or none."""
    asked = [one["question"] for one in spec["criteria"] if one["method"] == MODEL]
    if not asked or model_reach() is not None:
        return []
    return [
        ngettext(
            "No language model is set up, so that “%(question)s” is left to people.",
            "No language model is set up, so that %(n)d criteria are left to people.",
            len(asked),
        )
        % {"question": asked[0], "n": len(asked)}
    ]


def _kind_complaints(criterion: Criterion) -> list[str]:
    if criterion.kind == Kind.CHOICE:
        values = [one["value"] for one in criterion.options]
        if len(values) < 2:
            return [_("a choice needs two answers or more.")]
        if len(set(values)) < len(values) or "na" in values or "" in values:
            return [_("its choices must have words of their own, and none may be “N/A”.")]
        if any(not 0 <= one["score"] <= 100 for one in criterion.options):
            return [_("a choice is worth 0 to 100.")]
    if criterion.kind == Kind.SCALE:
        low, high = criterion.low, criterion.high
        if low is None or high is None or low % 1 or high % 1 or not 0 < high - low < STEPS_MAX:
            return [
                _("a scale needs whole numbers from and to, with at most %(n)d steps.") % {"n": STEPS_MAX}
            ]
    if criterion.kind == Kind.NUMBER:
        if (criterion.low is None) != (criterion.high is None) or (
            criterion.low is not None and criterion.low == criterion.high
        ):
            return [_("a number that counts needs what is worth 0 and what is worth 100, which differ.")]
        if criterion.low is None and criterion.weight:
            return [_("a number without from and to is worth nothing: give it the weight 0.")]
    if criterion.kind == Kind.TEXT and (criterion.weight or criterion.auto_fail):
        return [_("words are worth nothing: give it the weight 0, and no auto-fail.")]
    return []


def _condition_complaints(criterion: Criterion, specs: dict[str, dict[str, Any]]) -> list[str]:
    if criterion.depends_on_id is None:
        return []
    other = specs.get(str(criterion.depends_on_id))
    if other is None:
        return [_("it waits for a criterion that is switched off, or on another scorecard.")]
    known = {one["value"] for one in choices_of(other)} if not _kind_broken(other) else set()
    if not criterion.depends_values:
        return [_("say with which answers to “%(other)s” it applies.") % {"other": other["question"]}]
    if known and (strange := [one for one in criterion.depends_values if one not in known]):
        return [
            _("“%(other)s” cannot be answered “%(value)s”.")
            % {"other": other["question"], "value": strange[0]}
        ]
    return []


def _kind_broken(spec: dict[str, Any]) -> bool:
    return bool(spec["kind"] == Kind.SCALE and (spec["low"] is None or spec["high"] is None))


def _method_complaints(criterion: Criterion) -> list[str]:
    complaints = []
    for moment in (criterion.moment, criterion.applies_after):
        if moment is not None and not moment.active:
            complaints.append(
                _("nothing listens for “%(moment)s”, because that moment is switched off.")
                % {"moment": moment.name}
            )
    if criterion.applies_after is not None and criterion.applies_after == criterion.moment:
        complaints.append(_("it asks for a moment after itself."))
    if criterion.method == PERSON:
        return complaints
    judge = judges().get(criterion.method)
    if judge is None:
        return [*complaints, _("nothing here answers by “%(method)s”.") % {"method": criterion.method}]
    if criterion.kind not in judge.kinds:
        kinds = ", ".join(str(Kind(kind).label) for kind in judge.kinds)
        return [*complaints, _("answered this way it must be of the kind: %(kinds)s.") % {"kinds": kinds}]
    return complaints + judge.complaints(criterion_spec(criterion))


def scorecard_preview(template: ScorecardTemplate) -> dict[str, Any]:
    """A scorecard as its evaluators will see it: sections with criteria, their choices, and what is wrong with it."""
    spec = scorecard_spec(template)
    names = {one["key"]: one["question"] for one in spec["criteria"]}
    sections: dict[str, list[dict[str, Any]]] = {}
    for one in spec["criteria"]:
        broken = _kind_broken(one)
        shown = {
            **one,
            "choices": [] if broken else choices_of(one),
            "waits_for": names.get(one["depends_on"] or "", ""),
            "judge": getattr(judges().get(one["method"]), "label", ""),
        }
        sections.setdefault(one["section"], []).append(shown)
    return {
        "sections": list(sections.items()),
        "complaints": scorecard_complaints(template),
        "warnings": scorecard_warnings(spec),
    }
