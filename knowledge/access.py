"""Which documents a person may open."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from knowledge.models import Document


def document_for(user: User, document_id: UUID) -> Document:
    """Load one with its collection, valid or not: who follows a citation wants to see it. `Http404` otherwise."""
    row = None
    if user.may(Permission.KNOWLEDGE_SEARCH):
        row = Document.objects.select_related("collection").filter(pk=document_id).first()
    if row is None:
        raise Http404("no such document")
    return row
