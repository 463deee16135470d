"""A new revision of the company's redaction policy: what may be written, what needs a reason, what tightens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import phonenumbers
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Role
from accounts.services import audit
from conversations.models import CustomInformation, RedactionPolicy, RedactionRule
from conversations.redaction.policy import (
    NEVER_KEPT,
    STRICTNESS,
    Policy,
    Rule,
    hash_key,
    redaction_policy,
)
from engines.redaction.actions import Action
from engines.redaction.vocabulary import PROFILES, TYPES, kind

MAX_REGIONS = 40
MAX_CUSTOM = 50
MAX_MINUTES = 60
REASON_LENGTH = 300
# Whoever works for a company; the operators of the installation never see conversations.
ROLES = tuple(role for role in Role.values if role != Role.PLATFORM)


def policy_check(policy: Policy, *, reasons: bool = True) -> Policy:
    """Return `policy` as it may be saved: rules that say nothing of their own are left out.

    `reasons`: what hides less than the profile must say why; not where it is only tried. Raises `ValidationError` by
    field; those of a rule under `rule:<type>`.
    """
    errors: dict[str, list[str]] = {}
    if policy.profile not in PROFILES:
        errors["profile"] = [_("Choose a profile.")]
        raise ValidationError(errors)
    regions = tuple(dict.fromkeys(region.strip().upper() for region in policy.regions if region.strip()))
    unknown = [region for region in regions if region not in phonenumbers.SUPPORTED_REGIONS]
    if unknown or not regions or len(regions) > MAX_REGIONS:
        errors["regions"] = [_("Give countries by their two letters, such as US or GB.")]
    if any(role not in ROLES for role in policy.may_see):
        errors["may_see"] = [_("Choose roles of this company.")]
    by_default = {rule.type for rule in policy.rules if _keeps(rule) and rule.may_see is None}
    if reasons and not policy.may_see and by_default - NEVER_KEPT:
        errors["may_see"] = [_("Say which roles may see what is kept.")]
    if not 1 <= policy.pci_minutes <= MAX_MINUTES:
        errors["pci_minutes"] = [_("Between 1 and %(most)d minutes.") % {"most": MAX_MINUTES}]
    own = [one.name for one in policy.custom]
    if len(own) > MAX_CUSTOM:
        errors["custom"] = [_("At most %(most)d types of your own.") % {"most": MAX_CUSTOM}]
    elif len(set(own)) < len(own):
        errors["custom"] = [_("Two types of your own have one name.")]
    # Roles say something of what is kept alone.
    rules = tuple(
        rule if _keeps(rule) else replace(rule, may_see=None)
        for rule in policy.rules
        if _says_something(policy.profile, rule)
    )
    for rule in rules:
        wrong = _rule_wrong(rule, set(own))
        if not wrong and reasons and _loosens(policy.profile, rule) and not rule.reason.strip():
            wrong = _("Say why: this hides less than the profile.")
        if not wrong and reasons and rule.may_see == ():
            wrong = _("Say which roles may see what is kept.")
        if wrong:
            errors[f"rule:{rule.type}"] = [wrong]
    if errors:
        raise ValidationError(errors)
    return replace(policy, regions=regions, rules=tuple(sorted(rules, key=lambda rule: rule.type)))


def _by_profile(profile: str, type_name: str) -> bool:
    return type_name in PROFILES[profile] or type_name not in TYPES


def _says_something(profile: str, rule: Rule) -> bool:
    return rule.enabled != _by_profile(profile, rule.type) or rule.action is not Action.MASK


def _loosens(profile: str, rule: Rule) -> bool:
    return (not rule.enabled and _by_profile(profile, rule.type)) or rule.action is not Action.MASK


def _keeps(rule: Rule) -> bool:
    return rule.enabled and rule.action is Action.KEEP


def _rule_wrong(rule: Rule, own: set[str]) -> str:
    if rule.type not in TYPES and rule.type not in own:
        return _("There is no such type of information.")
    if rule.action is Action.KEEP and rule.type in NEVER_KEPT:
        return _(
            "Cards, security codes and passwords may not be kept, nor bare numbers, which may be part of one."
        )
    if rule.action is Action.LAST_FOUR and not takes_last_four(rule.type):
        return _("This type has no digits of which four may stay.")
    if any(role not in ROLES for role in rule.may_see or ()):
        return _("Choose roles of this company.")
    if len(rule.reason) > 200:
        return _("Say why in at most 200 characters.")
    return ""


def takes_last_four(type_name: str) -> bool:
    """Whether the last four digits of a type say which one it is without giving it away."""
    return kind(type_name).numeric and type_name != "SECURITY_CODE"


def tightens(before: Policy, after: Policy) -> bool:
    """Whether `after` hides anything that `before` left, or keeps less: then what is kept from before may hold it."""
    if before.config.apart - after.config.apart:
        return True
    names = {*after.enabled_types, *(one.name for one in after.custom)}
    known = {one.name: one for one in before.custom}
    for name in names:
        if not after.is_on(name):
            continue
        was_on = before.is_on(name) and (name in TYPES or name in known)
        if not was_on or _laxness(after, name) < _laxness(before, name):
            return True
    if any(known.get(one.name) != one and after.is_on(one.name) for one in after.custom):
        return True
    return not set(after.regions) <= set(before.regions)


def _laxness(policy: Policy, name: str) -> int:
    return STRICTNESS.index(policy.actions.get(name, Action.MASK))


def policy_save(
    *, policy: Policy, reason: str, actor: User | None, revision: int, address: str | None = None
) -> RedactionPolicy:
    """Write `policy` as the next revision; it counts for new calls at once, for running ones from their next claim.

    `revision` is the one it was made from. Raises `ValidationError`, and `Conflict` if another has come meanwhile.
    """
    checked = policy_check(policy)
    reason = reason.strip()
    if not reason or len(reason) > REASON_LENGTH:
        raise ValidationError({"reason": [_("Say why, in at most 300 characters.")]})
    if Action.HASH in checked.actions.values():
        checked = replace(checked, hash_key=hash_key())
    checked.config_for_metadata  # noqa: B018  the engines have the last word on what they can use
    before = redaction_policy()
    if before.revision != revision:
        raise Conflict(_("Somebody else has changed the policy meanwhile. Load the page anew."))
    try:
        with transaction.atomic():
            row = RedactionPolicy.objects.create(
                revision=revision + 1,
                profile=checked.profile,
                regions=list(checked.regions),
                may_see=list(checked.may_see),
                pci_hears=checked.pci_hears,
                pci_auto=checked.pci_auto,
                pci_minutes=checked.pci_minutes,
                tightens=tightens(before, checked),
                reason=reason,
                changed_by=actor,
            )
            RedactionRule.objects.bulk_create(
                RedactionRule(
                    policy=row,
                    type=rule.type,
                    enabled=rule.enabled,
                    action=rule.action.value,
                    reason=rule.reason.strip(),
                    may_see=None if rule.may_see is None else list(rule.may_see),
                )
                for rule in checked.rules
            )
            CustomInformation.objects.bulk_create(
                CustomInformation(
                    policy=row,
                    name=one.name,
                    label=one.label,
                    patterns=list(one.patterns),
                    words=list(one.words),
                    examples=[[each.text, each.start, each.end] for each in one.examples],
                )
                for one in checked.custom
            )
            audit(
                actor=actor,
                action="redactionpolicy.change",
                thing=row,
                changes={
                    "revision": row.revision,
                    "tightens": row.tightens,
                    "types": changed_types(before, checked),
                    "may_see": list(checked.may_see),
                    "may_see_by_type": {
                        rule.type: list(rule.may_see) for rule in checked.rules if rule.may_see is not None
                    },
                },
                address=address,
            )
    except IntegrityError:
        raise Conflict(_("Somebody else has changed the policy meanwhile. Load the page anew.")) from None
    return row


def changed_types(before: Policy, after: Policy) -> list[str]:
    """The types that two policies treat differently, by name."""
    own = {one.name: one for one in before.custom}, {one.name: one for one in after.custom}
    names: Iterable[str] = {*TYPES, *own[0], *own[1]}

    def treated(policy: Policy, name: str, custom: dict[str, object]) -> tuple[object, ...]:
        there = name in TYPES or name in custom
        sees = next((rule.may_see for rule in policy.rules if rule.type == name), None)
        return there and policy.is_on(name), policy.actions.get(name), sees, custom.get(name)

    return sorted(
        name for name in names if treated(before, name, {**own[0]}) != treated(after, name, {**own[1]})
    )


def needs_again() -> RedactionPolicy | None:
    """The newest revision that hides more than was hidden before it came, while history was not gone through since."""
    done = (
        RedactionPolicy.objects.filter(history_done_at__isnull=False)
        .order_by("-revision")
        .values_list("revision", flat=True)
        .first()
    )
    open_ = RedactionPolicy.objects.filter(tightens=True, revision__gt=done or 0)
    return open_.order_by("-revision").first()


def history_done(*, revision: int) -> None:
    """What was kept before this revision was gone through under it."""
    RedactionPolicy.objects.filter(revision=revision).update(history_done_at=timezone.now())
