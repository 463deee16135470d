"""Pages of providers."""

from django.urls import path

from providers import language_views, views

urlpatterns = [
    path("settings/providers/", views.health_page, name="providers-health"),
    path("settings/models/", language_views.models_page, name="models"),
    path("settings/providers/<slug:key>/reset/", views.health_reset, name="providers-reset"),
    path("settings/providers/<slug:key>/try/", views.health_try, name="providers-try"),
]
