"""API v1: each room's view sets, and the OpenAPI pages."""

from django.urls import include, path

urlpatterns: list = [
    path("", include("accounts.api.urls")),
]
