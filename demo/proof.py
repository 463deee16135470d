"""The proof that the main job works: a sample call goes in as sound, and everything that should come of it does.

Runs against an installation that is up. The call goes through the audio WebSocket; what is reported of transcript,
guidance, summary and score is what the agent's page was sent, compared with what is stored.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from accounts.ids import new_id
from accounts.models import TelephonyIdentity
from conversations.events import snapshot
from conversations.models import CallLedger, Conversation, Redaction
from demo.follower import JSON, Browser, ProofFailed, Seen, call_arrives, follow
from demo.people import NORTHWIND, PASSWORD, Company
from demo.playback import play
from demo.scripts import SampleCall, sample_calls
from tenants.scope import TenantThreads

ARRIVES_SECONDS = 30.0
AFTERWARDS_SECONDS = 60.0
# How far the ledger's figures may lie from the sound's length: the last chunk is filled up to 100 ms.
TOLERANCE_MS = 100
# What the handbook says to what its customer asks.
ANSWERS = {
    "Refunds and double charges",
    "A better price at another company",
    "When a customer wants to cancel",
    "Credits after an outage",
    "Internet down: first steps",
}


@dataclass(frozen=True)
class Check:
    """One thing that must be so."""

    what: str
    good: bool
    found: str


async def prove(*, port: int, key: str = "cancellation", speed: float = 1.0) -> JSON:
    """Play the call `key` at the first company and gather what came of it; see `report` for the keys.

    `port`: where the pages are. Raises `ProofFailed` where something did not come at all.
    """
    company, call = NORTHWIND, sample_calls()[key]
    threads = TenantThreads(3, "proof")
    seen, done = Seen(), asyncio.Event()
    browser = Browser(host=f"{company.schema}.{settings.PLATFORM_DOMAIN}", port=port)
    try:
        await browser.sign_in(company.email(company.agent), PASSWORD)
        agent_id = await threads.run(company.schema, _agent_id, company)
        async with browser.socket("/ws/desk/") as desk:
            sent = asyncio.create_task(
                threads.run(
                    company.schema, play, key=key, agent_id=agent_id, call_id=f"proof-{new_id()}", speed=speed
                )
            )
            conversation = await _within(
                ARRIVES_SECONDS, call_arrives(desk), "the call to reach the agent's desk"
            )
        following = asyncio.create_task(follow(browser, conversation, seen, done))
        if await sent is None:
            raise ProofFailed("the way in did not take the call; the log says why")
        await _within(AFTERWARDS_SECONDS, following, "summary and score")
        return await threads.run(company.schema, _gather, call, conversation, seen, speed)
    finally:
        threads.close()


async def _within(seconds: float, work: Any, what: str) -> Any:
    try:
        return await asyncio.wait_for(work, seconds)
    except TimeoutError:
        raise ProofFailed(f"waited {seconds:g} s for {what}") from None


def _agent_id(company: Company) -> str:
    return TelephonyIdentity.objects.get(user__email=company.email(company.agent)).agent_id


def _gather(call: SampleCall, conversation_id: str, seen: Seen, speed: float) -> JSON:
    conversation = Conversation.objects.get(pk=conversation_id)
    ledger = CallLedger.objects.get(conversation=conversation)
    redactions = Redaction.objects.filter(utterance__conversation=conversation).select_related("utterance")
    stored = snapshot(conversation)["items"]
    facts: JSON = {
        "call": {
            "sample": call.key,
            "title": call.title,
            "conversation": conversation_id,
            "duration_ms": call.duration_ms,
            "speed": speed,
            "partials": seen.partials,
            "events": seen.last,
        },
        "transcript": sorted(
            (
                {name: row[name] for name in ("id", "n", "speaker", "start_ms", "end_ms", "text")}
                for row in seen.of("utterance")
            ),
            key=lambda row: int(row["n"]),
        ),
        "redactions": [
            {
                "utterance": row.utterance.sequence,
                "speaker": row.utterance.speaker,
                "type": row.type,
                "detector": row.detector,
                "reason": row.reason,
                "score": row.score,
                "shown_as": row.utterance.text[row.start : row.end],
            }
            for row in redactions.order_by("utterance__sequence", "start")
        ],
        "guidance": sorted(seen.of("guidance"), key=lambda row: (int(row["at_ms"]), int(row["position"]))),
        "alerts": stored["alert"],
        "summary": seen.of("summary")[0],
        "score": seen.of("score")[0],
        "ledger": {
            "state": ledger.state,
            "reason": ledger.reason,
            "received_ms": ledger.received_ms,
            "transcribed_ms": ledger.transcribed_ms,
            "recorded_ms": ledger.recorded_ms,
            "gaps": ledger.gaps,
        },
    }
    facts["checks"] = [asdict(check) for check in _checks(facts, seen, stored)]
    return facts


def _checks(facts: JSON, seen: Seen, stored: JSON) -> list[Check]:
    lines, hints = facts["transcript"], [row for row in facts["guidance"] if row["kind"] == "hint"]
    speakers = sorted({line["speaker"] for line in lines})
    types = sorted({row["type"] for row in facts["redactions"]})
    card = [row for row in facts["redactions"] if row["type"] == "CREDIT_CARD"]
    threats = {row["id"]: row for row in stored["moment"] if row["key"] == "cancel_threat"}
    said = {row["utterance"] for row in threats.values()}
    because = [hint for hint in hints if said & {place["utterance"] for place in hint["evidence"]}]
    shown = [hint["latency_ms"]["heard_to_shown"] for hint in because]
    cards = [row for row in facts["guidance"] if row["kind"] == "knowledge" and row["shown_at"]]
    steps = [row for row in facts["guidance"] if row["kind"] == "checklist"]
    ticked = [row for row in steps if row["state"] == "ticked"]
    summary = [line for line in facts["summary"]["lines"] if not line["removed"]]
    answers = facts["score"]["answers"]
    known = {line["id"] for line in lines}
    quoted = {ident for line in summary for ident in line["evidence"]}
    return [
        Check("both sides were heard", speakers == ["agent", "customer"], f"{len(lines)} utterances"),
        Check(
            "words showed while they were spoken",
            set(facts["call"]["partials"]) == {"agent", "customer"},
            f"{sum(facts['call']['partials'].values())} partials",
        ),
        Check("no event was missed or came twice", seen.holes == 0, f"{seen.last} events"),
        Check("the card was taken out", bool(card), ", ".join(types)),
        Check("the threat to cancel was heard", bool(threats), f"{len(threats)} times"),
        Check(
            "it brought a hint with its reason, and the agent's page had it",
            any(hint["reason"] and hint["shown_at"] for hint in because),
            f"{len(because)} of {len(hints)} hints, {', '.join(f'{ms} ms' for ms in shown)}",
        ),
        Check(
            "the right passage came up by itself",
            bool(cards) and {card["payload"]["title"] for card in cards} <= ANSWERS,
            "; ".join(card["title"] for card in cards),
        ),
        Check("the supervisor was alerted", bool(facts["alerts"]), f"{len(facts['alerts'])} alerts"),
        Check("the checklist ticked itself", bool(ticked), f"{len(ticked)} of {len(steps)}"),
        Check(
            "every line of the summary names what it rests on",
            bool(summary) and all(line["evidence"] for line in summary) and quoted <= known,
            f"{len(summary)} lines",
        ),
        Check(
            "the call was scored, each answer with its evidence",
            facts["score"]["total"] is not None
            and bool(answers)
            and all(answer["evidence"] for answer in answers if answer["value"] != "na"),
            f"{facts['score']['total']:g} of 100, {len(answers)} answers" if answers else "no answers",
        ),
        Check(
            "every second is accounted for",
            _accounted(facts["ledger"], facts["call"]["duration_ms"]),
            f"{facts['ledger']['state']}, {len(facts['ledger']['gaps'])} gaps",
        ),
        Check(
            "the page saw what is stored",
            _same(seen, stored),
            ", ".join(f"{len(rows)} {kind}" for kind, rows in sorted(seen.items.items())),
        ),
    ]


def _accounted(ledger: JSON, duration_ms: int) -> bool:
    """Received, recorded, and transcribed or named as a gap: each the sound's length, on both channels."""
    missing = [0] * len(ledger["received_ms"])
    for gap in ledger["gaps"]:
        missing[gap["channel"]] += gap["to_ms"] - gap["from_ms"]
    whole = [heard + gone for heard, gone in zip(ledger["transcribed_ms"], missing, strict=True)]
    lengths = [*ledger["received_ms"], *ledger["recorded_ms"], *whole]
    return (
        ledger["state"] == CallLedger.State.COMPLETED
        and len(ledger["received_ms"]) == 2
        and all(abs(length - duration_ms) <= TOLERANCE_MS for length in lengths)
    )


def _same(seen: Seen, stored: JSON) -> bool:
    """Whether the followed items are the stored ones, but for those that changed after the page stopped reading."""
    for kind in ("utterance", "moment", "guidance"):
        here = {ident: _lasting(row) for ident, row in seen.items.get(kind, {}).items()}
        if here != {row["id"]: _lasting(row) for row in stored[kind]}:
            return False
    return True


def _lasting(row: JSON) -> JSON:
    # "Seen" is answered by an event of its own, which may be under way when the last one is taken.
    return {name: value for name, value in row.items() if name not in {"shown_at", "sent_at", "latency_ms"}}
