"""Knowledge: search and documents."""

from django.urls import path

from knowledge import views

urlpatterns = [
    path("knowledge/", views.knowledge_page, name="knowledge"),
    path("knowledge/search/", views.knowledge_search, name="knowledge-search"),
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
