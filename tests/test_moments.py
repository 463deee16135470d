"""Moments: definitions in revisions, what the stage writes, what a takeover keeps, the admin."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from coaching.services import policy_complaints, policy_create
from conversations import events
from conversations.correlation import fields_apply
from engines.rules import CompiledMoments
from moments import live
from moments.models import MomentDefinition, MomentOccurrence, MomentRevision, StoredMeaning
from moments.selectors import active_revisions, active_specs, keys_listened_for
from moments.services import moment_save
from tests.understanding import call_begin, definition_make, hint_action, policy_document, policy_make, rule


@pytest.fixture
def notice(world):
    with world.northwind.scope():
        yield definition_make(
            "recording_notice", speaker="agent", phrases=["being recorded", "(is|be) recorded"]
        )


def test_saving_writes_a_revision_only_when_the_spec_changed(world, notice):
    assert notice.revisions.count() == 1
    moment_save(definition=notice, actor=world.northwind.people["admin"])
    assert notice.revisions.count() == 1

    notice.phrases = ["being recorded", "on tape"]
    revision = moment_save(definition=notice, actor=world.northwind.people["admin"])
    assert revision.number == 2
    assert revision.created_by == world.northwind.people["admin"]
    assert notice.revisions.get(number=1).spec["phrases"] == ["being recorded", "(is|be) recorded"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"phrases": []}, "phrase"),
        ({"phrases": ["(broken"]}, "bracket"),
        ({"kind": "pattern", "pattern": "(a+)+"}, "repeats"),
        ({"kind": "absence"}, "expected"),
    ],
)
def test_a_definition_that_cannot_work_is_refused_in_words(world, fields, word):
    with world.northwind.scope():
        with pytest.raises(ValidationError) as error:
            definition_make("broken", **fields)
        assert word in str(error.value)
        assert not MomentDefinition.objects.filter(key="broken").exists()


def test_a_key_stays_and_what_is_waited_for_stays_on(world, notice):
    definition_make("no_notice", kind="absence", expected=notice, within_seconds=20)
    notice.active = False
    with pytest.raises(ValidationError, match="No notice"):
        moment_save(definition=notice, actor=None)
    notice.active, notice.key = True, "other"
    with pytest.raises(ValidationError, match="key stays"):
        moment_save(definition=notice, actor=None)


def test_active_specs_are_the_newest_of_the_active_in_one_query(world, notice, django_assert_num_queries):
    notice.phrases = ["on tape"]
    moment_save(definition=notice, actor=None)
    definition_make("off", phrases=["whatever"], active=False)
    with django_assert_num_queries(1):
        specs = active_specs()
    assert [(spec.key, spec.phrases) for spec in specs] == [("recording_notice", ("on tape",))]
    assert specs[0].revision_id == str(notice.revisions.get(number=2).pk)


def test_definitions_of_one_company_are_not_another_s(world, notice):
    with world.acme.scope():
        assert active_specs() == []


def test_the_stage_writes_occurrences_and_events(world, notice, make_conversation):
    definition_make("no_notice", kind="absence", expected=notice, within_seconds=20)
    call = call_begin("northwind", make_conversation(state="live", lines=[("agent", "hello")]))
    call.sequence = 1
    said = call.say("agent", "please note this call is being recorded", 2000)
    call.tick(30_000)
    call.end(31_000)

    row = MomentOccurrence.objects.get()
    assert (row.definition, row.utterance, row.at_ms) == (notice, said, 2000)
    assert said.text[row.start : row.end] == "being recorded"
    assert row.revision == notice.revisions.get()
    assert call.kinds() == ["moment"]
    assert events.snapshot(call.conversation)["items"]["moment"] == [call.shown[0][1]]
    assert call.shown[0][1]["utterance"] == str(said.pk)


def test_something_missing_is_found_by_the_clock_with_the_stretch_searched(world, notice, make_conversation):
    definition_make("no_notice", kind="absence", expected=notice, within_seconds=20)
    call = call_begin("northwind", make_conversation(state="live"))
    call.tick(19_900)
    assert MomentOccurrence.objects.count() == 0
    call.tick(20_000)
    row = MomentOccurrence.objects.get()
    assert (row.utterance, row.searched_from_ms, row.searched_to_ms) == (None, 0, 20_000)
    assert call.shown[0][1]["searched"] == [0, 20_000]


def test_a_customer_who_says_it_is_not_the_agent(world, notice, make_conversation):
    call = call_begin("northwind", make_conversation(state="live"))
    call.sequence = 2
    call.say("customer", "this call is being recorded", 0)
    assert MomentOccurrence.objects.count() == 0


def test_a_taken_over_call_keeps_what_it_began_with(world, notice, make_conversation):
    absence = definition_make("no_notice", kind="absence", expected=notice, within_seconds=20)
    call = call_begin("northwind", make_conversation(state="live"))
    call.tick(5000)
    notice.phrases = ["on tape"]
    moment_save(definition=notice, actor=None)
    absence.within_seconds = 60
    moment_save(definition=absence, actor=None)
    call.take_over()
    call.tick(20_000)
    assert [row.definition.key for row in MomentOccurrence.objects.all()] == ["no_notice"]

    fresh = call_begin("northwind", make_conversation(state="live"))
    fresh.tick(20_000)
    assert not MomentOccurrence.objects.filter(conversation=fresh.conversation).exists()


def test_the_state_holds_no_words_and_says_what_was_listened_for(world, notice, make_conversation):
    call = call_begin("northwind", make_conversation(state="live"))
    call.sequence = 2
    call.say("agent", "this call is being recorded", 0)
    assert "recorded" not in str(call.states["moments"])
    assert keys_listened_for(call.conversation.pk) == {"recording_notice"}
    assert keys_listened_for(make_conversation().pk) is None


def test_a_set_is_compiled_once(world, notice, make_conversation, monkeypatch):
    compiled = []
    monkeypatch.setattr(live, "_compiled", live._Compiled())
    monkeypatch.setattr(
        live, "CompiledMoments", lambda specs: compiled.append(specs) or CompiledMoments(specs)
    )
    for _ in range(3):
        call_begin("northwind", make_conversation(state="live"))
    assert len(compiled) == 1
    notice.phrases = ["on tape"]
    moment_save(definition=notice, actor=None)
    call_begin("northwind", make_conversation(state="live"))
    assert len(compiled) == 2


def test_opening_a_call_costs_a_few_queries(world, notice, make_conversation, django_assert_num_queries):
    conversation = make_conversation(state="live")
    assert len(active_revisions()) == 1
    # Moments; the call's circumstances, limits, policies, their documents; the live model of the next step.
    with django_assert_num_queries(6):
        call_begin("northwind", conversation)


# --- The admin -------------------------------------------------------------------------------------------


def _form(**fields):
    rows = {"revisions-TOTAL_FORMS": "0", "revisions-INITIAL_FORMS": "0"}
    values = {"name": "Greeting", "key": "greeting", "kind": "phrase", "speaker": "agent", "active": "on"}
    return values | rows | fields


def test_an_admin_writes_a_moment_one_phrase_a_line(world):
    client = world.northwind.client("admin")
    response = client.post(
        reverse("admin:moments_momentdefinition_add"),
        _form(phrases="my name is\r\n\r\nhow (can|may) i help "),
    )
    assert response.status_code == 302, response.content
    with world.northwind.scope():
        revision = MomentRevision.objects.get()
        assert revision.spec["phrases"] == ["my name is", "how (can|may) i help"]
        assert revision.created_by == world.northwind.people["admin"]
        url = reverse("admin:moments_momentdefinition_change", args=[revision.definition_id])
    assert b"my name is\nhow (can|may) i help" in client.get(url).content
    assert client.get(reverse("admin:moments_momentdefinition_changelist")).status_code == 200


def test_the_admin_says_what_is_wrong_beside_the_form(world):
    response = world.northwind.client("admin").post(
        reverse("admin:moments_momentdefinition_add"), _form(phrases="(broken")
    )
    assert response.status_code == 200
    assert "bracket" in response.content.decode()
    with world.northwind.scope():
        assert not MomentDefinition.objects.exists()


@pytest.mark.parametrize("persona", ["agent", "supervisor", "analyst"])
def test_who_does_not_configure_gets_no_admin(world, persona):
    client = world.northwind.client(persona)
    response = client.post(reverse("admin:moments_momentdefinition_add"), _form(phrases="my name is"))
    assert response.status_code == 403
    with world.northwind.scope():
        assert not MomentDefinition.objects.exists()


def test_moods_and_fields_reach_the_screen(world, make_conversation):
    with world.northwind.scope():
        definition_make("upset", kind="sentiment", speaker="customer", mood="below", turns=1, limit=-0.3)
        definition_make(
            "urgent", kind="metadata", field="metadata.priority", field_test="is", values=["high"]
        )
        policy_make(
            rule("upset", hint_action("Slow down"), priority=90),
            rule(
                "urgent",
                {"do": "line", "title": "Skip the small talk", "say": "How can I help you right now?"},
            ),
        )
        call = call_begin("northwind", make_conversation(state="live", metadata={"priority": "High"}))
        call.tick(100)
        assert [one.definition.key for one in MomentOccurrence.objects.all()] == ["urgent"]
        assert MomentOccurrence.objects.get().utterance is None
        call.take_over()
        call.sequence = 5
        call.say("agent", "this is terrible", 1000)
        call.say("customer", "this is terrible", 4000)
        shown = {data["title"]: data["reason"] for kind, data in call.shown if kind == "guidance"}
    assert "marked “Urgent”" in shown["Skip the small talk"]
    assert "the customer said “this is terrible”" in shown["Slow down"]
    assert call.kinds().count("moment") == 2


def test_a_screen_whose_state_another_version_has_written_is_what_its_rows_say(world, make_conversation):
    with world.northwind.scope():
        definition_make("cancel", phrases=["cancel"])
        definition_make("welcome", phrases=["welcome"], speaker="agent")
        policy_make(
            rule("cancel", hint_action("Offer a discount"), priority=90),
            rule("welcome", {"do": "check", "title": "Greet"}),
        )
        call = call_begin("northwind", make_conversation(state="live"))
        call.sequence = 5
        call.say("customer", "i want to cancel", 1000)
        board = call.states["guidance"]
        call.states["guidance"] = {"v": 0, "revisions": board["revisions"], "now_ms": 4000, "screen": ["?"]}
        call.take_over()
        call.commit(call._batch())
        resumed = call.states["guidance"]
        assert resumed["open"] == board["open"] and len(resumed["open"]) == 2
        assert resumed["budget"]["last"] == board["budget"]["last"]
        assert resumed["budget"]["counts"]["shown"] == board["budget"]["counts"]["shown"] == 1
        # What stands is not shown again, and the checklist is ticked where it stands.
        call.say("customer", "cancel it please", 5000)
        call.say("agent", "welcome to us", 9000)
        states = [(data["title"], data["state"]) for kind, data in call.shown if kind == "guidance"]
    assert states.count(("Offer a discount", "open")) == 1 and ("Greet", "ticked") in states


def test_a_mood_of_staff_is_refused(world):
    with world.northwind.scope(), pytest.raises(ValidationError, match="never inferred"):
        definition_make("cross", kind="sentiment", speaker="agent", mood="below", turns=1, limit=-0.3)


LOST = ["i lost my card", "my card was stolen", "somebody took my bank card", "i can't find my credit card"]


def test_meaning_by_examples(world, make_conversation):
    with world.northwind.scope():
        fields = {"kind": "examples", "speaker": "customer", "examples": LOST}
        with pytest.raises(ValidationError, match="both to be heard and not"):
            definition_make("card_lost", **fields, counter_examples=["I lost my card."])
        definition = definition_make("card_lost", **fields, counter_examples=["my card does not work"])
        [revision] = definition.revisions.all()
        assert revision.meaning.figures["examples"] == 4
        policy_make(rule("card_lost", hint_action("Block the card")))
        call = call_begin("northwind", make_conversation(state="live"))
        call.sequence = 5
        call.say("agent", "i lost my card", 0)
        call.say("customer", "my card does not work", 4000)
        call.say("customer", "i think i lost my credit card", 8000)
        [row] = MomentOccurrence.objects.filter(conversation=call.conversation)
        assert row.revision == revision and row.score > 0.5
        assert [data["title"] for kind, data in call.shown if kind == "guidance"] == ["Block the card"]
        definition.examples = [*LOST, "my wallet is gone with the card"]
        assert moment_save(definition=definition, actor=None).meaning.figures["examples"] == 5
        assert revision.meaning.figures["examples"] == 4


def test_english_examples_are_silent_in_calls_in_another_language(world, make_conversation):
    with world.northwind.scope():
        definition_make("card_lost", kind="examples", examples=LOST)
        heard = {}
        for language in ("de", "en-GB"):
            call = call_begin("northwind", make_conversation(state="live", language=language))
            call.sequence = 5
            call.say("customer", "i lost my card", 0)
            call.end(5_000)
            heard[language] = MomentOccurrence.objects.filter(conversation=call.conversation).count()
            # Nobody who was not listened for was missed.
            assert keys_listened_for(call.conversation.pk) == ({"card_lost"} if language != "de" else set())
        assert heard == {"de": 0, "en-GB": 1}
        asks = policy_document(rule("card_lost", hint_action("Block the card")))
        policy = policy_create(name="Karten", actor=None, document=asks, scope={"languages": ["de", "de-AT"]})
        [told] = policy_complaints(policy)
        assert (told.kind, told.where) == ("warning", "scope") and "“Card lost” is learned" in told.sentence
        policy.scope = {"languages": ["de", "en"]}
        [told] = policy_complaints(policy)
        assert "never heard in calls in German" in told.sentence
        policy.scope = {"languages": ["en-GB"]}
        assert policy_complaints(policy) == []


def test_a_changed_model_is_not_listened_with(world, make_conversation):
    with world.northwind.scope():
        definition = definition_make("card_lost", kind="examples", examples=LOST)
        StoredMeaning.objects.filter(revision__definition=definition).update(data=b"something else")
        call = call_begin("northwind", make_conversation(state="live"))
        call.sequence = 5
        call.say("customer", "i lost my card", 0)
        assert not MomentOccurrence.objects.filter(conversation=call.conversation).exists()


def test_a_field_that_changes_in_mid_call(
    world, make_conversation, monkeypatch, django_capture_on_commit_callbacks
):
    told = []
    monkeypatch.setattr("moments.tidings.marks_tell", lambda _call, marks: told.extend(marks))
    with world.northwind.scope():
        definition_make(
            "urgent", kind="metadata", field="metadata.priority", field_test="is", values=["high"]
        )
        policy_make(rule("urgent", hint_action("Hurry")))
        call = call_begin("northwind", make_conversation(state="live", metadata={"priority": "low"}))
        call.tick(100)
        assert call.shown == []
        with django_capture_on_commit_callbacks(execute=True):
            fields_apply(
                conversation_id=call.conversation.pk, fields={"metadata": {"priority": "high", "other": "x"}}
            )
        [mark] = told
        assert mark["fields"] == {"metadata.priority": "high"}
        call.told(mark, 4000)
        [row] = MomentOccurrence.objects.all()
        assert (row.definition.key, row.at_ms) == ("urgent", 4000)
        assert [data["title"] for kind, data in call.shown if kind == "guidance"] == ["Hurry"]
        call.tick(5000)
        assert MomentOccurrence.objects.count() == 1


def test_examples_are_tried_before_they_are_saved(world):
    client = world.northwind.client("admin")
    sent = {
        "examples": LOST,
        "near_misses": ["my card does not work"],
        "text": "i think i lost my credit card",
    }
    answer = client.post("/api/v1/moments/try/", sent, content_type="application/json").json()
    assert answer["heard"] and answer["nearest"] in LOST and answer["figures"]["examples"] == 4
    answer = client.post(
        "/api/v1/moments/try/", sent | {"text": "what a day"}, content_type="application/json"
    )
    assert not answer.json()["heard"] and answer["Cache-Control"] == "no-store"
    refused = client.post(
        "/api/v1/moments/try/", sent | {"examples": LOST[:2]}, content_type="application/json"
    )
    assert refused.status_code == 400 and "at least 3" in refused.content.decode()
    page = client.get(reverse("admin:moments_momentdefinition_add")).content.decode()
    assert 'data-try="/api/v1/moments/try/"' in page
