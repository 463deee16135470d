"""Those who look after knowledge: collections, documents on their way in, versions, sources."""

from __future__ import annotations

from tests.conftest import Company

PAGE = {"nobody": 302, "agent": 403, "supervisor": 200, "analyst": 200, "admin": 200}
DONE = {**PAGE, "supervisor": 302, "analyst": 302, "admin": 302}
API = {**PAGE, "nobody": 401}


def _collection(company: Company):
    from knowledge.models import Collection

    return Collection.objects.get_or_create(name="Handbook")[0]


def _held(company: Company):
    from knowledge.documents.services import document_save

    return document_save(
        collection=_collection(company), title="Contacts", body="Write to ann.lee@example.com."
    )


def _file(company: Company):
    from integrations.documents.models import DocumentFile, DocumentUpload

    upload = DocumentUpload.objects.create(collection=_collection(company), source="page", name="a.pdf")
    return DocumentFile.objects.create(
        upload=upload,
        name="a.pdf",
        origin_key="file:a",
        state="failed",
        error="Away.",
        storage_key="somewhere",
    )


def collection(company: Company) -> str:
    return f"/knowledge/collections/{_collection(company).pk}/"


def collection_settings(company: Company) -> str:
    return collection(company) + "settings/"


def care(company: Company) -> str:
    return f"/knowledge/documents/{_held(company).pk}/care/"


def unpublished(company: Company) -> str:
    return f"/knowledge/documents/{_held(company).pk}/"


def unpublished_version(company: Company) -> str:
    return unpublished(company) + "?version=1"


def decide(company: Company) -> str:
    return unpublished(company) + "versions/1/decide"


def withdraw(company: Company) -> str:
    return unpublished(company) + "withdraw"


def retry(company: Company) -> str:
    return f"/knowledge/files/{_file(company).pk}/retry"


def api_collection(company: Company) -> str:
    return f"/api/v1/knowledge-collections/{_collection(company).pk}/"


def api_upload(company: Company) -> str:
    return f"/api/v1/knowledge-uploads/{_file(company).upload_id}/"


def api_retry(company: Company) -> str:
    return api_upload(company) + "retry/"


def _api_document(company: Company) -> str:
    return f"/api/v1/knowledge/{_held(company).pk}/"


def api_passages(company: Company) -> str:
    return _api_document(company) + "passages/"


def api_versions(company: Company) -> str:
    return _api_document(company) + "versions/"


def api_decide(company: Company) -> str:
    return _api_document(company) + "decide/"


def api_withdraw(company: Company) -> str:
    return _api_document(company) + "withdraw/"


def api_restore(company: Company) -> str:
    return _api_document(company) + "restore/"


def _source(company: Company):
    from integrations.documents.models import KnowledgeSource

    given = {"collection": _collection(company), "settings": {"url": "https://help.example.com/"}}
    return KnowledgeSource.objects.get_or_create(name="Help", defaults=given)[0]


def api_source(company: Company) -> str:
    return f"/api/v1/knowledge-sources/{_source(company).pk}/"


def api_source_pages(company: Company) -> str:
    return api_source(company) + "pages/"


def api_source_fetch(company: Company) -> str:
    return api_source(company) + "fetch/"


def _test(company: Company):
    from knowledge.care.tests_services import search_test_save

    kept = _collection(company)
    document = kept.documents.first() or _held(company)
    return search_test_save(collection=kept, question="Whom do I write to?", documents=[document])


def tests(company: Company) -> str:
    return f"/knowledge/collections/{_test(company).collection_id}/tests/"


def tests_run(company: Company) -> str:
    return tests(company) + "run"


def tests_add(company: Company) -> str:
    return tests(company) + "add"


def test_delete(company: Company) -> str:
    return f"/knowledge/tests/{_test(company).pk}/delete"


def api_test(company: Company) -> str:
    return f"/api/v1/knowledge-tests/{_test(company).pk}/"


def api_test_run(company: Company) -> str:
    from knowledge.models import SearchTestRun

    run = SearchTestRun.objects.create(collection=_test(company).collection, cause="person", state="done")
    return f"/api/v1/knowledge-test-runs/{run.pk}/"


def api_test_results(company: Company) -> str:
    return api_test_run(company) + "results/"


