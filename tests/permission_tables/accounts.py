"""Who may open the pages of sign-in, passwords, people and the admin."""

from __future__ import annotations

from tests.conftest import Company

IN = {"agent": 200, "supervisor": 200, "analyst": 200, "admin": 200}
LED = {"agent": 302, "supervisor": 302, "analyst": 302, "admin": 302}
ADMIN_ONLY = {"agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
PEOPLE = {"csv": "email,name\nnew@example.com,New Person\n"}


def set_password(company: Company) -> str:
    from django.contrib.auth.tokens import default_token_generator
    from django.urls import reverse
    from django.utils.encoding import force_bytes
    from django.utils.http import urlsafe_base64_encode

    person = company.people["agent"]
    uid = urlsafe_base64_encode(force_bytes(str(person.pk)))
    return reverse("password-reset-confirm", args=(uid, default_token_generator.make_token(person)))


def admin_person(company: Company) -> str:
    return f"/admin/accounts/user/{company.people['agent'].pk}/change/"


ROWS = [
    ("GET", "/", LED | {"nobody": 302}),
    # Who is signed in is led on from the sign-in page.
    ("GET", "/sign-in/", LED | {"nobody": 200}),
    ("GET", "/sign-out/", {"nobody": 405, "agent": 405, "supervisor": 405, "analyst": 405, "admin": 405}),
    ("POST", "/sign-out/", LED | {"nobody": 302}),
    ("GET", "/password/", IN | {"nobody": 302}),
    ("GET", "/password/reset/", IN | {"nobody": 200}),
    ("GET", "/password/reset/sent/", IN | {"nobody": 200}),
    ("GET", "/people/import/", ADMIN_ONLY | {"nobody": 302}),
    ("POST", "/people/import/", ADMIN_ONLY | {"nobody": 302}),
    ("POST", "/api/v1/people/import/?dry_run=1", ADMIN_ONLY | {"nobody": 401}, PEOPLE),
    ("POST", "/api/v1/people/import/", ADMIN_ONLY | {"nobody": 401}, PEOPLE),
    ("GET", "/admin/", ADMIN_ONLY | {"nobody": 302}),
    ("GET", "/admin/accounts/user/", ADMIN_ONLY | {"nobody": 302}),
    ("GET", admin_person, ADMIN_ONLY | {"nobody": 302}),
    ("POST", "/admin/accounts/team/add/", ADMIN_ONLY | {"nobody": 302}, {"name": ""}),
]

ELSEWHERE = {
    # The link of a mail is open to who holds it, in the right company only.
    "password/set/<uidb64>/<token>/": "tests/test_accounts.py::test_reset_link_of_another_company_is_worth_nothing",
}
