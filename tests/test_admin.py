"""The admin: every page of every model opens for who may see it, and for nobody else; what its forms and actions do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.models import ApiKey, AuditEvent, Team, User
from accounts.services import api_key_create, api_key_find, user_create
from conversations.models import OutboxJob
from tenants.models import Domain, Tenant
from tenants.scope import PUBLIC, schema_scope
from tests.conftest import PASSWORD, World

MODELS = sorted(model._meta.label_lower for model in admin.site._registry)
PLATFORM = {"tenants.tenant", "tenants.domain", "accounts.user", "accounts.auditevent"}
OF_COMPANIES = [label for label in MODELS if not label.startswith("tenants.")]


def _url(label: str, page: str = "") -> str:
    return f"/admin/{label.replace('.', '/')}/{page}"


@pytest.fixture
def operator(world: World) -> Client:
    """A signed-in operator on the platform's own host."""
    client = Client(headers={"host": "localhost"})
    with schema_scope(PUBLIC):
        person = user_create(
            email="ops@platform.test", name="Olga Petrov", role="platform", password=PASSWORD
        )
        client.force_login(person)
    return client


@pytest.mark.parametrize("label", OF_COMPANIES)
def test_each_list_and_form_opens_for_an_admin(world: World, label: str) -> None:
    client = world.northwind.client("admin")
    assert client.get(_url(label)).status_code == 200
    assert client.get(_url(label) + "?q=x").status_code == 200
    registered = next(
        found for model, found in admin.site._registry.items() if model._meta.label_lower == label
    )
    request = client.get(_url(label)).wsgi_request
    expected = 200 if registered.has_add_permission(request) else 403
    assert client.get(_url(label, "add/")).status_code == expected


