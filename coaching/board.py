"""What stands on one call's agent's screen: rows opened, held back, ticked, taken back; words recognised as used.

Knows nothing of rules: it is told what was decided (`live.py`) and keeps the rows in step with it, in call time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from coaching.budget import Budget, Limits, Mute, Offer
from coaching.drawing import may_be_withheld
from coaching.events import guidance_rows
from coaching.models import ExperimentArm, Guidance, PolicyRevision
from conversations.live.changes import Change
from conversations.live.rows import row_new
from conversations.live.stages import Batch, FinalUtterance
from conversations.models import Utterance
from engines.rules.decisions import Decision
from engines.rules.spec import SHOWN, Action, Playbook, Step
from engines.rules.used import UsedWatch

Kind, State = Guidance.Kind, Guidance.State
# How long after it was shown the words of a hint that stays until it is withdrawn may still be said.
USED_WITHIN_MS = 120_000
TITLE = Guidance._meta.get_field("title").max_length or 90
# What others change of a row while a call's stage holds it.
_CHANGING = (
    *("state", "reason", "evidence", "cause_id", "dismiss_reason", "sent_at", "shown_at"),
    *("settled_at", "settled_ms", "used_at", "used_ms", "used_in_id", "wrong_at"),
)
_LABELS = {
    "line": Guidance.Label.SAY,
    "check": Guidance.Label.DO,
    "step": Guidance.Label.DO,
    "prefill": Guidance.Label.DO,
    "knowledge": Guidance.Label.KNOW,
    "praise": Guidance.Label.KNOW,
}


@dataclass(frozen=True, slots=True)
class Because:
    """Why: the reason's form, the places of its words, and the utterance of the first of them."""

    reason: str
    evidence: list[dict[str, Any]]
    cause: Utterance | None

    def fields(self) -> dict[str, Any]:
        return {"reason": self.reason, "evidence": self.evidence, "cause": self.cause}

    def values(self) -> dict[str, Any]:
        """The same by the names of columns' attributes."""
        cause = self.cause.pk if self.cause else None
        return {"reason": self.reason, "evidence": self.evidence, "cause_id": cause}


@dataclass(frozen=True, slots=True)
class Look:
    """How a rule wants its guidance shown."""

    priority: int = 50
    position: int = 0
    expires_ms: int = 120_000
    optional: bool = True


@dataclass(frozen=True, slots=True)
class Closed:
    """A row that the agent has closed, where it stood, and which action of what had put it there."""

    key: str
    row: Guidance

    @property
    def policy(self) -> str:
        return str(self.row.revision_id)

    @property
    def source(self) -> str:
        return self.key.split("|", 2)[1]

    @property
    def rule(self) -> str:
        return self.row.rule_key

    @property
    def index(self) -> int:
        return self.row.action


