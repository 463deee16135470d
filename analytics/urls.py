"""Reports."""

from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("reports/", lambda request: HttpResponse("not yet"), name="reports"),
]
