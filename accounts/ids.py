"""Primary keys: UUID version 7 (RFC 9562), which sort by time and tell nobody how many there are."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


class TimeOrderedModel(models.Model):
    """A row with a UUIDv7 primary key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True
