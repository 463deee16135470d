"""Second readings started again by hand: those that failed, after what kept them is mended, and those that are done."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from conversations import outbox
from conversations.models import OutboxJob, RedactionCheck
from conversations.outbox_again import jobs_run_again
from conversations.redaction.second_pass import TASK


def checks_read_again(*, check_ids: Iterable[UUID], actor: User | None, address: str | None = None) -> int:
    """Have conversations read once more, with a fresh set of attempts. Returns how many those are.

    Those whose words were erased hold nothing to read and are left alone.
    """
    with transaction.atomic():
        checks = list(
            RedactionCheck.objects.select_for_update(of=("self",))
            .filter(pk__in=list(check_ids), conversation__words_erased_at__isnull=True)
            .select_related("conversation")
        )
        RedactionCheck.objects.filter(pk__in=[check.pk for check in checks]).update(
            state=RedactionCheck.State.RUNNING, attempts=0, last_error=""
        )
        jobs = []
        for check in checks:
            # What was done long ago has no job any more.
            job, _created = OutboxJob.objects.update_or_create(
                task=TASK,
                event=outbox.ENDED,
                conversation=check.conversation,
                defaults={"done_at": None},
                create_defaults={"due_at": timezone.now()},
            )
            jobs.append(job.pk)
            audit(actor=actor, action="redaction.read_again", thing=check, address=address)
        jobs_run_again(job_ids=jobs)
    return len(checks)
