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
    from knowledge.services import document_save

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


SEARCHING = ("agent", "supervisor", "analyst", "admin")
SAID = {
    "document": "01a1fb5b-0000-7000-8000-000000000000",
    "version": 1,
    "start": 0,
    "end": 9,
    "kind": "helpful",
}
ADMIN = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403}
NEW = {"name": "New", "language": "en", "on_private": "hold"}
GONE = {**API, "supervisor": 204, "analyst": 204, "admin": 204}


def _prepared(company: Company):
    from knowledge.prepared import prepared_save

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
    ("GET", "/api/v1/knowledge-uploads/", API),
    # As JSON there is no file to take in.
    ("POST", "/api/v1/knowledge-uploads/", {**API, "supervisor": 415, "analyst": 415, "admin": 415}, {}),
    ("GET", api_upload, API),
    ("POST", api_retry, API, {}),
    ("GET", api_passages, API),
    ("GET", api_versions, API),
    ("POST", api_decide, API, {"version": 1, "publish": True}),
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
