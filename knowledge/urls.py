"""Knowledge: search and documents."""

from django.urls import path

from knowledge import (
    answer_views,
    care_views,
    collection_views,
    feedback_views,
    prepared_views,
    tests_views,
    views,
)

urlpatterns = [
    path("knowledge/collections/", collection_views.collections_page, name="knowledge-collections"),
    path("knowledge/collections/new/", collection_views.collection_new, name="knowledge-collection-new"),
    path(
        "knowledge/collections/<uuid:collection_id>/settings/",
        collection_views.collection_settings,
        name="knowledge-collection-settings",
    ),
    path("knowledge/collections/<uuid:collection_id>/tests/", tests_views.tests_page, name="knowledge-tests"),
    path(
        "knowledge/collections/<uuid:collection_id>/tests/run",
        tests_views.tests_run,
        name="knowledge-tests-run",
    ),
    path(
        "knowledge/collections/<uuid:collection_id>/tests/add",
        tests_views.tests_add,
        name="knowledge-tests-add",
    ),
    path("knowledge/tests/<uuid:test_id>/delete", tests_views.test_delete, name="knowledge-test-delete"),
    path("knowledge/findings/", care_views.findings_page, name="knowledge-findings"),
    path("knowledge/findings/review", care_views.review_run, name="knowledge-review"),
    path(
        "knowledge/findings/<uuid:finding_id>/decide",
        care_views.finding_decide_page,
        name="knowledge-finding-decide",
    ),
    path("knowledge/gaps/", care_views.gaps_page, name="knowledge-gaps"),
    path("knowledge/gaps/<uuid:gap_id>/decide", care_views.gap_decide_page, name="knowledge-gap-decide"),
    path("knowledge/coverage/", care_views.coverage_page, name="knowledge-coverage"),
    path("knowledge/coverage.csv", care_views.coverage_file, name="knowledge-coverage-file"),
    path("knowledge/", views.knowledge_page, name="knowledge"),
    path("knowledge/feedback/", feedback_views.knowledge_feedback, name="knowledge-feedback"),
    path("knowledge/search/", views.knowledge_search, name="knowledge-search"),
    path("knowledge/answers/", prepared_views.prepared_page, name="knowledge-prepared"),
    path("knowledge/answers/new/", prepared_views.prepared_new, name="knowledge-prepared-new"),
    path("knowledge/answers/propose", prepared_views.prepared_propose, name="knowledge-prepared-propose"),
    path(
        "knowledge/answers/<uuid:prepared_id>/",
        prepared_views.prepared_edit,
        name="knowledge-prepared-answer",
    ),
    path(
        "knowledge/answers/<uuid:prepared_id>/decide",
        prepared_views.prepared_decision,
        name="knowledge-prepared-decide",
    ),
    path("knowledge/answer/", answer_views.knowledge_answer, name="knowledge-answer"),
    path("knowledge/documents/<uuid:document_id>/", views.document_page, name="knowledge-document"),
    path("knowledge/documents/<uuid:document_id>/care/", views.document_care, name="knowledge-care"),
    path(
        "knowledge/documents/<uuid:document_id>/withdraw",
        views.document_withdraw_page,
        name="knowledge-withdraw",
    ),
    path(
        "knowledge/documents/<uuid:document_id>/versions/<int:number>/decide",
        views.version_decide_page,
        name="knowledge-version-decide",
    ),
]
