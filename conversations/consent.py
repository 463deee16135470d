"""Consent, per purpose and region: what counts now, what a new word of the caller changes, and the evidence of both.

Whoever may not be transcribed is neither heard nor recorded; whoever may not be recorded is heard and not kept. A
withdrawal in mid-call holds from then on; where the rule says so, what there is goes as well.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from conversations import outbox
from conversations.lifecycle import marks_tell, position_ms
from conversations.live import metadata
from conversations.live.buffer import Mark
from conversations.models import ConsentRecord, ConsentRule, Conversation, Purpose
from conversations.services import conversation_lock, event_append

log = structlog.get_logger(__name__)

State, Mode = ConsentRecord.State, ConsentRule.Mode
REGION_KEY, CONSENT_KEY = "region", "consent"
# The purposes that the live way obeys at once; training is asked for when data is exported.
_LIVE = (Purpose.RECORD, Purpose.ASSIST)


def rules_for(region: str) -> dict[str, ConsentRule | None]:
    """The rule of each purpose for a region. One query.

    It is the region's own, that of the country it lies in ("US" for "US-CA"), or that of all others.
    """
    wanted = [region, region.partition("-")[0], ""]
    found = {(rule.purpose, rule.region): rule for rule in ConsentRule.objects.filter(region__in=wanted)}
    return {
        purpose: next((found[purpose, each] for each in wanted if (purpose, each) in found), None)
        for purpose in Purpose.values
    }


def rule_for(region: str, purpose: str) -> ConsentRule | None:
    """The rule of one purpose, as `rules_for` finds it."""
    return rules_for(region)[purpose]


def allowed(rule: ConsentRule | None, said: str | None) -> bool:
    """Whether a purpose is allowed under a rule, by the last thing that was said (None: nothing)."""
    if said in {State.REFUSED, State.WITHDRAWN}:
        return False
    if rule is None or rule.mode == Mode.NONE:
        return True
    if said is None:
        return rule.unknown_allows
    if rule.mode == Mode.OPT_IN:
        return said == State.GIVEN
    return True


def region_of(conversation: Conversation) -> str:
    value = conversation.metadata.get(REGION_KEY, "")
    return value if isinstance(value, str) else ""


def consent_now(conversation: Conversation) -> dict[str, bool]:
    """What the conversation may be used for now, by purpose."""
    said: dict[str, str] = dict(
        ConsentRecord.objects.filter(conversation=conversation)
        .order_by("at", "pk")
        .values_list("purpose", "state")
    )
    rules = rules_for(region_of(conversation))
    return {purpose: allowed(rule, said.get(purpose)) for purpose, rule in rules.items()}


def consent_meaning(conversation: Conversation) -> dict[str, dict[str, Any]]:
    """For pages that hear what was said live: what each word means here, by purpose that a call obeys at once.

    `{"record": {"": True, "given": True, "withdrawn": False, …, "erases": False}, …}`; "" while nothing was said.
    """
    rules = rules_for(region_of(conversation))
    return {
        purpose.value: {
            "": allowed(rules[purpose], None),
            **{state: allowed(rules[purpose], state) for state in State.values},
            "erases": _erases(rules[purpose]),
        }
        for purpose in _LIVE
    }


def marks_of(conversation: Conversation) -> list[Mark]:
    """What a worker that claims the call has to know: every change of what it may do, in order."""
    rules = rules_for(region_of(conversation))
    marks: list[Mark] = [_mark(purpose, allowed(rules[purpose], None), 0) for purpose in _LIVE]
    for record in ConsentRecord.objects.filter(conversation=conversation, purpose__in=_LIVE).order_by(
        "at", "pk"
    ):
        rule = rules[Purpose(record.purpose)]
        marks.append(
            _mark(record.purpose, allowed(rule, record.state), record.at_ms, _takes_back(rule, record))
        )
    return marks


def _mark(purpose: str, is_allowed: bool, at_ms: int, erases: bool = False) -> Mark:
    mark: Mark = {"kind": "consent", "purpose": str(purpose), "allowed": is_allowed, "at_ms": at_ms}
    # What went by before it goes as well, whatever had been said of it.
    return mark | {"erases": True} if erases else mark


def _takes_back(rule: ConsentRule | None, record: ConsentRecord) -> bool:
    """Whether a word of the caller holds for what went by before it, too."""
    return record.state == State.WITHDRAWN and _erases(rule)


def _erases(rule: ConsentRule | None) -> bool:
    return rule is not None and rule.on_withdrawal == ConsentRule.Withdrawal.ERASE


def consent_record(
    *,
    conversation: Conversation,
    purpose: str,
    state: str,
    source: str,
    evidence: str = "",
    at: datetime | None = None,
    actor: User | None = None,
) -> ConsentRecord:
    """Note what was said about a purpose, and act on it. The same word again changes nothing.

    `source` names how we know (ivr, api, agent, metadata); `evidence` is kept redacted. Raises `ValidationError`.
    """
    if purpose not in Purpose.values:
        raise ValidationError({"purpose": _("Choose record, assist or train.")})
    if state not in State.values:
        raise ValidationError({"state": _("Choose announced, given, refused or withdrawn.")})
    now = timezone.now()
    if at is not None and at > now:
        raise ValidationError({"at": _("That is in the future.")})
    at = at or now
    at_ms = position_ms(conversation.pk, at)
    with transaction.atomic():
        conversation = conversation_lock(conversation.pk)
        before = consent_now(conversation)
        # Audio may have stood still since an earlier word, which this one overrules all the same.
        earlier = ConsentRecord.objects.filter(conversation=conversation, purpose=purpose, at__lte=at)
        at_ms = max([at_ms, *earlier.values_list("at_ms", flat=True)])
        record, created = ConsentRecord.objects.get_or_create(
            conversation=conversation,
            purpose=purpose,
            state=state,
            source=source[:40],
            at=at,
            defaults={"at_ms": at_ms, "evidence": metadata.text_redacted(evidence)[:200], "actor": actor},
        )
        if not created:
            return record
        if actor is not None:
            audit(
                actor=actor,
                action="consent.record",
                thing=conversation,
                changes={"purpose": purpose, "state": state, "source": source},
            )
        event_append(conversation_id=conversation.pk, kind="consent", row=record)
        if consent_now(conversation) != before:
            rule = rule_for(region_of(conversation), purpose)
            mark = _mark(purpose, consent_now(conversation)[purpose], record.at_ms, _takes_back(rule, record))
            if conversation.is_live:
                transaction.on_commit(lambda: marks_tell(conversation.pk, [mark]))
            else:
                outbox.jobs_announce(event=CHANGED, conversation_id=conversation.pk, because=str(record.pk))
    return record


CHANGED = "consent.changed"
"""Outbox event: what a conversation that has ended may be used for has changed."""


def consent_from_metadata(*, conversation_id: UUID, fields: dict[str, Any], source: str) -> None:
    """Take the consent that telephony asked for: `metadata.consent` = `{"record": "given", …}`.

    `fields` are what `source` says now, not all that is known: telephony sends all it has with each change, and what it
    said before does not overrule what the caller has told somebody since. Nonsense is logged and passed over. The
    region may have changed, too: the worker is told what counts now.
    """
    given = fields.get(CONSENT_KEY)
    conversation = Conversation.objects.get(pk=conversation_id)
    if conversation.is_live:
        marks = marks_of(conversation)
        transaction.on_commit(lambda: marks_tell(conversation_id, marks))
    else:
        # Contact records often come after the call: what may be kept is decided anew.
        outbox.jobs_announce(
            event=CHANGED, conversation_id=conversation_id, because=f"in {region_of(conversation)}"[:36]
        )
    if not isinstance(given, dict):
        return
    for purpose, state in given.items():
        records = ConsentRecord.objects.filter(conversation=conversation, purpose=purpose).order_by(
            "at", "pk"
        )
        said_before = records.filter(source=source[:40]).last()
        known = records.last()
        if any(each is not None and each.state == state for each in (said_before, known)):
            continue
        try:
            consent_record(conversation=conversation, purpose=str(purpose), state=str(state), source=source)
        except ValidationError:
            log.warning("consent.not_understood", conversation=str(conversation_id), source=source)
