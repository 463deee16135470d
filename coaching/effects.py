"""What rules do beside showing something: alerts, tags, dispositions, messages to other systems.

All of it is written with the batch of the step in which it was decided.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone

from coaching.alerts import alert_into_batch
from coaching.models import Alert, PolicyRevision, RuleEffect, Severity
from conversations import news
from conversations.live.stages import Batch
from conversations.models import Conversation, Disposition
from engines.rules.decisions import Decision
from engines.rules.spec import Action

TAGS = "tags"
TAGS_MAX = 20
VALUE = RuleEffect._meta.get_field("value").max_length or 300

NO_DISPOSITION = "no such disposition"
CHOSEN_ALREADY = "one is chosen already"
TOO_MANY_TAGS = "too many tags"


def alert_add(
    batch: Batch,
    decision: Decision,
    action: Action,
    revision: PolicyRevision,
    because: dict[str, Any],
    team_id: UUID | None,
) -> None:
    """Raise an alert for supervisors."""
    row = Alert(
        conversation_id=batch.conversation_id,
        revision=revision,
        rule_key=decision.rule_id,
        title=action.title,
        severity=Severity(action.severity),
        at_ms=decision.at_ms,
        raised_at=timezone.now(),
        **because,
    )
    alert_into_batch(alert=row, team_id=team_id, batch=batch)


def effect_add(
    batch: Batch, decision: Decision, action: Action, revision: PolicyRevision, because: dict[str, Any]
) -> None:
    """Set a tag or a disposition, or tell other systems. Raises `ValueError` for an action that is none of these."""
    value = {"tag": action.tag, "disposition": str(action.value), "webhook": action.note}.get(action.do)
    if value is None:
        raise ValueError(f"{action.do} is not done here")
    row = RuleEffect(
        conversation_id=batch.conversation_id,
        revision=revision,
        rule_key=decision.rule_id,
        action=decision.index or 0,
        kind=action.do,
        value=value[:VALUE],
        at_ms=decision.at_ms,
        **because,
    )
    batch.create(row)
    if action.do == "webhook":
        batch.write(
            partial(news.tell, kind=news.GUIDANCE_RULE, conversation_id=row.conversation_id, ref=row.pk)
        )
        return
    # Read and written within the batch's transaction, in which the call's own row is locked already.
    shown = Conversation(pk=row.conversation_id)
    batch.write(partial(_apply, row, shown))
    batch.event("conversation", shown)


def _apply(effect: RuleEffect, shown: Conversation) -> None:
    call = Conversation.objects.select_for_update(of=("self",), no_key=True).get(pk=effect.conversation_id)
    refused = _tag(call, effect.value) if effect.kind == RuleEffect.Kind.TAG else _dispose(call, effect.value)
    if refused:
        RuleEffect.objects.filter(pk=effect.pk).update(refused=refused)
    shown.refresh_from_db(
        from_queryset=Conversation.objects.select_related("agent", "customer", "queue", "disposition")
    )


def _tag(call: Conversation, tag: str) -> str:
    metadata = dict(call.metadata) if isinstance(call.metadata, dict) else {}
    tags = metadata.get(TAGS)
    tags = list(tags) if isinstance(tags, list) else []
    if tag in tags:
        return ""
    if len(tags) >= TAGS_MAX:
        return TOO_MANY_TAGS
    Conversation.objects.filter(pk=call.pk).update(metadata={**metadata, TAGS: [*tags, tag]})
    return ""


def _dispose(call: Conversation, key: str) -> str:
    """A person's choice stands."""
    if call.disposition_id is not None:
        return CHOSEN_ALREADY
    chosen: UUID | None = (
        Disposition.objects.filter(key=key, active=True).values_list("pk", flat=True).first()
    )
    if chosen is None:
        return NO_DISPOSITION
    Conversation.objects.filter(pk=call.pk).update(disposition=chosen)
    return ""
