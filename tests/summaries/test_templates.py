"""Templates of summaries: drafts, sentences of what is wrong, revisions, and which one holds for a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent, Queue
from conversations.models import Conversation, Summary, SummaryTemplate
from conversations.summaries import summary_edit, summary_line_add, summary_text, summary_write
from conversations.summary_templates import (
    template_complaints,
    template_for,
    template_publish,
    template_retire,
    template_write,
)
from tests.budgets import query_budget
from tests.conftest import Company

CRM = [
    {"key": "reason", "title": "Why they called", "source": "reason", "required": True},
    {"key": "refund", "title": "Refund", "kind": "amount", "source": "amounts"},
    {"key": "due", "title": "Letter by", "kind": "date", "source": "promised_by"},
    {"key": "solved", "title": "Solved", "kind": "yes_no", "source": "resolved"},
    {"key": "product", "title": "Product", "kind": "choice", "choices": ["Internet", "Phone"]},
]


def written(
    name: str = "Billing", *, queue: Queue | None = None, channel: str = "", sections: Any = CRM
) -> SummaryTemplate:
    document = {"name": name, "queue": queue, "channel": channel, "sections": sections}
    return template_write(template=None, document=document, actor=None)


def published(name: str = "Billing", **more: Any) -> SummaryTemplate:
    row = written(name, **more)
    template_publish(template=row, actor=None)
    return row


@pytest.mark.usefixtures("company")
def test_a_draft_holds_for_nothing_until_it_is_published(ended: Callable[..., Conversation]) -> None:
    row = written()
    call = ended()
    assert template_for(call) is None
    first = template_publish(template=row, actor=None)
    assert (first.number, template_for(call)) == (1, first)
    assert template_publish(template=row, actor=None) == first
    document = {"name": row.name, "queue": None, "channel": "", "sections": CRM[:2]}
    template_write(template=row, document=document, actor=None)
    assert len(template_for(call).sections) == 5  # type: ignore[union-attr]
    second = template_publish(template=row, actor=None)
    assert (second.number, len(second.sections), template_for(call)) == (2, 2, second)
    template_retire(template=row, actor=None)
    assert template_for(call) is None
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {f"summarytemplate.{one}" for one in ("create", "update", "publish", "retire")} <= actions


def test_the_nearest_holds(company: Company, ended: Callable[..., Conversation]) -> None:
    queue = company.queue
    call, chat = ended(queue=queue), ended(queue=queue, channel="chat")
    other = ended()
    names: dict[str, tuple[Any, ...]] = {}

    def holding() -> tuple[Any, ...]:
        return tuple(row.template.name if (row := template_for(one)) else None for one in (call, chat, other))

    for name, scope in (
        ("company", {}),
        ("chats", {"channel": "chat"}),
        ("queue", {"queue": queue}),
        ("both", {"queue": queue, "channel": "chat"}),
    ):
        published(name, **scope)
        names[name] = holding()
    assert names == {
        "company": ("company", "company", "company"),
        "chats": ("company", "chats", "company"),
        "queue": ("queue", "queue", "company"),
        "both": ("queue", "both", "company"),
    }


@pytest.mark.usefixtures("company")
def test_what_cannot_be_published_is_said_in_sentences() -> None:
    bad = [
        {"key": "a", "title": "One"},
        {"key": "a", "title": "Two", "kind": "date", "source": "reason"},
        {"key": "c", "title": "Three", "kind": "choice", "choices": ["only"]},
    ]
    row = written(sections=bad)
    assert template_complaints(row) == [
        "“Two”: another section has the same key.",
        "“Two”: what fills it gives values of another kind.",
        "“Three”: a choice needs 2 to 30 different choices.",
    ]
    with pytest.raises(ValidationError, match="another section has the same key"):
        template_publish(template=row, actor=None)
    assert template_complaints(written("Empty", sections=[])) == ["A summary needs at least one section."]
    published("First")
    assert template_complaints(written("Second")) == [
        "“First” is in use for the same queue and channel. Retire it first."
    ]
    assert not row.revisions.exists()


def test_a_summary_goes_by_its_template_and_keeps_the_revision(
    company: Company, ended: Callable[..., Conversation]
) -> None:
    template = published()
    call = ended()
    row = summary_write(conversation_id=call.pk)
    assert row is not None
    template_write(
        template=template,
        document={"name": "B", "queue": None, "channel": "", "sections": CRM[:1]},
        actor=None,
    )
    template_publish(template=template, actor=None)
    client = company.client("agent")
    with query_budget("api-summary"):
        shown = client.get(f"/api/v1/summaries/{row.pk}/").json()
    assert [(one["key"], one["label"], one["kind"]) for one in shown["sections"]] == [
        ("reason", "Why they called", "lines"),
        ("refund", "Refund", "amount"),
        ("due", "Letter by", "date"),
        ("solved", "Solved", "yes_no"),
        ("product", "Product", "choice"),
    ]
    due = shown["fields"].pop("due")
    assert shown["fields"] == {
        "refund": {"amount": "49", "currency": "USD"},
        "solved": True,
        "product": None,
    }
    assert due and all(line["due_on"] == due for line in shown["lines"] if line["section"] == "due")
    assert shown["template"]["revision"] == 1
    assert summary_text(Summary.objects.get()).startswith("Why they called\n- I have been charged")


def test_what_the_agent_types_into_a_field_is_of_its_kind(
    company: Company, ended: Callable[..., Conversation]
) -> None:
    published()
    agent = company.people["agent"]
    row = summary_write(conversation_id=ended().pk)
    assert row is not None
    refund = row.lines.get(section="refund")
    for words in ("a lot", "forty", "[NAME]"):
        with pytest.raises(ValidationError, match="takes an amount"):
            summary_edit(line=refund, user=agent, text=words)
    changed = summary_edit(line=refund, user=agent, text="€1,050.50")
    assert (changed.text, changed.original) == ("1050.50 EUR", "49 USD")
    with pytest.raises(ValidationError, match="Internet, Phone"):
        summary_line_add(summary=row, user=agent, section="product", text="Radio")
    summary_line_add(summary=row, user=agent, section="product", text="internet")
    with pytest.raises(ValidationError, match="has a value"):
        summary_line_add(summary=row, user=agent, section="product", text="Phone")
    with pytest.raises(ValidationError, match="summary's sections"):
        summary_line_add(summary=row, user=agent, section="done", text="Not in this template")
    for section, words, sentence in (
        ("due", "tomorrow", "takes a date"),
        ("solved", "perhaps", "yes or no"),
    ):
        with pytest.raises(ValidationError, match=sentence):
            summary_edit(line=row.lines.get(section=section), user=agent, text=words)
    shown = company.client("agent").get(f"/api/v1/summaries/{row.pk}/").json()
    assert shown["fields"]["product"] == "Internet"
    assert shown["fields"]["refund"] == {"amount": "1050.50", "currency": "EUR"}


def test_the_api_writes_checks_publishes_and_retires(company: Company) -> None:
    client = company.client("admin")
    house = client.get("/api/v1/summary-templates/house/").json()["sections"]
    assert [one["key"] for one in house] == ["reason", "done", "outcome", "promises", "next_steps"]
    document = {"name": "Billing", "queue": company.queue.key, "sections": [*house, CRM[1]]}
    made = client.post("/api/v1/summary-templates/", document, content_type="application/json")
    assert made.status_code == 201, made.json()
    address = f"/api/v1/summary-templates/{made.json()['id']}/"
    assert (made.json()["revision"], made.json()["changed"], made.json()["complaints"]) == (None, True, [])
    done = client.post(f"{address}publish/").json()
    assert (done["revision"], done["changed"], done["active"]) == (1, False, True)
    changed = client.put(address, {**document, "sections": []}, content_type="application/json").json()
    assert changed["complaints"] == ["A summary needs at least one section."]
    refused = client.post(f"{address}publish/")
    assert refused.status_code == 400 and "at least one section" in refused.content.decode()
    twice = client.post("/api/v1/summary-templates/", document, content_type="application/json")
    assert twice.status_code == 400
    wrong = {**document, "name": "C", "sections": [{"key": "No Key", "title": "x"}]}
    assert (
        client.post("/api/v1/summary-templates/", wrong, content_type="application/json").status_code == 400
    )
    assert client.post(f"{address}retire/").json()["active"] is False
    with query_budget("api-summary-templates"):
        assert client.get("/api/v1/summary-templates/").json()["results"][0]["queue"] == company.queue.key


def test_the_admin_writes_and_publishes(company: Company) -> None:
    row = published()
    client = company.client("admin")
    page = client.get(f"/admin/conversations/summarytemplate/{row.pk}/change/").content.decode()
    assert "Summaries are written by revision 1, as shown here." in page and "Letter by" in page
    listed = client.get("/admin/conversations/summarytemplate/").content.decode()
    assert "Billing" in listed
