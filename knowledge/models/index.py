"""What search needs beside the passages: when a collection changed, and which words mean the same."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel

SYNONYMS_MOST = 20


class SearchRevision(models.Model):
    """A number that is another one after each change of a collection's documents; see `knowledge.search.indexing`."""

    collection_id = models.UUIDField(primary_key=True)
    value = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.collection_id} {self.value}"


class Synonyms(TimeOrderedModel):
    """Words of which each finds what the others find."""

    words = ArrayField(
        models.CharField(max_length=80),
        verbose_name=_("words"),
        size=SYNONYMS_MOST,
        help_text=_("Two to twenty, separated by commas: CLI, credit limit increase."),
    )

    class Meta:
        verbose_name = _("words of one meaning")
        verbose_name_plural = _("words of one meaning")
        ordering = ["words"]

    def __str__(self) -> str:
        return ", ".join(self.words)

    def clean(self) -> None:
        super().clean()
        self.words = list(dict.fromkeys(" ".join(word.split()) for word in self.words if word.strip()))
        if not 2 <= len(self.words) <= SYNONYMS_MOST:
            raise ValidationError({"words": _("Write two to twenty words that mean the same.")})