class Board:
    """The rows of one call that may still change. `state`: that of a predecessor."""

    def __init__(
        self,
        conversation_id: UUID,
        limits: Limits,
        muted: Iterable[Mute],
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self._conversation_id = conversation_id
        self._withheld: set[str] = set()
        self._open: dict[str, Guidance] = {}
        self._watched: dict[str, tuple[UsedWatch, int]] = {}
        self._provisional: set[str] = set()
        # By the ids of their rows; their words may still be said, and the agent may open them again.
        self._closed: dict[str, Closed] = {}
        self._budget = Budget(limits, muted=muted, state=None if state is None else state.get("budget"))
        if state is not None:
            self._restore(state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        closed: Mapping[str, str] = state.get("closed", {})
        ids = {UUID(one) for one in (*state["open"].values(), *closed)}
        rows = {str(row.pk): row for row in guidance_rows().filter(pk__in=ids)} if ids else {}
        self._open = {key: rows[one] for key, one in state["open"].items() if one in rows}
        self._provisional = {key for key in state.get("provisional", ()) if key in self._open}
        self._closed = {one: Closed(key, rows[one]) for one, key in closed.items() if one in rows}
        self._withheld = set(state.get("withheld", ()))
        for key, (said, until_ms) in state.get("used", {}).items():
            row = self._row(key)
            if row is not None:
                self._watched[key] = (UsedWatch(row.say, said), until_ms)

    def _row(self, key: str) -> Guidance | None:
        closed = self._closed.get(key)
        return self._open.get(key) if closed is None else closed.row

    def state(self) -> dict[str, Any]:
        return {
            "open": {key: str(row.pk) for key, row in self._open.items()},
            "provisional": sorted(self._provisional),
            "closed": {one: closed.key for one, closed in self._closed.items()},
            "used": {key: [watch.state(), until] for key, (watch, until) in self._watched.items()},
            "budget": self._budget.state(),
        }

    @property
    def shown_of(self) -> frozenset[str]:
        """The revisions of which something still stands."""
        return frozenset(str(row.revision_id) for row in self._open.values())

    @property
    def withheld(self) -> list[str]:
        """The revisions whose optional guidance an experiment keeps from this call."""
        return sorted(self._withheld)

    def withhold(self, arms: Iterable[ExperimentArm]) -> None:
        """From here on what an arm does without is decided and kept, but neither shown nor in anything's place."""
        for arm in arms:
            (self._withheld.add if arm.arm == arm.Arm.HELD else self._withheld.discard)(str(arm.revision_id))

    def has(self, key: str) -> bool:
        return key in self._open

    def is_over(self, key: str, now_ms: int) -> bool:
        """Whether something has stood for as long as it was to."""
        row = self._open.get(key)
        return row is not None and row.expires_ms is not None and row.expires_ms <= now_ms

    # --- Opening ------------------------------------------------------------------------------------------

    def show(
        self,
        key: str,
        decision: Decision,
        action: Action,
        look: Look,
        revision: PolicyRevision | None,
        because: Because,
        caused: FinalUtterance | None,
        batch: Batch,
        payload: dict[str, Any] | None = None,
    ) -> None:
        """Put something on the screen, or hold it back. What stands there already is not shown twice."""
        kind = Kind.CHECKLIST if action.do == "check" else Kind(action.do)
        title = _title(action, payload)
        if key in self._open or self._stands(kind, title, action.say):
            return
        lasts = look.expires_ms if action.do in SHOWN else 0
        row = self._new(
            because,
            revision,
            rule_key=decision.rule_id,
            action=decision.index or 0,
            kind=kind,
            label=_LABELS.get(action.do, action.label),
            title=title,
            say=action.say,
            payload=_payload(action, payload),
            optional=look.optional,
            priority=look.priority,
            position=look.position,
            at_ms=decision.at_ms,
            expires_ms=decision.at_ms + lasts if lasts else None,
            spoken_at=caused.spoken_at if caused else None,
            final_at=caused.final_at if caused else None,
            decided_at=timezone.now(),
        )
        if decision.provisional:
            self._provisional.add(key)
        self._place(key, row, batch)

    def step(
        self,
        decision: Decision,
        step: Step,
        playbook: Playbook,
        revision: PolicyRevision,
        because: Because,
        batch: Batch,
    ) -> None:
        """A playbook is at a step now: the one before leaves, unless it was done."""
        self.leave_playbook(decision, revision, batch)
        row = self._new(
            because,
            revision,
            rule_key=decision.rule_id,
            kind=Kind.STEP,
            label=_LABELS["step"],
            title=step.title[:TITLE],
            say=step.say,
            # Where else the agent may go by hand.
            payload={
                "playbook": playbook.name,
                "steps": [{"id": one.id, "title": one.title[:TITLE]} for one in playbook.steps],
            },
            optional=False,
            playbook=decision.rule_id,
            step=step.id,
            at_ms=decision.at_ms,
            decided_at=timezone.now(),
        )
        self._place(step_key(revision, decision.rule_id, step.id), row, batch)

    def _new(self, because: Because, revision: PolicyRevision | None, **values: Any) -> Guidance:
        row = row_new(Guidance, conversation_id=self._conversation_id, **because.values(), **values)
        # With their objects, so that showing the row asks the database nothing.
        row.revision, row.cause = revision, because.cause
        return row

    def leave_playbook(self, decision: Decision, revision: PolicyRevision, batch: Batch) -> None:
        for key, row in list(self._open.items()):
            if row.kind == Kind.STEP and row.playbook == decision.rule_id and row.revision_id == revision.pk:
                self.settle(key, State.WITHDRAWN, decision.at_ms, None, batch)

    def _stands(self, kind: str, title: str, say: str) -> bool:
        return any(
            row.kind == kind and row.title == title and row.say == say and row.state == State.OPEN
            for row in self._open.values()
        )

    def _place(self, key: str, row: Guidance, batch: Batch) -> None:
        held: str | None = Guidance.Held.TRIAL
        if str(row.revision_id) not in self._withheld or not may_be_withheld(row.kind, row.optional):
            held = self._budget.offer(
                Offer(str(row.pk), row.kind, row.rule_key, row.priority, row.optional), row.at_ms
            )
        self._open[key] = row
        batch.create(row)
        if held is None:
            self._told(key, row, batch)
        else:
            row.state, row.held = State.HELD, held

    def _told(self, key: str, row: Guidance, batch: Batch) -> None:
        batch.event("guidance", row)
        batch.published_together(_sent, row.pk)
        if row.say and row.kind in {Kind.HINT, Kind.LINE, Kind.STEP}:
            watch = UsedWatch(row.say)
            if watch.can_tell:
                self._watched[key] = (watch, row.expires_ms or row.at_ms + USED_WITHIN_MS)

    def due(self, now_ms: int, batch: Batch) -> None:
        """Show what was held back and whose turn has come."""
        keys = self._budget.due(now_ms)
        if not keys:
            return
        by_row = {str(row.pk): key for key, row in self._open.items()}
        for row_id in keys:
            key = by_row.get(row_id)
            if key is None:
                continue
            row = self._open[key]
            row.state = State.OPEN
            # From words to screen counts for what was shown at once.
            row.spoken_at = row.final_at = None
            opened = {"state": State.OPEN, "spoken_at": None, "final_at": None}
            batch.write(Change(row, opened, {"state": State.HELD}))
            self._told(key, row, batch)

    # --- Settling -----------------------------------------------------------------------------------------

    def confirm(self, key: str, because: Because, caused: FinalUtterance | None, batch: Batch) -> None:
        """What was shown on words not yet final: the final says so, too."""
        row = self._open.get(key)
        self._provisional.discard(key)
        if row is None:
            return
        row.cause = because.cause
        values = because.values()
        if caused is not None:
            values |= {"spoken_at": caused.spoken_at, "final_at": caused.final_at}
        for name, value in values.items():
            setattr(row, name, value)
        batch.write(Change(row, values))
        if row.state != State.HELD:
            batch.event("guidance", row)

    def withdraw(self, key: str, at_ms: int, batch: Batch, *, expired: bool) -> bool:
        """It has served or is pointless. True if it was shown on words that the final did not confirm."""
        row = self._open.get(key)
        if row is None:
            return False
        unconfirmed = key in self._provisional
        self.settle(key, State.EXPIRED if expired else State.WITHDRAWN, at_ms, None, batch)
        return unconfirmed

    def settle(self, key: str, state: str, at_ms: int, because: Because | None, batch: Batch) -> None:
        """Close a row unless the agent has answered it meanwhile; the event shows it as it then is."""
        row = self._open.pop(key, None)
        self._watched.pop(key, None)
        self._provisional.discard(key)
        if row is None:
            return
        if row.state == State.HELD:
            # Its turn never came, which is what its row goes on saying; no page has heard of it.
            self._budget.gone(str(row.pk))
            return
        values = {"state": state, "settled_ms": at_ms} | (because.values() if because else {})
        known = [one for one in (because.cause if because else None, row.cause) if one is not None]
        values["settled_at"] = timezone.now()
        batch.write(
            Change(row, values, {"state": State.OPEN}, _CHANGING, partial(_bring_up_to_date, row, known))
        )
        batch.event("guidance", row)

    def heard(self, utterance: FinalUtterance, batch: Batch) -> None:
        """The agent has spoken: were it the words of something on the screen?"""
        said = utterance.row
        for key, (watch, until_ms) in list(self._watched.items()):
            row = self._row(key)
            if row is None or said.start_ms > until_ms:
                del self._watched[key]
            elif said.end_ms > row.at_ms and watch.hear(said.text):
                del self._watched[key]
                values = {"used_ms": said.end_ms, "used_in": said}
                batch.write(partial(_use, row, values))
                batch.event("guidance", row)

    # --- What the agent does --------------------------------------------------------------------------------

    def dismissed(self, row_id: str) -> Closed | None:
        """The agent has closed it, so that it may come again. None for what rules do not put there and take away."""
        key = next((key for key, row in self._open.items() if str(row.pk) == row_id), "")
        if not key or self._open[key].kind in {Kind.CHECKLIST, Kind.STEP}:
            return None
        closed = self._closed[row_id] = Closed(key, self._open.pop(key))
        self._provisional.discard(key)
        if key in self._watched:
            self._watched[row_id] = self._watched.pop(key)
        return closed

    def taken_back(self, row_id: str) -> Closed | None:
        """The agent wants it to stand there again: `reopen` it."""
        return self._closed.get(row_id)

    def reopen(self, closed: Closed, *, stands: bool) -> None:
        """Put it back. `stands`: whether the rules will take it away again; otherwise it leaves with the call."""
        row_id = str(closed.row.pk)
        del self._closed[row_id]
        key = closed.key if stands and closed.key not in self._open else row_id
        self._open[key] = closed.row
        if row_id in self._watched:
            self._watched[key] = self._watched.pop(row_id)

    def mute(self, mutes: Iterable[Mute], batch: Batch) -> None:
        """What the agent mutes is this from now on; what was waiting of it waits no longer."""
        silent = set(self._budget.mute(mutes))
        for row in self._open.values():
            if str(row.pk) in silent:
                row.held = Guidance.Held.MUTED
                batch.write(Change(row, {"held": row.held}))

    def is_muted(self, kind: str, rule: str, *, optional: bool) -> bool:
        """Whether the agent does not want to see this."""
        return self._budget.is_muted(Offer("", kind, rule, optional=optional))

    def finish(self, now_ms: int, batch: Batch) -> None:
        """The call is over. What is left of the checklist and of playbooks stays as it is: it was not done."""
        for key, row in list(self._open.items()):
            if row.kind not in {Kind.CHECKLIST, Kind.STEP}:
                self.settle(key, State.EXPIRED, now_ms, None, batch)


def key_of(decision: Decision) -> str:
    """Names what a decision is about among what stands. An item of the checklist is one, whoever ticks it."""
    if decision.action is not None and decision.action.do == "check":
        return f"check|{decision.action.title}"
    return f"{decision.policy}|{decision.source}|{decision.rule_id}|{decision.index or 0}"


def step_key(revision: PolicyRevision, playbook: str, step: str) -> str:
    return f"{revision.pk}|step|{playbook}|{step}"


def _title(action: Action, payload: dict[str, Any] | None) -> str:
    if action.do == "prefill":
        title = _("%(field)s: %(value)s") % {"field": action.field, "value": action.value}
    else:
        title = action.title or str((payload or {}).get("title", "")) or action.query
    return title[:TITLE]


def _payload(action: Action, payload: dict[str, Any] | None) -> dict[str, Any]:
    if action.do == "prefill":
        return {"field": action.field, "value": action.value}
    return payload or {}


def _sent(told: list[tuple[UUID, datetime]]) -> None:
    first = dict(reversed(told))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE coaching_guidance SET sent_at = told.at"
            " FROM unnest(%s::uuid[], %s::timestamptz[]) AS told(id, at)"
            " WHERE coaching_guidance.id = told.id AND sent_at IS NULL",
            [list(first), list(first.values())],
        )


def _use(row: Guidance, values: dict[str, Any]) -> None:
    now = timezone.now()
    unused = Guidance.objects.filter(pk=row.pk, used_at__isnull=True)
    closed = {"state": State.USED, "settled_at": now, "settled_ms": values["used_ms"]}
    if not unused.filter(state=State.OPEN).update(used_at=now, **values, **closed):
        # The agent has answered it before: that stands beside it.
        unused.update(used_at=now, **values)
    known = [row.cause] if row.cause is not None else []
    _bring_up_to_date(row, known, Guidance.objects.filter(pk=row.pk).values(*_CHANGING).get())


def _bring_up_to_date(row: Guidance, known: list[Utterance], now: dict[str, Any]) -> None:
    """Take over what others did to the row, without asking for more than that."""
    by_id = {one.pk: one for one in known}
    # Assigned together with its object, so that showing the row asks the database nothing.
    row.cause = by_id.get(now.pop("cause_id"))
    for name, value in now.items():
        setattr(row, name, value)
