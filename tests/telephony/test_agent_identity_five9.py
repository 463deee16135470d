"""Who the agent of a Five9 call is: from `agent_id` of a leg to the person, their pages and the next agent."""

from __future__ import annotations

from typing import Any

from conversations.models import Conversation
from integrations.telephony.five9.lifecycle import STATES as FIVE9_STATES
from integrations.telephony.five9.lifecycle import phase_of, wire
from tests.telephony import test_five9 as five9
from tests.telephony.identities import Told, call_of, handovers, known, now_at


def test_five9(company: Any, told: Told) -> None:
    known(company, "five9", "agent-7", "agent-8")
    five9.connection_for(company)

    async def talk(channel: Any) -> None:
        customer = await five9.Leg(channel).begin(leg=five9.CUSTOMER, agent_id="")
        await five9.Leg(channel).begin(leg=five9.AGENT)
        await five9.until(company.schema, lambda: Conversation.objects.filter(agent__isnull=False).exists())
        other = await five9.Leg(channel).begin(leg=five9.AGENT, agent_id="agent-8")
        await five9.until(
            company.schema, lambda: Conversation.objects.filter(provider_agent_id="agent-8").exists()
        )
        # A customer's leg that comes back without an agent's id takes the call from nobody.
        customer.call.cancel()
        customer = await five9.Leg(channel).begin(leg=five9.CUSTOMER, agent_id="")
        await customer.say(five9.status(five9.Status.CLT_CALL_ENDED))
        await other.say(five9.status(five9.Status.CLT_CALL_ENDED))
        await five9.until(company.schema, lambda: Conversation.objects.filter(phases__phase="ended").exists())

    five9.run(talk)
    call = call_of(company, "F9-1")
    assert now_at(company, call) == "Teammate" and told.of(call, "teammate") and "agent" in told.news
    assert handovers(company, call) == [("Agent", "Teammate", "blind")]


def test_five9s_states() -> None:
    codes = wire.StreamingStatus.StatusCode
    theirs = {name for name, _code in codes.items() if not name.startswith("SRV_")}
    assert theirs == set(FIVE9_STATES)
    assert {name: phase_of(codes.Value(name)) for name in theirs} == FIVE9_STATES
    assert phase_of(4711) is None
