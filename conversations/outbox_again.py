"""Starting outbox jobs again by hand, after what kept them from being done is mended."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.models import OutboxJob
from conversations.outbox import jobs_dispatch


def jobs_run_again(*, job_ids: Iterable[UUID]) -> int:
    """Give jobs that are not done a fresh set of attempts, and start them. Returns how many those were."""
    with transaction.atomic():
        waiting = OutboxJob.objects.select_for_update().filter(pk__in=list(job_ids), done_at__isnull=True)
        found = list(waiting.values_list("pk", flat=True))
        OutboxJob.objects.filter(pk__in=found).update(attempts=0, due_at=timezone.now(), last_error="")
        transaction.on_commit(lambda: jobs_dispatch(job_ids=found))
    return len(found)
