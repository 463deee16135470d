"""A company's own types are called as its admin called them, wherever people read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import (
    CustomInformation,
    Note,
    Redaction,
    RedactionPolicy,
    RedactionReview,
    Summary,
    SummaryLine,
    Utterance,
)
from conversations.redaction.labels import Labels
from tests.conftest import Company

TEXT = "my [BADGE_NUMBER] and my router number is [LINE_CODE #3fa9c1d2] ok"


@pytest.fixture
def call(northwind: Company, make_conversation: Callable[..., Any]) -> Any:
    """A call with two own types hidden in it, one of which the policy has no more."""
    first = RedactionPolicy.objects.create(revision=1, regions=["US"])
    CustomInformation.objects.create(policy=first, name="LINE_CODE", label="Leitungs-Code", words=["x"])
    CustomInformation.objects.create(policy=first, name="BADGE_NUMBER", label="badge", words=["x"])
    second = RedactionPolicy.objects.create(revision=2, regions=["US"])
    CustomInformation.objects.create(policy=second, name="BADGE_NUMBER", label="staff pass <b>", words=["x"])
    conversation = make_conversation(agent=northwind.people["agent"], lines=[("customer", TEXT)])
    said = Utterance.objects.get(conversation=conversation)
    found = Redaction.objects.create(
        utterance=said, type="LINE_CODE", start=42, end=63, score=0.4, detector="custom", reason="x"
    )
    RedactionReview.objects.create(
        redaction=found,
        utterance=said,
        conversation=conversation,
        type="LINE_CODE",
        score=0.4,
        detector="custom",
        found_in="live",
        because="uncertain",
    )
    Note.objects.create(conversation=conversation, author=northwind.people["agent"], text="[LINE_CODE]\nok")
    summary = Summary.objects.create(
        conversation=conversation, origin="extractive", confirm_by=timezone.now()
    )
    SummaryLine.objects.create(summary=summary, section="reason", position=0, text="lost [LINE_CODE]")
    return conversation


def test_words_of_types(northwind: Company, call: Any, django_assert_num_queries: Any) -> None:
    label = Labels()
    with django_assert_num_queries(0):
        assert label("CREDIT_CARD") == "card number"
    with django_assert_num_queries(1):
        assert label("BADGE_NUMBER") == "staff pass <b>"
        assert label("LINE_CODE") == "Leitungs-Code", "what the policy has no more keeps its words"
        assert label("NOBODY_S") == "nobody s"


def test_pages_call_own_types_by_their_words(northwind: Company, call: Any) -> None:
    admin, agent = northwind.client("admin"), northwind.client("agent")
    page = admin.get(f"/conversations/{call.pk}/").content.decode()
    assert "staff pass &lt;b&gt;</span>" in page and "Leitungs-Code #3fa9</span>" in page
    assert page.count("Leitungs-Code</span>") == 2  # in the note and in the summary
    found = admin.get("/conversations/?q=router").content.decode()
    assert "Leitungs-Code #3fa9</span>" in found
    text = agent.get(f"/conversations/{call.pk}/transcript.txt").content.decode()
    assert "[Leitungs-Code #3fa9]" in text and "[staff pass <b>]" in text
    assert "lost [Leitungs-Code]" in agent.get(f"/desk/calls/{call.pk}/summary.txt").content.decode()
    for path in ("/privacy/review/", "/privacy/report/"):
        page = admin.get(path).content.decode()
        assert "Leitungs-Code" in page, path
        assert ">LINE_CODE<" not in page and "line code" not in page, path
    # What the desk writes chips with.
    assert r"staff pass \u003Cb\u003E" in agent.get("/desk/").content.decode()
