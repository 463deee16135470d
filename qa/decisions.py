"""What people decide about a criterion whose automatic answers agree too little with people's."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from qa.agreement import AGREEMENT_PERIOD, agreement
from qa.calibrating import decision_reason
from qa.judging import PERSON
from qa.models import CriterionDecision, ScorecardTemplate
from qa.selectors import quality_settings

Decision = CriterionDecision.Decision


def criterion_decide(
    *, template: ScorecardTemplate, key: str, decision: str, reason: str, actor: User
) -> CriterionDecision:
    """Decide whether a criterion of the newest revision stays automatic, with the figures that it rests on.

    For people only, the scorecard's draft says so at once, and the next revision with it: publishing is for who
    configures. Raises `ValidationError`.
    """
    words = decision_reason(reason)
    if decision not in Decision.values:
        raise ValidationError({"decision": _("It stays automatic, or is for people only.")})
    with transaction.atomic():
        template = ScorecardTemplate.objects.select_for_update().get(pk=template.pk)
        newest = template.revisions.order_by("-number").first()
        specs = {one["key"]: one for one in newest.spec["criteria"]} if newest else {}
        spec = specs.get(key)
        if spec is None or spec["method"] == PERSON:
            raise ValidationError({"criterion": _("No such criterion is answered automatically.")})
        bar = quality_settings().kappa_percent / 100
        rows = agreement(template, since=timezone.now() - AGREEMENT_PERIOD, bar=bar)
        mine = next(one for one in rows if one.key == key)
        low = [one for one in (mine.automatic, mine.calibration) if one is not None and one.low]
        figures = low[0] if low else mine.automatic
        method = PERSON if decision == Decision.PEOPLE else spec["method"]
        if template.criteria.filter(pk=key).exclude(method=method).update(method=method):
            template.save(update_fields=["updated_at"])
        row = CriterionDecision.objects.create(
            template=template,
            criterion_key=key,
            decision=decision,
            reason=words,
            kappa=figures.kappa if figures else None,
            pairs=figures.n if figures else 0,
            decided_by=actor,
        )
        audit(
            actor=actor,
            action="criterion.decide",
            thing=template,
            changes={"criterion": key, "decision": decision, "kappa": row.kappa, "pairs": row.pairs},
        )
    return row
