"""A call that is passed on: the next agent reads what was said, the first one is free again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import TelephonyIdentity
from conversations.correlation import events_take
from conversations.models import ConversationIdentifier
from conversations.phases import LifecycleEvent, Phase, Transfer
from tests import live_events as live
from tests.conftest import Company, World

Pages = Callable[..., Any]


def hand_over(company: Company) -> None:
    event = LifecycleEvent(
        {"contact": "contact-1"},
        timezone.now(),
        Phase.CONNECTED,
        agent="7002",
        transfer=Transfer.CONSULT,
    )
    with company.scope():
        assert events_take(provider="native", events=[event]) == 1
        connection.close()


def test_the_next_agent_reads_what_was_said(committed: World, sign_in: Pages) -> None:
    northwind = committed.northwind
    with northwind.scope():
        TelephonyIdentity.objects.create(
            user=northwind.people["teammate"], provider="native", agent_id="7002"
        )
        call = live.call_begin(
            northwind.people["agent"],
            ago_seconds=60,
            customer=live.customer_make(),
            queue=northwind.queue,
            provider="native",
        )
        ConversationIdentifier.objects.create(
            conversation=call, provider="native", kind="contact", value="contact-1"
        )
        live.say(call, "customer", "i am calling because my invoice is wrong i was charged twice", 5000)
        live.say(call, "agent", "i have refunded the second charge just now", 12000)
        first = sign_in("agent", path="/desk/")
        first.locator("#bit-name", has_text="Helen Marsh").wait_for()
        next_one = sign_in("teammate", path="/desk/")
        next_one.get_by_text("Ready. Your next call shows up by itself.").wait_for()
        # In a thread of its own, as in a request: the browser's driver holds this one's event loop.
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(hand_over, northwind).result()
    brief = next_one.locator("#handover")
    brief.get_by_text("Handed over by Agent after a word with you").wait_for()
    assert "charged twice" in brief.inner_text()
    brief.get_by_role("button", name="Show").first.click()
    next_one.locator("#tx li[data-id]").first.wait_for()
    brief.get_by_role("button", name="Close").click()
    brief.wait_for(state="hidden")
    first.get_by_text("Ready. Your next call shows up by itself.").wait_for()
