"""Writes to a company's words of one meaning. Search follows at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from knowledge.models import Synonyms
from knowledge.search.indexing import SYNONYM_GROUPS


def synonyms_save(
    *,
    words: Sequence[str],
    synonyms: Synonyms | None = None,
    actor: User | None = None,
    address: str | None = None,
) -> Synonyms:
    """Keep a group of words of which each finds what the others find. Raises `ValidationError`."""
    with transaction.atomic():
        if synonyms is None:
            if Synonyms.objects.count() >= SYNONYM_GROUPS:
                raise ValidationError(_("There may be two thousand groups of words."))
            row = Synonyms()
        else:
            row = Synonyms.objects.select_for_update().get(pk=synonyms.pk)
        row.words = list(words)
        row.full_clean()
        row.save()
        audit(
            actor=actor,
            action="synonyms.create" if synonyms is None else "synonyms.update",
            thing=row,
            changes={"words": row.words},
            address=address,
        )
    return row


def synonyms_delete(*, synonyms: Synonyms, actor: User | None = None, address: str | None = None) -> None:
    """Search for each of them by itself again."""
    with transaction.atomic():
        audit(
            actor=actor,
            action="synonyms.delete",
            thing=synonyms,
            changes={"words": synonyms.words},
            address=address,
        )
        synonyms.delete()
