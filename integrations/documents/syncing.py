"""Fetching a source, a slice at a time: what changed becomes a version, what is gone is withdrawn, the rest stays.

A fetch is a run with an id. Every page is a row that says which run found it and which run read it, so that a run that
broke off goes on where it was, in any worker. Slices are short; other jobs have their turn between them.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.ids import new_id
from accounts.services import audit
from engines.documents.apart import document_read_apart
from engines.documents.model import DocumentError, Read, Trouble
from engines.documents.reading import name_as_title
from engines.documents.writing import one_line
from integrations.documents.connectors import Article, articles_list
from integrations.documents.fetching import FetchError, host_of
from integrations.documents.models import KnowledgeSource, Outcome, SourcePage
from integrations.documents.storing import document_store, key_of
from integrations.documents.website import (
    Robots,
    Site,
    file_name,
    first_pages,
    links_of,
    page_fetch,
    robots_of,
    site_of,
)
from integrations.documents.words import trouble_words
from integrations.uploads.intake import in_words
from knowledge.documents.services import document_withdraw
from tenants import keys
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

SLICE_SECONDS = 45.0
# Longer than a slice, its last page and the reading of it; then somebody else goes on.
LEASE = timedelta(minutes=6)
SOON = timedelta(minutes=15)
_ENDINGS = {"html": "article.html", "md": "article.md", "txt": "article.txt"}
State = KnowledgeSource.State
Sleep = Callable[[float], None]


def secret_of(source: KnowledgeSource) -> str:
    """The source's secret, "" if it has none. Raises `SealError`."""
    if source.secret_sealed is None:
        return ""
    sealed = bytes(source.secret_sealed)
    place = f"knowledge-source:{source.pk}"
    return keys.unwrap(current_schema(), sealed, source.secret_version, bound_to=place).decode()


def source_take() -> UUID | None:
    """Take the source that is due first, for the time of a slice. None if none is. It begins a run if none is open."""
    now = timezone.now()
    with transaction.atomic():
        row = (
            KnowledgeSource.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(due_at__lte=now)
            .filter(Q(active=True) | Q(state__in=[State.DUE, State.RUNNING]))
            .order_by("due_at", "id")
            .first()
        )
        if row is None:
            return None
        if row.state != State.RUNNING:
            row.state, row.run, row.cursor, row.progress, row.error = State.RUNNING, new_id(), "", 0, ""
        row.due_at = now + LEASE
        row.save(update_fields=["state", "run", "cursor", "progress", "error", "due_at"])
    return row.pk


def source_sync(*, source_id: UUID, seconds: float = SLICE_SECONDS, sleep: Sleep = time.sleep) -> bool:
    """Do a slice of the run that is open. Returns whether there is more to do; then the source is due at once."""
    source = KnowledgeSource.objects.select_related("collection").get(pk=source_id)
    if source.state != State.RUNNING or source.run is None:
        return False
    until = time.monotonic() + seconds
    try:
        if source.kind == KnowledgeSource.Kind.WEBSITE:
            more = _website(source, until, sleep)
        else:
            more = _service(source, until)
    except FetchError as error:
        _failed(source, str(error))
        return False
    except keys.SealError:
        _failed(source, _("Its secret cannot be opened. Give it anew."))
        return False
    if more:
        _open(source).update(due_at=timezone.now())
        return True
    _finished(source)
    return False


# --- A website ------------------------------------------------------------------------------------------


def _website(source: KnowledgeSource, until: float, sleep: Sleep) -> bool:
    site = site_of(source.settings)
    robots: dict[str, Robots | FetchError] = {host_of(site.url): robots_of(site, site.url)}
    first = robots[host_of(site.url)]
    assert isinstance(first, Robots)
    if not source.cursor:
        _found(source, first_pages(site, first), most=site.most)
        source.cursor = "found"
        _open(source).update(cursor=source.cursor)
    while True:
        page = source.pages.filter(found_run=source.run).exclude(run=source.run).order_by("id").first()
        if page is None:
            return False
        sleep(_page(source, site, page, robots))
        if time.monotonic() > until:
            return True