SEARCHING = ("agent", "supervisor", "analyst", "admin")
SAID = {
    "document": "01a1fb5b-0000-7000-8000-000000000000",
    "version": 1,
    "start": 0,
    "end": 9,
    "kind": "helpful",
}


def _gap(company: Company):
    from django.utils import timezone

    from knowledge.models import Gap

    now = timezone.now()
    return Gap.objects.create(label="Can I pay in crypto?", first_at=now, last_at=now, count=2)


def _finding(company: Company):
    from knowledge.models import Finding

    kept = _collection(company)
    facts = {"reason": "review", "day": "2026-01-01"}
    return Finding.objects.get_or_create(
        key="x", defaults={"kind": "stale", "collection": kept, "facts": facts}
    )[0]


def gap_decide(company: Company) -> str:
    return f"/knowledge/gaps/{_gap(company).pk}/decide"


def finding_decide(company: Company) -> str:
    return f"/knowledge/findings/{_finding(company).pk}/decide"


def api_gap(company: Company) -> str:
    return f"/api/v1/knowledge-gaps/{_gap(company).pk}/"


def api_gap_decide(company: Company) -> str:
    return api_gap(company) + "decide/"


def api_finding(company: Company) -> str:
    return f"/api/v1/knowledge-findings/{_finding(company).pk}/"


def api_finding_decide(company: Company) -> str:
    return api_finding(company) + "decide/"


def api_review(company: Company) -> str:
    from knowledge.models import KnowledgeReview

    return f"/api/v1/knowledge-reviews/{KnowledgeReview.objects.create(state='done').pk}/"


def api_use(company: Company) -> str:
    return _api_document(company) + "use/"


ADMIN = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403}
NEW = {"name": "New", "language": "en", "on_private": "hold"}
WRONG = {**API, "supervisor": 400, "analyst": 400, "admin": 400}
GONE = {**API, "supervisor": 204, "analyst": 204, "admin": 204}


def _prepared(company: Company):
    from knowledge.answers.prepared import prepared_save

    return prepared_save(questions=["How long?"], answer="", citations=[])


def prepared(company: Company) -> str:
    return f"/knowledge/answers/{_prepared(company).pk}/"


def prepared_decide(company: Company) -> str:
    return prepared(company) + "decide"


def api_prepared(company: Company) -> str:
    return f"/api/v1/prepared-answers/{_prepared(company).pk}/"


def api_prepared_decide(company: Company) -> str:
    return api_prepared(company) + "decide/"


WRITTEN = {"questions": "How long?", "answer": "Five days.", "language": "en"}

