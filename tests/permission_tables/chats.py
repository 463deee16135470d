"""Who feeds chats, who writes in them, and who reads what is suggested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Company

READ = {
    "nobody": 401,
    "agent": 200,
    "teammate": 404,
    "supervisor": 200,
    "other_supervisor": 404,
    "analyst": 200,
    "admin": 200,
}
FEED = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403}


def chat(tail: str = "", prefix: str = "/api/v1/chats") -> Callable[[Company], str]:
    """The path of something of a chat of the company's agent, with a suggestion in it."""

    def path(company: Company) -> str:
        from django.utils import timezone

        from coaching.models import SuggestedReply
        from conversations.chats import Opening, chat_open

        made, is_new = chat_open(opening=Opening("p-1", agent=company.people["agent"].email))
        if is_new:
            SuggestedReply.objects.create(
                pk=REPLY,
                conversation=made,
                after=1,
                position=0,
                text="Sure.",
                source="model",
                made_at=timezone.now(),
            )
        return f"{prefix}/{made.pk}/{tail}"

    path.__name__ = f"chat {prefix} {tail}"
    return path


REPLY = "01890000-0000-7000-8000-000000000001"
MESSAGE = {"role": "customer", "text": "hello", "message_id": "1"}
# No chat system is connected: who may write is told so.
NOT_SENT = 409
OWN = {"nobody": 401, "teammate": 404, "supervisor": 403, "analyst": 403, "admin": 403}
WRITTEN = {"text": "hello", "message_id": "w-1"}
ROWS: list[Any] = [
    ("GET", "/api/v1/chats/", {"nobody": 401, "agent": 200, "supervisor": 200, "analyst": 200, "admin": 200}),
    ("POST", "/api/v1/chats/", FEED | {"admin": 201}, {"external_id": "p-2"}),
    ("GET", chat(), READ),
    ("PATCH", chat(), FEED | {"admin": 200}, {"agent": "someone"}),
    ("POST", chat("messages/"), FEED | {"admin": 201}, MESSAGE),
    ("POST", chat("end/"), FEED | {"admin": 200}),
    ("GET", chat("replies/"), READ),
    # Words that are not redacted are for the chat system's key, and no person.
    (
        "GET",
        "/api/v1/chats/outgoing/",
        {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 403},
    ),
    ("POST", chat("delivered/"), FEED | {"admin": 200}, {"message_id": "w-1"}),
    ("POST", chat("failed/"), FEED | {"admin": 200}, {"message_id": "w-1"}),
    (
        "POST",
        chat("replies/accept/"),
        {"nobody": 401, "agent": 200, "teammate": 404, "supervisor": 403, "analyst": 403, "admin": 403},
        {"reply": REPLY},
    ),
    (
        "POST",
        chat("write/"),
        {"nobody": 401, "agent": NOT_SENT, "teammate": 404, "supervisor": 403, "analyst": 403, "admin": 403},
        {"text": "hello"},
    ),
    (
        "POST",
        chat("join/"),
        {
            "nobody": 401,
            "agent": 403,
            "supervisor": NOT_SENT,
            "other_supervisor": 404,
            "analyst": 403,
            "admin": NOT_SENT,
        },
        {"text": "hello"},
    ),
    ("POST", chat("message/", "/desk/calls"), OWN | {"agent": NOT_SENT}, WRITTEN),
    ("POST", chat("reply/", "/desk/calls"), OWN | {"agent": 200}, {"reply": REPLY}),
    (
        "POST",
        chat("message/", "/floor/calls"),
        {
            "nobody": 401,
            "agent": 403,
            "supervisor": NOT_SENT,
            "other_supervisor": 404,
            "analyst": 403,
            "admin": NOT_SENT,
        },
        WRITTEN,
    ),
]
