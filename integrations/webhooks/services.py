"""Writes to webhook endpoints, and what makes messages of news. Sending is in `delivery.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from conversations import news
from integrations.egress import EgressError, Trouble, url_check
from integrations.webhooks import signing
from integrations.webhooks.models import TEST_KIND, WebhookDelivery, WebhookEndpoint, WebhookMessage
from tenants import keys
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

# How long the secret before signs beside a new one.
FORMER_SIGNS_FOR = timedelta(days=3)
# How long messages and their attempts are kept once nothing waits any more.
KEPT = timedelta(days=30)
FORGET_AT_ONCE = 1000


# --- Endpoints --------------------------------------------------------------------------------------------


def endpoint_create(
    *,
    url: str,
    events: Sequence[str],
    description: str = "",
    active: bool = True,
    actor: User | None = None,
) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint. Returns it with its secret (`whsec_…`), which nothing shows again. Raises `ValidationError`."""
    secret = signing.secret_make()
    endpoint = WebhookEndpoint(
        url=url, events=_events(events), description=description.strip(), active=active
    )
    _check(endpoint)
    endpoint.secret_sealed, endpoint.secret_version = _sealed(endpoint, secret)
    with transaction.atomic():
        endpoint.save()
        audit(actor=actor, action="webhookendpoint.create", thing=endpoint)
    return endpoint, signing.secret_text(secret)


def endpoint_update(
    *, endpoint: WebhookEndpoint, actor: User | None = None, **changes: Any
) -> WebhookEndpoint:
    """Change url, events, description or active. Raises `ValidationError`.

    Switching one on again forgets why it was switched off; what had failed is sent again on request only.
    """
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        was_active = row.active
        for name in ("url", "events", "description", "active"):
            if name in changes:
                setattr(row, name, changes[name])
        row.events = _events(row.events)
        _check(row)
        if (row.active and not was_active) or "url" in changes:
            row.disabled_reason, row.disabled_at = "", None
            row.failing_since, row.failures, row.hold_until = None, 0, None
        row.save()
        audit(actor=actor, action="webhookendpoint.update", thing=row, changes={"fields": sorted(changes)})
        if row.active:
            _dispatch_after_commit([row.pk])
    endpoint.refresh_from_db()
    return endpoint


def endpoint_rotate(*, endpoint: WebhookEndpoint, actor: User | None = None) -> str:
    """Give an endpoint a new secret, and return it. For three days messages are signed with both."""
    secret = signing.secret_make()
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        row.former_sealed, row.former_version = row.secret_sealed, row.secret_version
        row.former_until = timezone.now() + FORMER_SIGNS_FOR
        row.secret_sealed, row.secret_version = _sealed(row, secret)
        row.save(
            update_fields=[
                *("secret_sealed", "secret_version", "former_sealed", "former_version", "former_until")
            ]
        )
        audit(actor=actor, action="webhookendpoint.rotate", thing=row)
    endpoint.refresh_from_db()
    return signing.secret_text(secret)


def endpoint_delete(*, endpoint: WebhookEndpoint, actor: User | None = None) -> None:
    """Remove an endpoint with the log of what it was sent."""
    with transaction.atomic():
        audit(actor=actor, action="webhookendpoint.delete", thing=endpoint)
        endpoint.delete()


def endpoint_disable(*, endpoint_id: UUID, reason: str) -> bool:
    """Switch off an endpoint that does not want messages or takes none. What waits for it has failed.

    Returns whether it was on.
    """
    now = timezone.now()
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint_id, active=True).first()
        if row is None:
            return False
        row.active, row.disabled_reason, row.disabled_at = False, reason, now
        row.save(update_fields=["active", "disabled_reason", "disabled_at"])
        row.deliveries.filter(state=WebhookDelivery.State.WAITING).update(
            state=WebhookDelivery.State.FAILED, error=_("The endpoint was switched off.")
        )
        audit(actor=None, action="webhookendpoint.disable", thing=row, changes={"reason": reason})
    log.warning("webhooks.endpoint_disabled", endpoint=str(endpoint_id), reason=reason)
    return True


def endpoint_secrets(endpoint: WebhookEndpoint, *, now: datetime) -> list[bytes]:
    """The secrets that sign now, the newest first. Raises `SealError`."""
    schema, place = current_schema(), f"webhook:{endpoint.pk}"
    secrets = [keys.unwrap(schema, bytes(endpoint.secret_sealed), endpoint.secret_version, bound_to=place)]
    if endpoint.former_signs(now) and endpoint.former_sealed is not None:
        secrets.append(
            keys.unwrap(schema, bytes(endpoint.former_sealed), endpoint.former_version, bound_to=place)
        )
    return secrets


def _sealed(endpoint: WebhookEndpoint, secret: bytes) -> tuple[bytes, int]:
    return keys.wrap(current_schema(), secret, bound_to=f"webhook:{endpoint.pk}")


