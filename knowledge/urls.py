"""Knowledge: search and documents."""

from django.urls import path

from knowledge.pages import answers, care, collections, documents, feedback, prepared, search, tests

urlpatterns = [
    path("knowledge/collections/", collections.collections_page, name="knowledge-collections"),
    path("knowledge/collections/new/", collections.collection_new, name="knowledge-collection-new"),
    path(
        "knowledge/collections/<uuid:collection_id>/settings/",
        collections.collection_settings,
        name="knowledge-collection-settings",
    ),
    path("knowledge/collections/<uuid:collection_id>/tests/", tests.tests_page, name="knowledge-tests"),
    path(
        "knowledge/collections/<uuid:collection_id>/tests/run",
        tests.tests_run,
        name="knowledge-tests-run",
    ),
    path(
        "knowledge/collections/<uuid:collection_id>/tests/add",
        tests.tests_add,
        name="knowledge-tests-add",
    ),
    path("knowledge/tests/<uuid:test_id>/delete", tests.test_delete, name="knowledge-test-delete"),
    path("knowledge/findings/", care.findings_page, name="knowledge-findings"),
    path("knowledge/findings/review", care.review_run, name="knowledge-review"),
    path(
        "knowledge/findings/<uuid:finding_id>/decide",
        care.finding_decide_page,
        name="knowledge-finding-decide",
    ),
    path("knowledge/gaps/", care.gaps_page, name="knowledge-gaps"),
    path("knowledge/gaps/<uuid:gap_id>/decide", care.gap_decide_page, name="knowledge-gap-decide"),
    path("knowledge/coverage/", care.coverage_page, name="knowledge-coverage"),
    path("knowledge/coverage.csv", care.coverage_file, name="knowledge-coverage-file"),
    path("knowledge/", search.knowledge_page, name="knowledge"),
    path("knowledge/feedback/", feedback.knowledge_feedback, name="knowledge-feedback"),
    path("knowledge/search/", search.knowledge_search, name="knowledge-search"),
    path("knowledge/answers/", prepared.prepared_page, name="knowledge-prepared"),
    path("knowledge/answers/new/", prepared.prepared_new, name="knowledge-prepared-new"),
    path("knowledge/answers/propose", prepared.prepared_propose, name="knowledge-prepared-propose"),
    path(
        "knowledge/answers/<uuid:prepared_id>/",
        prepared.prepared_edit,
        name="knowledge-prepared-answer",
    ),
    path(
        "knowledge/answers/<uuid:prepared_id>/decide",
        prepared.prepared_decision,
        name="knowledge-prepared-decide",
    ),
    path("knowledge/answer/", answers.knowledge_answer, name="knowledge-answer"),
    path("knowledge/documents/<uuid:document_id>/", documents.document_page, name="knowledge-document"),
    path("knowledge/documents/<uuid:document_id>/care/", documents.document_care, name="knowledge-care"),
    path(
        "knowledge/documents/<uuid:document_id>/withdraw",
        documents.document_withdraw_page,
        name="knowledge-withdraw",
    ),
    path(
        "knowledge/documents/<uuid:document_id>/versions/<int:number>/decide",
        documents.version_decide_page,
        name="knowledge-version-decide",
    ),
]