@pytest.mark.parametrize("label", OF_COMPANIES)
def test_nobody_else_opens_it(world: World, label: str) -> None:
    for persona in ("agent", "supervisor", "analyst"):
        client = world.northwind.client(persona)
        for page in ("", "add/"):
            assert client.get(_url(label, page)).status_code == 403, persona
    stranger = world.northwind.client()
    assert stranger.get(_url(label))["Location"] == f"/sign-in/?next={_url(label)}"
    assert stranger.post(_url(label, "add/"), {})["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("label", MODELS)
def test_the_platform_shows_its_own_part_only(operator: Client, label: str) -> None:
    assert operator.get(_url(label)).status_code == (200 if label in PLATFORM else 403)


@pytest.mark.parametrize("label", ["tenants.tenant", "tenants.domain"])
def test_a_company_never_sees_companies(world: World, label: str) -> None:
    client = world.northwind.client("admin")
    assert client.get(_url(label)).status_code == 403
    assert client.get(_url(label, "add/")).status_code == 403


def test_the_side_bar_has_what_one_may_open(world: World, operator: Client) -> None:
    company = world.northwind.client("admin").get("/admin/").context["sidebar_navigation"]
    assert [str(group["title"]) for group in company][:2] == ["People", "Guidance"]
    links = [item["link"] for group in company for item in group["items"]]
    assert "/admin/accounts/user/" in links
    assert not [link for link in links if link.startswith("/admin/tenants/")]
    assert len(links) == len(set(links))
    platform = operator.get("/admin/").context["sidebar_navigation"]
    shown = {item["link"] for group in platform for item in group["items"]}
    assert shown == {_url(label) for label in PLATFORM}


def test_signing_in_and_passwords_are_the_product_s_own(world: World) -> None:
    stranger = world.northwind.client()
    assert stranger.get("/admin/login/?next=/admin/accounts/team/")["Location"] == (
        "/sign-in/?next=/admin/accounts/team/"
    )
    client = world.northwind.client("admin")
    assert client.get("/admin/password_change/")["Location"] == "/password/"
    assert world.northwind.client("agent").get("/admin/login/").status_code == 403
    assert client.post("/admin/logout/")["Location"] == "/sign-in/"


# --- People ---------------------------------------------------------------------------------------------


def _person(**fields: Any) -> dict[str, Any]:
    return {"email": "new@northwind.test", "name": "New Person", "role": "agent", "is_active": "on"} | fields


def test_a_person_with_an_invitation(world: World, django_capture_on_commit_callbacks: Any) -> None:
    client = world.northwind.client("admin")
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(
            _url("accounts.user", "add/"), _person(email="New@Northwind.test", invite="on")
        )
    assert response.status_code == 302, response.context["errors"]
    with world.northwind.scope():
        person = User.objects.get(email="new@northwind.test")
        assert not person.has_usable_password()
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert actions == {"user.create", "user.invite"}
    link = re.search(r"http://northwind\.localhost(/password/set/\S+)", mail.outbox[0].body)
    assert link is not None
    guest = world.northwind.client()
    form = guest.get(link[1], follow=True).redirect_chain[-1][0]
    guest.post(form, {"new_password1": "a first long secret", "new_password2": "a first long secret"})
    signed = guest.post("/sign-in/", {"username": "new@northwind.test", "password": "a first long secret"})
    assert signed["Location"] == "/"


def test_a_person_with_a_password(world: World) -> None:
    client = world.northwind.client("admin")
    weak = client.post(_url("accounts.user", "add/"), _person(password_new="short"))
    assert weak.status_code == 200
    assert client.post(_url("accounts.user", "add/"), _person(password_new=PASSWORD)).status_code == 302
    signed = world.northwind.client().post(
        "/sign-in/", {"username": "new@northwind.test", "password": PASSWORD}
    )
    assert signed["Location"] == "/"
    assert mail.outbox == []


@pytest.mark.parametrize(
    "fields", [{"email": "AGENT@northwind.test"}, {"role": "platform"}, {"email": "no address"}, {"name": ""}]
)
def test_a_person_that_cannot_be(world: World, fields: dict[str, str]) -> None:
    client = world.northwind.client("admin")
    with world.northwind.scope():
        before = User.objects.count()
    assert client.post(_url("accounts.user", "add/"), _person(**fields)).status_code == 200
    with world.northwind.scope():
        assert User.objects.count() == before


def test_nobody_takes_away_their_own_access(world: World) -> None:
    me = world.northwind.people["admin"]
    client = world.northwind.client("admin")
    page = _url("accounts.user", f"{me.pk}/change/")
    for fields in ({"role": "agent"}, {"is_active": ""}):
        data = {"email": me.email, "name": me.name, "role": "admin", "is_active": "on"} | fields
        assert client.post(page, {name: value for name, value in data.items() if value}).status_code == 200
    client.post(_url("accounts.user"), {"action": "deactivate", "_selected_action": [str(me.pk)]})
    with world.northwind.scope():
        me.refresh_from_db()
        assert me.is_active
        assert me.role == "admin"


def test_who_is_made_inactive_is_out_at_once(world: World) -> None:
    agent = world.northwind.people["agent"]
    theirs = world.northwind.client("agent")
    client = world.northwind.client("admin")
    client.post(_url("accounts.user"), {"action": "deactivate", "_selected_action": [str(agent.pk)]})
    assert theirs.get("/password/").status_code == 302
    with world.northwind.scope():
        event = AuditEvent.objects.get(action="user.update")
        assert event.changes == {"is_active": ["True", "False"]}
    assert client.get(_url("accounts.user", f"{agent.pk}/delete/")).status_code == 403


def test_a_team_is_looked_after_by_supervisors(world: World) -> None:
    client, team = world.northwind.client("admin"), world.northwind.team
    page = _url("accounts.team", f"{team.pk}/change/")
    agent, supervisor = world.northwind.people["agent"], world.northwind.people["other_supervisor"]
    assert client.post(page, {"name": "Billing", "supervisors": [str(agent.pk)]}).status_code == 200
    assert client.post(page, {"name": "Billing", "supervisors": [str(supervisor.pk)]}).status_code == 302
    with world.northwind.scope():
        assert list(Team.objects.get(pk=team.pk).supervisors.all()) == [supervisor]
        assert AuditEvent.objects.get(action="team.update").changes == {"fields": ["Supervisors"]}


# --- Keys, audit, outbox --------------------------------------------------------------------------------


def test_a_key_shows_its_secret_once(world: World) -> None:
    client, owner = world.northwind.client("admin"), world.northwind.people["admin"]
    data = {"name": "Export", "owner": str(owner.pk), "scopes": ["read", "write"]}
    page = client.post(_url("accounts.apikey", "add/"), data, follow=True).content.decode()
    secret = re.search(r"crk_[\w-]+", page)
    assert secret is not None
    with world.northwind.scope():
        key = api_key_find(secret=secret[0])
        assert key is not None
        assert key.scopes == ["read", "write"]
        assert not AuditEvent.objects.filter(changes__icontains=secret[0]).exists()
    for later in (_url("accounts.apikey"), _url("accounts.apikey", f"{key.pk}/change/")):
        assert secret[0] not in client.get(later).content.decode()
    client.post(_url("accounts.apikey"), {"action": "revoke", "_selected_action": [str(key.pk)]})
    with world.northwind.scope():
        assert api_key_find(secret=secret[0]) is None
        assert AuditEvent.objects.filter(action="api_key.revoke", object_id=str(key.pk)).exists()


def test_a_key_means_for_good_what_it_was_made_for(world: World) -> None:
    client, owner = world.northwind.client("admin"), world.northwind.people["admin"]
    with world.northwind.scope():
        key, _secret = api_key_create(owner=owner, name="Export", scopes=["read"])
    page = _url("accounts.apikey", f"{key.pk}/change/")
    client.post(page, {"name": "Renamed", "scopes": ["write"], "owner": str(owner.pk)})
    with world.northwind.scope():
        stored = ApiKey.objects.get(pk=key.pk)
        assert (stored.name, stored.scopes) == ("Renamed", ["read"])
    assert client.get(_url("accounts.apikey", f"{key.pk}/delete/")).status_code == 403


def test_the_audit_log_is_read_only(world: World) -> None:
    client = world.northwind.client("admin")
    client.post(_url("accounts.team", "add/"), {"name": "Retention"})
    with world.northwind.scope():
        event = AuditEvent.objects.get(action="team.create")
    page = _url("accounts.auditevent", f"{event.pk}/change/")
    assert client.get(page).status_code == 200
    assert client.post(page, {"action": "nothing"}).status_code == 403
    assert client.post(_url("accounts.auditevent", f"{event.pk}/delete/"), {"post": "yes"}).status_code == 403
    gone = {"action": "delete_selected", "_selected_action": [str(event.pk)], "post": "yes"}
    client.post(_url("accounts.auditevent"), gone)
    with world.northwind.scope():
        assert AuditEvent.objects.filter(pk=event.pk).exists()


def test_a_job_that_was_given_up_runs_again(world: World, make_conversation: Any) -> None:
    from django.utils import timezone

    client = world.northwind.client("admin")
    with world.northwind.scope():
        conversation = make_conversation()
        job = OutboxJob.objects.create(
            task="x", event="y", conversation=conversation, due_at=timezone.now(), attempts=8, last_error="E"
        )
        done = OutboxJob.objects.create(
            task="z",
            event="y",
            conversation=conversation,
            due_at=timezone.now(),
            done_at=timezone.now(),
            attempts=1,
        )
    assert str(job.pk) in client.get(_url("conversations.outboxjob") + "?state=given_up").content.decode()
    both = {"action": "run_again", "_selected_action": [str(job.pk), str(done.pk)]}
    answer = client.post(_url("conversations.outboxjob"), both, follow=True)
    assert "1 job started." in answer.content.decode()
    with world.northwind.scope():
        job.refresh_from_db()
        done.refresh_from_db()
        assert (job.attempts, job.last_error) == (0, "")
        assert done.attempts == 1


def test_no_words_of_a_conversation_in_the_admin(world: World, make_conversation: Any) -> None:
    with world.northwind.scope():
        conversation = make_conversation(lines=[("customer", "my secret phrase is tangerine")])
    client = world.northwind.client("admin")
    page = _url("conversations.conversation", f"{conversation.pk}/change/")
    for url in (page, _url("conversations.conversation")):
        answer = client.get(url)
        assert answer.status_code == 200
        assert "tangerine" not in answer.content.decode()


# --- Companies ------------------------------------------------------------------------------------------


def test_a_company_is_made_suspended_and_opened(operator: Client) -> None:
    data = {
        "name": "Initech",
        "schema_name": "initech",
        "domain": "Initech.localhost",
        "region": "local",
        "plan": "standard",
        "time_zone": "Europe/London",
    }
    response = operator.post(_url("tenants.tenant", "add/"), data)
    assert response.status_code == 302, response.context["errors"]
    connection.set_schema_to_public()
    tenant = Tenant.objects.get(schema_name="initech")
    host = Client(headers={"host": "initech.localhost"})
    assert "Sign in to Initech" in host.get("/sign-in/").content.decode()
    for action, status in (("suspend", 503), ("activate", 200)):
        chosen = {"action": action, "_selected_action": [str(tenant.pk)]}
        operator.post(_url("tenants.tenant"), chosen)
        assert host.get("/sign-in/").status_code == status
    assert operator.get(_url("tenants.tenant", f"{tenant.pk}/delete/")).status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema_name", "northwind"),
        ("schema_name", "Public"),
        ("schema_name", "template"),
        ("schema_name", "a; drop schema acme"),
        ("domain", "acme.localhost"),
        ("domain", "http://x/"),
        ("time_zone", "Mars/Olympus"),
    ],
)
def test_a_company_that_cannot_be(operator: Client, field: str, value: str) -> None:
    data = {
        "name": "X",
        "schema_name": "xco",
        "domain": "xco.localhost",
        "region": "local",
        "plan": "standard",
    }
    response = operator.post(
        _url("tenants.tenant", "add/"), data | {"time_zone": "Europe/London", field: value}
    )
    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors
    connection.set_schema_to_public()
    assert not Tenant.objects.filter(name="X").exists()


def test_the_platform_and_the_template_are_no_companies(operator: Client) -> None:
    page = operator.get(_url("tenants.tenant")).content.decode()
    assert "northwind" in page
    assert ">template<" not in page
    connection.set_schema_to_public()
    for schema in ("public", "template"):
        tenant = Tenant.objects.get(schema_name=schema)
        # Django's admin leads from what is not there to its index.
        assert operator.get(_url("tenants.tenant", f"{tenant.pk}/change/"))["Location"] == "/admin/"
    own = Domain.objects.get(tenant__schema_name="public")
    assert operator.get(_url("tenants.domain", f"{own.pk}/change/"))["Location"] == "/admin/"
