"""Sign-in, throttling, passwords."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.services import user_create
from tenants.scope import schema_scope
from tests.conftest import PASSWORD, World


def _sign_in(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post("/sign-in/", {"username": email, "password": password, **extra})


# --- Signing in and out ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persona", "page"),
    [("agent", "/desk/"), ("supervisor", "/floor/"), ("analyst", "/conversations/"), ("admin", "/floor/")],
)
def test_each_role_lands_on_the_page_it_works_on(world: World, persona: str, page: str) -> None:
    client = world.northwind.client()
    response = _sign_in(client, f"{persona}@northwind.test")
    assert response["Location"] == "/"
    assert client.get("/")["Location"] == page
    with world.northwind.scope():
        event = AuditEvent.objects.get(action="user.sign_in")
        assert event.actor == world.northwind.people[persona]
        assert event.address == "127.0.0.1"


def test_the_address_is_taken_in_any_capitals(world: World) -> None:
    assert _sign_in(world.northwind.client(), "Agent@NORTHWIND.test").status_code == 302


@pytest.mark.parametrize("email", ["agent@northwind.test", "nobody@northwind.test", "agent@acme.test"])
def test_a_wrong_sign_in_says_the_same_whatever_was_wrong(world: World, email: str) -> None:
    client = world.northwind.client()
    response = _sign_in(client, email, "not the password")
    assert response.status_code == 200
    assert "E-mail or password is wrong." in response.content.decode()
    assert client.get("/desk/").status_code == 302


def test_somebody_inactive_cannot_sign_in_and_loses_the_session(world: World) -> None:
    client = world.northwind.client("agent")
    assert client.get("/password/").status_code == 200
    with world.northwind.scope():
        User.objects.filter(email="agent@northwind.test").update(is_active=False)
    assert client.get("/password/").status_code == 302
    assert "is wrong" in _sign_in(world.northwind.client(), "agent@northwind.test").content.decode()


@pytest.mark.parametrize(
    ("wanted", "lands"),
    [
        ("/knowledge/?q=refund", "/knowledge/?q=refund"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
    ],
)
def test_next_stays_on_this_host(world: World, wanted: str, lands: str) -> None:
    response = _sign_in(world.northwind.client(), "agent@northwind.test", next=wanted)
    assert response["Location"] == lands


def test_a_page_asked_for_comes_after_signing_in(world: World) -> None:
    client = world.northwind.client()
    assert client.get("/people/import/")["Location"] == "/sign-in/?next=/people/import/"


def test_signing_out_takes_a_post(world: World) -> None:
    client = world.northwind.client("agent")
    assert client.get("/sign-out/").status_code == 405
    assert client.get("/password/").status_code == 200
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/password/").status_code == 302


def test_a_form_without_its_token_is_refused(world: World) -> None:
    client = world.northwind.client(enforce_csrf_checks=True)
    response = _sign_in(client, "agent@northwind.test")
    assert response.status_code == 403
    assert "This form was too old" in response.content.decode()


# --- Throttling -----------------------------------------------------------------------------------------


def test_ten_failures_block_the_address_from_this_place(world: World) -> None:
    client = world.northwind.client()
    for _attempt in range(10):
        assert _sign_in(client, "agent@northwind.test", "wrong").status_code == 200
    blocked = _sign_in(client, "Agent@northwind.test")  # with the right password
    assert blocked.status_code == 429
    assert "Try again in 15 minutes" in blocked.content.decode()
    assert client.get("/password/").status_code == 302
    # Other addresses, other places and the other company go on.
    assert _sign_in(world.northwind.client(), "teammate@northwind.test").status_code == 302
    assert _sign_in(world.northwind.client(REMOTE_ADDR="10.0.0.9"), "agent@northwind.test").status_code == 302
    assert _sign_in(world.acme.client(), "agent@northwind.test", "wrong").status_code == 200


def test_the_block_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts import throttle

    short = throttle.Limit("sign-in", times=2, seconds=1)
    monkeypatch.setattr(throttle, "SIGN_IN", short)
    client = world.northwind.client()
    for _attempt in range(2):
        _sign_in(client, "agent@northwind.test", "wrong")
    assert _sign_in(client, "agent@northwind.test").status_code == 429
    later = throttle.time.time() + 2
    monkeypatch.setattr(throttle.time, "time", lambda: later)
    assert _sign_in(client, "agent@northwind.test").status_code == 302


def test_signing_in_forgets_earlier_failures(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts import throttle

    monkeypatch.setattr(throttle, "SIGN_IN", throttle.Limit("sign-in", times=3, seconds=60))
    client = world.northwind.client()
    for _round in range(2):
        for _attempt in range(2):
            _sign_in(client, "agent@northwind.test", "wrong")
        assert _sign_in(client, "agent@northwind.test").status_code == 302
        client.post("/sign-out/")


# --- Passwords ------------------------------------------------------------------------------------------


def test_changing_the_password_signs_other_devices_out(world: World) -> None:
    here, there = world.northwind.client("agent"), world.northwind.client("agent")
    new = "another long secret"
    response = here.post("/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert response["Location"] == "/"
    assert here.get("/password/").status_code == 200
    assert there.get("/password/").status_code == 302
    assert _sign_in(world.northwind.client(), "agent@northwind.test", new).status_code == 302


def test_a_weak_password_is_refused_at_its_field(world: World) -> None:
    client = world.northwind.client("agent")
    response = client.post(
        "/password/", {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"}
    )
    page = response.content.decode()
    assert 'id="id_new_password2_error"' in page
    assert re.search(r'name="new_password2"[^>]*aria-invalid="true"[^>]*id_new_password2_error', page)


def _link(message: Any) -> tuple[str, str]:
    """(host, path) of the link in a mail."""
    found = re.search(r"http://([^/\s]+)(/password/set/\S+)", message.body)
    assert found is not None, message.body
    return found[1], found[2]


def _set_by_link(client: Client, path: str, password: str) -> Any:
    form = client.get(path, follow=True)
    return client.post(form.redirect_chain[-1][0], {"new_password1": password, "new_password2": password})


def test_who_never_had_a_password_sets_the_first_one_by_mail(world: World) -> None:
    with world.northwind.scope():
        user_create(email="fresh@northwind.test", name="Fresh Start")
    client = world.northwind.client()
    assert client.post("/password/reset/", {"email": "Fresh@northwind.test"}).status_code == 302
    host, path = _link(mail.outbox[0])
    assert host == "northwind.localhost"
    assert mail.outbox[0].to == ["fresh@northwind.test"]
    assert "Northwind" in mail.outbox[0].body
    assert _set_by_link(client, path, "a first long secret")["Location"] == "/sign-in/"
    assert _sign_in(client, "fresh@northwind.test", "a first long secret").status_code == 302
    # The link works once.
    assert "does not work any more" in world.northwind.client().get(path, follow=True).content.decode()


@pytest.mark.parametrize("email", ["nobody@northwind.test", "agent@acme.test", "gone@northwind.test"])
def test_a_reset_for_nobody_says_the_same_and_sends_nothing(world: World, email: str) -> None:
    with world.northwind.scope():
        user_create(email="gone@northwind.test", name="Gone", password=PASSWORD, is_active=False)
    response = world.northwind.client().post("/password/reset/", {"email": email})
    assert response["Location"] == "/password/reset/sent/"
    assert mail.outbox == []


def test_reset_mail_is_limited_and_stays_silent_about_it(world: World) -> None:
    client = world.northwind.client()
    for _attempt in range(8):
        answer = client.post("/password/reset/", {"email": "agent@northwind.test"})
        assert answer["Location"] == "/password/reset/sent/"
    assert len(mail.outbox) == 5


def test_reset_link_of_another_company_is_worth_nothing(world: World) -> None:
    world.northwind.client().post("/password/reset/", {"email": "agent@northwind.test"})
    _host, path = _link(mail.outbox[0])
    page = world.acme.client().get(path, follow=True)
    assert "does not work any more" in page.content.decode()


def test_platform_operator_command(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough secret\n"))
    call_command("create_platform_operator", "ops@platform.test", password_stdin=True, stdout=io.StringIO())
    client = Client(headers={"host": "localhost"})
    assert _sign_in(client, "ops@platform.test")["Location"] == "/"
    assert client.get("/")["Location"] == "/admin/"
    # The operator is nobody in a company, and a company's admin is nobody here.
    assert "is wrong" in _sign_in(world.northwind.client(), "ops@platform.test").content.decode()
    other = Client(headers={"host": "localhost"})
    assert "is wrong" in _sign_in(other, "admin@northwind.test").content.decode()
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="too short"):
        call_command("create_platform_operator", "two@platform.test", password_stdin=True)
    with schema_scope("public"):
        assert not User.objects.filter(email="two@platform.test").exists()
