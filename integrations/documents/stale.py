"""Which documents may be older than where they came from: their page cannot be read, or their source is not fetched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from integrations.documents.models import KnowledgeSource, SourcePage
from knowledge.care.reviews import Stale
from knowledge.models import Finding

# A source that fails once is tried again the next day.
AFTER = timedelta(days=7)


def stale_documents() -> Iterator[Stale]:
    """Documents whose page could not be read last time, or whose source failed for a week. Two queries.

    Their day is that of their text, so that each is one finding however often its page is asked for.
    """
    since = timezone.now() - AFTER
    failed = KnowledgeSource.objects.filter(
        active=True, state=KnowledgeSource.State.FAILED, synced_at__lt=since
    )
    pages = SourcePage.objects.filter(document__isnull=False).order_by("pk")
    for wanted in (
        pages.exclude(error="").filter(source__active=True),
        pages.filter(error="", source__in=failed),
    ):
        for document, changed in wanted.values_list("document", "document__updated_at"):
            yield Stale(document, Finding.Reason.SOURCE, timezone.localdate(changed))
