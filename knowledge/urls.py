"""Knowledge search."""

from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("knowledge/", lambda request: HttpResponse("not yet"), name="knowledge"),
]
