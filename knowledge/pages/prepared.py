"""Pages of prepared answers: all of them, one to write or change, and what is decided about it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from knowledge.answers.drafting import drafts_propose
from knowledge.answers.prepared import (
    CITATIONS,
    prepared_decide,
    prepared_for,
    prepared_found,
    prepared_listed,
    prepared_save,
)
from knowledge.documents.selectors import documents_valid
from knowledge.models import Collection, PreparedAnswer
from knowledge.models.answers import ANSWER_LENGTH, WORDING_LENGTH
from knowledge.search.searching import Found, passages_search
from knowledge.usage.noting import Passage

ROWS = 50
_OFFERED = 6
STATES = ("draft", "approved", "review", "retired")


class PreparedForm(forms.Form):
    questions = forms.CharField(
        label=gettext_lazy("Questions, one a line"),
        widget=forms.Textarea(attrs={"rows": 4, "class": "form-control"}),
        max_length=20 * WORDING_LENGTH,
    )
    answer = forms.CharField(
        label=gettext_lazy("Answer"),
        widget=forms.Textarea(attrs={"rows": 6, "class": "form-control"}),
        max_length=ANSWER_LENGTH,
        required=False,
    )
    language = forms.CharField(
        label=gettext_lazy("Language"),
        max_length=12,
        initial="en",
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    collection = forms.ModelChoiceField(
        label=gettext_lazy("For the audience of"),
        queryset=Collection.objects.all(),
        required=False,
        empty_label=gettext_lazy("everybody"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def prepared_page(request: HttpRequest) -> HttpResponse:
    """All prepared answers; `?state=` draft, approved, review or retired."""
    state = request.GET.get("state", "")
    rows = prepared_listed(state if state in STATES else "")
    shown = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    tabs = [
        ("", _("All")),
        ("draft", _("Drafts")),
        ("approved", _("Approved")),
        ("review", _("To review")),
        ("retired", _("Retired")),
    ]
    return render(request, "knowledge/prepared.html", {"rows": shown, "state": state, "tabs": tabs})


@needs(Permission.KNOWLEDGE_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def prepared_new(request: HttpRequest) -> HttpResponse:
    """Write one; `?question=` is what was asked."""
    return _edit(request, None)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def prepared_edit(request: HttpRequest, prepared_id: UUID) -> HttpResponse:
    """Change one."""
    return _edit(request, prepared_for(_user(request), prepared_id))


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def prepared_decision(request: HttpRequest, prepared_id: UUID) -> HttpResponse:
    """Approve, retire, or make a draft again."""
    row = prepared_for(_user(request), prepared_id)
    try:
        row = prepared_decide(
            prepared=row,
            state=request.POST.get("state", ""),
            actor=_user(request),
            address=address_of(request) or None,
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("It is %(state)s now.") % {"state": row.get_state_display()})
    return redirect("knowledge-prepared-answer", prepared_id=row.pk)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def prepared_propose(request: HttpRequest) -> HttpResponse:
    """Draft answers for questions that were asked often and had none."""
    made = len(drafts_propose())
    words = ngettext("%d draft is new.", "%d drafts are new.", made) % made
    messages.success(request, words if made else _("No question was asked three times without an answer."))
    return redirect("knowledge-prepared")


def _edit(request: HttpRequest, row: PreparedAnswer | None) -> HttpResponse:
    initial: dict[str, Any] = {"questions": request.GET.get("question", "")[:WORDING_LENGTH]}
    if row is not None:
        initial = {
            "questions": "\n".join(row.questions),
            "answer": row.answer,
            "language": row.language,
            "collection": row.collection_id,
        }
    form = PreparedForm(request.POST or None, initial=initial)
    chosen = request.POST.getlist("passages")
    if request.method == "POST" and form.is_valid():
        try:
            saved = prepared_save(
                questions=form.cleaned_data["questions"].splitlines(),
                answer=form.cleaned_data["answer"],
                citations=[_passage(one) for one in chosen[:CITATIONS]],
                language=form.cleaned_data["language"],
                collection=form.cleaned_data["collection"],
                prepared=row,
                actor=_user(request),
                address=address_of(request) or None,
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("It is saved."))
            return redirect("knowledge-prepared-answer", prepared_id=saved.pk)
    context = {"form": form, "row": row, "offered": _offered(row, initial["questions"], chosen)}
    return render(request, "knowledge/prepared_form.html", context, status=400 if form.errors else 200)


def _offered(row: PreparedAnswer | None, questions: str, chosen: list[str]) -> list[dict[str, object]]:
    """Passages to cite: those that it cites, then those that search finds for its first question."""
    cited: list[Found] = prepared_found(row) if row is not None else []
    first = questions.splitlines()[0] if questions.strip() else ""
    found = passages_search(query=first, limit=_OFFERED, documents=documents_valid()) if first else []
    offered: dict[str, dict[str, object]] = {}
    for one, checked in [*((one, True) for one in cited), *((one, False) for one in found)]:
        value = f"{one.document_id}:{one.version}:{one.start}:{one.end}"
        offered.setdefault(
            value, {"value": value, "row": one, "checked": value in chosen or (checked and not chosen)}
        )
    return list(offered.values())


def _passage(value: str) -> Passage:
    try:
        document, version, start, end = value.split(":")
        return Passage(UUID(document), int(version), int(start), int(end))
    except ValueError:
        raise ValidationError(_("There is no such passage.")) from None


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
