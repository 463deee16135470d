"""The next step of an agent, learned by each company from its own labelled dialogues and playbooks.

Words are redacted by the company's policy before anything is learned from them, as live words are. A version never
changes once it is learned (`next_step_training`); the one that is live suggests. A suggestion is `sure` from the
probability on at which, in cross-validation, four of five suggestions were right.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from coaching.models import NextStepFile, NextStepVersion
from conversations.redaction.policy import redaction_config
from engines.next_step.dialogue import Event
from engines.next_step.model import NextStepModel, Suggestion, unpack
from engines.next_step.schema import TaskSchema, schema_from
from engines.redaction.redactor import RedactionConfig, redact
from engines.redaction.text import RawText

KEPT_MODELS = 8
State = NextStepVersion.State


class NoneLive(Conflict):
    """No version of the model is live."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What may come next, best first; `sure` where the first of them is worth showing unasked."""

    version: int
    suggestions: tuple[Suggestion, ...]
    sure: bool


def next_steps_promote(
    *, version_id: UUID, actor: User | None, address: str | None = None
) -> NextStepVersion:
    """Make a version the live one; what was live is retired. Earlier versions can be put back the same way."""
    with transaction.atomic():
        rows = list(NextStepVersion.objects.select_for_update().order_by("version"))
        version = next((row for row in rows if row.pk == version_id), None)
        if version is None:
            raise Conflict(_("This version is gone."))
        if version.state not in (State.CANDIDATE, State.LIVE, State.RETIRED):
            raise Conflict(_("Only a version that has been trained can go live."))
        if version.state != State.LIVE:
            NextStepVersion.objects.filter(state=State.LIVE).update(state=State.RETIRED)
            version.state, version.live_from = State.LIVE, timezone.now()
            version.save(update_fields=["state", "live_from"])
            audit(
                actor=actor,
                action="next_step.promote",
                thing=version,
                changes={"version": version.version},
                address=address,
            )
    return version


def next_steps_roll_back(*, actor: User | None, address: str | None = None) -> NextStepVersion:
    """Put back the version that was live before the one that is. Raises `Conflict` where there is none."""
    live = NextStepVersion.objects.filter(state=State.LIVE).first()
    before = NextStepVersion.objects.filter(state=State.RETIRED, live_from__isnull=False)
    if live is not None and live.live_from is not None:
        before = before.filter(live_from__lt=live.live_from)
    version = before.order_by("-live_from").first()
    if version is None:
        raise Conflict(_("No other version has been live."))
    return next_steps_promote(version_id=version.pk, actor=actor, address=address)


def next_steps_retire(*, version_id: UUID, actor: User | None, address: str | None = None) -> NextStepVersion:
    """Take a version out of use. Without a live one nothing is suggested."""
    with transaction.atomic():
        version = NextStepVersion.objects.select_for_update().get(pk=version_id)
        if version.state in (State.LIVE, State.CANDIDATE):
            version.state = State.RETIRED
            version.save(update_fields=["state"])
            audit(
                actor=actor,
                action="next_step.retire",
                thing=version,
                changes={"version": version.version},
                address=address,
            )
    return version


def next_steps_suggest(*, task: str, events: Iterable[Event], most: int = 3) -> Advice:
    """What the live version suggests after these events. Raises `NoneLive` without a live version, and
    `Conflict` where its file cannot be used.
    """
    version = NextStepVersion.objects.filter(state=State.LIVE).first()
    if version is None:
        raise NoneLive(_("No model of the next step is live."))
    model, schemas = _models.of(version)
    config = redaction_config()
    said = (hidden(event, config) for event in events)
    found = tuple(model.suggest(task, schemas.get(task), said, most))
    return Advice(version.version, found, bool(found) and found[0].probability >= version.threshold)


def playbooks_read(playbooks: Mapping[str, Mapping[str, Any]]) -> dict[str, TaskSchema]:
    """Playbooks as they were given, read. Raises `ValidationError`, which names the task."""
    found, wrong = {}, []
    for task, book in playbooks.items():
        try:
            found[task] = schema_from(task, book, book.get("responses"))
        except (ValueError, TypeError, AttributeError):
            wrong.append(_("The playbook “%(task)s” needs replies and a graph.") % {"task": task})
    if wrong:
        raise ValidationError(wrong)
    return found


def hidden(event: Event, config: RedactionConfig) -> Event:
    """An event with its words and facts redacted."""

    def hide(text: str) -> str:
        return redact(RawText(text), config).text if text else ""

    return replace(
        event, text=hide(event.text), facts=tuple((name, hide(value)) for name, value in event.facts)
    )


class _Models:
    """Models of this process by version, the longest unused leaves first. A version never changes."""

    def __init__(self) -> None:
        self._models: OrderedDict[UUID, tuple[NextStepModel, dict[str, TaskSchema]]] = OrderedDict()
        self._lock = Lock()

    def of(self, version: NextStepVersion) -> tuple[NextStepModel, dict[str, TaskSchema]]:
        with self._lock:
            if version.pk in self._models:
                self._models.move_to_end(version.pk)
                return self._models[version.pk]
        stored = NextStepFile.objects.get(pk=version.pk)
        data = bytes(stored.data)
        if hashlib.sha256(data).hexdigest() != stored.sha256:
            raise Conflict(_("The stored model was changed. Train it again."))
        try:
            found = unpack(data), playbooks_read(version.playbooks)
        except ValueError as error:
            raise Conflict(_("The stored model is of an earlier version. Train it again.")) from error
        with self._lock:
            self._models[version.pk] = found
            while len(self._models) > KEPT_MODELS:
                self._models.popitem(last=False)
        return found


_models = _Models()


def tools_of(version: NextStepVersion) -> tuple[NextStepModel, dict[str, TaskSchema]]:
    """A version's model and playbooks, read once a process. Raises `Conflict` where they cannot be used."""
    return _models.of(version)
