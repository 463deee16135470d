"""Pages of a collection's tests: the trend, the questions that fail with what came instead, and the set itself."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from knowledge.care.tests_running import search_tests_start
from knowledge.care.tests_selectors import TREND_RUNS, results_listed, runs_listed, tests_listed, trend
from knowledge.care.tests_services import (
    COMPLAINTS_SHOWN,
    search_test_delete,
    search_test_save,
    search_tests_import,
)
from knowledge.documents.access import collection_for
from knowledge.models import Collection, SearchTest, SearchTestRun

TESTS = 100
TITLES = 2_000
RUNS_SHOWN = 12


def test_for(user: User, test_id: UUID) -> SearchTest:
    """Load one to change it. `Http404` where they may not."""
    row = None
    if user.may(Permission.KNOWLEDGE_MANAGE):
        row = SearchTest.objects.select_related("collection").filter(pk=test_id).first()
    if row is None:
        raise Http404("no such test")
    return row


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def tests_page(request: HttpRequest, collection_id: UUID) -> HttpResponse:
    """A collection's tests; `?run=` shows an earlier run."""
    return _page(request, collection_for(_user(request), collection_id))


def _page(
    request: HttpRequest, collection: Collection, *, status: int = 200, given: dict[str, str] | None = None
) -> HttpResponse:
    runs = list(runs_listed(collection)[:TREND_RUNS])
    done = [run for run in runs if run.state == SearchTestRun.State.DONE]
    wanted = request.GET.get("run", "")
    shown = next((run for run in done if str(run.pk) == wanted), done[0] if done else None)
    results = results_listed(shown) if shown else []
    context = {
        "collection": collection,
        "tab": "collections",
        "runs": runs[:RUNS_SHOWN],
        "going_on": next((run for run in runs if not run.is_over), None),
        "lines": trend(runs),
        "shown": shown,
        "latest": bool(done) and shown == done[0],
        "failing": [row for row in results if row.rank is None or row.rank > 3 or row.change == "worse"],
        "tests": Paginator(tests_listed(collection.pk), TESTS).get_page(request.GET.get("page")),
        "titles": collection.documents.filter(withdrawn_at__isnull=True).values_list("title", flat=True)[
            :TITLES
        ],
        "given": given or {},
    }
    return render(request, "knowledge/tests.html", context, status=status)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def tests_run(request: HttpRequest, collection_id: UUID) -> HttpResponse:
    """Have the tests run."""
    collection = collection_for(_user(request), collection_id)
    search_tests_start(collection=collection, actor=_user(request))
    return redirect("knowledge-tests", collection_id=collection.pk)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def tests_add(request: HttpRequest, collection_id: UUID) -> HttpResponse:
    """Add a question, or the questions of a file."""
    user = _user(request)
    collection = collection_for(user, collection_id)
    address = address_of(request) or None
    file = request.FILES.get("file")
    try:
        if file is not None:
            done = search_tests_import(collection=collection, data=file.read(), actor=user, address=address)
            for line, sentence in done.complaints[:COMPLAINTS_SHOWN]:
                messages.error(
                    request, _("Line %(line)d: %(sentence)s") % {"line": line, "sentence": sentence}
                )
            messages.success(request, ngettext("%d new question.", "%d new questions.", done.new) % done.new)
        else:
            title = request.POST.get("document", "").strip()
            documents = collection.documents.filter(title=title)
            if title and not documents:
                raise ValidationError({"documents": _("There is no such document in this collection.")})
            search_test_save(
                collection=collection,
                question=request.POST.get("question", ""),
                documents=documents,
                passage=request.POST.get("passage", ""),
                actor=user,
                address=address,
            )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        given = {name: request.POST.get(name, "") for name in ("question", "document", "passage")}
        return _page(request, collection, status=400, given=given)
    return redirect("knowledge-tests", collection_id=collection.pk)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def test_delete(request: HttpRequest, test_id: UUID) -> HttpResponse:
    """Take a question away."""
    user = _user(request)
    test = test_for(user, test_id)
    search_test_delete(test=test, actor=user, address=address_of(request) or None)
    return redirect("knowledge-tests", collection_id=test.collection_id)


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
