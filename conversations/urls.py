"""Past conversations."""

from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("conversations/", lambda request: HttpResponse("not yet"), name="conversations"),
]
