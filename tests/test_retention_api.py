"""The API of retention does what its admin does: rules, what is due, what went, and legal holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from conversations.models import Conversation, LegalHold, RetentionRule, RetentionRun
from conversations.retention import retention_enforce
from tests.budgets import query_budget
from tests.conftest import World
from tests.past_calls import past_call, recording_make

RULES, HOLDS = "/api/v1/retention-rules/", "/api/v1/legal-holds/"


@pytest.fixture
def admin(world: World) -> Any:
    return world.northwind.client("admin")


def send(client: Any, where: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    answer = client.post(where, body or {}, content_type="application/json")
    return answer.status_code, answer.json()


def test_rules_are_set_changed_and_removed(world: World, admin: Any) -> None:
    queue = world.northwind.queue.key
    code, made = send(admin, RULES, {"kind": "audio", "queue": queue, "days": 30})
    assert (code, made["kind"], made["queue"], made["days"]) == (201, "audio", queue, 30)
    code, changed = send(admin, RULES, {"kind": "audio", "queue": queue, "days": 20})
    assert (code, changed["id"], changed["days"]) == (200, made["id"], 20)
    assert send(admin, RULES, {"kind": "audio", "days": 90})[0] == 201, "of all other queues"
    for wrong in ({"kind": "audio", "days": 0}, {"kind": "tea", "days": 3}, {"days": 3}):
        assert send(admin, RULES, wrong)[0] == 400
    assert send(admin, RULES, {"kind": "audio", "queue": "no such queue", "days": 3})[0] == 400
    with query_budget("api-retention-rules"):
        assert len(admin.get(RULES).json()["results"]) == 2
    assert admin.delete(f"{RULES}{made['id']}/").status_code == 204
    with world.northwind.scope():
        assert [row.queue for row in RetentionRule.objects.all()] == [None]
        actions = AuditEvent.objects.filter(object_id=made["id"]).values_list("action", flat=True)
        assert set(actions) == {"retentionrule.create", "retentionrule.update", "retentionrule.delete"}


def test_what_is_due_and_what_went(world: World, admin: Any) -> None:
    with world.northwind.scope():
        past = past_call(agent=world.northwind.people["agent"], queue=world.northwind.queue)
        recording_make(past.conversation, seconds=1)
        ended = timezone.now() - timedelta(days=40)
        Conversation.objects.filter(pk=past.conversation.pk).update(ended_at=ended)
    send(admin, RULES, {"kind": "audio", "days": 30})

    def due() -> dict[str, Any]:
        answer = admin.get(RULES + "due/").json()
        assert answer["next_run_at"]
        return {one.pop("kind"): one for one in answer["due"]}

    assert due()["audio"] == {"remove": 1, "held": 0}
    code, hold = send(admin, HOLDS, {"conversation": str(past.conversation.pk), "reason": "a case"})
    assert code == 201 and due()["audio"] == {"remove": 0, "held": 1}
    assert send(admin, f"{HOLDS}{hold['id']}/lift/")[0] == 200
    with world.northwind.scope():
        retention_enforce()
        assert RetentionRun.objects.count() == 1
    with query_budget("api-retention-runs"):
        [run] = admin.get("/api/v1/retention-runs/").json()["results"]
    assert run["removed"]["audio"] == 1 and run["failed"]["audio"] == 0


def test_a_hold_is_placed_on_one_thing_and_lifted_once(world: World, admin: Any) -> None:
    with world.northwind.scope():
        past = past_call(agent=world.northwind.people["agent"], queue=world.northwind.queue, customer="C-77")
    both = {"conversation": str(past.conversation.pk), "customer": "C-77", "reason": "a case"}
    assert send(admin, HOLDS, both)[0] == 400
    assert send(admin, HOLDS, {"reason": "a case"})[0] == 400
    assert send(admin, HOLDS, {"customer": "C-78", "reason": "a case"})[0] == 400
    code, hold = send(admin, HOLDS, {"customer": "C-77", "reason": "call me at 555 867 5309"})
    assert code == 201 and hold["customer"] == "C-77" and "867" not in hold["reason"]
    with query_budget("api-legal-holds"):
        [listed] = admin.get(HOLDS).json()["results"]
    assert listed == hold and hold["lifted_at"] is None
    code, lifted = send(admin, f"{HOLDS}{hold['id']}/lift/")
    assert code == 200 and lifted["lifted_at"]
    assert send(admin, f"{HOLDS}{hold['id']}/lift/")[0] == 409
    with world.northwind.scope():
        assert LegalHold.objects.count() == 1, "it stays as a record"


def test_another_companys_conversation_cannot_be_held(world: World, admin: Any) -> None:
    with world.acme.scope():
        theirs = past_call(agent=world.acme.people["agent"], queue=world.acme.queue)
    asked = {"conversation": str(theirs.conversation.pk), "reason": "a case"}
    assert send(admin, HOLDS, asked)[0] == 404
