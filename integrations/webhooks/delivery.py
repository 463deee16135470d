"""Sends what is due to one endpoint, and decides what an answer means.

An endpoint has a few lanes while it is well and one while it fails; a lane is an advisory lock, so that a worker that
dies leaves it. An endpoint that fails twice in a row is left alone for a while, longer each time: what waits for it
costs the others nothing. Each message is tried for three days.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import egress
from integrations.egress import Answer, EgressError, Trouble
from integrations.webhooks import payloads, signing
from integrations.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from integrations.webhooks.services import endpoint_disable, endpoint_secrets
from tenants.keys import SealError
from tenants.locks import held_alone

log = structlog.get_logger(__name__)

State = WebhookDelivery.State

TIMEOUT_SECONDS = 15.0
# Answers are not kept; reading a little of one lets well-meaning servers finish.
ANSWER_BYTES = 1024
# How long nobody else takes a delivery that somebody has taken: more than a request and its name lookup take.
LEASE = timedelta(seconds=90)
LANES = 4
# After this long a worker goes on to other work; what is left is taken up again.
TURN_SECONDS = 20.0

# When a message is tried again after its n-th try, before jitter: about three days in all.
BACK_OFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 180, 900, 3600, 3 * 3600, 8 * 3600, 24 * 3600, 36 * 3600)
)
TRIED_FOR = timedelta(days=3)
JITTER = 0.2
# An endpoint that fails is asked again after so long, doubling with each failure.
HOLD, HOLD_MOST = timedelta(seconds=5), timedelta(minutes=10)
# No more of a receiver's wish to be left alone than this.
RETRY_AFTER_MOST = timedelta(hours=24)
DISABLE_AFTER = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request. `error`: in words, empty when it was taken. `retry_after`: what the receiver asked."""

    status: int | None
    error: str
    gone: bool = False
    retry_after: timedelta | None = None
    # Nothing was wrong with the endpoint: the message itself cannot be told.
    pointless: bool = False

    @property
    def delivered(self) -> bool:
        return not self.error


# --- One turn ---------------------------------------------------------------------------------------------


def endpoint_deliver(*, endpoint_id: UUID, clock: Callable[[], float] = time.monotonic) -> bool:
    """Send what is due to an endpoint, one after the other. Returns whether more is due that nobody is at.

    Other workers may be at the same endpoint; none sends the same message at the same time.
    """
    until = clock() + TURN_SECONDS
    with _lane(endpoint_id) as mine:
        if not mine:
            return False
        while clock() < until:
            taken = _take(endpoint_id)
            if taken is None:
                return False
            _deliver(taken)
    return True


@contextmanager
def _lane(endpoint_id: UUID) -> Iterator[bool]:
    row = WebhookEndpoint.objects.filter(pk=endpoint_id, active=True).first()
    lanes = 0 if row is None else LANES if row.failures == 0 else 1
    with ExitStack() as held:
        yield any(
            held.enter_context(held_alone(f"webhook:{endpoint_id}:{number}")) for number in range(lanes)
        )


def _take(endpoint_id: UUID) -> WebhookDelivery | None:
    """Take the delivery that is due longest, so that nobody else does. None: nothing is due, or it is on hold."""
    now = timezone.now()
    with transaction.atomic():
        row = (
            WebhookDelivery.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
            .select_related("endpoint", "message")
            .filter(endpoint_id=endpoint_id, endpoint__active=True, state=State.WAITING, due_at__lte=now)
            .filter(Q(endpoint__hold_until__isnull=True) | Q(endpoint__hold_until__lte=now))
            .order_by("due_at", "pk")
            .first()
        )
        if row is None:
            return None
        row.attempts, row.tries, row.due_at = row.attempts + 1, row.tries + 1, now + LEASE
        row.save(update_fields=["attempts", "tries", "due_at"])
    return row


def _deliver(delivery: WebhookDelivery) -> None:
    at, began = timezone.now(), time.monotonic()
    outcome = _send(delivery, at)
    duration_ms = round((time.monotonic() - began) * 1000)
    with transaction.atomic():
        WebhookAttempt.objects.create(
            delivery=delivery,
            number=delivery.attempts,
            at=at,
            duration_ms=duration_ms,
            status_code=outcome.status,
            error=outcome.error[:120],
        )
        if outcome.delivered:
            _delivered(delivery, outcome)
        else:
            _failed(delivery, outcome)
    if outcome.gone:
        endpoint_disable(endpoint_id=delivery.endpoint_id, reason=WebhookEndpoint.Reason.GONE)
    elif not outcome.delivered and not outcome.pointless:
        _give_up_on(delivery.endpoint_id)


def _delivered(delivery: WebhookDelivery, outcome: Outcome) -> None:
    now = timezone.now()
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=State.DELIVERED, delivered_at=now, status_code=outcome.status, error=""
    )
    WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(
        last_delivered_at=now, failing_since=None, failures=0, hold_until=None
    )


