"""How far the passages' vectors are. The vectors themselves lie in a table that `knowledge.search.vectors` makes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

ONLY = 1


class VectorState(models.Model):
    """The company's one row: which model the vectors are of, how many passages have one, what went wrong last.

    `complete_at`: since when all passages that there were had one, and search asks them; None until then.
    `revisions`: the collections' revisions (`SearchRevision`) that this was true of. `fault`: see
    `knowledge.search.vectors`.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    mark = models.TextField(default="", blank=True)
    dimensions = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(_("passages with a vector"), default=0)
    total = models.PositiveIntegerField(_("passages"), default=0)
    revisions = models.CharField(max_length=64, default="", blank=True)
    complete_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)
    taken_until = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=20, default="", blank=True)
    fault_number = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.done}/{self.total}"
