"""Writes to experiments: put together as a draft, started, stopped."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from coaching.models import Experiment, Policy
from conversations.models import Disposition

Outcome, State = Experiment.Outcome, Experiment.State
# What may be said of one, in forms and by the API.
FIELDS = (
    "name",
    "unit",
    "holdout_percent",
    "primary",
    "worth",
    "only_touched",
    "csat_field",
    "dispositions",
    "dispositions_better",
    "conversion_dispositions",
    "conversion_field",
)
# The most that the smallest effect worth having can be, where it is a share of a hundred.
LARGEST = 50


def experiment_create(
    *, policy: Policy, actor: User | None, address: str | None = None, **fields: Any
) -> Experiment:
    """Put an experiment together as a draft. `fields`: of `FIELDS`. Raises `ValidationError`."""
    with transaction.atomic():
        row = Experiment(policy=policy)
        _fill(row, fields)
        row.save(force_insert=True)
        audit(actor=actor, action="experiment.create", thing=row, address=address)
    return row


def experiment_change(
    *, experiment: Experiment, actor: User | None, address: str | None = None, **fields: Any
) -> Experiment:
    """Change a draft. Raises `Conflict` once it has run: what it compares must stay what it was begun for."""
    with transaction.atomic():
        row = _locked(experiment)
        if row.state != State.DRAFT:
            raise Conflict(_("An experiment that has been started cannot be changed, only stopped."))
        before = {name: getattr(row, name) for name in ("policy_id", *FIELDS)}
        if (policy := fields.pop("policy", None)) is not None:
            row.policy = policy
        _fill(row, fields)
        changed = [name for name, value in before.items() if getattr(row, name) != value]
        if changed:
            row.save()
            changes = {"fields": changed}
            audit(actor=actor, action="experiment.change", thing=row, changes=changes, address=address)
    return row


def experiment_start(*, experiment: Experiment, actor: User | None, address: str | None = None) -> Experiment:
    """Draw from the next conversation on. Raises `Conflict`: not a draft, nothing in effect, or another one runs."""
    with transaction.atomic():
        row = _locked(experiment)
        if row.state != State.DRAFT:
            raise Conflict(_("It has been started before. Make a new one to try again."))
        policy = Policy.objects.select_for_update().get(pk=row.policy_id)
        if policy.in_use_from is None:
            raise Conflict(_("“%(policy)s” is not in effect: publish it first.") % {"policy": policy})
        other = policy.experiments.filter(state=State.RUNNING).first()
        if other is not None:
            raise Conflict(_("“%(other)s” runs on this policy: stop it first.") % {"other": other})
        row.state, row.started_at, row.started_by = State.RUNNING, timezone.now(), actor
        row.save(update_fields=["state", "started_at", "started_by"])
        audit(actor=actor, action="experiment.start", thing=row, address=address)
    return row


def experiment_stop(*, experiment: Experiment, actor: User | None, address: str | None = None) -> Experiment:
    """End it: from the next conversation on everybody has the guidance. Calls under way stay as they are."""
    with transaction.atomic():
        row = _locked(experiment)
        if row.state != State.RUNNING:
            raise Conflict(_("This experiment does not run."))
        row.state, row.ended_at = State.STOPPED, timezone.now()
        row.save(update_fields=["state", "ended_at"])
        audit(actor=actor, action="experiment.stop", thing=row, address=address)
    return row


def experiment_delete(*, experiment: Experiment, actor: User | None, address: str | None = None) -> None:
    """Throw a draft away. Raises `Conflict` once it has run: what was tried is kept."""
    with transaction.atomic():
        row = _locked(experiment)
        if row.state != State.DRAFT:
            raise Conflict(_("An experiment that has been started is kept."))
        audit(actor=actor, action="experiment.delete", thing=row, address=address)
        row.delete()


def experiment_complaints(row: Experiment) -> dict[str, str]:
    """What cannot be measured as it is said, by field. Up to one query."""
    wrong: dict[str, str] = {}
    needed = {
        Outcome.CSAT: ("csat_field", bool(row.csat_field)),
        Outcome.DISPOSITION: ("dispositions", bool(row.dispositions)),
        Outcome.CONVERSION: ("conversion_field", bool(row.conversion_field or row.conversion_dispositions)),
    }
    if row.primary in needed:
        field, given = needed[Outcome(row.primary)]
        if not given:
            wrong[field] = _("It decides, so say what it is.")
    if row.primary != Outcome.CSAT and row.worth > LARGEST:
        wrong["worth"] = _("More than %(most)d of 100 cannot be meant.") % {"most": LARGEST}
    named = {*row.dispositions, *row.conversion_dispositions}
    if named:
        known = set(Disposition.objects.filter(key__in=named).values_list("key", flat=True))
        for field in ("dispositions", "conversion_dispositions"):
            if gone := sorted(set(getattr(row, field)) - known):
                wrong[field] = _("There is no disposition “%(key)s”.") % {"key": gone[0]}
    return wrong


def _locked(experiment: Experiment) -> Experiment:
    return Experiment.objects.select_for_update().get(pk=experiment.pk)


def _fill(row: Experiment, fields: dict[str, Any]) -> None:
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise TypeError(f"experiments have no {sorted(unknown)[0]}")
    for name, value in fields.items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    row.full_clean()
    if wrong := experiment_complaints(row):
        raise ValidationError({field: [sentence] for field, sentence in wrong.items()})
