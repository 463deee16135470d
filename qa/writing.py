"""A scorecard's draft written whole, from a document of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Queue, Team, User
from accounts.services import audit
from moments.models import MomentDefinition
from qa.answers import choice_value
from qa.forms import answer_value
from qa.models import Criterion, ScorecardTemplate

CRITERIA_MAX = 200
OWN = frozenset({"key", "moment", "applies_after", "depends_on", "depends_values", "options"})


def scorecard_write(
    *, template: ScorecardTemplate | None, document: Mapping[str, Any], actor: User | None
) -> ScorecardTemplate:
    """Make the draft what the document says: `{"name", "audience", "criteria"}`; see `qa.api.scorecards`.

    Criteria that are left out are switched off, or removed where nothing was ever published. Raises `ValidationError`.
    """
    if len(document["criteria"]) > CRITERIA_MAX:
        raise ValidationError({"criteria": _("At most %(n)d criteria.") % {"n": CRITERIA_MAX}})
    with transaction.atomic():
        if template is None:
            template = ScorecardTemplate(name=document["name"], active=False)
        else:
            template = ScorecardTemplate.objects.select_for_update().get(pk=template.pk)
            template.name = document["name"]
        audience = document.get("audience")
        if audience is not None:
            template.channels = audience["channels"]
        template.full_clean()
        is_new = template._state.adding
        template.save()
        if audience is not None:
            _audience_write(template, audience)
        _criteria_write(template, document["criteria"])
        action = "create" if is_new else "update"
        audit(actor=actor, action=f"scorecardtemplate.{action}", thing=template)
    return template


def _audience_write(template: ScorecardTemplate, audience: Mapping[str, Any]) -> None:
    teams = list(Team.objects.filter(pk__in=audience["teams"]))
    queues = list(Queue.objects.filter(key__in=audience["queues"]))
    if len(teams) < len(set(audience["teams"])):
        raise ValidationError({"audience": _("There is no such team.")})
    if len(queues) < len(set(audience["queues"])):
        raise ValidationError({"audience": _("There is no such queue.")})
    template.teams.set(teams)
    template.queues.set(queues)


def _criteria_write(template: ScorecardTemplate, given: list[Mapping[str, Any]]) -> None:
    present = {row.pk: row for row in template.criteria.all()}
    wanted = {one[name] for one in given for name in ("moment", "applies_after") if one[name]}
    moments = {row.key: row for row in MomentDefinition.objects.filter(key__in=wanted)}
    if missing := sorted(wanted - set(moments)):
        raise ValidationError({"criteria": _("There is no moment “%(key)s”.") % {"key": missing[0]}})
    rows: list[Criterion] = []
    for position, one in enumerate(given):
        row = present.pop(one["key"], None) if one.get("key") else Criterion(template=template)
        if row is None:
            raise ValidationError({"criteria": _("This scorecard has no criterion of that key.")})
        for name, value in one.items():
            if name not in OWN:
                setattr(row, name, value)
        row.position, row.active, row.depends_on = position, True, None
        row.moment = moments.get(one["moment"] or "")
        row.applies_after = moments.get(one["applies_after"] or "")
        row.depends_values = [answer_value(value) for value in one["depends_values"]]
        row.options = [
            {"value": choice_value(o["label"]), "label": o["label"], "score": o["score"]}
            for o in one["options"]
        ]
        row.full_clean(exclude=["template", "depends_on"])
        row.save()
        rows.append(row)
    by_question = {row.question: row for row in rows}
    for row, one in zip(rows, given, strict=True):
        if one["depends_on"]:
            other = by_question.get(one["depends_on"])
            if other is None:
                raise ValidationError(
                    {"criteria": _("There is no criterion “%(q)s”.") % {"q": one["depends_on"][:120]}}
                )
            row.depends_on = other
            row.save(update_fields=["depends_on"])
    gone = Criterion.objects.filter(pk__in=present)
    if template.revisions.exists():
        gone.update(active=False)
    else:
        gone.delete()
