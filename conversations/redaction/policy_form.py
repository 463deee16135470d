"""The policy as the admin's page sends it, and as it shows it: a table of types, and the company's own.

A type follows the profile unless its box says otherwise: when the profile changes, the boxes that agreed with the
old one go with the new one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.permissions import Role
from conversations.models import RedactionRule
from conversations.redaction.policy import NEVER_KEPT, Policy, Rule
from conversations.redaction.policy_changes import MAX_CUSTOM, ROLES, takes_last_four
from engines.redaction.actions import Action
from engines.redaction.custom import CustomType, Example, learn
from engines.redaction.vocabulary import PROFILES, TYPES, Group, chip_words

OFFERED = (Action.MASK, Action.LAST_FOUR, Action.HASH, Action.KEEP)
TEXT_MAX = 200_000
_MARKED = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)
_SHOWN_DETAIL = {Action.LAST_FOUR: "1111", Action.HASH: "#3fa9c1d2"}


def policy_from(data: Mapping[str, str]) -> tuple[Policy, dict[str, list[str]]]:
    """Read what the page sent, and what cannot be read of it by field; own types under `custom:<number>`."""
    profile = data.get("profile", "")
    if profile not in PROFILES:
        return Policy(), {"profile": [_("Choose a profile.")]}
    was = data.get("profile_was", profile)
    errors: dict[str, list[str]] = {}
    rules = []
    for name in TYPES:
        on = f"on:{name}" in data
        if was != profile and on == (name in PROFILES.get(was, ())):
            on = name in PROFILES[profile]
        action, why = _action(data.get(f"action:{name}")), data.get(f"why:{name}", "").strip()
        rules.append(Rule(name, on, action, why, _sees(data, f"own-sees:{name}", f"role:{name}:")))
    custom = []
    for number in range(MAX_CUSTOM + 1):
        prefix = f"custom-{number}-"
        if prefix + "name" not in data:
            break
        if data.get(prefix + "remove"):
            continue
        try:
            kind = _custom(data, prefix)
        except ValueError as error:
            errors[f"custom:{number}"] = [str(error)]
            continue
        if kind is not None:
            custom.append(kind)
            rules.append(
                Rule(
                    kind.name,
                    True,
                    _action(data.get(prefix + "action")),
                    data.get(prefix + "why", "").strip(),
                    _sees(data, prefix + "own-sees", prefix + "role:"),
                )
            )
    minutes = data.get("pci_minutes", "")
    if not minutes.isdecimal() or len(minutes) > 3:
        errors["pci_minutes"] = [_("Give a number of minutes.")]
    policy = Policy(
        profile=profile,
        regions=tuple(re.split(r"[\s,;]+", data.get("regions", "").strip())),
        may_see=tuple(role for role in ROLES if f"sees:{role}" in data),
        rules=tuple(rules),
        custom=tuple(custom),
        pci_hears="pci_hears" in data,
        pci_auto="pci_auto" in data,
        pci_minutes=0 if "pci_minutes" in errors else int(minutes),
    )
    return policy, errors


def policy_of(data: Mapping[str, str]) -> Policy:
    """The same, for who can do nothing with a part of it. Raises `ValidationError`."""
    policy, errors = policy_from(data)
    if errors:
        raise ValidationError(errors)
    return policy


def _action(value: str | None) -> Action:
    return next((action for action in OFFERED if action.value == value), Action.MASK)


def _sees(data: Mapping[str, str], own: str, prefix: str) -> tuple[str, ...] | None:
    """The roles that a type names for itself; None where those of the policy hold."""
    return tuple(role for role in ROLES if prefix + role in data) if own in data else None


def _lines(text: str) -> tuple[str, ...]:
    if len(text) > TEXT_MAX:
        raise ValueError(_("That is too long."))
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _name(text: str) -> str:
    return re.sub(r"[\s-]+", "_", text.strip()).upper()


def _custom(data: Mapping[str, str], prefix: str) -> CustomType | None:
    name = _name(data[prefix + "name"])
    patterns, words = _lines(data.get(prefix + "patterns", "")), _lines(data.get(prefix + "words", ""))
    examples = tuple(_example(line) for line in _lines(data.get(prefix + "examples", "")))
    label = data.get(prefix + "label", "").strip()
    if not (name or label or patterns or words or examples):
        return None
    return CustomType(
        name,
        label or name.replace("_", " ").lower(),
        patterns=patterns,
        words=words,
        examples=examples,
    )


def _example(line: str) -> Example:
    marked = _MARKED.search(line)
    if marked is None:
        raise ValueError(_("In each example, put the words to hide into [[double brackets]]."))
    before, words = line[: marked.start()], marked[1]
    return Example(before + words + line[marked.end() :], len(before), len(before) + len(words))


def roles(may_see: Collection[str]) -> list[dict[str, Any]]:
    """Whom the page asks about: the roles of a company, and whether they see what is kept."""
    labels = dict(Role.choices)
    return [{"name": role, "label": str(labels[role]), "on": role in may_see} for role in ROLES]


def _sees_shown(may_see: tuple[str, ...] | None, action: str) -> dict[str, Any]:
    """What the page shows of the roles of one type, which it may name for itself if it is kept."""
    return {
        "keeps": action == Action.KEEP.value,
        "own_sees": may_see is not None,
        "roles": roles(may_see or ()),
    }


def groups(policy: Policy, errors: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The table of types, by family, the gravest first."""
    titles = {
        Group.SECRETS: _("Cards and secrets"),
        Group.IDENTIFIERS: _("Numbers that name somebody"),
        Group.CONTACT: _("Ways to reach somebody"),
        Group.PERSON: _("Who somebody is"),
        Group.CONTEXT: _("What points at somebody with other words"),
    }
    rules = {rule.type: rule for rule in policy.rules}
    found: dict[Group, list[dict[str, Any]]] = {group: [] for group in Group}
    for name, kind in TYPES.items():
        rule = rules.get(name)
        action = rule.action if rule else Action.MASK
        found[kind.group].append(
            {
                "name": name,
                "label": _(kind.label),
                "on": policy.is_on(name),
                "by_profile": " ".join(profile for profile, names in PROFILES.items() if name in names),
                "action": action.value,
                "actions": action_choices(name),
                "why": rule.reason if rule else "",
                "error": " ".join(errors.get(f"rule:{name}", ())),
                "shown": chip_words(_(kind.label), _SHOWN_DETAIL.get(action)),
                "keepable": name not in NEVER_KEPT,
                **_sees_shown(rule.may_see if rule else None, action.value),
            }
        )
    return [{"title": titles[group], "types": types} for group, types in found.items()]


