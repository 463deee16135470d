"""Documents on their way into the knowledge."""

from django.urls import path

from integrations.documents import views

urlpatterns = [
    path("knowledge/collections/<uuid:collection_id>/", views.collection_page, name="knowledge-collection"),
    path("knowledge/upload/", views.documents_upload, name="knowledge-upload"),
    path("knowledge/files/<uuid:file_id>/retry", views.document_file_retry, name="knowledge-file-retry"),
]
