"""URLs of a company's host: each room brings its own."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("desk.urls")),
    path("", include("conversations.urls")),
    path("", include("knowledge.urls")),
    path("", include("qa.urls")),
    path("", include("coaching.urls")),
    path("", include("analytics.urls")),
    path("", include("providers.urls")),
    path("", include("integrations.uploads.urls")),
    path("", include("integrations.documents.urls")),
    path("", include("demo.urls")),
    path("", include("integrations.urls")),
    path("api/v1/", include("cresta_app.urls_api")),
    path("admin/", admin.site.urls),
]
