"""API of people."""

from django.urls import path

from accounts.api.views import PeopleImport

urlpatterns = [path("people/import/", PeopleImport.as_view(), name="api-people-import")]
