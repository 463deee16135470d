"""Coaching: all under /coaching/."""

from django.urls import include, path

urlpatterns = [
    path("coaching/", include("coaching.plans.urls")),
    path("coaching/", include("coaching.clips.urls")),
    path("coaching/", include("coaching.skills.urls")),
]
