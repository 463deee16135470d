"""What people do in mid-call reaches the rules at once: holds, dismissals, mutes, steps chosen by hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.exceptions import ValidationError

from accounts.errors import Conflict
from coaching import mutes, playbooks, tidings
from coaching.access import guidance_for
from coaching.answers import guidance_answer
from coaching.models import Guidance
from coaching.mutes import mute_end, mute_set
from coaching.replay import document_compiled, past_calls, steps
from conversations.chats import Opening, chat_open, message_take
from conversations.live import tidings as live_tidings
from conversations.live.buffer import AudioBuffer
from conversations.live.chat import ChatFollower, chat_news
from conversations.live.commit import group_write
from conversations.live.ownership import call_claim
from conversations.live.tidings import WORD
from conversations.live.timeline import Timeline
from conversations.marks_again import marks_retell
from conversations.models import CallPhase, Conversation
from cresta_app.live import stages
from engines.redaction.text import RawText
from engines.rules import CompiledMoments
from moments.selectors import active_specs
from tenants import names
from tests.coaching.conftest import THREAT
from tests.live_calls import call_make
from tests.understanding import Call, call_begin, hint_action, policy_make, rule

PLAYBOOK = {
    "id": "stay",
    "name": "Keep them",
    "start": {"heard": "threat"},
    "steps": [
        {
            "id": "ask",
            "title": "Ask why",
            "done": {"heard": "recap"},
            "next": [{"to": "offer"}, {"when": {"heard": "threat", "nth": 9}, "to": "part"}],
        },
        {"id": "offer", "title": "Offer", "say": "I can offer you", "done": {"heard": "offer"}},
        {"id": "part", "title": "Part as friends"},
    ],
}


@pytest.fixture
def agent(world):
    return world.northwind.people["agent"]


@pytest.fixture
def told(monkeypatch) -> list[dict[str, Any]]:
    """Marks that workers were told, in place of telling them."""
    marks: list[dict[str, Any]] = []

    def tell(_conversation_id: Any, new: list[dict[str, Any]]) -> None:
        marks.extend(new)

    for module, name in (
        (tidings, "marks_tell"), (mutes, "marks_tell"), (tidings, "marks_append"), (playbooks, "marks_append"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, tell)
    return marks


@pytest.fixture
def begin(world, agent, heard, make_conversation):
    def call() -> Call:
        begun = call_begin("northwind", make_conversation(agent=agent, state="live"))
        begun.sequence = 2
        return begun

    return call


def own(agent, **fields) -> Guidance:
    return guidance_for(agent, Guidance.objects.get(**fields).pk)


# --- Holds ------------------------------------------------------------------------------------------------


def test_a_hint_for_who_leaves_a_customer_on_hold_comes_whoever_follows_the_call(begin):
    policy_make(
        rule({"measure": "hold_ms", "above": 60_000}, hint_action("Come back to them"), id="hold"),
    )
    for takes_over in (False, True):
        call = begin()
        call.say("agent", "one moment please", 1_000, 4_000)
        call.hold(True, 5_000)
        call.tick(64_000)
        if takes_over:
            call.take_over()
        call.tick(66_000)
        row = Guidance.objects.get(conversation=call.conversation)
        assert (row.title, row.at_ms, row.reason) == (
            "Come back to them", 65_000, "Because the hold took 1:00"
        )  # fmt: skip
        call.hold(False, 70_000)
        call.tick(140_000)
        assert Guidance.objects.filter(conversation=call.conversation).count() == 1


def test_a_hold_without_sound_is_the_same_live_and_when_it_is_played_again(begin, agent, monkeypatch):
    wall = [1_000.0]
    monkeypatch.setattr(live_tidings.time, "time", lambda: wall[0])
    row = policy_make(
        rule({"measure": "hold_ms", "above": 60_000}, hint_action("Come back to them"), id="hold"),
        rule(
            {"missing": {"heard": "offer"}, "after": {"heard": "threat"}, "within_ms": 40_000},
            hint_action("Make an offer"),
            id="late",
        ),
    )
    call, timeline = begin(), Timeline()
    tidings = live_tidings.Tidings(timeline, {})
    call.say("customer", THREAT, 11_000, 14_000)
    # The line stands still at 0:15 for 90 seconds; what comes then is counted on from there.
    timeline.add({"kind": "phase", "phase": "hold", "at_ms": 15_000})
    tidings.overdue(15_000)
    for seconds in (30, 30, 15, 15):
        wall[0] += seconds
        assert tidings.overdue(15_000)
        if seconds == 15:
            call.take_over()
            tidings = live_tidings.Tidings(timeline, tidings.state())
            tidings.overdue(0)
        batch = tidings.told_at_once([session for _key, session in call.sessions], 15_000, call.context)
        call.commit(batch)
    call.hold(False, 15_000)
    call.say("agent", "thank you for waiting", 16_000, 18_000)
    call.tick(120_000)
    live = sorted(Guidance.objects.values_list("rule_key", "at_ms"))
    assert live == [("hold", 75_000), ("late", 54_000)]

    began = call.conversation.announced_at
    for phase, at in (("hold", 0), ("connected", 90)):
        CallPhase.objects.create(
            conversation=call.conversation,
            phase=phase,
            key=phase,
            from_ms=15_000,
            at=began + timedelta(seconds=at),
        )
    [past] = past_calls([call.conversation.pk], {})
    assert past.known.stood == {15_000: 105_000}
    compiled = document_compiled(row.document, {"threat": "Threat", "offer": "Offer"})
    moments = CompiledMoments(active_specs())
    played = [one for step in steps(past.turns, moments, [compiled], past.known) for one in step.decisions[0]]
    assert sorted((one.rule_id, one.at_ms) for one in played if one.what == "show") == live


# --- Dismissed --------------------------------------------------------------------------------------------


def test_what_is_dismissed_comes_again_only_after_its_rest_and_once_is_once(
    begin, agent, told, django_capture_on_commit_callbacks
):
    policy_make(
        rule("threat", hint_action("Ask why"), id="ask", cooldown_ms=30_000, expires_ms=0),
        rule("threat", {"do": "line", "title": "Read", "say": "I am sorry to hear"}, id="once", once=True),
    )
    call = begin()
    call.say("customer", THREAT, 0, 2_000)
    for title in ("Ask why", "Read"):
        with django_capture_on_commit_callbacks(execute=True):
            guidance_answer(guidance=own(agent, title=title), user=agent, action="dismiss", reason="not now")
    assert [(mark["kind"], mark["do"]) for mark in told] == [(WORD, "dismiss")] * 2
    for mark in told:
        call.told(mark, 20_000)
    call.take_over()
    call.say("customer", THREAT, 45_000)
    assert Guidance.objects.count() == 2
    call.say("customer", THREAT, 52_000)
    assert sorted(Guidance.objects.values_list("title", "state")) == [
        ("Ask why", "dismissed"), ("Ask why", "open"), ("Read", "dismissed"),
    ]  # fmt: skip


def test_a_dismissal_taken_back_lets_the_hint_stand_and_leave_in_its_time(
    begin, agent, told, django_capture_on_commit_callbacks
):
    policy_make(rule("threat", hint_action("Ask why"), id="ask", cooldown_ms=0, expires_ms=30_000))
    call = begin()
    call.say("customer", THREAT, 0, 2_000)
    with django_capture_on_commit_callbacks(execute=True):
        guidance_answer(guidance=own(agent), user=agent, action="dismiss")
        guidance_answer(guidance=own(agent), user=agent, action="undo")
    dismissed, undone = told
    call.told(dismissed, 5_000)
    call.take_over()
    call.told(undone, 6_000)
    call.say("customer", THREAT, 8_000)
    assert Guidance.objects.get().state == "open", "it stands there, so nothing new"
    call.tick(32_000)
    assert (Guidance.objects.get().state, Guidance.objects.get().settled_ms) == ("expired", 32_000)


def test_words_of_a_hint_that_was_dismissed_still_count_when_they_are_said(begin, agent, told):
    policy_make(rule("threat", hint_action("Look", say="Before you decide, may I look?"), id="ask"))
    call = begin()
    call.say("customer", THREAT, 0, 2_000)
    guidance_answer(guidance=own(agent), user=agent, action="dismiss")
    call.told({"kind": WORD, "to": "guidance", "do": "dismiss", "guidance": str(own(agent).pk)}, 4_000)
    call.take_over()
    call.say("agent", "before you decide may i look", 8_000, 11_000)
    row = Guidance.objects.get()
    assert (row.state, row.outcome) == ("dismissed", "used")


# --- Muted ------------------------------------------------------------------------------------------------


def test_what_is_muted_in_mid_call_is_held_back_from_then_on(
    begin, agent, told, django_capture_on_commit_callbacks
):
    policy_make(
        rule("threat", hint_action("Ask why"), id="ask", cooldown_ms=0, expires_ms=1_000),
        rule("recap", hint_action("Well repeated"), id="recap"),
        rule("offer", {"do": "knowledge", "query": "refunds"}, id="look"),
        rule("offer", {"do": "line", "title": "Read", "say": "This offer ends on Friday"}, id="line"),
    )
    call = begin()
    call.say("customer", THREAT, 0, 2_000)
    call.say("agent", "let me repeat that", 4_000)  # waits: another came just before
    with django_capture_on_commit_callbacks(execute=True):
        row = mute_set(user=agent, guidance=own(agent, title="Ask why"), whole_kind=True)
    (mark,) = told
    assert (mark["agent"], mark["mutes"]) == (str(agent.pk), [["hint", ""]])
    call.told(mark | {"agent": "somebody-else"}, 8_000)
    assert Guidance.objects.get(title="Well repeated").held == "soon"
    call.told(mark, 8_000)
    call.take_over()
    call.say("customer", THREAT, 40_000)
    assert sorted(Guidance.objects.filter(state="held").values_list("title", "held")) == [
        ("Ask why", "muted"), ("Well repeated", "muted"),
    ]  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        mute_end(user=agent, mute_id=row.pk)
    call.told(told[-1], 50_000)
    call.say("customer", THREAT, 60_000)
    assert Guidance.objects.filter(title="Ask why", state="open").count() == 1
    call.told(mark | {"mutes": [["knowledge", ""], ["line", ""]]}, 65_000)
    call.say("agent", "i can offer you a refund", 90_000)
    assert dict(Guidance.objects.filter(kind__in=["knowledge", "line"]).values_list("kind", "held")) == {
        "knowledge": "muted", "line": "",
    }  # fmt: skip


# --- Moved by hand ----------------------------------------------------------------------------------------


def test_a_playbook_goes_where_the_agent_says_whoever_follows_the_call(begin, agent, told):
    policy_make(playbooks=[PLAYBOOK])

    def played(takes_over):
        told.clear()
        call = begin()
        call.say("customer", THREAT, 0)
        step = guidance_for(agent, Guidance.objects.get(conversation=call.conversation).pk)
        assert step.payload["steps"] == [
            {"id": "ask", "title": "Ask why"}, {"id": "offer", "title": "Offer"},
            {"id": "part", "title": "Part as friends"},
        ]  # fmt: skip
        tidings.playbook_move(step=step, to="part")
        (mark,) = told
        if takes_over:
            call.take_over()
        call.told(mark, 6_000)
        if takes_over:
            call.take_over()
        call.told(mark | {"step": "offer"}, 9_000)
        call.say("agent", "i can offer you a discount", 12_000)
        return [
            (data["step"], data["state"], data["at_ms"], data["reason"])
            for kind, data in call.shown
            if kind == "guidance"
        ]

    wanted = played(takes_over=False)
    assert [one[:3] for one in wanted] == [
        ("ask", "open", 3_000), ("ask", "withdrawn", 3_000), ("part", "open", 6_000),
        ("part", "withdrawn", 6_000), ("offer", "open", 9_000), *[("offer", "used", 9_000)] * 2,
    ]  # fmt: skip
    assert wanted[2][3] == "Because it was chosen by hand"
    assert played(takes_over=True) == wanted


def test_steps_that_are_none_and_calls_that_are_over_are_refused(begin, agent, monkeypatch):
    policy_make(rule("threat", hint_action("Ask why")), playbooks=[PLAYBOOK])
    call = begin()
    call.say("customer", THREAT, 0)
    step = own(agent, kind="step")
    for row, to in ((step, "nowhere"), (own(agent, kind="hint"), "ask")):
        with pytest.raises(ValidationError):
            tidings.playbook_move(step=row, to=to)

    def away(*_args):
        raise redis.ConnectionError

    monkeypatch.setattr(tidings, "marks_append", away)
    with pytest.raises(Conflict, match="try again"):
        tidings.playbook_move(step=step, to="offer")
    Conversation.objects.update(state="wrap_up")
    with pytest.raises(Conflict, match="over"):
        tidings.playbook_move(step=own(agent, kind="step"), to="offer")
    # A step that has gone with its policy moves nothing, and is no fault of the rules.
    gone = {"kind": WORD, "to": "guidance", "do": "move", "policy": "x", "playbook": "stay", "step": "offer"}
    call.told(gone, 9_000)
    assert Guidance.objects.filter(kind="step", state="open").count() == 1


def test_the_api_and_the_desk_move_and_mute_alike(world, begin, agent, told):
    policy_make(rule("threat", hint_action("Ask why"), id="ask"), playbooks=[PLAYBOOK])
    call = begin()
    call.say("customer", THREAT, 0)
    step, hint = own(agent, kind="step"), own(agent, kind="hint")
    api, desk = f"/api/v1/guidance/{step.pk}/move/", f"/desk/calls/{call.conversation.pk}/step/"
    client = world.northwind.client("agent")

    def post(url, content):
        return client.post(url, content, content_type="application/json")

    assert post(api, {"step": "offer"}).status_code == 202
    assert post(desk, {"id": str(step.pk), "step": "part"}).json() == {"step": "part"}
    assert [mark["step"] for mark in told] == ["offer", "part"]
    assert (
        post(api, {"step": "x"}).status_code
        == post(desk, {"id": str(step.pk), "step": "x"}).status_code
        == 400
    )
    muted = post(f"/api/v1/guidance/{hint.pk}/mute/", {}).json()
    assert [(one["rule"], one["kind"]) for one in muted] == [("ask", "")]
    assert post(f"/api/v1/guidance/{hint.pk}/unmute/", {}).json() == []


def test_a_playbook_that_has_not_begun_is_begun_by_hand_whoever_follows_the_call(world, begin, agent, told):
    row = policy_make(playbooks=[PLAYBOOK | {"start": {"heard": "offer"}}])
    revision = str(row.pk)
    offered = [{"revision": revision, "playbook": "stay", "policy": "Test", "title": "Keep them"}]
    client = world.northwind.client("agent")

    def post(url, **content):
        return client.post(url, content, content_type="application/json")

    for takes_over in (False, True):
        told.clear()
        call = begin()
        ident = str(call.conversation.pk)
        call.say("customer", THREAT, 0)
        assert client.get(f"/api/v1/guidance/playbooks/?conversation={ident}").json() == offered
        assert client.get(f"/desk/calls/{ident}/").json()["playbooks"] == offered
        assert world.northwind.client("supervisor").get(f"/desk/calls/{ident}/").json()["playbooks"] == []
        wanted = {"revision": revision, "playbook": "stay"}
        assert post("/api/v1/guidance/begin/", conversation=ident, **wanted).status_code == 202
        assert post(f"/desk/calls/{ident}/step/", **wanted).json() == {"playbook": "stay"}
        for wrong in ({"playbook": "x"}, {"revision": ident}, {"revision": "x"}):
            assert post(f"/desk/calls/{ident}/step/", **wanted | wrong).status_code == 400
        for number, mark in enumerate(told):
            if takes_over:
                call.take_over()
            call.told(mark, 6_000 + number * 1_000)
        assert len(told) == 2, "and the second changes nothing"
        row = Guidance.objects.get(conversation=call.conversation, kind="step")
        assert (row.step, row.at_ms, row.reason) == ("ask", 6_000, "Because it was begun by hand")
        # From there it moves as the talk moves.
        call.say("agent", "let me repeat that", 20_000)
        assert own(agent, conversation=call.conversation, state="open", kind="step").step == "offer"
    Conversation.objects.filter(pk=call.conversation.pk).update(state="wrap_up")
    assert post(f"/desk/calls/{ident}/step/", **wanted).status_code == 409
    assert client.get(f"/api/v1/guidance/playbooks/?conversation={ident}").json() == []


# --- On the way -------------------------------------------------------------------------------------------


def _marks(conversation_id, key):
    async def read():
        async with redis.asyncio.Redis.from_url(tidings_url()) as client:
            marks, _at = await AudioBuffer(client).marks("northwind", conversation_id, key)
            return marks

    return asyncio.run(read())


def tidings_url():
    from django.conf import settings

    return settings.REDIS_STREAMS_URL


def test_the_worker_finds_it_behind_the_call_s_audio_and_again_after_redis_was_away(begin, agent, heard):
    policy_make(playbooks=[PLAYBOOK])
    call = begin()
    call.say("customer", THREAT, 0)
    step = Guidance.objects.get()
    ident, key = call_make(agent)
    Conversation.objects.filter(pk=ident).update(state="live")
    Guidance.objects.filter(pk=step.pk).update(conversation=ident)
    tidings.playbook_move(step=own(agent, pk=step.pk), to="offer")
    (mark,) = _marks(ident, key)
    assert (mark["do"], mark["policy"], mark["step"], mark["at_ms"]) == (
        "move", str(step.revision_id), "offer", 0
    )  # fmt: skip
    Guidance.objects.filter(pk=step.pk).update(state="dismissed")
    marks_retell(ident)
    again = [one for one in _marks(ident, key)[1:] if one["kind"] == WORD]
    assert [(one["do"], one.get("guidance"), one.get("mutes")) for one in again] == [
        ("dismiss", str(step.pk), None), ("mutes", None, []),
    ]  # fmt: skip


def test_a_chat_s_worker_is_woken_and_told_once(world, agent, heard):
    policy_make(playbooks=[PLAYBOOK])
    chat, _new = chat_open(opening=Opening("c-1", agent=agent.email))
    message_take(conversation_id=chat.pk, role="customer", text=RawText(THREAT), message_id="m-1")

    def follow():
        claim = call_claim(conversation_id=chat.pk, worker="test")
        follower = ChatFollower(claim, stages())
        follower.open()
        for row in chat_news(chat.pk, follower.upto).messages:
            group_write([follower.message(row)])
        return follower

    first = follow()
    with redis.Redis.from_url(tidings_url()) as client, client.pubsub() as listener:
        listener.subscribe(names.CHATS_WAKE)
        assert listener.get_message(timeout=20)["type"] == "subscribe"
        tidings.playbook_move(step=own(agent, step="ask"), to="part")
        assert listener.get_message(timeout=20)["data"] == names.chat_wake("northwind", chat.pk).encode()
    marks = _marks(chat.pk, first.claim.key)
    first.tell(marks, 9_000)
    group_write([first.tick(10_000)])
    assert [(row.step, row.at_ms) for row in Guidance.objects.filter(state="open")] == [("part", 9_000)]
    second = follow()
    second.tell(marks, 12_000)
    assert second.tick(13_000) is None
