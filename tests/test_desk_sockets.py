"""The browser sockets: every event once and in order whatever pub/sub does, and nothing for who may not follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import Http404

from accounts.socket_auth import SessionReader
from conversations import events
from conversations.models import Conversation, ConversationEvent
from conversations.publish import channel_of, conversation_group, event_told, publish
from conversations.services import conversation_attach, event_append
from cresta_app.asgi import application
from desk import consumers, rechecks
from desk.following import Following, events_missing
from tenants.scope import TenantThreads
from tests import live_events as live
from tests.conftest import Company, World

pytestmark = pytest.mark.asyncio
threads = TenantThreads(1, "desk-tests")


async def within(company: Company, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return await threads.run(company.schema, work, *args, **kwargs)


def cookie(company: Company, persona: str) -> str:
    return str(company.client(persona).cookies[settings.SESSION_COOKIE_NAME].value)


@asynccontextmanager
async def opened(
    company: Company, persona: str | None, path: str, *, session: str | None = None, host: str = ""
) -> AsyncIterator[WebsocketCommunicator]:
    """A browser's socket on the company's host."""
    if persona is not None:
        session = await within(company, cookie, company, persona)
    headers = [(b"host", (host or company.host).encode())]
    if session:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
    socket = WebsocketCommunicator(application, path, headers=headers)
    connected, _ = await socket.connect(timeout=20)
    assert connected
    try:
        yield socket
    finally:
        await socket.disconnect()


async def heard(
    socket: WebsocketCommunicator, *kinds: str, quiet: float = 0.4, first: float = 5.0
) -> list[dict[str, Any]]:
    """Everything of these types that comes until the socket is quiet."""
    # Not by a timeout of receiving: that would end the application under test.
    messages: list[dict[str, Any]] = []
    while not await socket.receive_nothing(timeout=quiet if messages else first, interval=0.01):
        messages.append(await socket.receive_json_from())
    return [message for message in messages if not kinds or message["type"] in kinds]


async def closed_with(socket: WebsocketCommunicator) -> int:
    while True:
        output = await socket.receive_output(timeout=20)
        if output["type"] == "websocket.close":
            return int(output["code"])


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    return [message["seq"] for message in messages if message["type"] == "event"]


def path_of(call: Conversation, after: int = 0) -> str:
    return f"/ws/conversations/{call.pk}/?after={after}"


@pytest.fixture
def northwind(committed: World) -> Company:
    return committed.northwind


# --- Each event once, in order --------------------------------------------------------------------------


async def test_what_was_before_and_what_comes(northwind: Company) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    await within(northwind, live.say, call, "agent", "hello", 0)
    async with opened(northwind, "agent", path_of(call)) as socket:
        assert numbers(await heard(socket)) == [1, 2]
        await within(northwind, live.say, call, "customer", "hello to you", 2000)
        [event] = await heard(socket)
        assert (event["type"], event["seq"], event["kind"]) == ("event", 3, "utterance")
        assert event["data"]["text"] == "hello to you"
    async with opened(northwind, "supervisor", path_of(call, after=2)) as socket:
        assert numbers(await heard(socket)) == [3]


def _announce_quietly(call: Conversation, text: str, published: list[int]) -> dict[str, Any]:
    """Commit an utterance of which pub/sub says nothing; returns its event."""
    from unittest.mock import patch

    with patch("conversations.services.publish"):
        live.say(call, "customer", text, 1000)
    [event] = events.events_after(call.pk, ConversationEvent.objects.filter(conversation=call).count() - 1)
    published.append(event["seq"])
    return event


async def test_lost_doubled_and_disordered_messages(northwind: Company) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    group = channel_of(conversation_group(northwind.schema, call.pk))
    written: list[int] = []
    async with opened(northwind, "agent", path_of(call)) as socket:
        assert numbers(await heard(socket)) == [1]
        made = [await within(northwind, _announce_quietly, call, f"line {n}", written) for n in range(6)]

        def send(*which: int) -> None:
            publish([(group, event_told(call.pk, made[n])) for n in which])

        send(0, 0, 2)  # one twice, the second lost
        assert numbers(await heard(socket)) == written[:6]  # the gap is read, with all that is committed
        send(5, 1, 3, 3, 0)
        assert numbers(await heard(socket, first=0.5)) == []
        more = await within(northwind, _announce_quietly, call, "and one that nobody tells of", written)
        await within(northwind, live.heartbeat, call)
        assert numbers(await heard(socket)) == [more["seq"]]


async def test_reconnecting_at_any_moment_misses_nothing(northwind: Company) -> None:
    """A writer goes on while a page comes and goes; it sees each event once, in order."""
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    seen: list[int] = []

    async def write() -> None:
        for number in range(30):
            await within(northwind, live.say, call, "customer", f"line {number}", 1000 * number)

    writer = asyncio.create_task(write())
    while not writer.done() or len(seen) < 31:
        async with opened(northwind, "agent", path_of(call, after=seen[-1] if seen else 0)) as socket:
            for _ in range(4):
                if await socket.receive_nothing(timeout=0.3, interval=0.01):
                    break
                seen += numbers([await socket.receive_json_from()])
    await writer
    assert seen == list(range(1, 32))


async def test_pages_of_events(northwind: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.following.PAGE", 4)
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    for number in range(10):
        await within(northwind, live.say, call, "agent", f"line {number}", 1000 * number)
    async with opened(northwind, "agent", path_of(call)) as socket:
        assert numbers(await heard(socket)) == list(range(1, 12))


async def test_a_removed_item_stops_nobody(northwind: Company) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    said = [
        await within(northwind, live.say, call, "agent", f"line {number}", 1000 * number)
        for number in range(3)
    ]
    await within(northwind, said[-1].delete)
    events_read, reached = await within(northwind, events_missing, call.pk, 0)
    assert ([event["seq"] for event in events_read], reached) == ([1, 2, 3], 4)
    async with opened(northwind, "agent", path_of(call)) as socket:
        assert numbers(await heard(socket)) == [1, 2, 3]
        await within(northwind, live.say, call, "agent", "and on", 9000)
        assert numbers(await heard(socket)) == [5]


async def test_resume_from_a_number(northwind: Company) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    await within(northwind, live.say, call, "agent", "hello", 0)
    async with opened(northwind, "agent", path_of(call, after=2)) as socket:
        assert numbers(await heard(socket, first=0.4)) == []
        await socket.send_json_to({"type": "resume", "after": 1})
        assert numbers(await heard(socket)) == [2]
        for wrong in (-1, "1", None, True, 1.5, 2**40):
            await socket.send_json_to({"type": "resume", "after": wrong})
            assert [message["type"] for message in await heard(socket)] == ["error"]


async def test_snapshot_and_events_are_a_later_snapshot(northwind: Company) -> None:
    agent = northwind.people["agent"]
    call = await within(northwind, live.call_begin, agent)
    said = await within(northwind, live.say, call, "customer", "i want to cancel today", 0)
    early = await within(northwind, events.snapshot, call)

    def go_on() -> None:
        live.moment(call, said, "cancel")
        hint = live.hint(call, "Offer", said=said, words="cancel")
        live.say(call, "agent", "let me see", 4000)
        live.settle(hint, "accepted", 5000)
        live.call_end(call)

    await within(northwind, go_on)
    async with opened(northwind, "supervisor", path_of(call, after=early["head"])) as socket:
        items = {kind: {row["id"]: row for row in rows} for kind, rows in early["items"].items()}
        for event in await heard(socket, "event"):
            items.setdefault(event["kind"], {})[event["data"]["id"]] = event["data"]
    late = await within(northwind, events.snapshot, call)
    assert items == {kind: {row["id"]: row for row in rows} for kind, rows in late["items"].items()}


async def test_partials_and_heartbeats_pass_through(northwind: Company) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    async with opened(northwind, "agent", path_of(call, after=1)) as socket:
        await heard(socket)
        await within(northwind, live.partial, call, "customer", "and i do not", 4000)
        await within(northwind, live.heartbeat, call, now_ms=5000, late_ms=200, customer=12_000)
        partial, beat = await heard(socket)
        assert partial == {"type": "partial", "speaker": "customer", "text": "and i do not", "start_ms": 4000}
        assert (beat["type"], beat["now_ms"], beat["audio"]) == (
            "heartbeat",
            5000,
            {"agent": 0, "customer": 12_000},
        )


# --- Who may follow -------------------------------------------------------------------------------------


async def test_who_may_follow_a_conversation(northwind: Company, committed: World) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    for persona in ("teammate", "outsider", "other_supervisor"):
        async with opened(northwind, persona, path_of(call)) as socket:
            assert await closed_with(socket) == consumers.NOT_FOUND, persona
    for persona in ("agent", "supervisor", "analyst", "admin"):
        async with opened(northwind, persona, path_of(call)) as socket:
            assert numbers(await heard(socket)) == [1], persona
    async with opened(northwind, "admin", f"/ws/conversations/{uuid4()}/") as socket:
        assert await closed_with(socket) == consumers.NOT_FOUND
    async with opened(northwind, None, path_of(call)) as socket:
        assert await closed_with(socket) == 4401
    async with opened(committed.acme, "admin", path_of(call)) as socket:
        assert await closed_with(socket) == consumers.NOT_FOUND
    stolen = await within(northwind, cookie, northwind, "agent")
    async with opened(committed.acme, None, path_of(call), session=stolen) as socket:
        assert await closed_with(socket) == 4401


async def test_desk_and_floor_sockets_by_role(northwind: Company) -> None:
    for path, allowed in (("/ws/desk/", {"agent"}), ("/ws/floor/", {"supervisor", "admin"})):
        for persona in ("agent", "supervisor", "analyst", "admin"):
            async with opened(northwind, persona, path) as socket:
                if persona in allowed:
                    [first] = await heard(socket)
                    assert first["type"] in {"calls", "rows"}
                else:
                    assert await closed_with(socket) == consumers.NOT_ALLOWED, (path, persona)


async def test_an_agent_gets_the_number_but_not_the_alert(northwind: Company) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    await within(northwind, live.alert, call, "Cancel threat")
    async with opened(northwind, "agent", path_of(call)) as socket:
        messages = await heard(socket, "event")
        assert [message["kind"] for message in messages] == ["conversation", "hidden"]
        assert numbers(messages) == [1, 2] and list(messages[1]["data"]) == ["id"]
    async with opened(northwind, "supervisor", path_of(call)) as socket:
        assert (await heard(socket, "event"))[1]["data"]["title"] == "Cancel threat"


async def test_a_call_that_changes_hands_is_followed_no_more(northwind: Company) -> None:
    people = northwind.people
    call = await within(northwind, live.call_begin, people["agent"])

    def give(agent: Any) -> None:
        with transaction.atomic():
            call.agent = agent
            call.save(update_fields=["agent"])
            event_append(conversation_id=call.pk, kind="conversation", row=call)

    async with opened(northwind, "agent", path_of(call)) as socket:
        await heard(socket)
        await within(northwind, give, people["teammate"])
        assert await closed_with(socket) == consumers.NOT_FOUND
        await within(northwind, live.say, call, "customer", "not for the first agent", 1000)
        assert await socket.receive_nothing(timeout=0.3)


async def test_signing_out_ends_the_socket(northwind: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", -1.0)
    monkeypatch.setattr(rechecks, "GATHER_SECONDS", 0.01)
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    for path in ("/ws/desk/", path_of(call)):
        async with opened(northwind, "agent", path) as socket:
            await heard(socket)
            await socket.send_json_to({"type": "ping"})
            assert [message["type"] for message in await heard(socket)] == ["pong"]
            await within(northwind, Session.objects.all().delete)
            await socket.send_json_to({"type": "ping"})
            assert await closed_with(socket) == 4401, path


async def test_many_are_looked_at_together_as_one_by_one(northwind: Company) -> None:
    """Agents at their own calls, colleagues, supervisors, who has signed out, who has another password since."""
    people = northwind.people
    call = await within(northwind, live.call_begin, people["agent"])

    def judged() -> list[Any]:
        followers = [
            rechecks.Follower(SessionReader(cookie(northwind, persona)), call.pk)
            for persona in ("agent", "teammate", "supervisor", "analyst")
        ]
        gone = SessionReader(cookie(northwind, "agent"))
        Session.objects.filter(session_key=gone.session_key).delete()
        old = SessionReader(cookie(northwind, "agent"))
        user = people["agent"]
        user.set_password("another one entirely")
        user.save()
        followers += [rechecks.Follower(one, call.pk) for one in (gone, old, SessionReader(None))]

        def alone(follower: rechecks.Follower) -> Any:
            try:
                return rechecks.readable(follower)
            except (rechecks.SignedOut, Http404) as error:
                return error

        together = rechecks.readable_each(followers)
        singly = [alone(each) for each in followers]
        return [
            [type(one) if isinstance(one, Exception) else one for one in each] for each in (together, singly)
        ]

    together, singly = await within(northwind, judged)
    assert together == singly
    assert together[1] is Http404 and together[4:] == [rechecks.SignedOut] * 3
    assert together[2] == (people["supervisor"], str(people["agent"].pk))


# --- What the browser says ------------------------------------------------------------------------------


async def test_answers_come_back_as_events(northwind: Company) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    hint = await within(northwind, live.hint, call, "Offer")
    async with opened(northwind, "agent", path_of(call, after=2)) as socket:
        await heard(socket)
        for content, wanted in [
            ({"action": "seen", "shown_ms_ago": 120}, ("open", True)),
            ({"action": "accept"}, ("accepted", True)),
            ({"action": "undo"}, ("open", True)),
            ({"action": "dismiss", "reason": "Does not fit"}, ("dismissed", True)),
        ]:
            await socket.send_json_to({"type": "guidance", "id": str(hint.pk), **content})
            [event] = await heard(socket)
            assert (event["data"]["state"], event["data"]["shown_at"] is not None) == wanted
        assert event["data"]["dismiss_reason"] == "Does not fit"
        await socket.send_json_to({"type": "guidance", "id": str(hint.pk), "action": "accept"})
        [error] = await heard(socket)
        assert error["type"] == "error" and error["id"] == str(hint.pk)


async def test_only_the_agent_answers(northwind: Company) -> None:
    people = northwind.people
    call = await within(northwind, live.call_begin, people["agent"])
    other = await within(northwind, live.call_begin, people["agent"])
    hint = await within(northwind, live.hint, call, "Offer")
    for persona, where in (("supervisor", call), ("admin", call), ("agent", other)):
        async with opened(northwind, persona, path_of(where, after=9)) as socket:
            await heard(socket)
            await socket.send_json_to({"type": "guidance", "id": str(hint.pk), "action": "accept"})
            assert [message["type"] for message in await heard(socket)] == ["error"], persona
    await within(northwind, hint.refresh_from_db)
    assert hint.state == "open"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "[]",
            "1",
            '"x"',
            "{}",
            '{"type": 1}',
            '{"type": "dance"}',
            '{"type": "guidance"}',
            "x" * 5000,
        ),
        *("[" * 4000, '{"type":"guidance","id":"1","action":"accept"}', '{"type":"event","seq":9}'),
    ],
)
async def test_nonsense_is_answered_in_words_and_ends_nothing(northwind: Company, text: str) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    async with opened(northwind, "agent", path_of(call, after=1)) as socket:
        await heard(socket)
        await socket.send_input({"type": "websocket.receive", "text": text})
        [error] = await heard(socket)
        assert error["type"] == "error" and error["message"]
        await socket.send_input({"type": "websocket.receive", "bytes": b"\0\1"})
        assert [message["type"] for message in await heard(socket)] == ["error"]
        await within(northwind, live.say, call, "agent", "still here", 0)
        assert numbers(await heard(socket)) == [2]


@pytest.mark.parametrize("after", ["", "-3", "x", "9" * 40, "1.5", "²"])
async def test_a_strange_beginning_is_the_beginning(northwind: Company, after: str) -> None:
    call = await within(northwind, live.call_begin, northwind.people["agent"])
    async with opened(northwind, "agent", f"/ws/conversations/{call.pk}/?after={after}") as socket:
        assert numbers(await heard(socket)) == [1]


# --- The desk and the floor -----------------------------------------------------------------------------


async def test_the_desk_hears_of_its_calls_alone(northwind: Company) -> None:
    people = northwind.people
    async with opened(northwind, "agent", "/ws/desk/") as socket:
        [first] = await heard(socket)
        assert (first["calls"], first["tray"]) == ([], [])
        await within(northwind, live.call_begin, people["teammate"])
        call = await within(northwind, live.call_begin, people["agent"])
        [news] = await heard(socket)
        assert (news["type"], news["mine"], news["conversation"]) == ("call", True, str(call.pk))
        assert [item["id"] for item in news["calls"]] == [str(call.pk)]
        await within(northwind, live.call_end, call)
        assert [item["id"] for item in (await heard(socket))[-1]["tray"]] == [str(call.pk)]
        unmatched = await within(northwind, live.call_begin)
        await within(northwind, conversation_attach, conversation=unmatched, user=people["agent"])
        assert [item["id"] for item in (await heard(socket))[-1]["calls"]] == [str(unmatched.pk)]


async def test_the_floor_follows_what_its_supervisor_watches(northwind: Company) -> None:
    people = northwind.people
    async with (
        opened(northwind, "supervisor", "/ws/floor/") as ours,
        opened(northwind, "other_supervisor", "/ws/floor/") as theirs,
    ):
        [first] = await heard(ours)
        assert first["full"] and first["rows"] == []
        await heard(theirs)
        call = await within(northwind, live.call_begin, people["agent"])
        for number in range(5):
            await within(northwind, live.say, call, "customer", "this is terrible", 1000 * number)
        raised = await within(northwind, live.alert, call, "Cancel threat")
        messages = await heard(ours, quiet=0.8)
        assert len(messages) <= 5  # seven events, put together as they came
        [row] = messages[-1]["rows"]
        assert row["alert"]["title"] == "Cancel threat" and len(row["mood"]["points"]) == 5
        assert messages[-1]["tiles"]["alerts"] == 1
        assert await theirs.receive_nothing(timeout=0.3)

        def finish() -> None:
            from coaching.alerts import alert_resolve
            from conversations.summaries import summary_confirm

            live.call_end(call)
            alert_resolve(alert=raised, user=people["supervisor"])
            summary_confirm(summary=Conversation.objects.get(pk=call.pk).summary, user=people["agent"])

        await within(northwind, finish)
        messages = await heard(ours, quiet=0.8)
        assert str(call.pk) in {ident for message in messages for ident in message["gone"]}
        assert messages[-1]["tiles"]["live"] == 0


async def test_an_unmatched_call_leaves_floors_that_may_not_see_it_any_more(northwind: Company) -> None:
    call = await within(northwind, live.call_begin)
    async with opened(northwind, "other_supervisor", "/ws/floor/") as socket:
        [first] = await heard(socket)
        assert [row["unmatched"] for row in first["rows"]] == ["7001"]
        await within(northwind, conversation_attach, conversation=call, user=northwind.people["agent"])
        messages = await heard(socket, quiet=0.8)
        assert messages[-1]["gone"] == [str(call.pk)]


async def test_the_other_company_hears_nothing(northwind: Company, committed: World) -> None:
    async with opened(committed.acme, "admin", "/ws/floor/") as socket:
        await heard(socket)
        await within(northwind, live.call_begin, northwind.people["agent"])
        assert await socket.receive_nothing(timeout=0.8)


async def test_following() -> None:
    page = Following(3)
    assert page.is_next({"seq": 4}) and not page.is_next({"seq": 5}) and not page.is_next({"seq": 3})
    assert page.is_behind(4) and not page.is_behind(3)
    page.sent_to(7)
    page.sent_to(5)
    assert page.last == 7
    assert Following(-2).last == 0
