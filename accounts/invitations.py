"""The mail with which a person sets their first password."""

from __future__ import annotations

from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User
from accounts.services import audit


def invitation_send(*, user: User, actor: User, request: HttpRequest) -> None:
    """Send the link to set a password, on the host that the admin works on. Raises `OSError` when mail is away."""
    path = reverse(
        "password-reset-confirm",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(str(user.pk))),
            "token": default_token_generator.make_token(user),
        },
    )
    context = {
        "person": user,
        "actor": actor,
        "company": getattr(request, "tenant", None),
        "link": request.build_absolute_uri(path),
        "sign_in": request.build_absolute_uri(reverse("sign-in")),
    }
    subject = " ".join(render_to_string("accounts/mail/invitation_subject.txt", context).split())
    send_mail(subject, render_to_string("accounts/mail/invitation.txt", context), None, [user.email])
    audit(actor=actor, action="user.invite", thing=user)
