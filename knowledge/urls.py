"""Knowledge: search and documents."""

from django.urls import path

from knowledge import views

urlpatterns = [
    path("knowledge/", views.knowledge_page, name="knowledge"),
    path("knowledge/search/", views.knowledge_search, name="knowledge-search"),
    path("knowledge/documents/<uuid:document_id>/", views.document_page, name="knowledge-document"),
]
