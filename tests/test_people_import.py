"""The import of people: what it would change, what it changes, what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.errors import Conflict
from accounts.imports import MAX_ROWS, csv_text, people_import, people_plan
from accounts.models import AuditEvent, Queue, Team, TelephonyIdentity, User
from accounts.services import identity_attach, user_create
from tests.conftest import PASSWORD, World

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
    second.post("/sign-in/", {"username": "admin2@northwind.test", "password": PASSWORD})
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
