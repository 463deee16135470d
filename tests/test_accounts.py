"""Sign-in, throttling, passwords, the import of people."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.errors import Conflict
from accounts.imports import MAX_ROWS, csv_text, people_import, people_plan
from accounts.models import AuditEvent, Queue, Team, TelephonyIdentity, User
from accounts.services import identity_attach, user_create
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


# --- Import of people -----------------------------------------------------------------------------------

HEAD = "email,name,role,team,queues,provider,agent_id,active\n"
FILE = (
    HEAD
    + "ana@northwind.test,Ana Silva,agent,Loyalty,retention|win back,,5001,yes\n"
    + "agent@northwind.test,,,,,,4711,\n"
    + "supervisor@northwind.test,,,Billing|Loyalty,,,,\n"
    + "teammate@northwind.test,,,,,,,no\n"
    + "analyst@northwind.test,Analyst,QA analyst,,,,,\n"
)


def _outcomes(plan: Any) -> list[str]:
    return [row.outcome for row in plan.rows]


def test_dry_run_says_what_would_change_and_changes_nothing(world: World) -> None:
    actor = world.northwind.people["admin"]
    with world.northwind.scope():
        before = list(User.objects.values_list("email", "role", "is_active", "team").order_by("pk"))
        plan = people_plan(text=FILE, actor=actor)
        assert _outcomes(plan) == ["create", "update", "update", "update", "unchanged"]
        assert plan.rows[0].line == 2
        assert plan.rows[0].changes == [
            "name: Ana Silva",
            "team: Loyalty (new)",
            "queue for the team: retention",
            "queue for the team: win-back",
            "native: 5001",
        ]
        assert plan.rows[2].changes == ["looks after: Billing, Loyalty"]
        assert plan.rows[3].changes == ["active: yes → no"]
        assert list(User.objects.values_list("email", "role", "is_active", "team").order_by("pk")) == before
        assert not Team.objects.filter(name="Loyalty").exists()
        assert not Queue.objects.filter(key="retention").exists()
        assert not TelephonyIdentity.objects.exists()


def test_apply_does_it_once(world: World) -> None:
    actor = world.northwind.people["admin"]
    with world.northwind.scope():
        people_import(text=FILE, actor=actor, address="10.1.1.1")
        ana = User.objects.get(email="ana@northwind.test")
        assert (ana.name, ana.role, ana.team.name) == ("Ana Silva", "agent", "Loyalty")
        assert not ana.has_usable_password()
        assert {queue.key for queue in ana.team.queues.all()} == {"retention", "win-back"}
        identities = set(TelephonyIdentity.objects.values_list("user__email", "provider", "agent_id"))
        assert identities == {
            ("ana@northwind.test", "native", "5001"),
            ("agent@northwind.test", "native", "4711"),
        }
        supervisor = User.objects.get(email="supervisor@northwind.test")
        assert {team.name for team in supervisor.supervised_teams.all()} == {"Billing", "Loyalty"}
        assert not User.objects.get(email="teammate@northwind.test").is_active
        events = AuditEvent.objects.filter(actor=actor)
        assert events.get(action="people.import").changes == {
            "create": 1,
            "update": 3,
            "unchanged": 1,
            "error": 0,
        }
        teammate = world.northwind.people["teammate"]
        assert events.get(object_id=str(teammate.pk)).changes == {"is_active": [True, False]}
        again = people_plan(text=FILE, actor=actor)
        assert set(_outcomes(again)) == {"unchanged"}
    with world.acme.scope():
        assert not User.objects.filter(email="ana@northwind.test").exists()


def test_an_agent_id_moves_and_two_can_swap(world: World) -> None:
    actor, agent, teammate = (world.northwind.people[name] for name in ("admin", "agent", "teammate"))
    with world.northwind.scope():
        identity_attach(user=agent, provider="native", agent_id="1")
        identity_attach(user=teammate, provider="native", agent_id="2")
        text = f"email,agent_id\n{agent.email},2\n{teammate.email},1\n"
        plan = people_plan(text=text, actor=actor)
        assert plan.rows[0].changes == ["native: 2, until now Teammate’s"]
        people_import(text=text, actor=actor)
        found = dict(TelephonyIdentity.objects.values_list("user__email", "agent_id"))
        assert found == {agent.email: "2", teammate.email: "1"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",Somebody,agent,,,,,", "e-mail address is missing"),
        ("not-an-address,Somebody,agent,,,,,", "valid email"),
        ("x@northwind.test,,agent,,,,,", "needs a name"),
        ("x@northwind.test,X,boss,,,,,", "is not one of agent"),
        ("x@northwind.test,X,platform,,,,,", "is not one of agent"),
        ("x@northwind.test,X,agent,,,,,maybe", "yes or no"),
        ("x@northwind.test,X,agent,A|B,,,,", "Only a supervisor"),
        ("x@northwind.test,X,agent,,billing,,,", "belong to a team"),
        ("x@northwind.test,X,supervisor,,,,77,", "Only an agent can have an agent id"),
        ('x@northwind.test,"=HYPERLINK(""http://evil"")",agent,,,,,', "begins like a formula"),
        ("x@northwind.test,@SUM(1+1),agent,,,,,", "begins like a formula"),
        ("x@northwind.test,-cmd|' /C calc'!A0,agent,,,,,", "begins like a formula"),
        ("x@northwind.test,Tab\tName,agent,,,,,", "control character"),
        ("x@northwind.test,X,agent,,,,,yes,more", "more cells"),
        ("admin@northwind.test,,agent,,,,,", "your own access"),
        ("admin@northwind.test,,,,,,,no", "your own access"),
        (f"x@northwind.test,{'x' * 121},agent,,,,,", "name:"),
    ],
)
def test_a_bad_row_is_named_and_stops_the_whole_file(world: World, line: str, problem: str) -> None:
    actor = world.northwind.people["admin"]
    text = HEAD + "good@northwind.test,Good,agent,,,,,\n" + line + "\n"
    with world.northwind.scope():
        plan = people_plan(text=text, actor=actor)
        assert _outcomes(plan) == ["create", "error"]
        assert plan.rows[1].line == 3
        assert problem in plan.rows[1].problem
        with pytest.raises(ValidationError, match="Line 3"):
            people_import(text=text, actor=actor)
        assert not User.objects.filter(email="good@northwind.test").exists()
        assert not AuditEvent.objects.exists()


def test_the_same_address_or_agent_id_twice(world: World) -> None:
    text = HEAD + "a@x.test,A,,,,,7,\nA@x.test,B,,,,,,\nb@x.test,B,,,,,7,\n"
    with world.northwind.scope():
        plan = people_plan(text=text, actor=world.northwind.people["admin"])
    assert [row.problem for row in plan.rows] == [
        "",
        "Line 2 has this address already.",
        "Line 2 gives this agent id to somebody else.",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "one of them must be “email”"),
        ("name,role\nAna,agent\n", "one of them must be “email”"),
        ("email,salary\na@x.test,1\n", "Unknown column: salary"),
        ("email,email\na@x.test,b@x.test\n", "twice"),
        ("email,name\n\n\n", "no rows"),
        ("email\n" + "".join(f"p{n}@x.test\n" for n in range(MAX_ROWS + 1)), "more than 10,000 rows"),
        ("email,name\na@x.test," + "x" * (2 * 1024 * 1024), "larger than 2 MB"),
    ],
)
def test_a_file_that_is_none(world: World, text: str, problem: str) -> None:
    with world.northwind.scope(), pytest.raises(ValidationError) as raised:
        people_plan(text=text, actor=world.northwind.people["admin"])
    assert problem in "; ".join(raised.value.messages)


def test_encodings_and_delimiters(world: World) -> None:
    actor = world.northwind.people["admin"]
    semicolons = "email;name\njose@northwind.test;José, Muñoz\n"
    with world.northwind.scope():
        for data in (
            semicolons.encode(),
            semicolons.encode("utf-8-sig"),
            semicolons.replace("\n", "\r\n").encode(),
        ):
            plan = people_plan(text=csv_text(data), actor=actor)
            assert plan.rows[0].changes == ["name: José, Muñoz"]
    with pytest.raises(ValidationError, match="not UTF-8"):
        csv_text(semicolons.encode("latin-1"))
    with pytest.raises(ValidationError, match="larger than 2 MB"):
        csv_text(b"x" * (2 * 1024 * 1024 + 1))


def test_ten_thousand_rows_in_reasonable_time(world: World, django_assert_max_num_queries: Any) -> None:
    text = "email,name,team,agent_id\n" + "".join(
        f"p{number}@northwind.test,Person {number},Team {number % 40},{number}\n"
        for number in range(MAX_ROWS)
    )
    with world.northwind.scope(), django_assert_max_num_queries(200):
        plan = people_import(text=text, actor=world.northwind.people["admin"])
    assert plan.totals["create"] == MAX_ROWS


def _upload(client: Client, text: str) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return client.post("/people/import/", {"file": SimpleUploadedFile("people.csv", text.encode())})


def test_the_page_shows_first_and_applies_after(world: World) -> None:
    client = world.northwind.client("admin")
    page = _upload(client, FILE)
    assert "Apply 4 changes" in page.content.decode()
    with world.northwind.scope():
        assert not User.objects.filter(email="ana@northwind.test").exists()
    response = client.post("/people/import/", {"token": page.context["token"]}, follow=True)
    assert "1 person added. 3 people changed." in response.content.decode()
    with world.northwind.scope():
        assert User.objects.filter(email="ana@northwind.test").exists()
    # What was applied is held no longer.
    again = client.post("/people/import/", {"token": page.context["token"]}, follow=True)
    assert "no longer held here" in again.content.decode()


def test_a_held_file_is_its_uploaders_alone(world: World) -> None:
    with world.northwind.scope():
        user_create(email="admin2@northwind.test", name="Second", role="admin", password=PASSWORD)
    token = _upload(world.northwind.client("admin"), FILE).context["token"]
    second = world.northwind.client()
    _sign_in(second, "admin2@northwind.test")
    for client in (second, world.acme.client("admin")):
        response = client.post("/people/import/", {"token": token}, follow=True)
        assert "no longer held here" in response.content.decode()
    for company in (world.northwind, world.acme):
        with company.scope():
            assert not User.objects.filter(email="ana@northwind.test").exists()


def test_the_page_says_what_is_wrong_with_a_file(world: World) -> None:
    client = world.northwind.client("admin")
    nothing = _upload(client, "email,salary\na@x.test,1\n")
    assert nothing.status_code == 422
    assert "Unknown column: salary" in nothing.content.decode()
    bad = _upload(client, HEAD + "x@northwind.test,<b>X</b>,boss,,,,,\n").content.decode()
    assert "Nothing is applied while a row has an error." in bad
    assert "Apply" not in bad.split('class="tally"')[1].split("</div>")[0]
    script = _upload(client, HEAD + "x@northwind.test,<script>alert(1)</script>,,,,,,\n").content.decode()
    assert "<script>alert" not in script


def test_the_api_does_the_same(world: World) -> None:
    client = world.northwind.client("admin")

    def post(query: str, text: str) -> Any:
        return client.post(f"/api/v1/people/import/{query}", {"csv": text}, content_type="application/json")

    dry = post("?dry_run=1", FILE).json()
    assert dry["applied"] is False
    assert dry["totals"] == {"create": 1, "update": 3, "unchanged": 1, "error": 0}
    with world.northwind.scope():
        assert not User.objects.filter(email="ana@northwind.test").exists()
    bad = post("", HEAD + "x@northwind.test,X,boss,,,,,\n")
    assert bad.status_code == 400
    assert "Line 2" in bad.json()["error"]["message"]
    assert post("", FILE).json()["applied"] is True
    with world.northwind.scope():
        assert User.objects.filter(email="ana@northwind.test").exists()


def test_somebody_else_was_faster(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the plan and the writing another process adds the same person: nothing is half done."""
    from accounts import imports

    actor = world.northwind.people["admin"]
    write = imports._write

    def late(plan: Any) -> None:
        user_create(email="ana@northwind.test", name="Ana Other")
        write(plan)

    monkeypatch.setattr(imports, "_write", late)
    with world.northwind.scope():
        with pytest.raises(Conflict):
            people_import(text=FILE, actor=actor)
        assert not Team.objects.filter(name="Loyalty").exists()
        assert not User.objects.filter(email="ana@northwind.test").exists()