def _failed(delivery: WebhookDelivery, outcome: Outcome) -> None:
    now = timezone.now()
    due_at = retry_at(delivery.tries, delivery.begun_at, now, outcome.retry_after)
    over = due_at is None or outcome.gone or outcome.pointless
    # A worker that was so slow that another has taken the delivery decides nothing.
    mine = WebhookDelivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, state=State.WAITING)
    mine.update(
        state=State.FAILED if over else State.WAITING,
        due_at=due_at or now,
        status_code=outcome.status,
        error=outcome.error[:120],
    )
    if outcome.pointless:
        return
    row = WebhookEndpoint.objects.select_for_update().get(pk=delivery.endpoint_id)
    row.failures += 1
    row.failing_since = row.failing_since or now
    # One failure may be the message's; two in a row are the endpoint's.
    held = min(HOLD * (2 ** min(row.failures - 2, 16)), HOLD_MOST) if row.failures > 1 else timedelta()
    held = max(held, outcome.retry_after or timedelta())
    row.hold_until = now + held if held else None
    row.save(update_fields=["failures", "failing_since", "hold_until"])


def retry_at(
    tries: int, begun_at: datetime, now: datetime, retry_after: timedelta | None = None
) -> datetime | None:
    """When a message that was tried `tries` times since `begun_at` is due again; None: it was tried long enough."""
    if now - begun_at >= TRIED_FOR:
        return None
    delay = BACK_OFF[min(tries, len(BACK_OFF)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    # The last try comes at the end of the three days, not a day later.
    delay = min(delay, max(begun_at + TRIED_FOR - now, timedelta(minutes=1)))
    return now + max(delay, retry_after or timedelta())


def _give_up_on(endpoint_id: UUID) -> None:
    since = WebhookEndpoint.objects.filter(pk=endpoint_id).values_list("failing_since", flat=True).first()
    if since is not None and timezone.now() - since >= DISABLE_AFTER:
        endpoint_disable(endpoint_id=endpoint_id, reason=WebhookEndpoint.Reason.FAILED)


# --- One request ------------------------------------------------------------------------------------------


def _send(delivery: WebhookDelivery, at: datetime) -> Outcome:
    try:
        body = payloads.payload(delivery.message)
        secrets = endpoint_secrets(delivery.endpoint, now=at)
    except payloads.Gone:
        return Outcome(None, _("What it was about is not there any more."), pointless=True)
    except SealError:
        log.error("webhooks.secret_does_not_open", endpoint=str(delivery.endpoint_id))
        return Outcome(None, _("The endpoint's secret does not open: give it a new one."))
    webhook_id, timestamp = delivery.message.webhook_id, int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signing.signature(
            secrets, webhook_id=webhook_id, timestamp=timestamp, body=body
        ),
    }
    try:
        answer = egress.request(
            "POST",
            delivery.endpoint.url,
            headers=headers,
            body=body,
            timeout=TIMEOUT_SECONDS,
            limit=ANSWER_BYTES,
        )
    except EgressError as error:
        return Outcome(None, trouble_words(error.trouble))
    return _judged(answer, at)


def _judged(answer: Answer, at: datetime) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Outcome(status, "")
    if status == 410:
        return Outcome(status, _("It does not want messages any more (410)."), gone=True)
    if 300 <= status < 400:
        return Outcome(status, _("It led elsewhere (%d), which is not followed.") % status)
    wait = retry_after(answer.headers.get("retry-after", ""), at) if status in {429, 502, 503, 504} else None
    return Outcome(status, _("It answered %d.") % status, retry_after=wait)


def retry_after(said: str, now: datetime) -> timedelta | None:
    """Read `Retry-After`: seconds or a date (RFC 9110, 10.2.3), a day at most. None for nonsense and the past."""
    said = said.strip()
    if said.isascii() and said.isdigit():
        wait = timedelta(seconds=min(int(said[:9]), int(RETRY_AFTER_MOST.total_seconds())))
    else:
        try:
            then = parsedate_to_datetime(said)
        except (TypeError, ValueError):
            return None
        wait = (then if then.tzinfo else then.replace(tzinfo=UTC)) - now
    return min(wait, RETRY_AFTER_MOST) if wait > timedelta() else None


def trouble_words(trouble: Trouble) -> str:
    """What went wrong on the way, for the log that people read."""
    return {
        Trouble.NO_HOST: _("There is no such host."),
        Trouble.CONNECTION: _("No connection came about, or it broke."),
        Trouble.TLS: _("Its certificate is not valid, or TLS failed."),
        Trouble.TIMEOUT: _("It did not answer in time."),
        Trouble.PROTOCOL: _("What it answered is no HTTP."),
        Trouble.PRIVATE: _("Its address lies in a private network."),
    }.get(trouble, _("Its address cannot be asked."))
