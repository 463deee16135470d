"""Pages of the knowledge's care: findings in documents, gaps, and what is covered."""

from __future__ import annotations

import csv
from datetime import date
from io import StringIO
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from engines.spreadsheets import text_cell
from knowledge.care.gaps import gap_answer, gap_decide
from knowledge.care.reviews import finding_decide, review_start
from knowledge.care.selectors import (
    Coverage,
    coverage,
    findings_counted,
    findings_listed,
    gaps_listed,
    gaps_shown,
    review_last,
    segments,
    what_differs,
)
from knowledge.documents.access import collection_for, document_for
from knowledge.models import Collection, Document, Finding, Gap

SHOWN = 20
PERIODS = (7, 30, 90)
TITLES = 2_000


def finding_for(user: User, finding_id: UUID) -> Finding:
    """Load one to decide about it. `Http404` where they may not."""
    row = None
    if user.may(Permission.KNOWLEDGE_MANAGE):
        row = Finding.objects.select_related("collection", "document", "other").filter(pk=finding_id).first()
    if row is None:
        raise Http404("no such finding")
    return row


def gap_for(user: User, gap_id: UUID) -> Gap:
    """Load one to decide about it. `Http404` where they may not."""
    row = Gap.objects.filter(pk=gap_id).first() if user.may(Permission.KNOWLEDGE_MANAGE) else None
    if row is None:
        raise Http404("no such gap")
    return row


