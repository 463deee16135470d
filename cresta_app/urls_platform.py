"""URLs of the platform's own host: signing in, and the admin of companies."""

from django.contrib import admin
from django.urls import path

from accounts.urls import signing_in

urlpatterns = [*signing_in, path("admin/", admin.site.urls)]
