"""Guidance while a conversation goes on: the stage after `moments`.

Its policies are read when a call is opened. A call that is taken over goes on with the revisions it began with, and
with the guidance that was open when its last step was committed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from coaching.alerts import alert_into_batch
from coaching.events import guidance_rows
from coaching.models import Alert, Guidance, PolicyRevision, Rule
from coaching.selectors import effective_revisions, revisions_by_id
from conversations.live.stages import Batch, CallContext, FinalUtterance
from conversations.models import Utterance
from engines.rules import Decision, Occurrence, PolicyEngine, RuleSpec

KEPT_UTTERANCES = 64
# What others change of a row while this stage holds it.
_CHANGING = (
    "state",
    "reason",
    "evidence",
    "cause_id",
    "dismiss_reason",
    "sent_at",
    "shown_at",
    "settled_at",
    "settled_ms",
)


class GuidanceSession:
    """Follows one call. Reads the occurrences that the stage before it found in the same step."""

    def __init__(
        self, call: CallContext, revisions: list[PolicyRevision], state: dict[str, Any] | None
    ) -> None:
        self._call = call
        self._revisions = {str(revision.pk): revision for revision in revisions}
        self._rules: dict[str, tuple[RuleSpec, PolicyRevision]] = {}
        names: dict[str, str] = {}
        for revision in revisions:
            names |= revision.spec["names"]
            for spec in revision.spec["rules"]:
                self._rules[spec["id"]] = (RuleSpec(**spec), revision)
        self._engine = PolicyEngine([rule for rule, _revision in self._rules.values()], names)
        self._begun = False
        self._open: dict[str, Guidance] = {}
        # Utterances that a decision may still cite.
        self._heard: dict[int, Utterance] = {}
        # How many of the step's findings were taken: one batch may hold several utterances.
        self._batch: Batch | None = None
        self._taken = 0
        if state is not None:
            self._restore(state)

    def utterance(self, utterance: FinalUtterance, batch: Batch) -> None:
        self._begin(batch)
        row = utterance.row
        for occurrence in self._new(batch):
            self._heard[row.sequence] = row
            caused = utterance if occurrence.sequence == row.sequence else None
            for decision in self._engine.observe(occurrence, row.text):
                self._do(decision, caused, batch)
        self._forget()

    def clock(self, now_ms: int, batch: Batch) -> None:
        self._begin(batch)
        self._pass(now_ms, batch)

    def finish(self, now_ms: int, batch: Batch) -> None:
        self._pass(now_ms, batch)
        for rule_id, row in list(self._open.items()):
            # What is left of the checklist stays as it is: it was not done.
            if row.kind == Rule.Kind.HINT:
                del self._open[rule_id]
                _settle(row, {"state": Guidance.State.EXPIRED, "settled_ms": now_ms}, None, batch)

    def state(self) -> dict[str, Any]:
        return {
            "team": str(self._call.team_id or ""),
            "revisions": list(self._revisions),
            "begun": self._begun,
            "open": {rule_id: str(row.pk) for rule_id, row in self._open.items()},
            "engine": self._engine.state(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self._begun = state["begun"]
        rows = {
            str(row.pk): row
            for row in guidance_rows().filter(pk__in=[UUID(one) for one in state["open"].values()])
        }
        self._open = {rule_id: rows[row_id] for rule_id, row_id in state["open"].items() if row_id in rows}
        cited = {place[0] for waiting in state["engine"]["waiting"].values() for place in waiting[3]}
        if cited:
            found = Utterance.objects.filter(conversation_id=self._call.conversation_id, sequence__in=cited)
            self._heard = {row.sequence: row for row in found}
        self._engine.restore(
            state["engine"],
            lambda sequence: self._heard[sequence].text if sequence in self._heard else "",
        )

    def _begin(self, batch: Batch) -> None:
        if self._begun:
            return
        self._begun = True
        for decision in self._engine.start():
            self._do(decision, None, batch)

    def _pass(self, now_ms: int, batch: Batch) -> None:
        for occurrence in self._new(batch):
            for decision in self._engine.observe(occurrence):
                self._do(decision, None, batch)
        for decision in self._engine.advance(now_ms):
            self._do(decision, None, batch)

    def _new(self, batch: Batch) -> list[Occurrence]:
        if batch is not self._batch:
            self._batch, self._taken = batch, 0
        found = batch.finds(Occurrence)
        new, self._taken = found[self._taken :], len(found)
        return new

    def _forget(self) -> None:
        if len(self._heard) > KEPT_UTTERANCES:
            waiting = self._engine.state()["waiting"].values()
            cited = {place[0] for wait in waiting for place in wait[3]}
            self._heard = {sequence: row for sequence, row in self._heard.items() if sequence in cited}

    def _do(self, decision: Decision, caused: FinalUtterance | None, batch: Batch) -> None:
        rule, revision = self._rules[decision.rule_id]
        evidence = [
            {"utterance": str(self._heard[sequence].pk), "start": start, "end": end}
            for sequence, start, end in decision.evidence
            if sequence in self._heard
        ]
        cause = self._heard.get(decision.evidence[0][0]) if evidence else None
        because = {"reason": decision.form, "evidence": evidence, "cause": cause}
        if decision.action == "show":
            self._show(decision, rule, revision, caused, because, batch)
        elif decision.action == "alert":
            self._alert(decision, rule, revision, because, batch)
        elif (row := self._open.pop(decision.rule_id, None)) is not None:
            values: dict[str, Any] = {"settled_ms": decision.at_ms}
            if decision.action == "tick":
                _settle(row, values | because | {"state": Guidance.State.TICKED}, cause, batch)
                return
            # Its time was over, or something said made it pointless; why it was shown stays what it says.
            over = bool(rule.expires_ms) and decision.at_ms == row.at_ms + rule.expires_ms
            state = Guidance.State.EXPIRED if over else Guidance.State.WITHDRAWN
            _settle(row, values | {"state": state}, row.cause, batch)

    def _show(
        self,
        decision: Decision,
        rule: RuleSpec,
        revision: PolicyRevision,
        caused: FinalUtterance | None,
        because: dict[str, Any],
        batch: Batch,
    ) -> None:
        row = Guidance(
            conversation_id=self._call.conversation_id,
            revision=revision,
            rule_key=rule.id,
            kind=rule.kind,
            label=rule.label,
            title=rule.title,
            say=rule.say,
            priority=rule.priority,
            position=rule.position,
            at_ms=decision.at_ms,
            expires_ms=decision.at_ms + rule.expires_ms if rule.kind == "hint" and rule.expires_ms else None,
            spoken_at=caused.spoken_at if caused else None,
            final_at=caused.final_at if caused else None,
            decided_at=timezone.now(),
            **because,
        )
        self._open[rule.id] = row
        batch.create(row)
        batch.event("guidance", row)

        def sent(when: datetime) -> None:
            Guidance.objects.filter(pk=row.pk, sent_at__isnull=True).update(sent_at=when)

        batch.published(sent)

    def _alert(
        self,
        decision: Decision,
        rule: RuleSpec,
        revision: PolicyRevision,
        because: dict[str, Any],
        batch: Batch,
    ) -> None:
        row = Alert(
            conversation_id=self._call.conversation_id,
            revision=revision,
            rule_key=rule.id,
            title=rule.title,
            severity=rule.severity,
            at_ms=decision.at_ms,
            raised_at=timezone.now(),
            **because,
        )
        alert_into_batch(alert=row, team_id=self._call.team_id, batch=batch)


def _settle(row: Guidance, values: dict[str, Any], cause: Utterance | None, batch: Batch) -> None:
    """Close a row unless the agent has answered it meanwhile; the event shows it as it then is."""

    def write() -> None:
        Guidance.objects.filter(pk=row.pk, state=Guidance.State.OPEN).update(
            settled_at=timezone.now(), **values
        )
        now = Guidance.objects.filter(pk=row.pk).values(*_CHANGING).get()
        known = {known.pk: known for known in (cause, row.cause) if known is not None}
        # Assigned together with its object, so that showing the row asks the database nothing.
        row.cause = known.get(now.pop("cause_id"))
        for name, value in now.items():
            setattr(row, name, value)

    batch.write(write)
    batch.event("guidance", row)


class GuidanceStage:
    """The stage "guidance" of `cresta_app.live`."""

    key = "guidance"

    def open(self, call: CallContext, state: dict[str, Any] | None) -> GuidanceSession:
        """Begin with what is published for everyone and for the agent's team, or go on from `state`.

        One query; three when a call is taken over. A call that went to an agent of another team goes on with what is
        published for that team, and with those earlier policies of which something is still shown.
        """
        if not call.live:
            return GuidanceSession(call, [], None)
        if state is None:
            return GuidanceSession(call, effective_revisions(team_id=call.team_id), None)
        revisions = revisions_by_id(state["revisions"])
        if state.get("team", str(call.team_id or "")) != str(call.team_id or ""):
            shown = set(state["open"])
            now = effective_revisions(team_id=call.team_id)
            known = {revision.pk for revision in now}
            revisions = now + [
                revision
                for revision in revisions
                if revision.pk not in known and shown & {rule["id"] for rule in revision.spec["rules"]}
            ]
        return GuidanceSession(call, revisions, state)
