"""What people do on their pages that a live call's rules must know at once: dismissals, mutes, steps chosen by hand.

They reach the call's worker as marks behind its audio (`conversations.live.tidings`), so that a worker that takes over
is told the same again. Here is what is said, and what the call's guidance makes of it.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts.errors import Conflict
from coaching.board import Board
from coaching.budget import Mute
from coaching.models import Guidance
from coaching.mutes import STAGE, mutes_mark
from conversations.lifecycle import marks_append, marks_tell
from conversations.live.buffer import Mark
from conversations.live.stages import Batch
from conversations.live.tidings import HELD, word
from conversations.models import Conversation
from engines.rules.decisions import Decision
from engines.rules.engine import RuleEngine

log = structlog.get_logger(__name__)


# --- Saying it --------------------------------------------------------------------------------------------


def dismissal_tell(row: Guidance, *, undone: bool = False) -> None:
    """Tell the worker of a live call, after the caller's transaction, that its agent closed this or took that back."""
    if row.conversation.is_live:
        mark = word(STAGE, do="undo" if undone else "dismiss", guidance=str(row.pk))
        transaction.on_commit(partial(marks_tell, row.conversation_id, [mark]))


def playbook_move(*, step: Guidance, to: str) -> None:
    """Let the playbook that `step` belongs to go on at the step `to`, in the call that is under way.

    The change comes as events, once the call's worker has made it. Raises `ValidationError` for what is no step of the
    playbook, `Conflict` where the call is over or cannot be reached: nothing is promised then.
    """
    known = step.payload.get("steps", []) if isinstance(step.payload, dict) else []
    if step.kind != Guidance.Kind.STEP:
        raise ValidationError(_("This is no step of a playbook."))
    if to not in [one["id"] for one in known]:
        raise ValidationError(_("The playbook has no such step."))
    if not step.conversation.is_live:
        raise Conflict(_("The call is over."))
    mark = word(STAGE, do="move", policy=str(step.revision_id), playbook=step.playbook, step=to)
    try:
        marks_append(step.conversation_id, [mark])
    except (RedisError, OSError) as error:
        log.warning("tidings.not_told", conversation=str(step.conversation_id), error=type(error).__name__)
        raise Conflict(_("The call cannot be reached just now. Please try again.")) from None


def marks_again(conversation: Conversation) -> list[Mark]:
    """What a worker that may have missed some of it should know: what is dismissed, and what is muted."""
    rows = Guidance.objects.filter(conversation=conversation, state=Guidance.State.DISMISSED)
    ids = rows.order_by("settled_at", "pk").values_list("pk", flat=True)
    marks = [word(STAGE, do="dismiss", guidance=str(pk)) for pk in ids]
    if conversation.agent_id is not None:
        marks.append(mutes_mark(conversation.agent_id))
    return marks


# --- Hearing it -------------------------------------------------------------------------------------------


def heed(
    mark: dict[str, Any], engine: RuleEngine, board: Board, agent_id: UUID | None, batch: Batch
) -> list[Decision]:
    """Act on a thing that a call's guidance is told. Returns what the rules decide by it."""
    if mark["kind"] == HELD:
        return engine.hold(mark["on"], mark["at_ms"])
    if mark.get("to") != STAGE:
        return []
    do = mark.get("do")
    if do in {"move", "begin"}:
        try:
            if do == "begin":
                return engine.begin(mark["policy"], mark["playbook"], mark["at_ms"])
            return engine.move(mark["policy"], mark["playbook"], mark["step"], mark["at_ms"])
        except ValueError:
            # Its policy has gone from the call, which is another agent's by now.
            log.warning("tidings.no_such_step", conversation=str(batch.conversation_id))
    elif do == "mutes" and mark["agent"] == str(agent_id):
        board.mute([Mute(kind, rule) for kind, rule in mark["mutes"]], batch)
    elif do == "dismiss" and (row := board.dismissed(mark["guidance"])) is not None:
        engine.dismiss(row.policy, row.rule, row.source, index=row.index, at_ms=mark["at_ms"])
    elif do == "undo" and (row := board.taken_back(mark["guidance"])) is not None:
        stands = engine.undismiss(row.policy, row.rule, row.source, index=row.index, at_ms=mark["at_ms"])
        board.reopen(row, stands=stands)
    return []
