"""A question asked of a model by a real live worker, which goes on hearing the call meanwhile."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from coaching.models import Guidance
from conversations.models import Conversation, Utterance
from moments.models import MomentOccurrence
from tests.conftest import Company, World
from tests.language.asked import server_of
from tests.language.questions import MOVING, reads, turns
from tests.live_calls import call_make, call_play, line, wait_for, worker_process
from tests.peers.chat import chat_server
from tests.understanding import definition_make, hint_action, policy_make, rule

pytestmark = [pytest.mark.unhurried, pytest.mark.timeout(400)]

TALK = [
    line(0, 500, "thank you for calling northwind how can i help"),
    line(1, 5000, "my name is saoirse murphy and we are moving to a new house in may"),
    line(0, 12_500, "let me see what i can do"),
    line(1, 18_000, "that would be very kind of you"),
]


def _late(log: Path) -> int:
    """How many questions had no answer in time: some of them were not even sent by then."""
    rows = log.read_text().splitlines()
    return sum("questions.failed" in row and re.search(r"place\W+late", row) is not None for row in rows)


def _talked(company: Company) -> UUID:
    """Play the talk to its end, in a call of its own."""
    ident, key = call_make(company.people["agent"])
    found_now = MomentOccurrence.objects.filter(conversation=ident).exists
    asyncio.run(call_play(company.schema, ident, key, seconds=12, end=""))
    wait_for(Utterance.objects.filter(conversation=ident, sequence=2).exists, what="the customer's words")
    # What comes next is heard while the question is asked, and brings the answer to the call: a second at a time, as
    # the answer may take one.
    for first in range(121, 241, 10):
        last = first == 231
        asyncio.run(call_play(company.schema, ident, key, seconds=1, first=first, end="stop" if last else ""))
        until = time.monotonic() + 1
        while not last and time.monotonic() < until and not found_now():
            time.sleep(0.05)
    wait_for(
        lambda: Conversation.objects.filter(pk=ident, ended_at__isnull=False).exists(),
        what="the end of the call",
    )
    return ident


def test_a_live_worker_asks_beside_the_call(committed: World, tmp_path: Path, settings: Any) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    company, script = committed.northwind, tmp_path / "script.json"
    script.write_text(json.dumps({"*": TALK}))
    with company.scope(), chat_server() as peer:
        server_of(peer)
        peer.found = reads(moving="we are moving to a new house")
        definition_make("moving", kind="question", speaker="customer", question=MOVING)
        policy_make(rule("moving", hint_action("Offer the moving service"), id="move"))
        log = tmp_path / "log"
        with worker_process(script, log, PROVIDER_ALLOW_PRIVATE_URLS="1"):
            # A late answer is dropped, as it shall be: a machine that is busy with other tests has three calls.
            for call in range(1, 4):
                ident = _talked(company)
                if MomentOccurrence.objects.filter(conversation=ident).exists():
                    break
                assert _late(log) >= call
        said = Utterance.objects.get(conversation=ident, sequence=2)
        found = MomentOccurrence.objects.get(conversation=ident)
        assert (found.utterance, found.definition.key) == (said, "moving")
        assert said.text[found.start : found.end] == "we are moving to a new house"
        assert Guidance.objects.get(conversation=ident, kind="hint").title == "Offer the moving service"
        assert f"customer: {said.text}" in turns(peer.requests[0])
        assert "saoirse" not in str(peer.requests) and "saoirse" not in log.read_text()