def _events(events: Iterable[str]) -> list[str]:
    given = set(events)
    return [kind for kind in news.KINDS if kind in given] + sorted(given - set(news.KINDS))


def _check(endpoint: WebhookEndpoint) -> None:
    unknown = [kind for kind in endpoint.events if kind not in news.KINDS]
    if unknown or not endpoint.events:
        raise ValidationError({"events": _("Choose from: %s.") % ", ".join(news.KINDS)})
    try:
        url_check(endpoint.url)
    except EgressError as error:
        raise ValidationError({"url": address_words(error)}) from None
    endpoint.full_clean(exclude=["secret_sealed", "events"])


def address_words(error: EgressError) -> str:
    """Why an address cannot be used, for who gave it."""
    words = {
        Trouble.SCHEME: _("The address must begin with https://."),
        Trouble.CREDENTIALS: _("An address holds no name and password: the signature says who sends."),
        Trouble.PRIVATE: _(
            "This address lies in a private network. Whoever runs the installation may allow it."
        ),
    }
    return words.get(error.trouble, _("This is no address that can be asked."))


# --- Messages ---------------------------------------------------------------------------------------------


def news_take(kind: str, conversation_id: UUID, ref: UUID | None) -> None:
    """Make a message of news, in their transaction, for the endpoints that want them. None do: nothing is written."""
    wanting = list(
        WebhookEndpoint.objects.filter(active=True, events__contains=[kind]).values_list("pk", flat=True)
    )
    if not wanting:
        return
    message = WebhookMessage.objects.create(kind=kind, conversation_id=conversation_id, ref=ref)
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(endpoint_id=endpoint_id, message=message) for endpoint_id in wanting
    )
    _dispatch_after_commit(wanting)


def endpoint_test(*, endpoint: WebhookEndpoint, actor: User | None = None) -> WebhookDelivery:
    """Send an endpoint a `webhook.test`, whatever it subscribes to. Raises `ValidationError` for one that is off."""
    if not endpoint.active:
        raise ValidationError(_("Switch the endpoint on first."))
    with transaction.atomic():
        message = WebhookMessage.objects.create(kind=TEST_KIND)
        delivery = WebhookDelivery.objects.create(endpoint=endpoint, message=message)
        # A test asks now: whatever else waits because the endpoint failed may follow it.
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(hold_until=None)
        audit(actor=actor, action="webhookendpoint.test", thing=endpoint)
        _dispatch_after_commit([endpoint.pk])
    return delivery


def delivery_replay(*, delivery: WebhookDelivery, actor: User | None = None) -> WebhookDelivery:
    """Send a message again, whatever became of it before, under the same id. Raises `ValidationError`."""
    if not delivery.endpoint.active:
        raise ValidationError(_("Switch the endpoint on first."))
    with transaction.atomic():
        _restart([delivery.pk])
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(hold_until=None)
        audit(actor=actor, action="webhookdelivery.replay", thing=delivery)
        _dispatch_after_commit([delivery.endpoint_id])
    delivery.refresh_from_db()
    return delivery


def endpoint_replay(*, endpoint: WebhookEndpoint, since: datetime, actor: User | None = None) -> int:
    """Send again everything that failed of what happened since then. Returns how much. Raises `ValidationError`."""
    if not endpoint.active:
        raise ValidationError(_("Switch the endpoint on first."))
    with transaction.atomic():
        failed = endpoint.deliveries.filter(
            state=WebhookDelivery.State.FAILED, message__created_at__gte=since
        ).values_list("pk", flat=True)
        count = _restart(list(failed))
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(hold_until=None)
        audit(
            actor=actor,
            action="webhookendpoint.replay",
            thing=endpoint,
            changes={"since": since.isoformat(), "messages": count},
        )
        _dispatch_after_commit([endpoint.pk])
    return count


def _restart(ids: list[UUID]) -> int:
    now = timezone.now()
    return WebhookDelivery.objects.filter(pk__in=ids).update(
        state=WebhookDelivery.State.WAITING, tries=0, begun_at=now, due_at=now, error=""
    )


def messages_forget(*, before: datetime) -> int:
    """Remove messages from before then that nothing waits for, with their attempts. At most 1,000 in one run."""
    old = WebhookMessage.objects.filter(created_at__lt=before).exclude(
        pk__in=WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING).values("message_id")
    )
    ids = list(old.order_by("created_at").values_list("pk", flat=True)[:FORGET_AT_ONCE])
    WebhookMessage.objects.filter(pk__in=ids).delete()
    return len(ids)


def _dispatch_after_commit(endpoint_ids: list[UUID]) -> None:
    from integrations.webhooks.tasks import endpoints_dispatch

    schema = current_schema()

    def dispatch() -> None:
        # An outer transaction may be committed after the company's scope was left; the message must still name it.
        with schema_scope(schema):
            endpoints_dispatch(ids=endpoint_ids)

    transaction.on_commit(dispatch)
