"""The learned next step on an agent's screen: suggested while a call goes on, where the live model is sure of it.

A call goes by the version that was live when it began, and by one task: what its field `task` names, else its queue,
else the only one there is. What the agent says is taken for the action whose words it has most of. A suggestion is
guidance like a rule's hint, within the same budget; it is withdrawn when the talk has gone on to something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from django.utils.translation import gettext as _

from accounts.errors import Conflict, error_place
from coaching.board import Because, Board, Look
from coaching.models import NextStepVersion
from coaching.next_steps import tools_of
from conversations.live.stages import Batch, FinalUtterance
from conversations.models import Speaker, Utterance
from engines.next_step.dialogue import Event
from engines.next_step.model import Follower, Suggestion
from engines.next_step.recognising import Recogniser
from engines.rules.circumstances import plain
from engines.rules.decisions import Decision
from engines.rules.spec import Action

log = structlog.get_logger(__name__)

RULE = "next_step"
LASTS_MS = 90_000
PRIORITY = 40
FAILURES_A_CALL = 3


class NextStepWatch:
    """Follows one call with one version. `state`: a predecessor's; `said`: the last words of a call taken over."""

    def __init__(
        self,
        version: NextStepVersion,
        task: str,
        follower: Follower,
        state: Mapping[str, Any] | None = None,
        said: Iterable[Utterance] = (),
    ) -> None:
        self._version, self._task, self._follower = version, task, follower
        self._recogniser = Recogniser({one.action: one.words for one in follower.candidates})
        # What stands on the screen, and what was shown before: the same is not pressed upon the agent twice.
        self._open: str = (state or {}).get("open", "")
        self._shown: list[str] = list((state or {}).get("shown", ()))
        self._failed = 0
        for row in said:
            self._take(row)

    def utterance(self, utterance: FinalUtterance, board: Board, batch: Batch) -> None:
        """Take the next utterance; show, keep or withdraw a suggestion. What fails is counted and left out."""
        if self._failed >= FAILURES_A_CALL:
            return
        try:
            self._hear(utterance, board, batch)
        except Exception as error:
            # Whatever is wrong with a model: the call's other guidance goes on.
            self._failed += 1
            log.error("next_step.failed", version=self._version.version, place=error_place(error))

    def _hear(self, utterance: FinalUtterance, board: Board, batch: Batch) -> None:
        row = utterance.row
        done = self._take(row)
        if row.speaker == Speaker.AGENT:
            if self._open and done == self._open:
                self._withdraw(row.end_ms, board, batch)
            return
        if row.speaker != Speaker.CUSTOMER:
            return
        found = self._follower.suggest(1)
        best = found[0] if found and found[0].probability >= self._version.threshold else None
        if best is not None and best.action == self._open and board.has(self._key(best.action)):
            return
        self._withdraw(row.end_ms, board, batch)
        if best is not None and best.action not in self._shown:
            self._show(best, utterance, board, batch)

    def _take(self, row: Utterance) -> str | None:
        """Let the model hear it. Returns what the agent did, where that can be told."""
        if row.speaker == Speaker.CUSTOMER:
            self._follower.add(Event("customer", row.text))
            return None
        done = self._recogniser.of(row.text) if row.speaker == Speaker.AGENT else None
        self._follower.add(Event("agent", row.text, done))
        return done

    def _show(self, best: Suggestion, utterance: FinalUtterance, board: Board, batch: Batch) -> None:
        row = utterance.row
        say = best.words
        action = Action(
            "hint",
            title=_("Next step") if say else _("Next step: %(action)s") % {"action": spoken(best.action)},
            say=say,
            label="Say" if say else "Do",
        )
        decision = Decision(
            policy=RULE, rule_id=RULE, what="show", at_ms=row.end_ms, sequence=row.sequence,
            reason=best.reason, evidence=(), form=best.reason, index=0, action=action,
        )  # fmt: skip
        places = [{"utterance": str(row.pk), "start": 0, "end": len(row.text)}]
        about = {
            "version": self._version.version,
            "task": self._task,
            "action": best.action,
            "probability": round(best.probability, 3),
        }
        board.show(
            self._key(best.action),
            decision,
            action,
            Look(PRIORITY, 0, LASTS_MS, optional=True),
            None,
            Because(best.reason, places, row),
            utterance,
            batch,
            {"next_step": about},
        )
        self._open = best.action
        self._shown.append(best.action)

    def _withdraw(self, at_ms: int, board: Board, batch: Batch) -> None:
        if self._open:
            board.withdraw(self._key(self._open), at_ms, batch, expired=False)
            self._open = ""

    def due(self, now_ms: int, board: Board, batch: Batch) -> None:
        """Take away what has stood for long enough."""
        if self._open and board.is_over(self._key(self._open), now_ms):
            board.withdraw(self._key(self._open), now_ms, batch, expired=True)
            self._open = ""

    @staticmethod
    def _key(action: str) -> str:
        return f"{RULE}|{RULE}|{action}|0"

    def state(self) -> dict[str, Any]:
        """What a successor needs: names of actions, no words of the call."""
        return {
            "version": str(self._version.pk),
            "task": self._task,
            "open": self._open,
            "shown": self._shown,
        }


def watch_open(
    fields: Mapping[str, Any], state: Mapping[str, Any] | None, said: Iterable[Utterance]
) -> NextStepWatch | None:
    """Follow a call with the live version, or the one it began with; None where there is none, or no task for it.

    One query; two more the first time that a process meets a version.
    """
    rows = NextStepVersion.objects.defer("playbooks", "figures")
    if state is not None:
        version = rows.filter(pk=UUID(state["version"])).first()
    else:
        version = rows.filter(state=NextStepVersion.State.LIVE).first()
    if version is None:
        return None
    try:
        model, schemas = tools_of(version)
    except Conflict as error:
        log.error("next_step.unusable", version=version.version, error=str(error))
        return None
    task = state["task"] if state is not None else task_of(fields, {*model.tasks, *schemas})
    if task is None:
        return None
    return NextStepWatch(version, task, model.follow(task, schemas.get(task)), state, said)


def task_of(fields: Mapping[str, Any], tasks: Iterable[str]) -> str | None:
    """The task of a call: what its field `task` names, else its queue, else the only one there is."""
    known = {plain(task): task for task in tasks}
    for name in ("metadata.task", "queue"):
        value = fields.get(name)
        if isinstance(value, str | int | float) and plain(value) in known:
            return known[plain(value)]
    return next(iter(known.values())) if len(known) == 1 else None


def spoken(action: str) -> str:
    """An action's name as words."""
    return " ".join(action.replace("_", " ").split())
