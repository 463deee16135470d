"""Past conversations: search and its pages, one conversation with player and transcript, recordings in parts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import AuditEvent
from conversations.chats import Opening, chat_end, chat_open
from conversations.models import Conversation
from conversations.playback import recording_note
from conversations.ranges import NotSatisfiable, byte_range, may_be_partial
from conversations.selectors import conversations_search, facets, place_in
from tests.budgets import query_budget
from tests.past_calls import Past, past_call, recording_make


@pytest.fixture
def past(world: Any) -> Past:
    company = world.northwind
    with company.scope():
        return past_call(agent=company.people["agent"], queue=company.queue)


def body(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def found(world: Any, persona: str, **filters: Any) -> list[Any]:
    with world.northwind.scope():
        page = conversations_search(user=world.northwind.people[persona], filters=filters)
        return [row.conversation.pk for row in page.rows]


# --- Search ---------------------------------------------------------------------------------------------


def test_words_and_phrases(world: Any, past: Past, make_conversation: Any) -> None:
    with world.northwind.scope():
        other = make_conversation(
            agent=world.northwind.people["agent"], lines=[("customer", "please cancel, I want to move")]
        )
    mine, theirs = past.conversation.pk, other.pk
    assert set(found(world, "analyst", q="cancel")) == {mine, theirs}
    # A phrase stands together; words alone need not, and take other forms of themselves.
    assert found(world, "analyst", q='"want to cancel"') == [mine]
    assert set(found(world, "analyst", q="cancelling wanted")) == {mine, theirs}
    assert found(world, "analyst", q="cancel -account") == [theirs]
    assert found(world, "analyst", q="zebra") == []
    assert found(world, "analyst", q="the") == []


def test_the_sentence_that_matched_is_marked_and_safe(world: Any, past: Past) -> None:
    with world.northwind.scope():
        page = conversations_search(user=world.northwind.people["agent"], filters={"q": "cancel"})
    matched = page.rows[0].matched
    assert matched is not None
    assert "<mark>cancel</mark>" in matched.html and "<script" not in matched.html
    assert (matched.at_ms, matched.speaker) == (5_000, "customer")
    html = body(world.northwind.client("agent").get("/conversations/?q=cancel"))
    assert "<mark>cancel</mark>" in html and "<script>alert" not in html


def test_each_sees_what_is_theirs(world: Any, past: Past) -> None:
    assert (
        found(world, "agent") == found(world, "supervisor") == found(world, "admin") == [past.conversation.pk]
    )
    for persona in ("teammate", "outsider", "other_supervisor"):
        assert found(world, persona) == found(world, persona, q="cancel") == []
    with world.northwind.scope():
        assert facets(user=world.northwind.people["outsider"], filters={}) == {
            "agent": [],
            "queue": [],
            "moment": [],
            "source": [],
        }


def test_filters(world: Any, past: Past, make_conversation: Any) -> None:
    company = world.northwind
    mine = past.conversation.pk
    with company.scope():
        old = make_conversation(agent=company.people["outsider"], at=timezone.now() - timedelta(days=3)).pk
        nobodys = make_conversation(channel="chat", state="incomplete").pk
    today, before = timezone.localdate(), timezone.localdate() - timedelta(days=2)
    cases: list[tuple[dict[str, Any], set[Any]]] = [
        ({"agent": str(company.people["agent"].pk)}, {mine}),
        ({"team": str(company.other_team.pk)}, {old}),
        ({"queue": "billing"}, {mine}),
        ({"channel": "chat"}, {nobodys}),
        ({"state": "incomplete"}, {nobodys}),
        ({"unmatched": "true"}, {nobodys}),
        ({"moment": "cancel_threat"}, {mine}),
        ({"moment": "greeting"}, set()),
        ({"customer": "C-1001"}, {mine}),
        ({"since": str(before)}, {mine, nobodys}),
        ({"until": str(before)}, {old}),
        ({"since": str(before), "until": str(today)}, {mine, nobodys}),
        # One of two criteria of equal weight was answered yes.
        ({"score_min": "50"}, {mine}),
        ({"score_max": "49.9"}, set()),
        ({"score_min": "40", "score_max": "60", "q": "cancel"}, {mine}),
        ({"hinted": "true"}, {mine}),
        ({"hinted": "false"}, {old, nobodys}),
        ({"alerted": "true"}, {mine}),
    ]
    for filters, expected in cases:
        persona = "admin" if "alerted" in filters else "analyst"
        assert set(found(world, persona, **filters)) == expected, filters
    # Who is not shown alerts does not learn where there are some.
    assert found(world, "agent", alerted="true") == found(world, "agent", alerted="false") == []
    for wrong in ({"agent": "nobody"}, {"state": "odd"}, {"since": "yesterday"}, {"score_min": "101"}):
        with pytest.raises(ValidationError):
            found(world, "analyst", **wrong)


def test_pages_are_stable_while_calls_come_in(world: Any, make_conversation: Any) -> None:
    company = world.northwind
    analyst, start = company.people["analyst"], timezone.now() - timedelta(hours=2)
    with company.scope():
        # Several in the same microsecond, so that the second part of the order counts too.
        made = [make_conversation(at=start + timedelta(seconds=number // 3)).pk for number in range(12)]
        first = conversations_search(user=analyst, filters={}, size=5)
        make_conversation()
        second = conversations_search(user=analyst, filters={}, cursor=first.next, size=5)
        third = conversations_search(user=analyst, filters={}, cursor=second.next, size=5)
        pages = [[row.conversation.pk for row in page.rows] for page in (first, second, third)]
        assert [len(page) for page in pages] == [5, 5, 2] and third.next == ""
        assert sorted(pk for page in pages for pk in page) == sorted(made)
        for odd in ("x", "eA", "MjAyNi0wMS0wMSBh", "/"):
            with pytest.raises(ValidationError):
                conversations_search(user=analyst, filters={}, cursor=odd)


def test_place_in_a_result(world: Any, past: Past, make_conversation: Any) -> None:
    company = world.northwind
    with company.scope():
        older = make_conversation(at=timezone.now() - timedelta(days=1), lines=[("customer", "cancel it")])
        make_conversation(at=timezone.now() - timedelta(days=2), lines=[("customer", "hello")])
        place = place_in(
            user=company.people["analyst"], filters={"q": "cancel"}, conversation=past.conversation
        )
        assert (place.previous, place.next, place.position, place.total) == (None, older.pk, 1, 2)
        place = place_in(user=company.people["analyst"], filters={}, conversation=older)
        assert (place.previous, place.position, place.total) == (past.conversation.pk, 2, 3)


def test_facets_offer_the_alternatives(world: Any, past: Past, make_conversation: Any) -> None:
    company = world.northwind
    with company.scope():
        make_conversation(agent=company.people["outsider"])
        offered = facets(user=company.people["analyst"], filters={"agent": str(company.people["agent"].pk)})
    assert {(one.label, one.count, one.on) for one in offered["agent"]} == {
        ("Agent", 1, True),
        ("Outsider", 1, False),
    }
    assert [(one.value, one.count) for one in offered["moment"]] == [("cancel_threat", 1)]


def test_the_list_takes_the_same_queries_for_many(world: Any, past: Past) -> None:
    company = world.northwind
    client = company.client("admin")
    for more in (0, 4):
        with company.scope():
            for number in range(more):
                past_call(agent=company.people["agent"], queue=company.queue, customer=f"C-{number}")
        with query_budget("conversations"):
            html = body(client.get("/conversations/?q=cancel"))
    assert html.count('class="ls-row"') == 5


def test_what_makes_no_sense_in_the_address_is_said_and_left_out(world: Any, past: Past) -> None:
    html = body(world.northwind.client("agent").get("/conversations/?agent=nobody&state=odd&cursor=x"))
    assert "made no sense" in html and str(past.conversation.pk) in html
    empty = body(world.northwind.client("agent").get("/conversations/?q=zebra"))
    assert "Nobody said" in empty


# --- One conversation -----------------------------------------------------------------------------------


def test_the_page_shows_everything_and_no_markup_of_others(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        recording_make(past.conversation)
    client = company.client("supervisor")
    address = f"/conversations/{past.conversation.pk}/"
    with query_budget("conversation"):
        html = body(client.get(address))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in html
    assert "<mark>want to cancel</mark>" in html
    assert '<i class="ti ti-eye-off" aria-hidden="true"></i>card number</span>' in html
    for words in (
        *(
            "Offer to stay",
            "Customer threatens to cancel",
            "Was there a threat?",
            "taken from the transcript",
        ),
        *(
            "Gap at 0:08, 0.5 s: line",
            "1 stretch silenced for privacy",
            "Cancel threat",
            "the line broke and nobody came",
        ),
    ):
        assert words in html, words
    assert f'action="/answers/{past.answer.pk}/"' in html
    # Agents are not shown alerts, and change no answers.
    own = body(company.client("agent").get(address))
    assert "Customer threatens to cancel" not in own and "/answers/" not in own


def test_a_score_on_the_page_quotes_its_evidence(world: Any, past: Past) -> None:
    html = body(world.northwind.client("analyst").get(f"/conversations/{past.conversation.pk}/?tab=score"))
    score = html[html.index('id="panel-score"') : html.index('id="panel-events"')]
    assert re.search(r'data-seek="5000">0:05</a><span>“.*<mark>want to cancel</mark>', score)
    assert "<script" not in score


@pytest.mark.parametrize(
    ("state", "fields", "words"),
    [
        ("live", {}, "can be played once the call has ended"),
        ("completed", {"channel": "chat"}, "A written conversation has no recording"),
        ("completed", {}, "There is no recording of this call"),
    ],
)
def test_without_sound_the_page_says_why(
    world: Any, make_conversation: Any, state: str, fields: dict[str, Any], words: str
) -> None:
    company = world.northwind
    with company.scope():
        row = make_conversation(agent=company.people["agent"], state=state, **fields)
    html = body(company.client("agent").get(f"/conversations/{row.pk}/"))
    assert words in html and 'id="player"' not in html


def test_an_override_is_kept_with_its_reason(world: Any, past: Past) -> None:
    company = world.northwind
    client = company.client("supervisor")
    address = f"/answers/{past.answer.pk}/"
    part = client.post(
        address, {"value": "no", "reason": "It was <b>no</b> threat"}, headers={"HX-Request": "true"}
    )
    html = body(part)
    assert "<html" not in html and "It was &lt;b&gt;no&lt;/b&gt; threat" in html
    with company.scope():
        past.answer.refresh_from_db()
        assert (past.answer.value, past.answer.automatic) == ("no", "yes")
    wrong = body(client.post(address, {"value": "no", "reason": " "}, headers={"HX-Request": "true"}))
    assert "Say why" in wrong
    plain = client.post(address, {"value": "yes", "reason": "It was one after all"})
    assert plain.status_code == 302 and plain["Location"].endswith("?tab=score")
    assert company.client("agent").post(address, {"value": "yes", "reason": "x"}).status_code == 403
    assert (
        company.client("other_supervisor").post(address, {"value": "yes", "reason": "x"}).status_code == 404
    )


def test_the_transcript_as_text(world: Any, past: Past) -> None:
    company = world.northwind
    response = company.client("agent").get(f"/conversations/{past.conversation.pk}/transcript.txt")
    text = body(response)
    assert response["Content-Type"].startswith("text/plain")
    assert "0:15\tHelen:\tMy card is [card number], thank you" in text
    with company.scope():
        assert AuditEvent.objects.filter(action="conversation.export").count() == 1


# --- Recordings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes=900-", (900, 1000)),
        ("bytes=900-5000", (900, 1000)),
        ("bytes=-100", (900, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("items=0-1", None),
        ("", None),
    ],
)
def test_ranges(header: str, expected: Any) -> None:
    assert byte_range(header, 1000) == expected


def test_ranges_beyond_the_end() -> None:
    for header in ("bytes=1000-", "bytes=1000-1001", "bytes=-0"):
        with pytest.raises(NotSatisfiable):
            byte_range(header, 1000)
    assert may_be_partial("", '"a"') and may_be_partial('"a"', '"a"')
    assert not may_be_partial('W/"a"', '"a"') and not may_be_partial('"b"', '"a"')


def test_a_recording_is_played_in_parts(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        recording, data = recording_make(past.conversation)
    assert len(data) > 300_000
    client = company.client("agent")
    address = client.get(f"/conversations/{past.conversation.pk}/recording")["Location"]

    def get(**headers: str) -> Any:
        return client.get(address, headers=headers)

    whole = get()
    assert (whole.status_code, whole.getvalue()) == (200, data)
    assert whole["Accept-Ranges"] == "bytes" and whole["Cache-Control"] == "private, no-store"
    # Over the border of two sealed blocks.
    part = get(range="bytes=262000-262999")
    assert (part.status_code, part.getvalue()) == (206, data[262_000:263_000])
    assert part["Content-Range"] == f"bytes 262000-262999/{len(data)}" and part["Content-Length"] == "1000"
    assert get(range="bytes=-10").getvalue() == data[-10:]
    beyond = get(range=f"bytes={len(data)}-")
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{len(data)}")
    assert get(range="bytes=0-9", if_range=part["ETag"]).status_code == 206
    assert get(range="bytes=0-9", if_range='"another"').status_code == 200
    head = client.head(address, headers={"range": "bytes=0-9"})
    assert (head.status_code, head.content, head["Content-Length"]) == (206, b"", "10")
    with company.scope():
        heard = AuditEvent.objects.filter(action="recording.play")
        assert heard.count() == 1 and heard.get().object_id == str(recording.pk)
        heard.update(occurred_at=timezone.now() - timedelta(minutes=61))
        recording_note(user=company.people["agent"], recording=recording, address=None)
        assert heard.count() == 2


def test_nobody_else_hears_a_recording(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        recording_make(past.conversation)
    address = f"/conversations/{past.conversation.pk}/recording"
    for persona in ("teammate", "outsider", "other_supervisor"):
        assert company.client(persona).get(address).status_code == 404
    assert world.acme.client("admin").get(address).status_code == 404
    assert company.client().get(address).status_code == 302
    with company.scope():
        assert not AuditEvent.objects.filter(action="recording.play").exists()
        bare = Conversation.objects.exclude(pk=past.conversation.pk)
        assert not bare.exists()


def test_a_supervisor_takes_part_in_a_chat_from_its_page(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        chat = chat_open(opening=Opening("c-1", agent=company.people["agent"].email))[0]
    path = f"/conversations/{chat.pk}/"
    shown = {who: body(company.client(who).get(path)) for who in ("supervisor", "admin", "agent", "analyst")}
    assert [who for who, page in shown.items() if 'id="joining-data"' in page] == ["supervisor", "admin"]
    assert f"/floor/calls/{chat.pk}/message/" in shown["supervisor"]
    assert "This chat is under way" in shown["analyst"] and "chat-text" not in shown["analyst"]
    assert "joining-data" not in body(company.client("admin").get(f"/conversations/{past.conversation.pk}/"))
    with company.scope():
        chat_end(conversation_id=chat.pk)
        Conversation.objects.filter(pk=chat.pk).update(state=Conversation.State.COMPLETED)
    assert "joining-data" not in body(company.client("supervisor").get(path))