def _found(source: KnowledgeSource, urls: Iterable[str], *, most: int) -> None:
    """Note pages that this run has found, as many as there is room for."""
    wanted = {_key(url): url for url in urls}
    known = set(source.pages.filter(found_run=source.run).values_list("key", flat=True))
    room = max(0, most - len(known))
    fresh = [SourcePage(source=source, key=key, url=url) for key, url in wanted.items() if key not in known][
        :room
    ]
    SourcePage.objects.bulk_create(fresh, ignore_conflicts=True)
    source.pages.filter(key__in=[page.key for page in fresh]).update(found_run=source.run)


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _page(
    source: KnowledgeSource, site: Site, page: SourcePage, robots: dict[str, Robots | FetchError]
) -> float:
    """Fetch one page. Returns how long to wait before the next."""
    host = host_of(page.url)
    if host not in robots:
        try:
            robots[host] = robots_of(site, page.url)
        except FetchError as error:
            robots[host] = error
    rules = robots[host]
    if isinstance(rules, FetchError):
        _noted(source, page, error=str(rules))
        return 0.0
    if not rules.allows(page.url):
        _forgotten(source, page, _("The site's robots.txt does not allow it."))
        return 0.0
    try:
        # What failed last time is asked for whole: what we have of it is older than its tags.
        fetched = page_fetch(
            site, page.url, etag="" if page.error else page.etag, modified="" if page.error else page.modified
        )
        if fetched.unchanged:
            if site.mode == "crawl":
                _found(source, [link for link in page.links if site.takes(link)], most=site.most)
            _noted(source, page, outcome=Outcome.SAME)
            return rules.delay
        if fetched.url != page.url:
            # It is known by where it is; what leads to it is no page of its own.
            _forgotten(source, page, "")
            _found(source, [fetched.url] if site.takes(fetched.url) else [], most=site.most)
            return rules.delay
        page.etag, page.modified = fetched.etag, fetched.modified
        digest = hashlib.sha256(fetched.body).hexdigest()
        if digest == page.sha256 and page.document_id is not None and not page.error:
            if site.mode == "crawl":
                _found(source, [link for link in page.links if site.takes(link)], most=site.most)
            _noted(source, page, outcome=Outcome.SAME)
            return rules.delay
        read = document_read_apart(file_name(fetched), fetched.body, charset=fetched.charset)
        page.links, page.sha256 = list(links_of(site, fetched.url, read.links)), digest
        if site.mode == "crawl":
            _found(source, page.links, most=site.most)
        stored = document_store(
            collection=source.collection,
            key=key_of("page", f"{source.pk}:{page.key}"),
            read=read,
            url=page.url,
        )
        page.document = stored.document
        _noted(source, page, outcome=stored.outcome)
    except FetchError as error:
        if error.gone:
            _forgotten(source, page, str(error))
        else:
            # What it led to may well be there still.
            _found(source, [link for link in page.links if site.takes(link)], most=site.most)
            _noted(source, page, error=str(error))
    except DocumentError as error:
        _noted(source, page, error=trouble_words(error.trouble))
    except ValidationError as error:
        _noted(source, page, error=in_words(error))
    return rules.delay


# --- A service ------------------------------------------------------------------------------------------


def _service(source: KnowledgeSource, until: float) -> bool:
    secret = secret_of(source)
    while True:
        listed = articles_list(source.kind, source.settings, secret, source.cursor)
        for article in listed.articles:
            _article(source, article)
        if listed.cursor == source.cursor or not listed.cursor:
            # A list that goes on where it was goes on for ever.
            return False
        source.cursor = listed.cursor
        _open(source).update(cursor=source.cursor, due_at=timezone.now() + LEASE)
        if time.monotonic() > until:
            return True


