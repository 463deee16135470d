"""The desk and the floor: what pages and requests give to whom, what they change, and how many queries they take."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import TelephonyIdentity
from conversations.access import conversation_for, conversations_visible
from conversations.models import Conversation, Disposition, Note
from desk.floor_selectors import floor_rows, floor_tiles
from desk.lines import mood
from desk.selectors import call_open, desk_state
from tests import live_events as live
from tests.budgets import query_budget
from tests.conftest import Company, World

PERSONAS = ("agent", "teammate", "outsider", "supervisor", "other_supervisor", "analyst", "admin")


def post(company: Company, persona: str, url: str, content: Any = None) -> Any:
    return company.client(persona).post(url, json.dumps(content or {}), content_type="application/json")


@pytest.fixture
def northwind(world: World) -> Any:
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def call(northwind: Company) -> Conversation:
    """A live call of the agent, with a customer, a threat, a hint and an alert."""
    call = live.call_begin(
        northwind.people["agent"], ago_seconds=90, customer=live.customer_make(), queue=northwind.queue
    )
    live.say(call, "agent", "thank you for calling how can i help", 1000)
    said = live.say(call, "customer", "this is terrible i want to cancel", 6000)
    live.moment(call, said, "i want to cancel")
    call.hint = live.hint(call, "Refund, then offer", said=said, words="i want to cancel")  # type: ignore[attr-defined]
    call.alert = live.alert(call, "Cancel threat", said=said, words="i want to cancel")  # type: ignore[attr-defined]
    return call


# --- Who may see what -----------------------------------------------------------------------------------


def test_who_sees_which_conversations(northwind: Company) -> None:
    people = northwind.people
    northwind.team.supervisors.add(people["other_supervisor"])  # two supervisors: rows must not come twice
    own, outside = live.call_begin(people["agent"]), live.call_begin(people["outsider"])
    unmatched = live.call_begin()
    northwind.other_team.supervisors.clear()
    expected = {
        "agent": {own},
        "teammate": set(),
        "outsider": {outside},
        "supervisor": {own, unmatched},
        "other_supervisor": {own, unmatched},
        "analyst": {own, outside, unmatched},
        "admin": {own, outside, unmatched},
    }
    for persona, calls in expected.items():
        seen = list(conversations_visible(people[persona]))
        assert len(seen) == len(calls) and set(seen) == calls, persona


def test_nobody_opens_by_a_wrong_id(northwind: Company) -> None:
    from django.http import Http404

    for wrong in ("", "nonsense", uuid4()):
        with pytest.raises(Http404):
            conversation_for(northwind.people["admin"], wrong)


PAGES = [
    ("/desk/", {"agent", "teammate", "outsider"}),
    ("/desk/state/", {"agent", "teammate", "outsider"}),
    ("/floor/", {"supervisor", "other_supervisor", "admin"}),
]


@pytest.mark.parametrize(("url", "allowed"), PAGES)
def test_pages_by_role(northwind: Company, url: str, allowed: set[str]) -> None:
    for persona in PERSONAS:
        assert northwind.client(persona).get(url).status_code == (200 if persona in allowed else 403), persona
    assert northwind.client().get(url).status_code in {302, 401}


def test_reading_a_call_by_persona(northwind: Company, call: Conversation) -> None:
    url = f"/desk/calls/{call.pk}/"
    for persona in PERSONAS:
        response = northwind.client(persona).get(url)
        expected = 200 if persona in {"agent", "supervisor", "analyst", "admin"} else 404
        assert response.status_code == expected, persona
        if expected == 200:
            # An agent is not told what their supervisor is alerted to.
            assert ("alert" in response.json()["items"]) == (persona in {"supervisor", "admin"}), persona
    assert northwind.client().get(url).status_code == 401


def test_a_call_is_worth_nothing_on_the_other_companys_host(world: World) -> None:
    with world.northwind.scope():
        call = live.call_begin(world.northwind.people["agent"])
    assert world.acme.client("admin").get(f"/desk/calls/{call.pk}/").status_code == 404
    stolen = world.northwind.client("agent")
    assert stolen.get("/desk/state/", headers={"host": world.acme.host}).status_code == 401


# --- What is changed, and by whom -----------------------------------------------------------------------


def changes_of_an_agent(call: Conversation) -> list[tuple[str, Any]]:
    line = call.summary.lines.first()
    assert line is not None
    return [
        (f"/desk/calls/{call.pk}/note/", {"text": "wants it on the card"}),
        (f"/desk/calls/{call.pk}/lines/", {"section": "outcome", "text": "Offer accepted."}),
        (f"/desk/lines/{line.pk}/", {"text": "Charged twice."}),
        (f"/desk/lines/{line.pk}/remove/", {}),
        (f"/desk/lines/{line.pk}/restore/", {}),
        (f"/desk/calls/{call.pk}/confirm/", {}),
    ]


def test_only_the_calls_agent_changes_its_summary_and_note(northwind: Company, call: Conversation) -> None:
    live.call_end(call)
    for persona in (
        *PERSONAS[1:],
        PERSONAS[0],
    ):  # the agent last: the others must have left something to change
        for url, content in changes_of_an_agent(call):
            before = call_open(northwind.people["agent"], call)
            response = post(northwind, persona, url, content)
            if persona == "agent":
                assert response.status_code == 200, (url, response.content)
            else:
                assert response.status_code in {403, 404}, (persona, url)
                after = call_open(northwind.people["agent"], call)
                assert {**after, "now": 0} == {**before, "now": 0}, (persona, url)
    call.refresh_from_db()
    assert call.state == "completed" and call.summary.state == "confirmed"


def test_a_note_is_kept_redacted(northwind: Company, call: Conversation) -> None:
    response = post(
        northwind, "agent", f"/desk/calls/{call.pk}/note/", {"text": "card 4111 1111 1111 1111, calls back"}
    )
    assert (
        response.json()["text"]
        == Note.objects.get(conversation=call).text
        == "card [CREDIT_CARD], calls back"
    )


def test_confirming_sets_how_it_ended(northwind: Company, call: Conversation) -> None:
    kept = Disposition.objects.create(key="kept", name="Retained")
    gone = Disposition.objects.create(key="gone", name="Old one", active=False)
    live.call_end(call)
    url = f"/desk/calls/{call.pk}/confirm/"
    for wrong in ("nonsense", str(uuid4()), str(gone.pk)):
        response = post(northwind, "agent", url, {"disposition": wrong})
        assert response.status_code == 400 and response.json()["error"]["code"] == "invalid"
    assert post(northwind, "agent", url, {"disposition": str(kept.pk)}).status_code == 200
    call.refresh_from_db()
    assert call.disposition == kept and call.closed_at is not None


def test_the_summary_as_text(northwind: Company, call: Conversation) -> None:
    live.call_end(call)
    response = northwind.client("agent").get(f"/desk/calls/{call.pk}/summary.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert "cancel" in response.content.decode()
    assert northwind.client("teammate").get(f"/desk/calls/{call.pk}/summary.txt").status_code == 404


def test_guidance_is_answered_by_its_agent_alone(northwind: Company, call: Any) -> None:
    url, content = f"/desk/calls/{call.pk}/guidance/", {"id": str(call.hint.pk), "action": "accept"}
    for persona in PERSONAS[1:]:
        assert post(northwind, persona, url, content).status_code in {403, 404}, persona
    call.hint.refresh_from_db()
    assert call.hint.state == "open"
    assert post(northwind, "agent", url, content).status_code == 200
    call.hint.refresh_from_db()
    assert call.hint.state == "accepted"


@pytest.mark.parametrize(
    "content",
    [
        {"id": "x", "action": "accept"},
        {"id": str(uuid4()), "action": "explode"},
        {"id": str(uuid4()), "action": "dismiss", "reason": "x" * 81},
        {"id": str(uuid4()), "action": "seen", "shown_ms_ago": "soon"},
        {"id": str(uuid4()), "action": "seen", "shown_ms_ago": -1},
        {"id": str(uuid4()), "action": "seen", "shown_ms_ago": float("nan")},
    ],
)
def test_answers_that_make_no_sense(northwind: Company, call: Any, content: Any) -> None:
    response = post(northwind, "agent", f"/desk/calls/{call.pk}/guidance/", content)
    assert response.status_code == 400 and response.json()["error"]["code"] == "invalid"


@pytest.mark.parametrize("body", ["[]", "{", '"x"', "nul", "[" * 100_000])
def test_bodies_that_are_no_object(northwind: Company, call: Any, body: str) -> None:
    response = northwind.client("agent").post(
        f"/desk/calls/{call.pk}/note/", body, content_type="application/json"
    )
    assert response.status_code == 400 and response.json()["error"]["code"] == "invalid"


def test_requests_need_the_csrf_token_and_the_method(northwind: Company, call: Any) -> None:
    strict = northwind.client("agent", enforce_csrf_checks=True)
    assert (
        strict.post(f"/desk/calls/{call.pk}/note/", "{}", content_type="application/json").status_code == 403
    )
    assert northwind.client("agent").get(f"/desk/calls/{call.pk}/note/").status_code == 405


def test_alerts_are_resolved_and_taken_by_who_watches_over_them(northwind: Company, call: Any) -> None:
    for persona in ("agent", "outsider", "other_supervisor", "analyst"):
        for what in ("resolve", "claim", "release"):
            response = post(northwind, persona, f"/floor/alerts/{call.alert.pk}/{what}/")
            assert response.status_code in {403, 404}, (persona, what)
    url = f"/floor/alerts/{call.alert.pk}"
    supervisor = northwind.people["supervisor"]
    assert post(northwind, "supervisor", f"{url}/claim/").json()["assignee"] == str(supervisor.pk)
    taken = post(northwind, "admin", f"{url}/claim/")
    assert taken.status_code == 409 and "Supervisor has it since" in taken.json()["error"]["message"]
    assert post(northwind, "admin", f"{url}/release/").status_code == 409
    assert post(northwind, "supervisor", f"{url}/release/").json()["assignee"] is None
    assert post(northwind, "supervisor", f"{url}/resolve/").json()["state"] == "resolved"
    assert post(northwind, "supervisor", f"{url}/claim/").status_code == 409


def test_attaching_an_unmatched_call(northwind: Company) -> None:
    people = northwind.people
    call = live.call_begin(provider_agent_id="7001")
    url = f"/floor/calls/{call.pk}/attach/"
    for persona in ("agent", "analyst"):
        assert post(northwind, persona, url, {"agent": str(people["agent"].pk)}).status_code == 403
    # Not an agent of the supervisor's teams, not an agent at all, nobody.
    for wrong in (str(people["outsider"].pk), str(people["analyst"].pk), str(uuid4()), "x", None):
        assert post(northwind, "supervisor", url, {"agent": wrong}).status_code == 400
    call.refresh_from_db()
    assert call.agent is None and not TelephonyIdentity.objects.exists()
    assert post(northwind, "supervisor", url, {"agent": str(people["agent"].pk)}).status_code == 200
    call.refresh_from_db()
    assert call.agent == people["agent"]
    assert TelephonyIdentity.objects.get().agent_id == "7001"
    assert post(northwind, "supervisor", url, {"agent": str(people["teammate"].pk)}).status_code == 400


# --- What the desk and the floor show -------------------------------------------------------------------


def test_the_desk_has_the_live_calls_and_the_unfinished_summaries(northwind: Company, call: Any) -> None:
    agent = northwind.people["agent"]
    ended = live.call_begin(agent, ago_seconds=600)
    live.say(ended, "customer", "my bill is wrong please help", 0)
    live.call_end(ended)
    waiting = live.call_begin(agent, ago_seconds=300)
    live.call_end(waiting, summary=False)
    live.call_begin(northwind.people["teammate"])
    state = desk_state(agent)
    assert [item["id"] for item in state["calls"]] == [str(call.pk)]
    assert [(item["id"], item["summary"]) for item in state["tray"]] == [
        (str(waiting.pk), None),
        (str(ended.pk), "draft"),
    ]
    post(northwind, "agent", f"/desk/calls/{ended.pk}/confirm/")
    assert [item["id"] for item in desk_state(agent)["tray"]] == [str(waiting.pk)]


def test_last_contacts_are_the_customers_and_only_those_one_may_read(
    northwind: Company, call: Any, make_conversation: Any
) -> None:
    people, helen = northwind.people, call.customer
    mine = make_conversation(
        agent=people["agent"], customer=helen, lines=[("customer", "i was charged twice for my plan")]
    )
    make_conversation(agent=people["outsider"], customer=helen)
    make_conversation(agent=people["agent"], customer=live.customer_make("C-2", "Somebody Else"))
    live.summary_write(conversation_id=mine.pk)
    contacts = call_open(people["agent"], call)["contacts"]
    assert [item["id"] for item in contacts] == [str(mine.pk)]
    assert "charged twice" in contacts[0]["title"]
    assert len(call_open(people["analyst"], call)["contacts"]) == 2


def test_a_floor_row(northwind: Company, call: Any) -> None:
    live.say(call, "customer", "absolutely terrible and ridiculous", 20_000)
    row = next(row for row in floor_rows(northwind.people["supervisor"]) if row["id"] == str(call.pk))
    assert row["agent"]["name"] == "Agent" and row["team"]["name"] == "Billing"
    assert (row["queue"], row["segment"], row["customer"]) == ("Billing", "Gold", "Helen Marsh")
    assert row["guidance"]["title"] == "Refund, then offer"
    assert row["alert"]["title"] == "Cancel threat" and row["alert"]["more"] == 0
    assert "i want to cancel" in row["alert"]["reason"]
    assert row["mood"]["trend"] == "falling" or row["mood"]["points"][-1] < row["mood"]["points"][0]
    assert floor_rows(northwind.people["other_supervisor"]) == []
    assert floor_rows(northwind.people["supervisor"], [uuid4()]) == []


def test_the_gravest_alert_comes_first(northwind: Company, call: Any) -> None:
    live.alert(call, "Long call", severity="warn")
    live.alert(call, "Asks for a manager", severity="bad")
    [row] = floor_rows(northwind.people["supervisor"])
    assert (row["alert"]["title"], row["alert"]["more"]) == ("Cancel threat", 2)


def test_ended_calls_stay_on_the_floor_while_their_alert_is_open(northwind: Company, call: Any) -> None:
    supervisor = northwind.people["supervisor"]
    live.call_end(call)
    post(northwind, "agent", f"/desk/calls/{call.pk}/confirm/")
    call.alert.refresh_from_db()
    assert call.alert.state == "closed" and floor_rows(supervisor) == []
    late = live.alert(call, "Redaction check does not finish", rule_key="redaction.check")
    assert [row["id"] for row in floor_rows(supervisor)] == [str(call.pk)]
    post(northwind, "supervisor", f"/floor/alerts/{late.pk}/resolve/")
    assert floor_rows(supervisor) == []


def test_the_figures(northwind: Company, call: Any) -> None:
    live.call_begin(ago_seconds=5)
    ended = live.call_begin(northwind.people["agent"], ago_seconds=120)
    live.call_end(ended)
    tiles = floor_tiles(northwind.people["supervisor"])
    assert {name: tiles[name] for name in ("live", "unmatched", "wrap_up", "alerts", "alerts_mine")} == {
        "live": 2,
        "unmatched": 1,
        "wrap_up": 1,
        "alerts": 1,
        "alerts_mine": 0,
    }
    assert tiles["today"] in {0, 1, 2, 3}  # a run around the company's midnight
    assert tiles["handle_ms"] is None or 119_000 < tiles["handle_ms"] < 130_000


def test_mood() -> None:
    assert mood([0.0] * 6)["trend"] == "steady"
    assert mood([0.4, 0.3, 0.0, -0.3, -0.6, -0.6])["trend"] == "falling"
    assert mood([-0.6, -0.5, 0.0, 0.2, 0.5, 0.6])["trend"] == "rising"
    assert mood([-0.8]) == {"points": [-0.4], "trend": "steady"}


# --- Queries --------------------------------------------------------------------------------------------


def test_query_budgets(northwind: Company, call: Any) -> None:
    agent, supervisor = northwind.client("agent"), northwind.client("supervisor")
    with query_budget("desk"):
        agent.get("/desk/")
    with query_budget("desk-call"):
        agent.get(f"/desk/calls/{call.pk}/")
    with query_budget("floor"):
        supervisor.get("/floor/")


def test_more_rows_take_no_more_queries(northwind: Company, call: Any) -> None:
    from django.test.utils import CaptureQueriesContext

    supervisor = northwind.people["supervisor"]
    with CaptureQueriesContext(connection) as few:
        floor_rows(supervisor)
    for number in range(8):
        other = live.call_begin(
            northwind.people["teammate"], customer=live.customer_make(f"X-{number}", "Ada")
        )
        said = live.say(other, "customer", "i want to cancel", 0)
        live.hint(other, "Offer", said=said, words="cancel")
        live.alert(other, "Cancel", said=said, words="cancel")
    with CaptureQueriesContext(connection) as many:
        assert len(floor_rows(supervisor)) == 9
    assert len(many) == len(few) == 4
