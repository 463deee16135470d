"""Which documents a person may open."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from knowledge.models import Collection, Document, DocumentVersion


def document_for(user: User, document_id: UUID) -> Document:
    """Load one with its collection, valid or not: who follows a citation wants to see it. `Http404` otherwise.

    One of which nothing was published yet is there for those who look after knowledge only.
    """
    row = None
    if user.may(Permission.KNOWLEDGE_SEARCH):
        row = Document.objects.select_related("collection").filter(pk=document_id).first()
    if row is None or (not row.version and not user.may(Permission.KNOWLEDGE_MANAGE)):
        raise Http404("no such document")
    return row


def version_for(user: User, document: Document, number: int) -> DocumentVersion:
    """Load a version of a document that they may open. One that is not published: as above. `Http404` otherwise."""
    row = document.versions.filter(number=number).first()
    if row is None or (
        row.state != DocumentVersion.State.PUBLISHED and not user.may(Permission.KNOWLEDGE_MANAGE)
    ):
        raise Http404("no such version")
    return row


def collection_for(user: User, collection_id: UUID) -> Collection:
    """Load one to look after it. `Http404` where they may not."""
    row = None
    if user.may(Permission.KNOWLEDGE_MANAGE):
        row = Collection.objects.filter(pk=collection_id).first()
    if row is None:
        raise Http404("no such collection")
    return row
