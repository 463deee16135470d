"""Stands in for the agent's browser: signs in by the form, opens the same sockets, says when it has seen a hint."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect

JSON = dict[str, Any]


class ProofFailed(Exception):
    """Something that the proof needs did not happen; the message says what."""


@dataclass
class Seen:
    """What one page received of a conversation: items as the events left them, and what was never kept."""

    items: dict[str, dict[str, JSON]] = field(default_factory=dict)
    partials: dict[str, int] = field(default_factory=dict)
    last: int = 0
    holes: int = 0

    def take(self, message: JSON) -> None:
        """Take a message of the conversation's socket."""
        if message["type"] == "partial" and message["text"]:
            self.partials[message["speaker"]] = self.partials.get(message["speaker"], 0) + 1
        elif message["type"] == "event":
            self.holes += message["seq"] != self.last + 1
            self.last = message["seq"]
            self.items.setdefault(message["kind"], {})[message["data"]["id"]] = message["data"]

    def of(self, kind: str) -> list[JSON]:
        return list(self.items.get(kind, {}).values())


class Browser:
    """One person's browser on a company's host. `port`: where the pages are, on this machine."""

    def __init__(self, *, host: str, port: int) -> None:
        self.authority = f"{host}:{port}"
        self.port = port
        self.cookie = ""

    async def sign_in(self, email: str, password: str) -> None:
        """Fill in the form. Raises `ProofFailed`."""
        headers = {"Host": self.authority}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=20, trust_env=False
        ) as client:
            page = await client.get("/sign-in/")
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
            if found is None:
                raise ProofFailed(f"the sign-in page has no form (status {page.status_code})")
            answer = await client.post(
                "/sign-in/",
                data={"csrfmiddlewaretoken": found[1], "username": email, "password": password},
            )
            session = client.cookies.get(settings.SESSION_COOKIE_NAME)
        if answer.status_code != 302 or not session:
            raise ProofFailed(f"{email} could not sign in (status {answer.status_code})")
        self.cookie = f"{settings.SESSION_COOKIE_NAME}={session}"

    def socket(self, path: str) -> connect:
        """Open a socket of the site, to be used with `async with`."""
        return connect(
            f"ws://{self.authority}{path}",
            host="127.0.0.1",
            port=self.port,
            additional_headers={"Cookie": self.cookie},
            origin=f"http://{self.authority}",  # type: ignore[arg-type]
            proxy=None,
            max_size=None,
        )


async def call_arrives(desk: ClientConnection) -> str:
    """Wait on an open desk socket for a call of this agent. Returns the conversation's id."""
    async for text in desk:
        message = json.loads(text)
        if message["type"] == "call" and message["mine"]:
            return str(message["conversation"])
    raise ProofFailed("the desk's socket was closed before the call came")


async def follow(browser: Browser, conversation: str, seen: Seen, done: asyncio.Event) -> None:
    """Read a conversation's socket as the agent's page does, until it has its summary and its score."""
    async with browser.socket(f"/ws/conversations/{conversation}/?after=0") as socket:
        async for text in socket:
            message = json.loads(text)
            seen.take(message)
            if (
                message["type"] == "event"
                and message["kind"] == "guidance"
                and not message["data"]["shown_at"]
            ):
                answer = {
                    "type": "guidance",
                    "id": message["data"]["id"],
                    "action": "seen",
                    "shown_ms_ago": 0,
                }
                await socket.send(json.dumps(answer))
            if seen.of("summary") and seen.of("score"):
                done.set()
                return
    raise ProofFailed("the conversation's socket was closed before summary and score came")
