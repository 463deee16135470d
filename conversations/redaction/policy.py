"""The company's redaction policy as the engines take it, made once per revision; every caller gets it from here.

A revision never changes, so that what was made of one is good for ever: asking takes one query for its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from uuid import UUID

import structlog
from django.utils.translation import gettext as _

from conversations.models import RedactionPolicy
from engines.redaction.actions import Action
from engines.redaction.custom import CustomType, Example
from engines.redaction.redactor import RedactionConfig
from engines.redaction.vocabulary import PROFILES, TYPES, Group
from tenants.keys import SealError, derive
from tenants.models import Tenant
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

DEFAULT_REGIONS = ("US", "GB")
# The label under which the key of hashes is derived; another one would make all hashes others.
HASH_LABEL = "redaction hash"
# Never kept, whoever asks: the rules of card payments forbid to keep a security code at all, and a bare number may be
# a part of a card.
NEVER_KEPT = frozenset(kind.name for kind in TYPES.values() if kind.group is Group.SECRETS) | {"NUMBER"}
# Written values are whole, so digits alone mean nothing: a ticket's or a branch's number may stay.
NOT_IN_METADATA = frozenset({"NUMBER", "ACCOUNT_NUMBER"})
# From the strictest to the laxest.
STRICTNESS = (Action.MASK, Action.HASH, Action.LAST_FOUR, Action.KEEP)
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Rule:
    """What the policy says of one type where that differs from the profile.

    `may_see` are the roles that see what is kept of it; None: those of the policy.
    """

    type: str
    enabled: bool
    action: Action = Action.MASK
    reason: str = ""
    may_see: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Policy:
    """A policy, saved or not. `revision` 0: the company has none of its own, and the defaults hold.

    `may_see` are the roles that see what is kept of types whose rule names none.
    """

    profile: str = RedactionPolicy.Profile.STANDARD.value
    regions: tuple[str, ...] = DEFAULT_REGIONS
    may_see: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    custom: tuple[CustomType, ...] = ()
    pci_hears: bool = False
    pci_auto: bool = False
    pci_minutes: int = 10
    revision: int = 0
    hash_key: bytes = field(default=b"", repr=False, compare=False)

    @cached_property
    def enabled_types(self) -> frozenset[str]:
        """The house's types that are looked for."""
        on = {rule.type for rule in self.rules if rule.enabled}
        off = {rule.type for rule in self.rules if not rule.enabled}
        return frozenset(TYPES) & ((PROFILES[self.profile] | on) - off)

    @cached_property
    def actions(self) -> Mapping[str, Action]:
        """What becomes of a type; the ones that are masked are left out."""
        return {rule.type: rule.action for rule in self.rules if rule.action is not Action.MASK}

    @cached_property
    def config(self) -> RedactionConfig:
        """The policy for the engines.

        What is kept for some roles is masked as well, and handed over apart: no text may hold words that not all of its
        readers may see, as summaries, search, prompts and webhooks are made of it.
        """
        actions = {
            name: action
            for name, action in self.actions.items()
            if action is not Action.KEEP and (action is not Action.HASH or self.hash_key)
        }
        custom = tuple(one for one in self.custom if self.is_on(one.name))
        known = self.enabled_types | {one.name for one in custom}
        return RedactionConfig(
            enabled_types=self.enabled_types,
            regions=self.regions,
            actions=tuple(sorted((name, action) for name, action in actions.items() if name in known)),
            hash_key=self.hash_key if Action.HASH in actions.values() else b"",
            custom=custom,
            apart=frozenset(
                name for name, action in self.actions.items() if action is Action.KEEP and name in known
            )
            - NEVER_KEPT,
        )

    @cached_property
    def config_for_metadata(self) -> RedactionConfig:
        """The policy for written values of fields, which are whole.

        Without the trained model: it reads sentences, and takes a lone word such as a segment for a name.
        """
        config = self.config
        return replace(
            config,
            model=False,
            enabled_types=config.enabled_types - NOT_IN_METADATA,
            actions=tuple(each for each in config.actions if each[0] not in NOT_IN_METADATA),
            apart=frozenset(),
        )

    @property
    def types(self) -> Mapping[str, str]:
        """Every type there is for this company, with its words for people, the house's first."""
        return {name: _(kind.label) for name, kind in TYPES.items()} | {
            one.name: one.label for one in self.custom
        }

    def seen_by(self, role: str) -> frozenset[str]:
        """The types of which this role may see what is kept."""
        own = {rule.type: rule.may_see for rule in self.rules if rule.may_see is not None}
        return frozenset(name for name in self.config.apart if role in own.get(name, self.may_see))

    def is_on(self, type_name: str) -> bool:
        """Whether the type is looked for; the company's own are, unless a rule says otherwise."""
        if type_name in TYPES:
            return type_name in self.enabled_types
        return not any(rule.type == type_name and not rule.enabled for rule in self.rules)


_POLICIES: dict[tuple[str, UUID], Policy] = {}
_DEFAULT = Policy()


def redaction_policy() -> Policy:
    """The current company's policy as it is now. One query, and more only for a revision not met before."""
    found = RedactionPolicy.objects.order_by("-revision").values_list("pk", flat=True).first()
    if found is None:
        return _DEFAULT
    key = (current_schema(), found)
    known = _POLICIES.get(key)
    if known is None:
        known = policy_read(found)
        while len(_POLICIES) >= _KEPT:
            _POLICIES.pop(next(iter(_POLICIES)), None)
        _POLICIES[key] = known
    return known


def redaction_config() -> RedactionConfig:
    """What the current company hides, and how."""
    return redaction_policy().config


def config_for_speech(policy: Policy | None = None) -> RedactionConfig:
    """The same for what is said in calls, where agents say the company's own name. One query more."""
    name = Tenant.objects.filter(schema_name=current_schema()).values_list("name", flat=True).first()
    return replace((policy or redaction_policy()).config, ours=(name,) if name else ())


def config_for_metadata() -> RedactionConfig:
    """The same for fields that telephony or a CRM fills in."""
    return redaction_policy().config_for_metadata


def types_known() -> Mapping[str, str]:
    """The names of all types of information that this company has, with their words for people."""
    return redaction_policy().types


def policy_read(policy_id: UUID) -> Policy:
    """Read one revision."""
    row = RedactionPolicy.objects.prefetch_related("rules", "custom").get(pk=policy_id)
    rules = tuple(
        Rule(
            each.type,
            each.enabled,
            Action(each.action),
            each.reason,
            tuple(each.may_see) if each.may_see is not None else None,
        )
        for each in row.rules.all()
    )
    custom = tuple(
        CustomType(
            each.name,
            each.label,
            patterns=tuple(each.patterns),
            words=tuple(each.words),
            examples=tuple(Example(*one) for one in each.examples),
        )
        for each in row.custom.all()
    )
    return Policy(
        profile=row.profile,
        regions=tuple(row.regions),
        may_see=tuple(row.may_see),
        rules=rules,
        custom=custom,
        pci_hears=row.pci_hears,
        pci_auto=row.pci_auto,
        pci_minutes=row.pci_minutes,
        revision=row.revision,
        hash_key=hash_key() if any(rule.action is Action.HASH for rule in rules) else b"",
    )


def hash_key() -> bytes:
    """The key of the company's hashes. Without one ("" where its data key does not open) they become masks."""
    try:
        return derive(current_schema(), HASH_LABEL)
    except SealError:
        log.error("redaction.no_hash_key", schema=current_schema())
        return b""
