"""Reads of the lists of products and competitors."""

from __future__ import annotations

from typing import Any

from moments.models import ListedName


def names_listed(kind: str, *, without: ListedName | None = None) -> list[dict[str, Any]]:
    """The names of a list as specs of moments hold them, in a fixed order. One query."""
    rows = ListedName.objects.filter(kind=kind)
    if without is not None:
        rows = rows.exclude(pk=without.pk)
    return [dict(row) for row in rows.order_by("name", "id").values("name", "spellings", "exact")]
