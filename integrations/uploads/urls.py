"""Uploads of calls."""

from django.urls import path

from integrations.uploads import views

urlpatterns = [
    path("uploads/", views.uploads, name="uploads"),
    path("uploads/calls/<uuid:call_id>/retry", views.uploaded_call_retry, name="uploaded-call-retry"),
]
