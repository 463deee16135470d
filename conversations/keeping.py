"""How long data is kept, and what a legal hold keeps longer: the changes that people make to it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import Queue, User
from accounts.services import audit
from conversations.consent_enforcement import hold_lifted
from conversations.models import Conversation, Customer, LegalHold, RetentionRule
from conversations.redacted import redacted

REASON_LENGTH = LegalHold._meta.get_field("reason").max_length or 200


def retention_rule_set(
    *, kind: str, queue: Queue | None, days: int, actor: User | None, address: str | None = None
) -> tuple[RetentionRule, bool]:
    """Keep this kind of data of a queue (None: of all without a rule) for so many days. Returns whether it is new.

    Raises `ValidationError` for fewer than one day.
    """
    RetentionRule(kind=kind, queue=queue, days=days).full_clean(
        validate_unique=False, validate_constraints=False
    )
    with transaction.atomic():
        row, is_new = RetentionRule.objects.update_or_create(kind=kind, queue=queue, defaults={"days": days})
        audit(
            actor=actor,
            action="retentionrule.create" if is_new else "retentionrule.update",
            thing=row,
            changes={"kind": kind, "days": days},
            address=address,
        )
    return row, is_new


def retention_rule_remove(*, rule: RetentionRule, actor: User | None, address: str | None = None) -> None:
    """Keep that kind of data of that queue as the general rule says, or for ever where there is none."""
    with transaction.atomic():
        audit(actor=actor, action="retentionrule.delete", thing=rule, address=address)
        rule.delete()


def hold_place(
    *,
    conversation: Conversation | None = None,
    customer: Customer | None = None,
    reason: str,
    actor: User | None,
    address: str | None = None,
) -> LegalHold:
    """Keep all of a conversation, or of a customer, until the hold is lifted. Raises `ValidationError`."""
    with transaction.atomic():
        hold = LegalHold(
            conversation=conversation,
            customer=customer,
            reason=redacted(reason)[:REASON_LENGTH],
            placed_by=actor,
        )
        hold.full_clean()
        hold.save()
        audit(actor=actor, action="legalhold.create", thing=hold, address=address)
    return hold


def hold_lift(*, hold: LegalHold, actor: User | None, address: str | None = None) -> bool:
    """Let what it kept go its way again. False where it was lifted before; it stays as a record."""
    with transaction.atomic():
        if not LegalHold.objects.filter(pk=hold.pk, lifted_at__isnull=True).update(lifted_at=timezone.now()):
            return False
        hold.refresh_from_db()
        audit(
            actor=actor,
            action="legalhold.update",
            thing=hold,
            changes={"fields": ["lifted_at"]},
            address=address,
        )
        hold_lifted(hold)
    return True
