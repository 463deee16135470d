"""Celery's way to drafts of prepared answers."""

from __future__ import annotations

from celery import shared_task

from tenants.companies import each_company


@shared_task
def drafts_nightly() -> None:
    """Each night, in every company: draft answers for questions that were asked often and had none."""
    from knowledge.answers.drafting import drafts_propose

    def work() -> None:
        drafts_propose()

    each_company(work)
