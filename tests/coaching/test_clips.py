"""Clips: what is cut out, who reads and hears it and how much, what is written of it, and how it ends."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent
from coaching.clips.access import Whom, agents_in, clip_for
from coaching.clips.ending import clips_tidy
from coaching.clips.selectors import clips_new
from coaching.clips.services import clip_create, clip_delete, clip_share, comment_add
from coaching.clips.stretch import names_hidden
from coaching.models import Clip, ClipComment, ClipShare
from conversations.erasure import recording_erase, utterances_erase, words_erase
from conversations.hiding import words_hide
from conversations.live import anew
from conversations.models import Customer, Handover, HiddenStretch, LegalHold, Utterance
from conversations.recording_files import WAV_HEADER_BYTES
from qa.models import Assignment
from tests.budgets import query_budget
from tests.past_calls import past_call
from tests.recorded_calls import heard as sound_of
from tests.recorded_calls import loudness_of, recorded

RATE = 8000
KIND = ClipShare.Kind


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def done(company):
    """A call that is over: four utterances of three seconds, at 0, 5, 10 and 15 s; the customer is Helen Marsh."""
    return past_call(agent=company.people["agent"], queue=company.queue)


@pytest.fixture
def clip(company, done):
    """The customer's threat and the offer, 5 to 13 s, cut out by the supervisor."""
    return clip_create(
        conversation=done.conversation,
        start_ms=5_000,
        end_ms=13_000,
        user=company.people["supervisor"],
        title="A customer who stays",
        note="She stays.",
        comment="Listen to the <b>pause</b>.",
    )


def share(company, clip, whom, by="supervisor"):
    user = company.people[by]
    return clip_share(clip=clip_for(user, clip.pk), whom=whom, user=user)


def seen(company, clip):
    """Who may read it."""
    found = set()
    for persona in ("agent", "teammate", "outsider", "supervisor", "other_supervisor", "analyst"):
        with suppress(Http404):
            clip_for(company.people[persona], clip.pk)
            found.add(persona)
    return found


