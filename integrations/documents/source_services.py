"""Writes to sources of documents: making, changing, fetching now, removing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from integrations.documents.fetching import address_check, url_clean
from integrations.documents.models import KnowledgeSource
from knowledge.documents.services import document_withdraw
from tenants import keys
from tenants.scope import current_schema, schema_scope

Kind = KnowledgeSource.Kind
# What may be set, by kind.
SETTINGS: dict[str, frozenset[str]] = {
    Kind.WEBSITE.value: frozenset(["url", "mode", "hosts", "paths", "max_pages"]),
    Kind.ZENDESK.value: frozenset(["url", "locale", "client_id"]),
    Kind.SALESFORCE.value: frozenset(["url", "locale", "client_id", "fields", "version"]),
    Kind.FEED.value: frozenset(["url", "names"]),
}
HOURS = 24 * 90


def source_save(
    *,
    source: KnowledgeSource | None = None,
    actor: User | None = None,
    address: str | None = None,
    secret: str | None = None,
    **fields: Any,
) -> KnowledgeSource:
    """Make or change a source; what is not given stays. A new one is fetched soon. Raises `ValidationError`.

    `fields`: collection, name, kind, settings, every_hours, active. `secret`: None leaves it, "" forgets it.
    """
    with transaction.atomic():
        row = (
            KnowledgeSource()
            if source is None
            else KnowledgeSource.objects.select_for_update().get(pk=source.pk)
        )
        before = (row.kind, row.settings, row.collection_id) if source is not None else None
        for name, value in fields.items():
            if name not in {"collection", "name", "kind", "settings", "every_hours", "active"}:
                raise TypeError(f"no such field: {name}")
            setattr(row, name, value)
        _check(row)
        if secret is not None:
            _seal(row, secret)
        row.full_clean(exclude=["settings"])
        if before is not None and before[2] != row.collection_id:
            raise ValidationError({"collection": _("A source stays with its collection. Make another one.")})
        if before is None or before != (row.kind, row.settings, row.collection_id) or secret is not None:
            if row.active and row.state != KnowledgeSource.State.RUNNING:
                row.state, row.due_at = KnowledgeSource.State.DUE, timezone.now()
        elif "active" in fields or "every_hours" in fields:
            again = row.active and row.every_hours
            row.due_at = row.due_at or (timezone.now() if again else None)
        row.save()
        audit(
            actor=actor,
            action="knowledgesource.create" if source is None else "knowledgesource.update",
            thing=row,
            changes={"fields": sorted([*fields, *(["secret"] if secret is not None else [])])},
            address=address,
        )
        _dispatch_on_commit()
    return row


def _seal(row: KnowledgeSource, secret: str) -> None:
    if not secret:
        row.secret_sealed, row.secret_version = None, 0
        return
    place = f"knowledge-source:{row.pk}"
    row.secret_sealed, row.secret_version = keys.wrap(current_schema(), secret.encode(), bound_to=place)


def _check(row: KnowledgeSource) -> None:
    if row.kind not in SETTINGS:
        raise ValidationError({"kind": _("There is no such kind of source.")})
    if not isinstance(row.settings, dict):
        raise ValidationError({"settings": _("Settings are names with values.")})
    if unknown := sorted(set(row.settings) - SETTINGS[row.kind]):
        raise ValidationError({"settings": _("This kind of source has no “%s”.") % str(unknown[0])[:40]})
    for name in ("hosts", "paths", "fields"):
        value = row.settings.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValidationError({"settings": _("“%s” is a list of texts.") % name})
    names = row.settings.get("names", {})
    if not isinstance(names, dict) or not all(isinstance(one, str) for one in names.values()):
        raise ValidationError({"settings": _("“names” are names with texts.")})
    most = row.settings.get("max_pages", 1)
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ValidationError({"settings": _("“max_pages” is a number from 1 on.")})
    url = url_clean(str(row.settings.get("url", "")))
    if wrong := address_check(url) if url else _("This is no address that can be asked."):
        raise ValidationError({"settings": wrong})
    row.settings = {**row.settings, "url": url}
    if row.every_hours > HOURS:
        raise ValidationError({"every_hours": _("At least every 90 days, or 0.")})


def source_fetch(*, source: KnowledgeSource, actor: User | None = None, address: str | None = None) -> None:
    """Have a source fetched now. Raises `Conflict` while it is."""
    with transaction.atomic():
        row = KnowledgeSource.objects.select_for_update().get(pk=source.pk)
        if row.state == KnowledgeSource.State.RUNNING:
            raise Conflict(_("It is being fetched already."))
        row.state, row.due_at = KnowledgeSource.State.DUE, timezone.now()
        row.save(update_fields=["state", "due_at"])
        audit(actor=actor, action="knowledgesource.fetch", thing=row, address=address)
        _dispatch_on_commit()


def source_delete(*, source: KnowledgeSource, actor: User | None = None, address: str | None = None) -> None:
    """Follow a source no more. Its documents are withdrawn; their versions stay, for what was cited."""
    with transaction.atomic():
        for page in source.pages.exclude(document=None).select_related("document"):
            if page.document is not None:
                document_withdraw(document=page.document, actor=actor, address=address)
        audit(actor=actor, action="knowledgesource.delete", thing=source, address=address)
        source.delete()


def _dispatch_on_commit() -> None:
    schema = current_schema()

    def dispatch() -> None:
        with schema_scope(schema):
            sources_dispatch()

    transaction.on_commit(dispatch)


def sources_dispatch() -> None:
    """Have Celery fetch what is due in this company. A broker that is away is no error: the sweep comes again."""
    from integrations.documents.tasks import knowledge_sources_sync

    try:
        knowledge_sources_sync.delay()
    except (OSError, knowledge_sources_sync.OperationalError):
        return


def sources_due() -> bool:
    """Whether a source should be fetched by now."""
    return KnowledgeSource.objects.filter(due_at__lte=timezone.now()).exists()
