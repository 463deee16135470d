"""The API of redaction does what its pages do: preview, readings again, and the company's own types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import AuditEvent
from conversations import outbox
from conversations.models import OutboxJob, RedactionCheck, RedactionPolicy, Utterance
from conversations.redacted import redacted
from conversations.redaction.policy import redaction_policy
from conversations.redaction.second_pass import TASK
from tests.budgets import query_budget
from tests.conftest import World

TYPES = "/api/v1/redaction-types/"
BADGE = {
    "name": "BADGE",
    "label": "badge",
    "patterns": [r"\bBX-\d{2}\b"],
    "words": ["blue badge"],
    "examples": [{"text": "my badge is KR 7731", "start": 12, "end": 19}],
}


@pytest.fixture
def admin(world: World) -> Any:
    return world.northwind.client("admin")


def sent(client: Any, path: str, body: dict[str, Any], *, by: str = "post") -> tuple[int, Any]:
    answer = getattr(client, by)(path, body, content_type="application/json")
    return answer.status_code, answer.json()


def test_a_type_of_ones_own_from_first_to_last(world: World, admin: Any) -> None:
    said = {"made_from": 0, "reason": "badges open doors"}
    code, tried = sent(admin, TYPES + "try/", BADGE | {"text": "i lost BX-77 and my blue badge, KR 1234"})
    assert (code, tried["text"]) == (200, "i lost [BADGE] and my [BADGE], [BADGE]")
    assert {one["reason"] for one in tried["spans"]} >= {"pattern of the company", "in the company's list"}
    assert tried["learnt"][0]["examples"] == 1 and tried["revision"] == 0
    code, made = sent(admin, TYPES, BADGE | said)
    assert (code, made["revision"]) == (201, 1)
    with world.northwind.scope():
        assert redacted("it is a blue badge") == "it is a [BADGE]"
    with query_budget("api-redaction-types"):
        [kept] = admin.get(TYPES).json()["types"]
    assert {name: kept[name] for name in BADGE} == BADGE
    assert sent(admin, TYPES, BADGE | said | {"made_from": 1})[0] == 400, "the name is there"
    assert sent(admin, TYPES + "BADGE/", {"words": ["x"], **said}, by="put")[0] == 409, (
        "another came meanwhile"
    )
    hashed = {"words": ["red badge"], "action": "hash", "made_from": 1, "reason": "fewer"}
    assert sent(admin, TYPES + "BADGE/", hashed, by="put")[0] == 400, "it does not say why it hides less"
    code, changed = sent(admin, TYPES + "BADGE/", hashed | {"why": "to count them"}, by="put")
    assert (code, changed["types"][0]["patterns"]) == (200, [])
    assert admin.get(TYPES + "BADGE/").json()["action"] == "hash"
    with world.northwind.scope():
        assert redacted("it is a blue badge") == "it is a blue badge"
    gone = {"made_from": 2, "reason": "no badges any more"}
    assert sent(admin, TYPES + "BADGE/remove/", gone) == (200, {"revision": 3, "types": []})
    assert sent(admin, TYPES + "BADGE/remove/", gone)[0] == 404
    with world.northwind.scope():
        assert redaction_policy().rules == () and RedactionPolicy.objects.count() == 3
        assert AuditEvent.objects.filter(action="redactionpolicy.change").count() == 3
    assert world.acme.client("admin").get(TYPES).json()["types"] == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"patterns": [r"fine", r"(a)\1"]}, "patterns"),
        ({"patterns": [r"(?=kestrel)"]}, "patterns"),
        ({"patterns": ["k*"]}, "patterns"),
        ({"patterns": ["(((((a{100}){100}){100}){100}){100})"]}, "patterns"),
        ({"examples": [{"text": "kestrel", "start": 3, "end": 90}]}, "examples"),
        ({"name": "kestrel"}, "name"),
        ({"name": "CREDIT_CARD"}, "name"),
        ({"patterns": [], "words": [], "examples": []}, "type"),
        ({"words": ["..."]}, "type"),
    ],
)
def test_what_cannot_be_used_is_refused_without_being_quoted(
    admin: Any, wrong: dict[str, Any], field: str
) -> None:
    for path, more in ((TYPES, {"made_from": 0, "reason": "x"}), (TYPES + "try/", {"text": "kestrel"})):
        code, answer = sent(admin, path, BADGE | more | wrong)
        assert code == 400 and list(answer["error"]["fields"]) == [field]
        assert "kestrel" not in str(answer).lower()
    assert admin.get(TYPES).json()["revision"] == 0


def test_a_preview_says_what_more_would_go_and_why(
    world: World, admin: Any, make_conversation: Callable[..., Any]
) -> None:
    with world.northwind.scope():
        make_conversation(lines=[("customer", "we flew to Lisbon last week"), ("agent", "how nice")])
    code, shown = sent(admin, "/api/v1/redaction/preview/", {"profile": "strict"})
    assert code == 200 and (shown["calls"], shown["sentences"], shown["revision"]) == (1, 2, 0)
    more = {one["type"]: one for one in shown["more"]}
    assert more["LOCATION"]["count"] == 1 and more["LOCATION"]["label"] == "place"
    [why] = more["LOCATION"]["reasons"]
    assert (why["detector"], why["count"]) == ("sequence", 1) and why["reason"]
    assert {"chip": "place"} in more["LOCATION"]["examples"][0]
    assert sent(admin, "/api/v1/redaction/preview/", {"profile": "none"})[0] == 400
    assert sent(admin, "/api/v1/redaction/preview/", {})[1]["more"] == []
    with world.northwind.scope():
        assert not RedactionPolicy.objects.exists()
    codes = [sent(admin, "/api/v1/redaction/preview/", {})[0] for _ in range(10)]
    assert codes[-1] == 429


def test_one_conversation_is_read_again(
    world: World, admin: Any, make_conversation: Callable[..., Any]
) -> None:
    with world.northwind.scope():
        call = make_conversation(lines=[("customer", "the web address is www.mill.example.com thanks")])
        other = make_conversation()
        failed = RedactionCheck.objects.create(
            conversation=call, state="failed", attempts=8, last_error="ValueError at x.py:1"
        )
        erased = RedactionCheck.objects.create(conversation=other, state="done")
        type(other).objects.filter(pk=other.pk).update(words_erased_at=call.announced_at)
    where = "/api/v1/redaction-checks/"
    with query_budget("api-redaction-checks"):
        found = admin.get(where, {"state": "failed", "conversation": str(call.pk)}).json()["results"]
    assert [(one["id"], one["attempts"], one["by_policy_of_now"]) for one in found] == [
        (str(failed.pk), 8, False)
    ]
    answer = admin.post(f"{where}{failed.pk}/read-again/")
    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (202, "running", 0)
    assert admin.post(f"{where}{erased.pk}/read-again/").status_code == 409
    with world.northwind.scope():
        [job] = OutboxJob.objects.filter(task=TASK, done_at__isnull=True)
        assert outbox.job_execute(job_id=job.pk)
        assert Utterance.objects.get(conversation=call).text == "the web address is [URL] thanks"
    done = admin.get(f"{where}{failed.pk}/").json()
    assert (done["state"], done["found"], done["by_policy_of_now"], done["last_error"]) == (
        "done",
        1,
        True,
        "",
    )
