"""Skills: criteria of scorecards, over all their revisions, and behaviours of policies, each by a short reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from accounts.models import Team, User
from accounts.permissions import Permission
from coaching.models import PolicyRevision
from qa.answers import counts
from qa.models import ScorecardRevision
from qa.selectors import scoring_revisions

CRITERION, BEHAVIOUR = "criterion", "behaviour"
KINDS = (CRITERION, BEHAVIOUR)
# As long as a reference may be: the kind, an id and a behaviour's key.
REF_MAX = 140


@dataclass(frozen=True, slots=True)
class Skill:
    """Something that agents are expected to do well.

    `ref`: "criterion:<scorecard id>:<criterion key>" or "behaviour:<policy id>:<behaviour key>", which stays the same
    over all revisions. `name`: in the newest wording, `group`: the scorecard's or policy's name. `weight`: in the
    newest revision. `tip`: how to do it better, where the criterion says so; `praise`: what agents are told when they
    show a behaviour. `current`: it is still asked for.
    """

    ref: str
    kind: str
    name: str
    group: str
    weight: float = 1.0
    auto_fail: bool = False
    tip: str = ""
    praise: str = ""
    current: bool = True

    @property
    def owner_id(self) -> UUID:
        """Of the scorecard or the policy."""
        return UUID(self.ref.split(":", 2)[1])

    @property
    def key(self) -> str:
        """Of the criterion or the behaviour."""
        return self.ref.split(":", 2)[2]


def criterion_ref(scorecard_id: UUID | str, key: str) -> str:
    return f"{CRITERION}:{scorecard_id}:{key}"


def behaviour_ref(policy_id: UUID | str, key: str) -> str:
    return f"{BEHAVIOUR}:{policy_id}:{key}"


def kind_of(ref: str) -> str:
    """The kind of skill that a reference is of."""
    return ref.partition(":")[0]


def skill_of(ref: str) -> Skill | None:
    """The skill with this reference in its newest wording, whether or not it is still asked for; None if there is
    none. One query."""
    return skills_named([ref]).get(ref)


def skills_named(refs: Iterable[str]) -> dict[str, Skill]:
    """These skills by reference, by scorecard or policy and as they stand there; what is none is left out. Two
    queries at most."""
    wanted: dict[str, dict[UUID, set[str]]] = {CRITERION: {}, BEHAVIOUR: {}}
    for ref in refs:
        if parts := _parts(ref):
            kind, owner, key = parts
            wanted[kind].setdefault(owner, set()).add(key)
    found: dict[str, Skill] = {}
    if owners := wanted[CRITERION]:
        rows = ScorecardRevision.objects.filter(template__in=owners).select_related("template")
        # The newest comes last, and its words stand.
        for revision in rows.order_by("template__name", "template_id", "number"):
            _learn(found, _criteria(revision, owners[revision.template_id]), revision.template_id)
    if owners := wanted[BEHAVIOUR]:
        kept = PolicyRevision.objects.filter(policy__in=owners).order_by(
            "policy__name", "policy_id", "number"
        )
        fields = ("policy_id", "policy__name", "policy__in_use_from", "document__behaviours")
        for policy, name, used, behaviours in kept.values_list(*fields):
            _learn(
                found, _behaviours(policy, name, behaviours, owners[policy], used=used is not None), policy
            )
    return found


def _learn(found: dict[str, Skill], skills: Iterable[Skill], owner: UUID) -> None:
    """Take in what the next revision of a scorecard or policy has: its words stand, and its order; what it no longer
    has is no longer asked for."""
    newest = {skill.ref: skill for skill in skills}
    for ref, skill in list(found.items()):
        if ref in newest:
            del found[ref]
        elif skill.current and skill.owner_id == owner:
            found[ref] = replace(skill, current=False)
    found.update(newest)


def skills_of(user: User) -> list[Skill]:
    """What this person may choose to coach: all that is asked for now, in the newest wording. Three queries at most.

    Supervisors: what is for all teams or one of theirs. Nothing for who may not coach.
    """
    if not user.may(Permission.COACHING_MANAGE):
        return []
    teams = None
    if not user.may(Permission.CONVERSATION_READ_ALL):
        teams = {str(pk) for pk in Team.objects.filter(supervisors=user).values_list("pk", flat=True)}
    found: list[Skill] = []
    for revision in sorted(scoring_revisions(), key=lambda one: (one.template.name, str(one.template_id))):
        if _is_for(revision.spec["audience"]["teams"], teams):
            found += _criteria(revision)
    rows = (
        PolicyRevision.objects.filter(policy__in_use_from__isnull=False)
        .order_by("policy_id", "-number")
        .distinct("policy_id")
        .values_list("policy_id", "policy__name", "scope", "document__behaviours")
    )
    for policy, name, scope, behaviours in sorted(rows, key=lambda row: (row[1], str(row[0]))):
        if _is_for(scope.get("teams") or [], teams):
            found += _behaviours(policy, name, behaviours)
    return found


def _is_for(audience: Iterable[Any], teams: set[str] | None) -> bool:
    """Whether something for these teams (none named: all) is for one of `teams` (None: any will do)."""
    named = {str(one) for one in audience}
    return teams is None or not named or not named.isdisjoint(teams)


def _criteria(revision: ScorecardRevision, keys: set[str] | None = None) -> Iterable[Skill]:
    """Criteria of a revision whose answers are worth something. `keys`: only these, whatever they are worth."""
    for spec in revision.spec["criteria"]:
        if (counts(spec) and (spec["weight"] or spec["auto_fail"])) if keys is None else spec["key"] in keys:
            yield Skill(
                ref=criterion_ref(revision.template_id, spec["key"]),
                kind=CRITERION,
                name=spec["question"],
                group=revision.template.name,
                weight=float(spec["weight"]),
                auto_fail=bool(spec["auto_fail"]),
                tip=spec.get("coaching_tip", ""),
                current=revision.template.active,
            )


def _behaviours(
    policy: UUID, name: str, behaviours: Any, keys: set[str] | None = None, *, used: bool = True
) -> Iterable[Skill]:
    for one in behaviours or []:
        if keys is None or one["id"] in keys:
            weight = one.get("weight")
            yield Skill(
                ref=behaviour_ref(policy, one["id"]),
                kind=BEHAVIOUR,
                name=one.get("name") or one["id"],
                group=name,
                weight=1.0 if weight is None else float(weight),
                praise=one.get("praise") or "",
                current=used,
            )


def _parts(ref: str) -> tuple[str, UUID, str] | None:
    """Kind, owner and key of a reference; None where it is none."""
    kind, _colon, rest = ref[:REF_MAX].partition(":")
    owner, _colon, key = rest.partition(":")
    if kind not in KINDS or not key:
        return None
    try:
        return kind, UUID(owner), key
    except ValueError:
        return None
