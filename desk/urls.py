"""The agent's desk and the supervisor's floor."""

from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("desk/", lambda request: HttpResponse("not yet"), name="desk"),
    path("floor/", lambda request: HttpResponse("not yet"), name="floor"),
]