# --- Findings -------------------------------------------------------------------------------------------


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def findings_page(request: HttpRequest) -> HttpResponse:
    """What the last review found; `?kind=` and `?state=` choose."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in Finding.Kind.values else ""
    state = request.GET.get("state", "")
    state = state if state in Finding.State.values else Finding.State.OPEN
    page = Paginator(findings_listed(state, kind), SHOWN).get_page(request.GET.get("page"))
    shown = [
        {
            "row": row,
            "sides": [
                (document, row.facts[name], segments(row.facts[name]))
                for name, document in (("left", row.document), ("right", row.other))
                if name in row.facts
            ],
            "what": what_differs(row.facts["what"]) if "what" in row.facts else "",
            "percent": round(100 * row.facts.get("share", 0)),
            "day": date.fromisoformat(row.facts["day"]) if "day" in row.facts else None,
            "reason": Finding.Reason(row.facts["reason"]).label if "reason" in row.facts else "",
        }
        for row in page
    ]
    counts = findings_counted()
    review = review_last()
    context = {
        "tab": "findings",
        "page": page,
        "shown": shown,
        "kind": kind,
        "state": state,
        "kinds": [(value, label, counts.get(value, 0)) for value, label in Finding.Kind.choices],
        "states": Finding.State.choices,
        "total": sum(counts.values()),
        "review": review,
        "going_on": review is not None and not review.is_over,
    }
    return render(request, "knowledge/findings.html", context)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def review_run(request: HttpRequest) -> HttpResponse:
    """Have the knowledge looked through now."""
    review_start(actor=_user(request))
    return redirect("knowledge-gaps" if request.POST.get("from") == "gaps" else "knowledge-findings")


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def finding_decide_page(request: HttpRequest, finding_id: UUID) -> HttpResponse:
    """Decide about a finding: both are right, it is none, or one document is withdrawn."""
    user = _user(request)
    finding = finding_for(user, finding_id)
    decision, _colon, withdraw = request.POST.get("decision", "").partition(":")
    try:
        finding_decide(
            finding=finding,
            decision=decision,
            withdraw=_uuid(withdraw),
            actor=user,
            address=address_of(request) or None,
        )
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("knowledge-findings")


# --- Gaps -----------------------------------------------------------------------------------------------


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def gaps_page(request: HttpRequest) -> HttpResponse:
    """What was asked and found no answer, what was asked most first; `?state=` chooses."""
    state = request.GET.get("state", "")
    state = state if state in Gap.State.values else Gap.State.OPEN
    page = Paginator(gaps_listed(state), SHOWN).get_page(request.GET.get("page"))
    review = review_last()
    titles = Document.objects.filter(version__gt=0, withdrawn_at__isnull=True).order_by("title")
    context = {
        "tab": "gaps",
        "page": page,
        "shown": gaps_shown(page),
        "state": state,
        "states": Gap.State.choices,
        "review": review,
        "going_on": review is not None and not review.is_over,
        "collections": Collection.objects.values_list("pk", "name"),
        "titles": titles.values_list("title", flat=True)[:TITLES] if state == Gap.State.OPEN and page else [],
    }
    return render(request, "knowledge/gaps.html", context)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def gap_decide_page(request: HttpRequest, gap_id: UUID) -> HttpResponse:
    """Write the answer to a gap, say which document has it, leave it as it is, or open it again."""
    user = _user(request)
    gap = gap_for(user, gap_id)
    state = request.POST.get("state", "")
    document = None
    try:
        if state == "answer":
            collection = collection_for(user, _uuid(request.POST.get("collection", "")) or gap.pk)
            document = gap_answer(
                gap=gap,
                collection=collection,
                text=request.POST.get("answer", ""),
                actor=user,
                address=address_of(request) or None,
            )
            return redirect("knowledge-care", document_id=document.pk)
        if state == Gap.State.SETTLED:
            title = request.POST.get("document", "").strip()
            document = Document.objects.filter(title=title, version__gt=0, withdrawn_at__isnull=True).first()
            if document is None:
                raise ValidationError({"document": _("There is no document of this title.")})
            document = document_for(user, document.pk)
        gap_decide(gap=gap, state=state, document=document, actor=user, address=address_of(request) or None)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        if document is not None:
            messages.success(request, _("The question is now a test of “%s”.") % document.collection.name)
    return redirect("knowledge-gaps")


# --- Coverage -------------------------------------------------------------------------------------------


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def coverage_page(request: HttpRequest) -> HttpResponse:
    """What was asked, what found an answer, and which documents nobody was shown."""
    found = coverage(_days(request))
    context = {"tab": "coverage", "found": found, "periods": PERIODS}
    return render(request, "knowledge/coverage.html", context)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def coverage_file(request: HttpRequest) -> HttpResponse:
    """The same as CSV."""
    file = StringIO()
    csv.writer(file).writerows(coverage_rows(coverage(_days(request))))
    return HttpResponse(
        # The mark tells spreadsheets that it is UTF-8.
        "\ufeff" + file.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="coverage-{timezone.localdate()}.csv"'},
    )


def coverage_rows(found: Coverage) -> list[list[str]]:
    """The report as a table: what, name, asked, answered, then documents and their use."""
    rows = [
        [
            *(_("What"), _("Name"), _("Asked"), _("Answered"), _("Documents"), _("Found"), _("Shown")),
            *(_("Opened"), _("Used"), _("Helpful"), _("Wrong")),
        ]
    ]
    kinds = [(_("queue"), found.queues), (_("asked by"), found.sources), (_("language"), found.languages)]
    for what, asked in [(_("all"), [found.all]), *kinds]:
        rows += [[what, text_cell(one.name), str(one.asked), str(one.answered), *[""] * 7] for one in asked]
    rows += [
        [_("day"), one.day.isoformat(), str(one.asked), str(one.answered), *[""] * 7] for one in found.by_day
    ]
    for one in found.collections:
        use = [str(n) for n in (one.use.shown, one.use.opened, one.use.used, one.use.helpful, one.use.wrong)]
        rows.append(
            [
                _("collection"),
                text_cell(one.collection.name),
                "",
                "",
                str(one.documents),
                str(one.found),
                *use,
            ]
        )
    rows += [[_("never found"), text_cell(one.title), *[""] * 9] for one in found.never]
    return rows


def _days(request: HttpRequest) -> int:
    wanted = request.GET.get("days", "")
    return int(wanted) if wanted in {str(one) for one in PERIODS} else 30


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