def _article(source: KnowledgeSource, article: Article) -> None:
    page, _new = SourcePage.objects.get_or_create(
        source=source, key=_key(article.id), defaults={"url": article.url[:1000]}
    )
    if page.run == source.run:
        return
    page.found_run, page.url = source.run, article.url[:1000]
    digest = hashlib.sha256(f"{article.title}\n{article.body}".encode()).hexdigest()
    if digest == page.sha256 and page.document_id is not None and not page.error:
        _noted(source, page, outcome=Outcome.SAME)
        return
    try:
        if not article.body.strip():
            raise DocumentError(Trouble.NO_TEXT)
        read = document_read_apart(_ENDINGS[article.format], article.body.encode(), charset="utf-8")
        title = one_line(article.title) or name_as_title(read.title)
        stored = document_store(
            collection=source.collection,
            key=key_of("article", f"{source.pk}:{article.id}"),
            read=Read(read.kind, title[:200], read.body),
            url=article.url,
        )
    except DocumentError as error:
        _noted(source, page, error=trouble_words(error.trouble))
    except ValidationError as error:
        _noted(source, page, error=in_words(error))
    else:
        page.sha256, page.document = digest, stored.document
        _noted(source, page, outcome=stored.outcome)


# --- What becomes of it ---------------------------------------------------------------------------------


def _open(source: KnowledgeSource) -> Any:
    """The source's row, while its run is the one that is open."""
    return KnowledgeSource.objects.filter(pk=source.pk, state=State.RUNNING, run=source.run)


def _noted(
    source: KnowledgeSource, page: SourcePage, *, outcome: Outcome = Outcome.NONE, error: str = ""
) -> None:
    page.run, page.outcome, page.error, page.fetched_at = source.run, outcome, error[:300], timezone.now()
    page.save()
    _open(source).update(progress=F("progress") + 1, due_at=timezone.now() + LEASE)


def _forgotten(source: KnowledgeSource, page: SourcePage, error: str) -> None:
    """A page that is there no more, or that we may not have: its document is withdrawn."""
    if page.document is not None:
        document_withdraw(document=page.document)
    page.etag = page.modified = page.sha256 = ""
    page.links = []
    _noted(source, page, error=error)


def _failed(source: KnowledgeSource, error: str) -> None:
    later = timedelta(hours=source.every_hours) if source.every_hours else None
    wait = min(later, SOON) if later is not None else None
    _open(source).update(
        state=State.FAILED,
        error=error[:300],
        due_at=timezone.now() + wait if wait and source.active else None,
    )
    log.warning("documents.source_failed", source=str(source.pk), kind=source.kind)


def _finished(source: KnowledgeSource) -> None:
    """The run has seen everything: what it has not found is gone."""
    read = source.pages.filter(run=source.run)
    counts = Counter(
        outcome or "failed" for outcome, error in read.values_list("outcome", "error") if outcome or error
    )
    wrong = read.exclude(error="").values_list("error", flat=True).first()
    if (
        not read.exclude(document=None).exists()
        and wrong
        and not source.pages.exclude(document=None).exists()
    ):
        _failed(source, wrong)
        return
    if not read.exclude(document=None).exists() and source.pages.exclude(document=None).exists():
        # Everything gone at once is a mistake over there more often than not.
        _failed(source, _("It has no page any more that can be read. What was fetched before stays."))
        return
    gone = source.pages.exclude(found_run=source.run)
    for page in gone.exclude(document=None).select_related("document"):
        if page.document is not None and page.document.withdrawn_at is None:
            document_withdraw(document=page.document)
            counts["gone"] += 1
    gone.delete()
    now = timezone.now()
    again = now + timedelta(hours=source.every_hours) if source.every_hours and source.active else None
    ended = {
        "state": State.IDLE,
        "error": "",
        "counts": dict(counts),
        "synced_at": now,
        "due_at": again,
        "cursor": "",
    }
    with transaction.atomic():
        if _open(source).update(**ended):
            audit(actor=None, action="knowledgesource.sync", thing=source, changes=dict(counts))
