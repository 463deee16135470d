"""Sign-in and out, passwords, people."""

from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("sign-in/", lambda request: HttpResponse("not yet"), name="sign-in"),
    path("sign-out/", lambda request: HttpResponse("not yet"), name="sign-out"),
    path("password/", lambda request: HttpResponse("not yet"), name="password-change"),
    path("", lambda request: HttpResponse("not yet"), name="home"),
]
