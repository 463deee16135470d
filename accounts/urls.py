"""Sign-in and out, passwords, people."""

from django.contrib.auth.views import LogoutView, PasswordResetDoneView
from django.urls import path

from accounts import views

# What the platform's own host has as well.
signing_in = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("password/", views.PasswordChange.as_view(), name="password-change"),
    path("password/reset/", views.PasswordReset.as_view(), name="password-reset"),
    path(
        "password/reset/sent/",
        PasswordResetDoneView.as_view(template_name="accounts/password_reset_sent.html"),
        name="password-reset-sent",
    ),
    path(
        "password/set/<uidb64>/<token>/", views.PasswordResetConfirm.as_view(), name="password-reset-confirm"
    ),
]

urlpatterns = [
    *signing_in,
    path("people/import/", views.people_import_page, name="people-import"),
]
