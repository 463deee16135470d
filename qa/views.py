"""Pages of quality: a person's answer in place of the automatic one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.errors import Conflict
from accounts.permissions import Permission
from accounts.views import needs
from conversations.access import conversation_for
from conversations.review import review
from qa.access import answer_for, evaluation_for
from qa.services import answer_override, evaluation_release


@needs(Permission.EVALUATION_OVERRIDE)
@require_POST
def answer_override_page(request: HttpRequest, answer_id: UUID) -> HttpResponse:
    """Change an answer with a reason; shows the scores anew, or what is wrong beside the answer."""
    user = request.user
    answer = answer_for(user, answer_id)  # type: ignore[arg-type]
    errors: list[str] = []
    reason = request.POST.get("reason", "")
    try:
        answer_override(answer=answer, user=user, value=request.POST.get("value", ""), reason=reason)  # type: ignore[arg-type]
    except ValidationError as error:
        errors = error.messages
    conversation = conversation_for(user, answer.evaluation.conversation_id)  # type: ignore[arg-type]
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(f"{reverse('conversation', args=[conversation.pk])}?tab=score")
    context = {
        "review": review(user=user, conversation=conversation),  # type: ignore[arg-type]
        "conversation": conversation,
        "may_override": True,
        "opened": str(answer.pk),
        "errors": errors,
        "reason": reason if errors else "",
    }
    return render(request, "qa/scores.html", context)


@needs(Permission.EVALUATION_OVERRIDE)
@require_POST
def evaluation_release_page(request: HttpRequest, evaluation_id: UUID) -> HttpResponse:
    """Show a score to its agent; shows the scores anew."""
    user = request.user
    evaluation = evaluation_for(user, evaluation_id)  # type: ignore[arg-type]
    try:
        evaluation_release(evaluation=evaluation, user=user)  # type: ignore[arg-type]
    except Conflict as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('conversation', args=[evaluation.conversation_id])}?tab=score")
