"""What pages tell of passages: that a search was meant, that a document was opened, what somebody thinks of it."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from knowledge.models.usage import COMMENT_LENGTH
from knowledge.usage.noting import Passage
from knowledge.usage.tickets import feedback_note


@needs(Permission.KNOWLEDGE_SEARCH)
@require_POST
def knowledge_feedback(request: HttpRequest) -> HttpResponse:
    """`ticket` of a search, or `question`; `document`, `version`, `start`, `end` of a passage; `kind`, `comment`.

    A ticket alone notes its question. The answer names the question, if there is one.
    """
    try:
        question = feedback_note(
            user=cast("User", request.user),
            kind=request.POST.get("kind", ""),
            passage=_passage(request),
            ticket=request.POST.get("ticket", ""),
            question_id=_uuid(request, "question"),
            comment=request.POST.get("comment", "")[:COMMENT_LENGTH],
        )
    except ValidationError as error:
        message = " ".join(error.messages)
        return JsonResponse({"error": {"code": "invalid", "message": message}}, status=400)
    return JsonResponse({"question": None if question is None else str(question)})


def _passage(request: HttpRequest) -> Passage | None:
    document = _uuid(request, "document")
    if document is None:
        return None
    return Passage(document, *(_number(request, name) for name in ("version", "start", "end")))


def _uuid(request: HttpRequest, name: str) -> UUID | None:
    value = request.POST.get(name, "")
    try:
        return UUID(value) if value else None
    except ValueError:
        raise ValidationError(_("There is no such passage.")) from None


def _number(request: HttpRequest, name: str) -> int:
    value = request.POST.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 9):
        raise ValidationError(_("There is no such passage."))
    return int(value)
