"""Findings to look at: the list, decisions, examples made of them, the report; history read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.errors import Conflict
from conversations import erasure
from conversations.models import (
    ConsentRecord,
    HiddenStretch,
    LabelledSpan,
    Redaction,
    RedactionCheck,
    RedactionPolicy,
    RedactionReview,
    RedactionRun,
    Utterance,
)
from conversations.redaction import again, second_pass
from conversations.redaction.again import run_cancel, run_start, run_step, runs_wake
from conversations.redaction.labelled import examples, surrogate_for
from conversations.redaction.policy_changes import needs_again
from conversations.redaction.report import report
from conversations.redaction.review import beside, reviews_open
from conversations.redaction.uncertain import shape_of
from engines.redaction.redactor import RedactionConfig
from tests.budgets import query_budget
from tests.conftest import Company, World
from tests.past_calls import recording_make

TEXT = "it is [NAME] wetherby from the mill"


@pytest.fixture
def finding(northwind: Company, make_conversation: Callable[..., Any]) -> RedactionReview:
    call = make_conversation(
        agent=northwind.people["agent"],
        lines=[("agent", "who is it"), ("customer", TEXT), ("agent", "thank you"), ("customer", "bye")],
    )
    return note(Utterance.objects.get(conversation=call, sequence=2))


def note(spoken: Utterance, **fields: Any) -> RedactionReview:
    given = {"type": "NAME", "score": 0.52, "detector": "sequence", "found_in": "live"} | fields
    found = Redaction.objects.create(utterance=spoken, start=6, end=12, reason="in a name's place", **given)
    return RedactionReview.objects.create(
        redaction=found,
        utterance=spoken,
        conversation_id=spoken.conversation_id,
        because="uncertain",
        shape="aaaa",
        **given,
    )


def api(client: Client, row: RedactionReview, **asked: Any) -> Any:
    path = f"/api/v1/redaction-reviews/{row.pk}/decide/"
    return client.post(path, data=json.dumps(asked), content_type="application/json")


def test_shapes_show_nothing() -> None:
    assert shape_of("4111 Elm-Street") == "dddd Aaa-Aaaaa"
    assert shape_of("x" * 500) == "aaaa"


def test_surrogates_are_made_up_and_stay_the_same(finding: RedactionReview) -> None:
    first = surrogate_for("CREDIT_CARD", "", finding.pk)
    assert first == surrogate_for("CREDIT_CARD", "", finding.pk)
    assert first.startswith("4000 0000 0000 ")
    assert surrogate_for("LOYALTY_ID", "AA-dddd", finding.pk)[2] == "-"
    assert surrogate_for("NAME", "Aaaa", finding.pk).istitle()


def test_confirming_makes_an_example_with_a_made_up_value(
    northwind: Company, finding: RedactionReview
) -> None:
    answer = api(northwind.client("supervisor"), finding, decision="confirm")
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "confirmed"
    assert answer.json()["decided_by"]["name"] == "Supervisor"
    [example] = examples()
    [span] = example["spans"]
    assert example["not"] == []
    assert "[NAME]" not in example["text"]
    assert example["text"][: span["start"]] == "it is "
    assert example["text"][span["end"] :] == " wetherby from the mill"
    assert not reviews_open(northwind.people["supervisor"]).exists()


def test_a_false_alarm_is_noted_and_nothing_comes_back(northwind: Company, finding: RedactionReview) -> None:
    assert api(northwind.client("analyst"), finding, decision="false_alarm").json()["state"] == "false_alarm"
    assert Utterance.objects.get(pk=finding.utterance_id).text == TEXT
    [example] = examples()
    assert example["spans"] == []
    assert example["not"] == [{"start": 6, "end": 12, "type": "NAME"}]
    assert example["text"] == TEXT
    # Changing one's mind changes the example, too.
    assert api(northwind.client("analyst"), finding, decision="confirm").json()["state"] == "confirmed"
    assert [one["verdict"] for one in examples()] == ["confirmed"]


def test_hiding_more_confirms_and_teaches_what_was_missed(
    northwind: Company, finding: RedactionReview
) -> None:
    start = TEXT.index("wetherby")
    answer = api(
        northwind.client("supervisor"), finding, decision="more", start=start, end=start + 8, type="NAME"
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["text"] == "it is [NAME] [NAME] from the mill"
    missed = LabelledSpan.objects.get(verdict="missed")
    assert (missed.shape, missed.detector, missed.context) == ("aaaa", "person", answer.json()["text"])
    finding.refresh_from_db()
    assert finding.state == "confirmed"
    assert not any(
        "wetherby" in str(vars(one)) for one in LabelledSpan.objects.all() if one.verdict == "missed"
    )
    assert HiddenStretch.objects.count() == 1
    bad = api(northwind.client("supervisor"), finding, decision="more", start=0, end=2, type="NO_SUCH")
    assert bad.status_code == 400
    assert api(northwind.client("supervisor"), finding, decision="more").status_code == 400


def test_a_stretch_of_sound_is_silenced_by_hand(
    northwind: Company, finding: RedactionReview, own_folder: Any
) -> None:
    client = northwind.client("supervisor")
    asked = {"decision": "silence", "channel": 1, "start_ms": 5000, "end_ms": 6000}
    assert api(client, finding, **asked).status_code == 400  # there is no recording
    recording_make(finding.conversation, seconds=10)
    assert api(client, finding, **(asked | {"end_ms": 99_000})).status_code == 400
    assert api(client, finding, **asked).status_code == 200
    [one] = HiddenStretch.objects.all()
    assert (one.channel, one.start_ms, one.end_ms, one.found_in) == (1, 5000, 6000, "manual")
    assert one.asked_by == northwind.people["supervisor"]


def test_the_word_beside(finding: RedactionReview) -> None:
    turn = finding.utterance
    assert beside(turn, 6, 12, "before") == (3, 5)
    assert beside(turn, 6, 12, "after") == (13, 21)
    assert beside(turn, 6, 12, "turn") == (0, len(TEXT))
    turn.text = "[NAME]"
    assert [beside(turn, 0, 6, which) for which in ("before", "after", "turn")] == [None, None, None]


def test_the_page_goes_from_one_to_the_next(
    northwind: Company, finding: RedactionReview, make_conversation: Callable[..., Any]
) -> None:
    other = make_conversation(
        agent=northwind.people["agent"], lines=[("customer", "it is [NAME] <b>here</b>")]
    )
    newer = note(Utterance.objects.get(conversation=other))
    client = northwind.client("supervisor")
    client.get("/privacy/review/")
    with northwind.scope(), query_budget("privacy-review"):
        page = client.get("/privacy/review/").content.decode()
    assert "2 to look at" in page
    assert "in a name" in page
    assert "<b>here</b>" not in page
    assert f"/privacy/review/{finding.pk}/" in page
    path = f"/privacy/review/{newer.pk}/decide"
    answer = client.post(path, {"decision": "confirm", "next": str(finding.pk), "only_type": "NAME"})
    assert answer["Location"] == f"/privacy/review/{finding.pk}/?type=NAME"
    answer = client.post(
        f"/privacy/review/{finding.pk}/decide", {"decision": "more", "which": "after", "type": "NAME"}
    )
    assert answer["Location"] == f"/privacy/review/{finding.pk}/"
    assert "[NAME] [NAME]" in Utterance.objects.get(pk=finding.utterance_id).text
    assert "Nothing to look at" in client.get("/privacy/review/").content.decode()
    assert client.post(path, {"decision": "restore"}).status_code == 404


def test_examples_are_of_callers_who_let_their_words_teach(
    northwind: Company, finding: RedactionReview
) -> None:
    api(northwind.client("admin"), finding, decision="confirm")
    out = StringIO()
    call_command("redaction_examples", company=northwind.schema, stdout=out)
    assert [json.loads(line)["verdict"] for line in out.getvalue().splitlines()] == ["confirmed"]
    admin = northwind.client("admin")
    with query_budget("api-redaction-examples"):
        assert len(admin.get("/api/v1/redaction-examples/").json()["results"]) == 1
    ConsentRecord.objects.create(
        conversation=finding.conversation,
        purpose="train",
        state="refused",
        at=timezone.now(),
        source="api",
        at_ms=0,
    )
    assert list(examples()) == []
    assert northwind.client("admin").get("/api/v1/redaction-examples/").json()["results"] == []


def test_erased_words_take_their_examples_along(northwind: Company, finding: RedactionReview) -> None:
    api(northwind.client("admin"), finding, decision="confirm")
    erasure.words_erase(conversation_id=finding.conversation_id, reason="test")
    assert not LabelledSpan.objects.exists()


def test_the_report_counts_each_finding_once(
    northwind: Company, finding: RedactionReview, make_conversation: Callable[..., Any]
) -> None:
    api(northwind.client("admin"), finding, decision="false_alarm")
    late = make_conversation(lines=[("customer", "it is [NAME] here")])
    note(Utterance.objects.get(conversation=late), found_in="second", score=0.8)
    old = make_conversation(lines=[("customer", "it is [NAME] here")], at=timezone.now() - timedelta(days=40))
    note(Utterance.objects.get(conversation=old))
    RedactionCheck.objects.create(
        conversation=late, state="failed", attempts=8, last_error="ValueError at x.py:1"
    )
    found = report(days=7)
    assert (found.total.live, found.total.second, found.total.all) == (1, 1, 2)
    assert found.total.second_share == 0.5
    assert (found.total.reviewed, found.total.false_share) == (1, 1.0)
    assert [(row.type, row.detector) for row in found.detectors] == [("NAME", "sequence")]
    assert (found.checks.failed, found.open_reviews, len(found.troubles)) == (1, 1, 1)
    assert report(days=90).total.all == 3
    client = northwind.client("analyst")
    with query_budget("api-redaction-report"):
        answer = client.get("/api/v1/redaction-report/?days=7").json()
    assert answer["total"]["second_share"] == 0.5
    assert answer["types"][0]["type"] == "NAME"
    with northwind.scope(), query_budget("privacy-report"):
        page = client.get("/privacy/report/?days=7").content.decode()
    assert "could not be read a second time" in page
    assert "ValueError at x.py:1" in page
    lines = client.get("/privacy/report.csv?days=7").content.decode().splitlines()
    assert lines == [
        "type,detector,live,second,again,manual,confirmed,false_alarms",
        "NAME,sequence,1,1,0,0,0,1",
    ]
    with query_budget("api-redaction-reviews"):
        assert len(client.get("/api/v1/redaction-reviews/?state=open").json()["results"]) == 2


# --- History read again ---------------------------------------------------------------------------------


@pytest.fixture
def history(northwind: Company, make_conversation: Callable[..., Any]) -> list[Any]:
    """Three calls of a time in which web addresses were not hidden."""
    return [
        make_conversation(
            lines=[("customer", f"look at www.mill{number}.example.com please")],
            at=timezone.now() - timedelta(days=number),
        )
        for number in (3, 2, 1)
    ]


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RedactionConfig(enabled_types=frozenset({"URL"}), model=False)
    monkeypatch.setattr(again, "redaction_config", lambda: config)
    monkeypatch.setattr(second_pass, "config_for_speech", lambda: config)


def texts() -> list[str]:
    return list(Utterance.objects.order_by("conversation__announced_at").values_list("text", flat=True))


def test_history_is_read_again_in_slices_and_goes_on(history: list[Any], strict: None) -> None:
    run = run_start(actor=None, dispatch=False)
    assert run.total == 3
    with pytest.raises(Conflict):
        run_start(actor=None, dispatch=False)
    assert not run_step(run_id=run.pk, seconds=0, told=lambda: None)
    run.refresh_from_db()
    assert (run.state, run.done, run.found) == ("running", 1, 1)
    while not run_step(run_id=run.pk, seconds=0, told=lambda: None):
        pass
    run.refresh_from_db()
    assert (run.state, run.done, run.found, run.failed, run.is_open) == ("done", 3, 3, 0, False)
    assert texts() == ["look at [URL] please"] * 3
    assert set(Redaction.objects.values_list("found_in", flat=True)) == {"again"}
    # What was asked for is not looked at one by one.
    assert not RedactionReview.objects.exists()
    # Twice is once.
    second = run_start(actor=None, dispatch=False)
    assert run_step(run_id=second.pk, told=lambda: None)
    second.refresh_from_db()
    assert (second.done, second.found) == (3, 0)


def test_since_a_day_and_cancelled(history: list[Any], strict: None) -> None:
    run = run_start(actor=None, since=timezone.now() - timedelta(days=2, hours=1), dispatch=False)
    assert run.total == 2
    run_step(run_id=run.pk, seconds=0, told=lambda: None)
    run_cancel(run_id=run.pk, actor=None)
    assert run_step(run_id=run.pk, told=lambda: None)
    run.refresh_from_db()
    assert (run.state, run.done) == ("cancelled", 1)
    assert texts().count("look at [URL] please") == 1
    assert texts()[0] == "look at www.mill3.example.com please"


def test_one_that_cannot_be_read_does_not_stop_the_others(
    history: list[Any], strict: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = again.conversation_read

    def broken(conversation_id: Any, *, found_in: str) -> int:
        if conversation_id == history[1].pk:
            raise ValueError("www.mill2.example.com")
        return read(conversation_id, found_in=found_in)

    monkeypatch.setattr(again, "conversation_read", broken)
    run = run_start(actor=None, dispatch=False)
    assert run_step(run_id=run.pk, told=lambda: None)
    run.refresh_from_db()
    assert (run.state, run.done, run.failed, run.found) == ("done", 3, 1, 2)
    assert "ValueError" in run.last_error
    assert "mill2" not in run.last_error


def test_a_run_whose_worker_went_away_is_woken(history: list[Any], strict: None) -> None:
    run = run_start(actor=None, dispatch=False)
    assert runs_wake() == 0
    RedactionRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=3))
    assert runs_wake() == 1
    assert runs_wake() == 0


def test_the_command_and_the_page(world: World, history: list[Any], strict: None) -> None:
    company = world.northwind
    admin = company.client("admin")
    with company.scope(), query_budget("privacy-again"):
        page = admin.get("/privacy/again/").content.decode()
    assert "3 conversations were not read by the policy of now" in page
    out = StringIO()
    call_command("redact_again", company=company.schema, stdout=out)
    assert "done: 3 of 3 read, 3 found, 0 not read" in out.getvalue()
    assert "All conversations were read by the policy of now" in admin.get("/privacy/again/").content.decode()
    assert admin.post("/privacy/again/start", {"since": "no day"})["Location"] == "/privacy/again/"
    assert RedactionRun.objects.count() == 1
    assert admin.post("/privacy/again/start", {"since": ""})["Location"] == "/privacy/again/"
    [newest] = RedactionRun.objects.filter(is_open=True)
    assert newest.started_by == company.people["admin"]
    part = admin.get("/privacy/again/", headers={"HX-Request": "true"}).content.decode()
    assert "Under way" in part
    assert "<html" not in part
    answer = admin.post("/api/v1/redaction-runs/", data="{}", content_type="application/json")
    assert answer.status_code == 409
    with query_budget("api-redaction-runs"):
        assert len(admin.get("/api/v1/redaction-runs/").json()["results"]) == 2


def test_a_whole_run_settles_the_revision_that_asked_for_it(northwind: Company, history: list[Any]) -> None:
    stricter = RedactionPolicy.objects.create(revision=1, profile="strict", regions=["US"], tightens=True)
    assert needs_again() == stricter
    part = run_start(actor=None, since=timezone.now() - timedelta(days=1, hours=1), dispatch=False)
    assert run_step(run_id=part.pk, told=lambda: None)
    assert needs_again() == stricter  # only a part of history was read
    whole = run_start(actor=None, dispatch=False)
    assert run_step(run_id=whole.pk, told=lambda: None)
    assert needs_again() is None
