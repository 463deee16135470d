"""Writes to policies: checked and published as revisions, or retired. What agents answer is in `answers.py`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from coaching.models import Policy, PolicyRevision, Rule
from engines.rules import RuleSpec, check_rules
from moments.models import MomentDefinition


def rule_spec(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON: the fields of `engines.rules.RuleSpec`, times in milliseconds of call time."""
    hint = rule.kind == Rule.Kind.HINT
    return {
        "id": str(rule.pk),
        "kind": rule.kind,
        "when": rule.when.key,
        "title": rule.title,
        "say": rule.say,
        "label": rule.label,
        "unless": rule.unless.key if rule.unless else None,
        "wait_ms": rule.wait_seconds * 1000,
        "severity": rule.severity,
        "priority": rule.priority,
        "cooldown_ms": rule.cooldown_seconds * 1000,
        "once": rule.once,
        "expires_ms": rule.expires_seconds * 1000 if hint else 0,
        "withdraw_on": rule.withdraw_on.key if rule.withdraw_on else None,
        "position": rule.position,
    }


def policy_spec(policy: Policy) -> dict[str, Any]:
    """Return a policy as it stands: for whom, its rules, and the names of the moments that its reasons speak of."""
    rules = list(policy.rules.select_related("when", "unless", "withdraw_on"))
    moments = {moment for rule in rules for moment in (rule.when, rule.unless, rule.withdraw_on) if moment}
    # A reason for something missing names what was missing.
    expected = MomentDefinition.objects.filter(missing_as__in=[moment.pk for moment in moments])
    return {
        "scope": policy.scope,
        "team": str(policy.team_id) if policy.team_id else None,
        "rules": [rule_spec(rule) for rule in rules],
        "names": {
            moment.key: moment.name for moment in sorted({*moments, *expected}, key=lambda one: one.key)
        },
    }


def policy_complaints(policy: Policy, spec: dict[str, Any]) -> list[str]:
    """Return what keeps a policy from being published, in words for who wrote it; empty when it is sound."""
    complaints = []
    if not spec["rules"]:
        complaints.append(_("The policy has no rules yet."))
    if policy.scope == Policy.Scope.TEAM and policy.team_id is None:
        complaints.append(_("Choose the team that the policy is for."))
    rules = [RuleSpec(**rule) for rule in spec["rules"]]
    titles = {rule.id: rule.title for rule in rules}
    active = set(
        MomentDefinition.objects.filter(active=True, revisions__isnull=False).values_list("key", flat=True)
    )
    for rule_id, wrong in check_rules(rules, set(spec["names"])).items():
        complaints += [f"{titles[rule_id] or _('A rule without a title')}: {one}" for one in wrong]
    for rule in rules:
        for key in (rule.when, rule.unless, rule.withdraw_on):
            if key is not None and key not in active:
                complaints.append(
                    _("%(rule)s: nothing listens for “%(moment)s”, because that moment is switched off.")
                    % {"rule": rule.title, "moment": spec["names"][key]}
                )
    return complaints


def policy_publish(*, policy: Policy, actor: User | None) -> PolicyRevision:
    """Make the policy as it stands effective for every conversation that begins from now on.

    Returns the revision; where nothing has changed since the last one, that. Raises `ValidationError` in plain words
    for a policy without rules or with a rule that could not work.
    """
    with transaction.atomic():
        policy = Policy.objects.select_for_update().get(pk=policy.pk)
        spec = policy_spec(policy)
        if complaints := policy_complaints(policy, spec):
            raise ValidationError(complaints)
        newest = policy.revisions.order_by("-number").first()
        if newest is not None and newest.spec == spec and policy.state == Policy.State.PUBLISHED:
            return newest
        if newest is None or newest.spec != spec:
            number = 1 if newest is None else newest.number + 1
            newest = PolicyRevision.objects.create(
                policy=policy, number=number, spec=spec, published_by=actor
            )
        policy.state = Policy.State.PUBLISHED
        policy.save(update_fields=["state", "updated_at"])
        audit(actor=actor, action="policy.publish", thing=policy, changes={"revision": newest.number})
    return newest


def policy_retire(*, policy: Policy, actor: User | None) -> None:
    """Take a policy out of use for every conversation that begins from now on. Calls under way keep it."""
    with transaction.atomic():
        changed = (
            Policy.objects.filter(pk=policy.pk)
            .exclude(state=Policy.State.RETIRED)
            .update(state=Policy.State.RETIRED)
        )
        policy.state = Policy.State.RETIRED
        if changed:
            audit(actor=actor, action="policy.retire", thing=policy)
