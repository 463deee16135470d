"""Aggregates of PostgreSQL that Django has no words for."""

from __future__ import annotations

from typing import Any

from django.db.models import Aggregate, FloatField


class Percentile(Aggregate):
    """The value under which a share `at` (0 to 1) of all values is, between two where it falls between them."""

    function = "percentile_cont"
    template = "%(function)s(%(at)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: str, at: float, **more: Any) -> None:
        super().__init__(expression, at=at, **more)
