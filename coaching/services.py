"""Writes to policies: drafted, handed in, published as revisions, rolled back, retired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import Queue, User
from accounts.services import audit
from coaching.draft_checks import (
    asked_complaints,
    language_complaints,
    names_complaints,
    neighbour_complaints,
)
from coaching.models import SCOPED, GuidanceSettings, Policy, PolicyRevision
from coaching.revisions import changed_parts
from coaching.scopes import scope_clean, scope_complaints
from engines.rules.checking import check_policy
from engines.rules.reading import read_policy
from engines.rules.spec import Complaint
from moments.selectors import active_specs

State = Policy.State


def policy_complaints(policy: Policy, document: Mapping[str, Any] | None = None) -> list[Complaint]:
    """Everything that is wrong ("error") or odd ("warning") about a draft, in words for who wrote it.

    `document`: what shall be judged instead of the policy's draft. Up to twelve queries.
    """
    document = policy.draft if document is None else document
    found = [Complaint("scope", sentence, "error") for sentence in scope_complaints(policy.scope)]
    if isinstance(document, Mapping) and not any(
        document.get(part) for part in ("rules", "behaviours", "playbooks")
    ):
        found.append(Complaint("rules", _("The policy has no rules yet."), "error"))
    wrong = document_complaints(document, policy.scope)
    if not any(one.kind == "error" for one in wrong):
        wrong += neighbour_complaints(policy, read_policy(document)[0])
    return found + wrong


def document_complaints(document: Any, scope: Mapping[str, Any] | None = None) -> list[Complaint]:
    """What is wrong with a document of a policy for `scope`, against the moments that are listened for now. One query,
    one more where it asks for a queue, where it sets a disposition, two where it asks for what is told in English
    and `scope` names no language, and up to four where it asks for what is asked of a model."""
    policy, wrong = read_policy(document)
    if wrong:
        return wrong
    moments = active_specs()
    speakers = {moment.key: moment.speaker for moment in moments}
    tells = {moment.key: moment.entity for moment in moments if moment.names}
    found = check_policy(
        policy,
        speakers.keys(),
        speakers=speakers,
        tells=tells,
        queues=_queues,
        channels=(scope or {}).get("channels") or (),
    )
    found += names_complaints(policy) + language_complaints(policy, scope or {}, moments)
    found += asked_complaints(policy, moments)
    return sorted(found, key=lambda one: one.kind)


def _queues() -> list[str]:
    return list(Queue.objects.values_list("key", flat=True))


def four_eyes() -> bool:
    """Whether who wrote a draft may not publish it. One query."""
    return GuidanceSettings.objects.filter(four_eyes=True).exists()


def policy_create(
    *,
    name: str,
    actor: User | None,
    document: Mapping[str, Any] | None = None,
    address: str | None = None,
    **scoped: Any,
) -> Policy:
    """Begin a policy as a draft. `scoped`: the fields of `SCOPED`. Raises `ValidationError`."""
    with transaction.atomic():
        policy = Policy(name=name.strip())
        _fill(policy, scoped)
        policy.full_clean()
        policy.save(force_insert=True)
        audit(actor=actor, action="policy.create", thing=policy, address=address)
        if document is not None:
            policy = policy_draft_save(policy=policy, document=document, actor=actor, address=address)
    return policy


def policy_draft_save(
    *,
    policy: Policy,
    actor: User | None,
    document: Mapping[str, Any] | None = None,
    name: str | None = None,
    address: str | None = None,
    **scoped: Any,
) -> Policy:
    """Keep a draft as it shall be, and take it back from review; what is in effect stays so.

    What is not given stays. Raises `ValidationError` with a sentence for each thing that could not work.
    """
    if document is not None and (wrong := _errors(document_complaints(document))):
        raise ValidationError({"draft": wrong})
    with transaction.atomic():
        row = Policy.objects.select_for_update().get(pk=policy.pk)
        before = {field: getattr(row, field) for field in ("name", "draft", *SCOPED)}
        if document is not None:
            row.draft = dict(document)
        if name is not None:
            row.name = name.strip()
        _fill(row, scoped)
        row.full_clean()
        fields = [field for field in before if getattr(row, field) != before[field]]
        if fields:
            if row.state == State.REVIEW:
                row.state = _resting(row)
            row.submitted_at, row.submitted_by = None, None
            if actor is not None and actor.pk not in row.writers:
                row.writers = [*row.writers, actor.pk]
            row.save()
            changes: dict[str, Any] = {"fields": fields}
            if "draft" in fields:
                changes["rules"] = changed_parts(before["draft"], row.draft)
            audit(actor=actor, action="policy.draft", thing=row, changes=changes, address=address)
    return row


def policy_submit(*, policy: Policy, actor: User | None, address: str | None = None) -> Policy:
    """Hand a draft in for review. Raises `ValidationError` for one that could not be published."""
    if wrong := _errors(policy_complaints(policy)):
        raise ValidationError(wrong)
    with transaction.atomic():
        row = Policy.objects.select_for_update().get(pk=policy.pk)
        if row.state != State.REVIEW:
            row.state, row.submitted_at, row.submitted_by = State.REVIEW, timezone.now(), actor
            row.save(update_fields=["state", "submitted_at", "submitted_by", "updated_at"])
            audit(actor=actor, action="policy.submit", thing=row, address=address)
    return row


def policy_send_back(*, policy: Policy, actor: User | None, address: str | None = None) -> Policy:
    """Give a draft that waits for review back to who wrote it. Raises `Conflict` where it does not wait."""
    with transaction.atomic():
        row = Policy.objects.select_for_update().get(pk=policy.pk)
        if row.state != State.REVIEW:
            raise Conflict(_("This policy does not wait for review."))
        row.state, row.submitted_at, row.submitted_by = _resting(row), None, None
        row.save(update_fields=["state", "submitted_at", "submitted_by", "updated_at"])
        audit(actor=actor, action="policy.send_back", thing=row, address=address)
    return row


def policy_publish(*, policy: Policy, actor: User | None, address: str | None = None) -> PolicyRevision:
    """Make the draft effective for conversations that begin from now on (or from its `starts_at`).

    Returns the revision; where nothing has changed since the last one, that. Raises `ValidationError` in plain words
    for a draft that could not work, or that its writer may not publish (`GuidanceSettings.four_eyes`; `actor` None is
    the installation itself).
    """
    with transaction.atomic():
        row = Policy.objects.select_for_update().get(pk=policy.pk)
        if wrong := _errors(policy_complaints(row)):
            raise ValidationError(wrong)
        newest = row.revisions.order_by("-number").first()
        same = newest is not None and _same(row, newest)
        if newest is not None and same and row.state == State.PUBLISHED:
            return newest
        if actor is not None and not same and four_eyes():
            if row.state != State.REVIEW:
                raise ValidationError(_("Hand the draft in for review first."))
            if actor.pk in row.writers:
                raise ValidationError(_("You have changed this draft: somebody else must publish it."))
        if newest is None or not same:
            newest = _revise(row, row.draft, {name: getattr(row, name) for name in SCOPED}, actor)
        _put_in_use(row, newest)
        row.state, row.writers, row.submitted_at, row.submitted_by = State.PUBLISHED, [], None, None
        row.save()
        audit(
            actor=actor,
            action="policy.publish",
            thing=row,
            changes={"revision": newest.number},
            address=address,
        )
    return newest


def policy_roll_back(
    *, policy: Policy, number: int, actor: User | None, address: str | None = None
) -> PolicyRevision:
    """Publish what an earlier revision said as a new revision, for all agents and at once. Returns it.

    A draft that somebody has changed since stays; one that is as published goes back, too. Raises `ValidationError`
    for a number that is not there, and where what it says could not work any more.
    """
    with transaction.atomic():
        row = Policy.objects.select_for_update().get(pk=policy.pk)
        earlier = row.revisions.filter(number=number).first()
        newest = row.revisions.order_by("-number").first()
        if earlier is None or newest is None:
            raise ValidationError(_("There is no revision %(number)d.") % {"number": number})
        now = timezone.now()
        said = {name: getattr(earlier, name) for name in SCOPED} | {"starts_at": None, "rollout_percent": 100}
        if earlier.ends_at is not None and earlier.ends_at <= now:
            said["ends_at"] = None
        wrong = scope_complaints(earlier.scope) + _errors(document_complaints(earlier.document))
        if wrong:
            raise ValidationError(wrong)
        if _same(row, newest):
            row.draft = earlier.document
            for name, value in said.items():
                setattr(row, name, value)
        revision = _revise(row, earlier.document, said, actor, restores=number)
        _put_in_use(row, revision)
        row.state, row.submitted_at, row.submitted_by = State.PUBLISHED, None, None
        row.save()
        audit(
            actor=actor,
            action="policy.roll_back",
            thing=row,
            changes={"revision": revision.number, "restores": number},
            address=address,
        )
    return revision


def policy_retire(*, policy: Policy, actor: User | None, address: str | None = None) -> None:
    """Take a policy out of use for every conversation that begins from now on. Calls under way keep it."""
    with transaction.atomic():
        row = Policy.objects.select_for_update().get(pk=policy.pk)
        if row.state != State.RETIRED:
            row.state, row.in_use_from, row.submitted_at, row.submitted_by = State.RETIRED, None, None, None
            row.save()
            audit(actor=actor, action="policy.retire", thing=row, address=address)
    policy.state, policy.in_use_from = row.state, row.in_use_from


def _errors(complaints: list[Complaint]) -> list[str]:
    return [
        f"{one.where}: {one.sentence}" if one.where else one.sentence
        for one in complaints
        if one.kind == "error"
    ]


def _fill(policy: Policy, scoped: Mapping[str, Any]) -> None:
    unknown = set(scoped) - set(SCOPED)
    if unknown:
        raise TypeError(f"policies have no {sorted(unknown)[0]}")
    for name, value in scoped.items():
        if name == "scope":
            try:
                value = scope_clean(value)
            except ValueError as error:
                raise ValidationError({"scope": str(error)}) from None
            if wrong := scope_complaints(value):
                raise ValidationError({"scope": wrong})
        setattr(policy, name, value)


def _resting(policy: Policy) -> str:
    """The state of a policy whose draft waits for nobody."""
    if policy.in_use_from is not None:
        return State.PUBLISHED
    return State.RETIRED if policy.revisions.exists() else State.DRAFT


def _same(policy: Policy, revision: PolicyRevision) -> bool:
    return policy.draft == revision.document and all(
        getattr(policy, name) == getattr(revision, name) for name in SCOPED
    )


def _revise(
    policy: Policy,
    document: dict[str, Any],
    scoped: Mapping[str, Any],
    actor: User | None,
    *,
    restores: int | None = None,
) -> PolicyRevision:
    newest = policy.revisions.order_by("-number").values_list("number", flat=True).first() or 0
    return PolicyRevision.objects.create(
        policy=policy,
        number=newest + 1,
        document=document,
        names={spec.key: spec.name for spec in active_specs()},
        restores=restores,
        published_by=actor,
        **scoped,
    )


def _put_in_use(policy: Policy, revision: PolicyRevision) -> None:
    """Let go of the revisions before, unless some agents still have one or the new one's time is to come."""
    for_all = revision.rollout_percent >= 100
    at_once = revision.starts_at is None or revision.starts_at <= timezone.now()
    if policy.in_use_from is None or (for_all and at_once):
        policy.in_use_from = revision.number
