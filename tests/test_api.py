"""API v1: who gets what, pages, filters, changes by the same services as the pages, errors in one shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.services import api_key_create
from conversations.models import Disposition
from knowledge.documents.services import document_save
from knowledge.models import Collection
from tests.budgets import query_budget
from tests.past_calls import Past, past_call, recording_make

API = "/api/v1"


@pytest.fixture
def past(world: Any) -> Past:
    company = world.northwind
    with company.scope():
        return past_call(agent=company.people["agent"], queue=company.queue)


def get(client: Any, path: str, status: int = 200, **headers: str) -> Any:
    response = client.get(API + path, headers=headers)
    assert response.status_code == status, response.content
    return response.json()


def send(client: Any, path: str, data: Any, status: int = 200, method: str = "post") -> Any:
    response = getattr(client, method)(API + path, json.dumps(data), content_type="application/json")
    assert response.status_code == status, response.content
    return response.json()


def key(world: Any, persona: str, *scopes: str) -> dict[str, str]:
    with world.northwind.scope():
        _row, secret = api_key_create(owner=world.northwind.people[persona], name="test", scopes=list(scopes))
    return {"authorization": f"Bearer {secret}"}


# --- Ways in --------------------------------------------------------------------------------------------


def test_a_key_acts_as_its_owner_within_its_scopes(world: Any, past: Past) -> None:
    client = world.northwind.client()
    read = key(world, "agent", "read")
    assert get(client, "/conversations/", **read)["results"][0]["id"] == str(past.conversation.pk)
    denied = client.post(
        f"{API}/guidance/{past.hint.pk}/answer/",
        json.dumps({"action": "accept"}),
        content_type="application/json",
        headers=read,
    )
    assert denied.status_code == 403
    write = key(world, "agent", "write")
    allowed = client.post(
        f"{API}/guidance/{past.hint.pk}/answer/",
        json.dumps({"action": "accept"}),
        content_type="application/json",
        headers=write,
    )
    assert allowed.status_code == 200 and allowed.json()["state"] == "accepted"
    assert get(client, "/conversations/", 403, **write)["error"]["code"] == "permission_denied"
    assert get(client, "/conversations/", 401, authorization="Bearer crk_wrong")["error"]
    # Another company's key, and no key at all.
    assert get(world.acme.client(), "/conversations/", 401, **read)["error"]
    assert get(client, "/conversations/", 401)["error"]["code"] == "not_authenticated"


def test_a_session_needs_its_token_to_change_things(world: Any, past: Past) -> None:
    careful = world.northwind.client("agent", enforce_csrf_checks=True)
    refused = send(careful, f"/guidance/{past.hint.pk}/answer/", {"action": "accept"}, 403)
    assert set(refused["error"]) == {"code", "message"}


def test_errors_have_one_shape(world: Any, past: Past) -> None:
    client = world.northwind.client("supervisor")
    cases = [
        (get(client, f"/conversations/{past.hint.pk}/", 404), "not_found"),
        (get(client, "/conversations/?agent=x&state=odd", 400), "invalid"),
        (send(client, f"/scores/{past.score.pk}/override/", {"value": "maybe"}, 400), "invalid"),
        (send(client, "/conversations/", {}, 405), "method_not_allowed"),
        (send(client, f"/guidance/{past.hint.pk}/answer/", {"action": "accept"}, 403), "permission_denied"),
    ]
    for answer, code in cases:
        assert answer["error"]["code"] == code and answer["error"]["message"]
    assert set(cases[1][0]["error"]["fields"]) == {"agent", "state"}
    assert set(cases[2][0]["error"]["fields"]) == {"answer", "reason"}
    broken = client.post(f"{API}/scores/{past.score.pk}/override/", "{", content_type="application/json")
    assert broken.status_code == 400 and broken.json()["error"]["code"] == "parse_error"


# --- Reading --------------------------------------------------------------------------------------------

LISTS = ("conversations", "utterances", "summaries", "moments", "guidance", "alerts", "scores", "users")


@pytest.mark.parametrize("name", LISTS)
def test_lists_take_the_same_queries_for_many(world: Any, past: Past, name: str) -> None:
    company = world.northwind
    client = company.client("supervisor")
    for more in (0, 3):
        with company.scope():
            for number in range(more):
                past_call(agent=company.people["agent"], queue=company.queue, customer=f"C-{number}")
        with query_budget(f"api-{name}"):
            rows = get(client, f"/{name}/")["results"]
    assert len(rows) >= 4 or name == "users"


@pytest.mark.parametrize("name", LISTS)
def test_lists_hold_only_what_is_theirs(world: Any, past: Past, name: str) -> None:
    company = world.northwind
    if name != "users":
        for persona in ("outsider", "other_supervisor"):
            if name == "alerts" and persona == "outsider":
                assert get(company.client(persona), f"/{name}/", 403)
            else:
                assert get(company.client(persona), f"/{name}/")["results"] == []
        assert get(world.acme.client("admin"), f"/{name}/")["results"] == []
    else:
        assert [row["name"] for row in get(company.client("agent"), "/users/")["results"]] == ["Agent"]
        names = {row["name"] for row in get(company.client("supervisor"), "/users/")["results"]}
        assert names == {"Supervisor", "Agent", "Teammate"}


def test_pages_go_on_where_they_stopped(world: Any, make_conversation: Any) -> None:
    company = world.northwind
    with company.scope():
        made = [str(make_conversation(agent=company.people["agent"]).pk) for _number in range(5)]
    client = company.client("agent")
    first = get(client, "/conversations/?page_size=3")
    with company.scope():
        make_conversation(agent=company.people["agent"])
    second = client.get(first["next"]).json()
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == made[::-1] and second["next"] is None


def test_filters_are_those_of_the_pages(world: Any, past: Past, make_conversation: Any) -> None:
    company = world.northwind
    with company.scope():
        make_conversation(agent=company.people["agent"], lines=[("customer", "hello")])
    client = company.client("supervisor")
    mine = [str(past.conversation.pk)]
    for asked in (
        "q=%22want+to+cancel%22",
        "moment=cancel_threat",
        "score_min=40",
        "queue=billing",
        "alerted=true",
    ):
        assert [row["id"] for row in get(client, f"/conversations/?{asked}")["results"]] == mine, asked
    said = get(client, f"/utterances/?q=cancel&conversation={past.conversation.pk}")["results"]
    assert [row["id"] for row in said] == [str(past.said[1].pk)] and said[0]["conversation"] == mine[0]
    for name, asked in [
        ("moments", "key=cancel_threat"),
        ("guidance", "state=open"),
        ("alerts", "state=open"),
        ("scores", "total_min=50"),
        ("summaries", "state=draft"),
    ]:
        assert len(get(client, f"/{name}/?{asked}&conversation={mine[0]}")["results"]) == 1, name
    assert get(client, "/scores/?total_min=51")["results"] == []


def test_items_are_those_of_events(world: Any, past: Past) -> None:
    """A list shows an item as the snapshot does, and the snapshot and the events after it agree."""
    client = world.northwind.client("supervisor")
    root = f"/conversations/{past.conversation.pk}"
    snapshot = get(client, f"{root}/snapshot/")
    for name, kind in [
        ("guidance", "guidance"),
        ("alerts", "alert"),
        ("scores", "score"),
        ("moments", "moment"),
        ("summaries", "summary"),
        ("conversations", "conversation"),
    ]:
        (row,) = get(client, f"/{name}/")["results"]
        (item,) = snapshot["items"][kind]
        assert {**row, **item} == row, name
    events = get(client, f"{root}/events/?after=0")
    assert events["head"] == events["next"] == snapshot["head"] == len(events["events"])
    first = get(client, f"{root}/events/?after=0&limit=3")
    assert first["next"] == 3 and [one["seq"] for one in first["events"]] == [1, 2, 3]
    assert get(client, f"{root}/events/?after={events['head']}") == {**events, "events": []}
    said = get(client, f"{root}/utterances/")["results"]
    assert [row["n"] for row in said] == [1, 2, 3, 4] and "[CREDIT_CARD]" in said[3]["text"]


def test_agents_are_not_told_of_alerts(world: Any, past: Past) -> None:
    client = world.northwind.client("agent")
    root = f"/conversations/{past.conversation.pk}"
    assert "alert" not in get(client, f"{root}/snapshot/")["items"]
    events = get(client, f"{root}/events/")
    assert "alert" not in {one["kind"] for one in events["events"]} and events["next"] == events["head"]
    assert get(client, f"/alerts/{past.alert.pk}/", 403)


def test_a_recording_and_the_transcript(world: Any, past: Past) -> None:
    company = world.northwind
    client = company.client("agent")
    root = f"/conversations/{past.conversation.pk}"
    assert get(client, f"{root}/recording/", 404)["error"]["code"] == "not_found"
    with company.scope():
        recording, data = recording_make(past.conversation, seconds=2)
    found = get(client, f"{root}/recording/")
    assert found["sha256"] == recording.sha256 and "wrapped_key" not in found and "storage_key" not in found
    # Agents hear their calls, but do not take them away.
    assert found["download_url"] is None
    part = client.get(found["url"].removeprefix("http://testserver"), headers={"range": "bytes=4-7"})
    assert (part.status_code, part.getvalue()) == (206, data[4:8])
    assert get(client, f"{root}/recording/download/", 403)
    text = client.get(f"{API}{root}/transcript/")
    assert text["Content-Type"].startswith("text/plain") and "[card number]" in text.content.decode()
    with company.scope():
        assert AuditEvent.objects.filter(action__in=["recording.play", "conversation.export"]).count() == 2
    assert get(company.client("teammate"), f"{root}/recording/", 404)


# --- Changing -------------------------------------------------------------------------------------------


def test_a_summary_is_edited_and_confirmed_by_its_agent(world: Any, past: Past) -> None:
    company = world.northwind
    client = company.client("agent")
    root = f"/summaries/{past.summary.pk}"
    line = get(client, f"{root}/")["lines"][0]
    changed = send(client, f"{root}/lines/{line['id']}/", {"text": "The bill was wrong."}, method="patch")
    after = next(one for one in changed["lines"] if one["id"] == line["id"])
    assert (after["text"], after["original"]) == ("The bill was wrong.", line["text"])
    removed = send(client, f"{root}/lines/{line['id']}/", {"removed": True}, method="patch")
    assert next(one for one in removed["lines"] if one["id"] == line["id"])["removed"] is True
    assert send(client, f"{root}/lines/{line['id']}/", {}, 400, method="patch")["error"]["code"] == "invalid"
    added = send(client, f"{root}/lines/", {"section": "outcome", "text": "Credited."}, 201)
    assert added["lines"][-1]["text"] == "Credited."
    for persona, status in [("supervisor", 403), ("teammate", 404)]:
        send(company.client(persona), f"{root}/confirm/", {}, status)
    with company.scope():
        Disposition.objects.create(key="solved", name="Solved")
    assert send(client, f"{root}/confirm/", {"disposition": "unknown"}, 400)["error"]["fields"]["disposition"]
    confirmed = send(client, f"{root}/confirm/", {"disposition": "solved"})
    assert confirmed["state"] == "confirmed" and confirmed["confirmed_by"]["name"] == "Agent"
    conversation = get(client, f"/conversations/{past.conversation.pk}/")
    assert (conversation["state"], conversation["disposition"]) == ("completed", "Solved")
    conflict = send(client, f"{root}/lines/{line['id']}/", {"text": "Too late."}, 409, method="patch")
    assert conflict["error"]["code"] == "conflict"


def test_guidance_alerts_and_scores(world: Any, past: Past) -> None:
    company = world.northwind
    agent, supervisor = company.client("agent"), company.client("supervisor")
    answered = send(
        agent, f"/guidance/{past.hint.pk}/answer/", {"action": "dismiss", "reason": "does not fit"}
    )
    assert (answered["state"], answered["dismiss_reason"]) == ("dismissed", "does not fit")
    assert send(agent, f"/guidance/{past.hint.pk}/answer/", {"action": "accept"}, 409)
    assert send(agent, f"/guidance/{past.hint.pk}/answer/", {"action": "burn"}, 400)
    send(company.client("teammate"), f"/guidance/{past.hint.pk}/answer/", {"action": "undo"}, 404)

    me = str(company.people["supervisor"].pk)
    assert send(supervisor, f"/alerts/{past.alert.pk}/assign/", {"user": me})["assignee"]["id"] == me
    send(supervisor, f"/alerts/{past.alert.pk}/assign/", {"user": str(company.people["agent"].pk)}, 400)
    assert send(supervisor, f"/alerts/{past.alert.pk}/resolve/", {})["state"] == "resolved"
    send(company.client("other_supervisor"), f"/alerts/{past.alert.pk}/resolve/", {}, 404)

    override = {"answer": str(past.answer.pk), "value": "no", "reason": "It was a joke."}
    send(agent, f"/scores/{past.score.pk}/override/", override, 403)
    changed = send(supervisor, f"/scores/{past.score.pk}/override/", override)
    assert changed["total"] == 0 and changed["answers"][0]["automatic"] == "yes"
    send(supervisor, f"/scores/{past.hint.pk}/override/", override, 404)


def test_an_unmatched_call_is_attached_once(world: Any, make_conversation: Any) -> None:
    company = world.northwind
    with company.scope():
        row = make_conversation(provider_agent_id="7001")
    client, address = company.client("supervisor"), f"/conversations/{row.pk}/attach/"
    outsider, mine = str(company.people["outsider"].pk), str(company.people["agent"].pk)
    assert get(client, f"/conversations/{row.pk}/")["unmatched"] == "7001"
    assert send(client, address, {"user": outsider}, 400)["error"]["fields"]["user"]
    send(company.client("analyst"), address, {"user": mine}, 403)
    assert send(client, address, {"user": mine})["agent"]["name"] == "Agent"
    assert send(client, address, {"user": mine}, 409)["error"]["code"] == "conflict"
    with company.scope():
        assert company.people["agent"].identities.get().agent_id == "7001"


def test_knowledge_and_reports(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        collection = Collection.objects.create(name="Handbook")
        document = document_save(
            collection=collection, title="Refunds", body="# Refunds\n\nA refund takes <b>five</b> days."
        )
    client = company.client("agent")
    (found,) = get(client, "/knowledge/search/?q=refund+days")
    assert found["document"] == str(document.pk) and "<b>" not in found["html"]
    assert get(client, "/knowledge/search/", 400)["error"]["fields"]["q"]
    assert get(client, f"/knowledge/{document.pk}/")["body"] == document.body
    assert [row["title"] for row in get(client, "/knowledge/")["results"]] == ["Refunds"]
    assert get(client, "/reports/daily/", 403)
    supervisor = company.client("supervisor")
    assert len(get(supervisor, "/reports/daily/?days=3")) == 3
    assert get(supervisor, f"/reports/daily/?team={company.other_team.pk}", 400)["error"]["fields"]["team"]
    assert get(supervisor, "/reports/agents/?days=0", 400)["error"]["fields"]["days"]


# --- The description ------------------------------------------------------------------------------------


def test_the_schema_has_no_warnings(world: Any, tmp_path: Any) -> None:
    call_command("spectacular", fail_on_warn=True, validate=True, file=str(tmp_path / "schema.yml"))
    schema = (tmp_path / "schema.yml").read_text()
    assert "/api/v1/conversations/{id}/events/" in schema and "apiKey" in schema


def test_the_schema_and_its_page_are_for_people_of_the_company(world: Any) -> None:
    for path in ("/api/v1/schema/", "/api/v1/docs/"):
        assert world.northwind.client().get(path).status_code == 401
        assert world.northwind.client("agent").get(path).status_code == 200
    with world.northwind.scope():
        headers = key(world, "agent", "read")
    assert world.northwind.client().get("/api/v1/schema/", headers=headers).status_code == 200
    page = world.northwind.client("agent").get("/api/v1/docs/").content.decode()
    assert "https://" not in page, "the page loads from this host alone"


def test_days_are_those_of_the_company(world: Any, make_conversation: Any) -> None:
    """Northwind's clock decides what belongs to a day, not the server's."""
    from tenants.models import Tenant

    Tenant.objects.filter(schema_name="northwind").update(time_zone="Pacific/Auckland")
    noon = timezone.now().replace(year=2026, month=3, day=10, hour=12, minute=0)
    with world.northwind.scope():
        row = make_conversation(at=noon)
    client = world.northwind.client("analyst")
    # Twelve o'clock in London is one in the morning of the next day in Auckland.
    assert get(client, "/conversations/?since=2026-03-11")["results"][0]["id"] == str(row.pk)
    assert get(client, "/conversations/?until=2026-03-10")["results"] == []