def blank_type() -> dict[str, Any]:
    """The fields of a type of the company's own that is not there yet."""
    return {"actions": action_choices(""), **_sees_shown(None, "")}


def action_choices(name: str) -> list[dict[str, str]]:
    """What may become of a type ("": one of a company's own), with what it looks like in a text."""
    labels = dict(RedactionRule.Action.choices)
    return [
        {"value": action.value, "label": str(labels[action.value]), "detail": _SHOWN_DETAIL.get(action, "")}
        for action in OFFERED
        if (action is not Action.LAST_FOUR or (name in TYPES and takes_last_four(name)))
        and (action is not Action.KEEP or name not in NEVER_KEPT)
    ]


def own_types(policy: Policy, errors: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The company's own types as the page's fields hold them, and what was learnt from examples, in words."""
    rules = {rule.type: rule for rule in policy.rules}
    shown = []
    for one in policy.custom:
        rule = rules.get(one.name)
        shown.append(
            {
                "name": one.name,
                "label": one.label,
                "patterns": "\n".join(one.patterns),
                "words": "\n".join(one.words),
                "examples": "\n".join(
                    f"{each.text[: each.start]}[[{each.text[each.start : each.end]}]]{each.text[each.end :]}"
                    for each in one.examples
                ),
                "learnt": [each.explanation for each in learn(one)],
                "action": rule.action.value if rule else Action.MASK.value,
                "actions": action_choices(""),
                "why": rule.reason if rule else "",
                "error": " ".join(errors.get(f"rule:{one.name}", ())),
                **_sees_shown(rule.may_see if rule else None, (rule.action if rule else Action.MASK).value),
            }
        )
    return shown


def own_types_sent(data: Mapping[str, str], errors: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The company's own types as they were sent, whether they can be used or not: nothing typed is lost."""
    shown: list[dict[str, Any]] = []
    for number in range(MAX_CUSTOM + 1):
        prefix = f"custom-{number}-"
        if prefix + "name" not in data:
            break
        if data.get(prefix + "remove"):
            continue
        fields = ("name", "label", "patterns", "words", "examples", "action", "why")
        sent = {field: data.get(prefix + field, "") for field in fields}
        name = _name(sent["name"])
        said = [*errors.get(f"custom:{number}", ()), *errors.get(f"rule:{name}", ())]
        sees = _sees(data, prefix + "own-sees", prefix + "role:")
        shown.append(
            {
                **sent,
                "actions": action_choices(""),
                "error": " ".join(said),
                **_sees_shown(sees, sent["action"]),
            }
        )
    return shown
