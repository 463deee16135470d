"""A chat under an agent's hands: what the customer writes, a suggested reply taken by key, a supervisor beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.services import api_key_create
from coaching.models import SuggestedReply
from conversations import chat_lines
from conversations.chat_writing import message_failed, message_write
from conversations.models import ChatMessage, Conversation, Utterance
from conversations.services import event_append
from engines.redaction.text import RawText
from tenants.scope import current_schema
from tests.conftest import World

Pages = Callable[..., Any]
CARD = "4111 1111 1111 1111"


def suggested(chat: Conversation, after: int, *texts: str) -> None:
    with transaction.atomic():
        for position, text in enumerate(texts):
            row = SuggestedReply.objects.create(
                conversation=chat,
                after=after,
                position=position,
                text=text,
                source="model",
                made_at=timezone.now(),
            )
            event_append(conversation_id=chat.pk, kind="reply", row=row)


def test_a_chat_on_the_desk(committed: World, sign_in: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    company = committed.northwind
    people = company.people
    # As long as a slow machine needs: nobody renews it here.
    monkeypatch.setattr(chat_lines, "AWAY_SECONDS", 900.0)
    with company.scope():
        secret = api_key_create(owner=people["admin"], name="chat system", scopes=["ingest"])[1]
        chat_lines.connected(current_schema(), "browser-test")
    system = company.client(HTTP_AUTHORIZATION=f"Bearer {secret}")

    def post(path: str, **content: Any) -> Any:
        answer = system.post(f"/api/v1/chats/{path}", content, content_type="application/json")
        assert answer.status_code in {200, 201}, answer.content
        return answer.json()

    page = sign_in("agent", path="/desk/")
    page.locator("#ready").wait_for()
    opened = post("", external_id="web-1", agent=people["agent"].email, customer={"reference": "C-1"})
    said = {"role": "customer", "message_id": "1"}
    post(f"{opened['id']}/messages/", **said, text=f"I want to cancel, my card is {CARD}")
    line = page.locator("#tx li", has_text="I want to cancel")
    line.get_by_text("card number").wait_for()
    # Four digits alone may stand in an id.
    assert "4111 1111" not in page.content() and "41111111" not in page.content()
    with company.scope():
        chat = Conversation.objects.get(pk=opened["id"])
        suggested(chat, 1, "May I ask why?", "Shall I look for an offer?")
    page.locator("#chat .reply", has_text="Shall I look").wait_for()

    page.keyboard.press("r")
    field = page.locator("#chat-text")
    assert field.input_value() == "May I ask why?"
    page.keyboard.type(" I am sorry to hear it.")
    page.keyboard.press("Enter")
    page.locator("#tx li", has_text="May I ask why? I am sorry to hear it.").wait_for()
    page.locator("#chat .replies").wait_for(state="hidden")
    # Emptied by the answer to the request.
    page.wait_for_function("document.getElementById('chat-text').value === ''")
    assert page.evaluate("document.activeElement.id") == "chat-text"
    with company.scope():
        assert Utterance.objects.get(speaker="agent").text == "May I ask why? I am sorry to hear it."
        assert SuggestedReply.objects.get(accepted_at__isnull=False).text == "May I ask why?"
        # The chat system could not bring it to the customer: it says so here, and is sent once more.
        ours = ChatMessage.objects.get(origin="desk")
        message_failed(conversation_id=chat.pk, message_id=ours.message_id)
    failed = page.locator("#chat .unsent li.is-failed", has_text="May I ask why?")
    failed.get_by_role("button", name="Send again").click()
    failed.wait_for(state="detached")
    with company.scope():
        assert ChatMessage.objects.get(pk=ours.pk).failed_at is None
        message_write(conversation=chat, user=people["supervisor"], text=RawText("You get the fee back."))
    supervisor = page.locator("#tx li", has_text="You get the fee back.")
    supervisor.get_by_text("Supervisor").wait_for()