ROWS = [
    ("GET", "/knowledge/answer/?q=refund", {**PAGE, "agent": 200}),
    ("GET", "/knowledge/answers/", PAGE),
    ("GET", "/knowledge/answers/new/?question=refund", PAGE),
    ("POST", "/knowledge/answers/new/", DONE, WRITTEN),
    ("POST", "/knowledge/answers/propose", DONE, {}),
    ("GET", prepared, PAGE),
    ("POST", prepared, DONE, WRITTEN),
    ("POST", prepared_decide, DONE, {"state": "retired"}),
    ("GET", "/api/v1/prepared-answers/", API),
    (
        "POST",
        "/api/v1/prepared-answers/",
        {**API, "supervisor": 201, "analyst": 201, "admin": 201},
        {"questions": ["How?"]},
    ),
    ("POST", "/api/v1/prepared-answers/propose/", API, {}),
    ("GET", api_prepared, API),
    ("PATCH", api_prepared, API, {"answer": "Five days."}),
    ("POST", api_prepared_decide, API, {"state": "retired"}),
    ("GET", "/knowledge/collections/", PAGE),
    ("GET", "/knowledge/collections/new/", PAGE),
    ("POST", "/knowledge/collections/new/", DONE, NEW),
    ("GET", collection, PAGE),
    ("GET", collection_settings, PAGE),
    ("POST", collection_settings, DONE, NEW),
    # Without a collection there is nowhere to put a file.
    ("POST", "/knowledge/upload/", DONE, {}),
    ("POST", retry, DONE, {}),
    ("GET", care, {**PAGE, "agent": 403}),
    # Nothing of it was published: for agents it is not there.
    ("GET", unpublished, {**PAGE, "agent": 404}),
    ("GET", unpublished_version, {**PAGE, "agent": 404}),
    ("POST", decide, DONE, {"decision": "publish"}),
    ("POST", withdraw, DONE, {}),
    ("GET", "/api/v1/knowledge-collections/", API),
    ("POST", "/api/v1/knowledge-collections/", {**API, "supervisor": 201, "analyst": 201, "admin": 201}, NEW),
    ("GET", api_collection, API),
    ("PATCH", api_collection, API, {"name": "Other"}),
    # Without a passage there is nothing to say.
    ("POST", "/knowledge/feedback/", {"nobody": 302, **dict.fromkeys(SEARCHING, 400)}, {"kind": "helpful"}),
    ("GET", "/api/v1/knowledge-feedback/", API),
    # Nobody has such a document.
    ("POST", "/api/v1/knowledge-feedback/", {"nobody": 401, **dict.fromkeys(SEARCHING, 404)}, SAID),
    ("GET", "/api/v1/knowledge/meaning/", API),
    ("GET", "/api/v1/knowledge/room/", API),
    ("GET", "/api/v1/knowledge-uploads/", API),
    # As JSON there is no file to take in.
    ("POST", "/api/v1/knowledge-uploads/", {**API, "supervisor": 415, "analyst": 415, "admin": 415}, {}),
    ("GET", api_upload, API),
    ("POST", api_retry, API, {}),
    ("GET", api_passages, API),
    ("GET", api_versions, API),
    ("POST", api_decide, API, {"version": 1, "publish": True}),
    ("GET", "/knowledge/findings/", PAGE),
    ("POST", "/knowledge/findings/review", DONE, {}),
    ("POST", finding_decide, DONE, {"decision": "keep"}),
    ("GET", "/knowledge/gaps/", PAGE),
    ("POST", gap_decide, DONE, {"state": "ignored"}),
    ("GET", "/knowledge/coverage/", PAGE),
    ("GET", "/knowledge/coverage.csv", PAGE),
    ("GET", "/api/v1/knowledge-reviews/", API),
    ("POST", "/api/v1/knowledge-reviews/", {**API, "supervisor": 202, "analyst": 202, "admin": 202}, {}),
    ("GET", api_review, API),
    ("GET", "/api/v1/knowledge-findings/", API),
    ("GET", api_finding, API),
    ("POST", api_finding_decide, API, {"decision": "keep"}),
    ("GET", "/api/v1/knowledge-gaps/", API),
    ("GET", api_gap, API),
    ("POST", api_gap_decide, API, {"state": "ignored"}),
    ("GET", "/api/v1/knowledge-coverage/", API),
    ("GET", api_use, API),
    ("GET", tests, PAGE),
    ("POST", tests_run, DONE, {}),
    ("POST", tests_add, {**PAGE, "supervisor": 400, "analyst": 400, "admin": 400}, {"question": ""}),
    ("POST", test_delete, DONE, {}),
    ("GET", "/api/v1/knowledge-tests/", API),
    ("POST", "/api/v1/knowledge-tests/", WRONG, {"question": "?"}),
    ("POST", "/api/v1/knowledge-tests/import/", WRONG, {"csv": "?"}),
    ("GET", api_test, API),
    ("PUT", api_test, WRONG, {"question": "?"}),
    ("DELETE", api_test, GONE),
    ("GET", "/api/v1/knowledge-test-runs/", API),
    ("POST", "/api/v1/knowledge-test-runs/", WRONG, {}),
    ("GET", api_test_run, API),
    ("GET", api_test_results, API),
    ("GET", "/api/v1/knowledge-sources/", API),
    # Without a collection nothing is followed.
    ("POST", "/api/v1/knowledge-sources/", {**ADMIN, "admin": 400}, {"name": "New"}),
    ("GET", api_source, API),
    ("GET", api_source_pages, API),
    ("PATCH", api_source, {**ADMIN, "admin": 200}, {"every_hours": 48}),
    ("POST", api_source_fetch, {**ADMIN, "admin": 202}, {}),
    ("DELETE", api_source, {**ADMIN, "admin": 204}),
    ("POST", api_withdraw, GONE, {}),
    ("POST", api_restore, GONE, {}),
]