def page(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


# --- Cutting --------------------------------------------------------------------------------------------


def test_a_clip_is_the_utterances_wholly_within(company, done, clip):
    assert (clip.start_ms, clip.end_ms) == (5_000, 13_000)
    user = company.people["agent"]
    wide = clip_create(conversation=done.conversation, start_ms=4_000, end_ms=14_900, user=user)
    assert (wide.start_ms, wide.end_ms) == (5_000, 13_000)
    for start_ms, end_ms in ((5_001, 7_999), (13_000, 5_000), (90_000, 99_000)):
        with pytest.raises(ValidationError):
            clip_create(conversation=done.conversation, start_ms=start_ms, end_ms=end_ms, user=user)
    Utterance.objects.filter(pk=done.said[3].pk).update(start_ms=700_000, end_ms=701_000)
    with pytest.raises(ValidationError, match="ten minutes"):
        clip_create(conversation=done.conversation, start_ms=0, end_ms=701_000, user=user)
    with pytest.raises(ValidationError, match="no such skill"):
        clip_create(
            conversation=done.conversation, start_ms=0, end_ms=3_000, user=user, skill="criterion:x:y"
        )
    done.conversation.state = "live"
    done.conversation.save()
    with pytest.raises(Conflict):
        clip_create(conversation=done.conversation, start_ms=0, end_ms=3_000, user=user)


def test_what_is_written_is_redacted_before_it_is_kept(company, done):
    number = "4111 1111 1111 1111"
    user = company.people["supervisor"]
    made = clip_create(
        conversation=done.conversation, start_ms=0, end_ms=3_000, user=user,
        title=f"card {number}", note=f"note {number}", comment=f"said {number}",
    )  # fmt: skip
    comment_add(clip=made, user=user, text=f"again {number}")
    texts = [made.title, made.note, *made.comments.values_list("text", flat=True)]
    assert all("1111" not in text and "[CREDIT_CARD]" in text for text in texts) and len(texts) == 4


# --- Who reads and hears it -----------------------------------------------------------------------------


def test_it_is_shared_by_choice_and_then_this_stretch_alone(company, done, clip):
    # Names that no detector knew for what they are.
    Clip.objects.update(title="How Helen was kept", note="marsh stays.")
    before = {"agent", "supervisor", "analyst"}
    assert seen(company, clip) == before
    people = company.people
    # Agents do not share, and supervisors not with people who are not theirs, or with everybody.
    for by, whom, error in (
        ("agent", Whom(KIND.PERSON, user=people["teammate"]), Conflict),
        ("supervisor", Whom(KIND.PERSON, user=people["outsider"]), ValidationError),
        ("supervisor", Whom(KIND.TEAM, team=company.other_team), ValidationError),
        ("supervisor", Whom(KIND.LIBRARY), ValidationError),
        ("supervisor", Whom(KIND.PERSON), ValidationError),
        ("analyst", Whom(KIND.PERSON, user=people["supervisor"]), ValidationError),
    ):
        with pytest.raises(error):
            share(company, clip, whom, by)
    share(company, clip, Whom(KIND.PERSON, user=people["teammate"]))
    share(company, clip, Whom(KIND.PERSON, user=people["teammate"]))
    assert seen(company, clip) == before | {"teammate"}
    (noted,) = AuditEvent.objects.filter(action="clip.share")
    assert noted.changes == {"kind": "person", "user": str(people["teammate"].pk)}

    client = company.client("teammate")
    shown = page(client, f"/coaching/clips/{clip.pk}/")
    assert "I can offer you a discount" in shown and "Listen to the &lt;b&gt;pause&lt;/b&gt;." in shown
    told = client.get(f"/api/v1/coaching/clips/{clip.pk}/").json()
    assert [line["start_ms"] for line in told["lines"]] == [0, 5_000]
    assert (told["conversation"], told["agent"], told["start_ms"], told["shares"]) == (None, None, None, [])
    for whole in (shown, json.dumps(told), page(client, "/coaching/clips/")):
        # Nothing beyond the stretch, not the customer's name wherever it was written, not whose call it was.
        for secret in (
            "Good morning",
            "that is all",
            "Helen",
            "Marsh",
            str(done.conversation.pk),
            "Agent Agent",
        ):
            assert secret not in whole
    assert "How [name] was kept" in shown
    # Not even whether it is of this call.
    told = client.get(f"/api/v1/coaching/clips/?conversation={done.conversation.pk}").json()
    assert told["results"] == [] and len(client.get("/api/v1/coaching/clips/").json()["results"]) == 1
    assert client.get(f"/conversations/{done.conversation.pk}/").status_code == 404
    # Who may read the call reads all of it.
    assert "How Helen was kept" in page(company.client("agent"), f"/coaching/clips/{clip.pk}/")

    share(company, clip, Whom(KIND.TEAM, team=company.other_team), "analyst")
    assert seen(company, clip) == before | {"teammate", "outsider", "other_supervisor"}
    answer = company.client("supervisor").post(
        f"/api/v1/coaching/clips/{clip.pk}/unshare/",
        {"share": str(ClipShare.objects.get(kind=KIND.TEAM).pk)},
        content_type="application/json",
    )
    assert answer.status_code == 200 and "outsider" not in seen(company, clip)
    share(company, clip, Whom(KIND.LIBRARY), "analyst")
    assert "outsider" in seen(company, clip)
    assert "How [name] was kept" in page(company.client("outsider"), "/coaching/clips/?list=library")


def test_a_supervisor_shares_what_only_their_agents_have_a_part_in(company, done, clip):
    people = company.people
    Handover.objects.create(
        conversation=done.conversation, kind="blind", at=timezone.now(), at_ms=9_000,
        from_agent=people["outsider"], to_agent=people["agent"],
    )  # fmt: skip
    assert agents_in(clip) == {people["agent"].pk, people["outsider"].pk}
    with pytest.raises(Conflict):
        share(company, clip, Whom(KIND.TEAM, team=company.team))
    late = clip_create(
        conversation=done.conversation, start_ms=10_000, end_ms=18_000, user=people["supervisor"]
    )
    assert agents_in(late) == {people["agent"].pk}
    share(company, late, Whom(KIND.TEAM, team=company.team))
    share(company, clip, Whom(KIND.TEAM, team=company.team), "admin")


def test_who_judges_blind_learns_nothing_of_clips(company, done, clip):
    analyst = company.people["analyst"]
    share(company, clip, Whom(KIND.LIBRARY), "admin")
    Assignment.objects.create(
        conversation=done.conversation, template=done.score.revision.template, kind="second", assignee=analyst
    )
    client = company.client("analyst")
    assert "analyst" not in seen(company, clip)
    assert "who stays" not in page(client, "/coaching/clips/?list=library")
    assert client.get("/api/v1/coaching/clips/").json()["results"] == []
    assert "1 clip" not in page(client, f"/conversations/{done.conversation.pk}/")
    with pytest.raises(Conflict, match="blind"):
        clip_create(conversation=done.conversation, start_ms=0, end_ms=3_000, user=analyst)


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize("codec", ["flac", "opus"])
def test_its_sound_is_its_stretch_and_not_a_sample_more(company, done, clip, codec):
    recording = recorded(done, codec=codec)
    whole = sound_of(recording)[5 * RATE : 13 * RATE]
    client = company.client("agent")
    answer = client.get(f"/coaching/clips/{clip.pk}/sound")
    body = answer.getvalue()
    assert (answer["Content-Type"], answer["Accept-Ranges"]) == ("audio/wav", "bytes")
    assert "no-store" in answer["Cache-Control"] and body[:4] == b"RIFF"
    heard = np.frombuffer(body[WAV_HEADER_BYTES:], "<i2").reshape(-1, 2)
    assert heard.shape == whole.shape == (8 * RATE, 2)
    assert np.abs(heard.astype(int) - whole).max() <= (0 if codec == "flac" else 300)
    # Parts are parts of the same file, wherever they begin.
    for begin, stop in ((0, 9), (40, 50), (44, 47), (100_001, 200_003), (len(body) - 5, len(body) - 1)):
        part = client.get(f"/coaching/clips/{clip.pk}/sound", headers={"range": f"bytes={begin}-{stop}"})
        assert (part.status_code, part.getvalue()) == (206, body[begin : stop + 1])
        assert part["ETag"] == answer["ETag"]
    beyond = client.get(f"/api/v1/coaching/clips/{clip.pk}/audio/", headers={"range": f"bytes={len(body)}-"})
    assert beyond.status_code == 416
    noted = AuditEvent.objects.get(action="clip.play")
    assert (noted.actor, noted.object_id) == (company.people["agent"], str(clip.pk))


@pytest.mark.usefixtures("own_folder")
def test_what_is_silenced_stays_so_and_names_are_not_heard_by_guests(company, done, clip):
    recording = recorded(done)
    recording.redacted_intervals = [[0, 12_000, 12_500]]
    recording.save()
    HiddenStretch.objects.create(
        conversation=done.conversation, channel=1, start_ms=8_000, end_ms=9_000, found_in="manual"
    )
    Utterance.objects.filter(pk=done.said[2].pk).update(
        text="of course mrs marsh i can",
        words=[["of", 10_000, 10_200, 1], ["mrs", 10_500, 10_800, 1], ["marsh,", 11_000, 11_300, 1]],
    )
    # The agent goes on beyond the end of the clip: that is heard in part, and not read.
    Utterance.objects.filter(pk=done.said[0].pk).update(
        start_ms=12_600, end_ms=19_000, text="helen are you there", words=[["helen", 12_700, 12_900, 1]]
    )
    share(company, clip, Whom(KIND.PERSON, user=company.people["teammate"]))

    def hears(persona):
        body = company.client(persona).get(f"/coaching/clips/{clip.pk}/sound").getvalue()
        sound = np.frombuffer(body[WAV_HEADER_BYTES:], "<i2").reshape(-1, 2)

        def loud(channel, start_ms, end_ms):
            part = sound[(start_ms - 5_000) * RATE // 1000 : (end_ms - 5_000) * RATE // 1000, channel]
            return loudness_of(part, 440.0) > 0.2

        return [
            loud(0, 12_000, 12_500), loud(1, 8_000, 9_000), loud(0, 10_800, 11_500), loud(1, 10_800, 11_500),
            loud(0, 10_000, 10_700), loud(0, 12_700, 13_000),
        ]  # fmt: skip

    assert hears("agent") == [False, False, True, True, True, True]
    assert hears("teammate") == [False, False, False, True, True, False]
    shown = page(company.client("teammate"), f"/coaching/clips/{clip.pk}/")
    assert "of course mrs" in shown and "are you there" not in shown


def test_names_are_found_as_words_and_where_no_word_has_a_time_all_of_it_goes():
    names = names_hidden(Customer(name="Ana  O'Neil-Smith"))
    assert names.hide("Ana, banana and ANA's smith") == "[NAME], banana and [NAME] [NAME]"
    row = Utterance(text="thanks ana", words=[], start_ms=100, end_ms=900)
    assert names.stretches(row) == [(100, 900)]
    row.text = "banana"
    assert names.stretches(row) == []
    assert names_hidden(Customer(name="J")).hide("j a") == "j a" == names_hidden(None).hide("j a")


# --- Comments -------------------------------------------------------------------------------------------


def test_comments_are_ones_own_to_change(company, clip):
    url = f"/api/v1/coaching/clips/{clip.pk}/"
    agent, analyst = company.client("agent"), company.client("analyst")
    send = {"content_type": "application/json"}
    made = agent.post(f"{url}comments/", {"text": "I <i>liked</i> that."}, **send)
    assert made.status_code == 201
    own = f"{url}comments/{made.json()['id']}/"
    assert analyst.patch(own, {"text": "No."}, **send).status_code == 409
    assert analyst.delete(own).status_code == 409
    assert agent.patch(own, {"text": "x" * 1001}, **send).status_code == 400
    assert agent.post(f"{url}comments/", {"text": "  "}, **send).status_code == 400
    assert agent.patch(own, {"text": "I like it."}, **send).json()["edited_at"]
    assert [one["text"] for one in analyst.get(url).json()["thread"]][1:] == ["I like it."]
    assert agent.delete(own).status_code == 204
    # The page's form does the same.
    agent.post(f"/coaching/clips/{clip.pk}/do/", {"do": "comment", "text": "Thank you."})
    assert "Thank you." in page(analyst, f"/coaching/clips/{clip.pk}/")
    assert company.client("outsider").post(f"{url}comments/", {"text": "x"}, **send).status_code == 404


# --- How it ends ----------------------------------------------------------------------------------------


def test_what_is_hidden_later_is_hidden_here_too(company, done, clip):
    comment_add(clip=clip, user=company.people["agent"], text="A discount, a DISCOUNT!")
    clip.title = "Offers a discount"
    clip.save()
    start = done.said[2].text.index("discount")
    words_hide(utterance_id=done.said[2].pk, start=start, end=start + 8, type_name="NAME", actor=None)
    clip.refresh_from_db()
    assert clip.title == "Offers a [NAME]" and clip.note == "She stays."
    assert clip.comments.last().text == "A [NAME], a [NAME]!"
    assert "discount" not in page(company.client("supervisor"), f"/coaching/clips/{clip.pk}/")


@pytest.mark.usefixtures("own_folder")
def test_a_clip_goes_with_the_words_of_its_conversation_and_says_so(company, done, clip):
    recorded(done, seconds=14)
    share(company, clip, Whom(KIND.PERSON, user=company.people["teammate"]))
    recording_erase(conversation_id=done.conversation.pk, reason="retention")
    shown = page(company.client("teammate"), f"/coaching/clips/{clip.pk}/")
    assert "no recording of this stretch" in shown and "discount" in shown
    words_erase(conversation_id=done.conversation.pk, reason="retention")
    clip.refresh_from_db()
    assert clip.is_gone and (clip.title, clip.note) == ("", "") and not ClipComment.objects.exists()
    for persona in ("supervisor", "teammate"):
        client = company.client(persona)
        assert "went with its conversation" in page(client, "/coaching/clips/")
        assert "no longer kept" in page(client, f"/coaching/clips/{clip.pk}/")
        assert client.get(f"/coaching/clips/{clip.pk}/sound").status_code == 404
        assert client.get(f"/api/v1/coaching/clips/{clip.pk}/").json()["state"] == "gone"
    with pytest.raises(Conflict):
        comment_add(clip=clip, user=company.people["supervisor"], text="Still here?")
    done.conversation.refresh_from_db()
    with pytest.raises(Conflict):
        clip_create(
            conversation=done.conversation, start_ms=0, end_ms=9_000, user=company.people["supervisor"]
        )
    # The row stays as long as events are kept, even without the conversation.
    type(done.conversation).objects.filter(pk=done.conversation.pk).delete()
    assert "went with its conversation" in page(company.client("supervisor"), "/coaching/clips/")
    assert clips_tidy(timezone.now() - timedelta(days=1), set()) == 0
    assert clips_tidy(timezone.now() + timedelta(days=1), set()) == 1 and not Clip.objects.exists()


def test_a_clip_goes_with_any_of_its_words(company, done, clip):
    other = clip_create(
        conversation=done.conversation, start_ms=0, end_ms=4_000, user=company.people["supervisor"]
    )
    utterances_erase(conversation_id=done.conversation.pk, utterances=[done.said[2].pk], reason="no consent")
    clip.refresh_from_db()
    other.refresh_from_db()
    assert clip.is_gone and clip.title == "" and not other.is_gone


def test_one_that_was_made_in_the_moment_its_conversation_went_is_ended_at_night(company, done, clip):
    type(done.conversation).objects.filter(pk=done.conversation.pk).update(words_erased_at=timezone.now())
    assert clip_for(company.people["supervisor"], clip.pk).is_gone
    clips_tidy(timezone.now() - timedelta(days=1), set())
    clip.refresh_from_db()
    assert (clip.state, clip.title) == (Clip.State.GONE, "")


def test_a_legal_hold_keeps_clips_and_so_does_an_incomplete_call(company, done, clip):
    hold = LegalHold.objects.create(conversation=done.conversation, reason="court", placed_by=None)
    with pytest.raises(Conflict, match="legal hold"):
        clip_delete(clip=clip, user=company.people["supervisor"])
    assert anew._stays(done.conversation)
    hold.lifted_at = timezone.now()
    hold.save()
    clip_delete(clip=clip, user=company.people["supervisor"])
    assert not Clip.objects.exists()
    assert AuditEvent.objects.filter(action="clip.delete").count() == 1


# --- Lists ----------------------------------------------------------------------------------------------


def test_lists_tell_what_is_new_and_take_the_same_queries_whatever_is_on_them(company, done, clip):
    people, skill = company.people, f"criterion:{done.score.revision.template_id}:{done.answer.criterion_key}"
    for number in range(3):
        one = clip_create(
            conversation=done.conversation, start_ms=0, end_ms=8_000, user=people["supervisor"],
            title=f"Clip {number}", skill=skill,
        )  # fmt: skip
        share(company, one, Whom(KIND.PERSON, user=people["teammate"]))
        share(company, one, Whom(KIND.TEAM, team=company.team))
        share(company, one, Whom(KIND.LIBRARY, team=company.team))
        comment_add(clip=one, user=people["supervisor"], text="Hear this.")
    client, supervisor = company.client("teammate"), company.client("supervisor")
    assert (
        clips_new(people["teammate"]),
        clips_new(people["supervisor"]),
        clips_new(people["outsider"]),
    ) == (3, 0, 0)
    with query_budget("clips"):
        shown = page(supervisor, "/coaching/clips/?list=all")
    assert shown.count("ql-open") == 4 and shown.count("Was there a threat?") >= 3
    shown = page(client, "/coaching/clips/")
    assert shown.count("ql-open") == 3 and "3 new" in shown
    with query_budget("clip"):
        page(supervisor, f"/coaching/clips/{one.pk}/")
    page(client, f"/coaching/clips/{one.pk}/")
    assert clips_new(people["teammate"]) == 2
    with query_budget("api-clips"):
        told = supervisor.get("/api/v1/coaching/clips/").json()["results"]
    assert [row["comments"] for row in told] == [1, 1, 1, 1] and told[0][
        "skill_name"
    ] == "Was there a threat?"
    listed = "/api/v1/coaching/clips/?list="
    assert [len(client.get(f"{listed}{name}").json()["results"]) for name in ("made", "shared", "library", "all")] == [
        0, 3, 3, 3,
    ]  # fmt: skip
    assert len(supervisor.get(f"{listed}made&skill={skill}").json()["results"]) == 3
    assert "No clips here" in page(
        supervisor, f"/coaching/clips/?list=made&conversation={people['agent'].pk}"
    )
    # Whatever somebody writes into the address, a list shows.
    page(supervisor, "/coaching/clips/?list=nothing&skill=none&after=nonsense&conversation=none")
    assert "3 clips" not in page(supervisor, f"/conversations/{done.conversation.pk}/")
    assert "4 clips" in page(supervisor, f"/conversations/{done.conversation.pk}/")
