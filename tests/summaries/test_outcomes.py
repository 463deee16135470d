"""What becomes of summaries: figures, evaluation cases, the summary so far, webhooks, hand-overs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.cache import cache

from accounts.errors import Conflict
from conversations import retention
from conversations.erasure import words_erase
from conversations.live_summary import live_summary
from conversations.models import Conversation, OutboxJob, Summary, SummaryCase, SummarySettings
from conversations.outbox import job_execute
from conversations.services import event_append
from conversations.summaries import (
    summary_confirm,
    summary_edit,
    summary_line_add,
    summary_line_remove,
    summary_write,
)
from conversations.summary_case_words import summary_case_change
from conversations.summary_cases import summary_case_feed, summary_case_make
from conversations.summary_figures import summary_figures
from conversations.summary_writing import brief_drafted
from engines.language.summary.writing import SUMMARY, Written
from providers.models import EvaluationCase
from tests.budgets import query_budget
from tests.conftest import Company
from tests.language.asked import server_of
from tests.peers.chat import ChatServer as Peer
from tests.peers.chat import say


def worked_on(company: Company, summary: Summary) -> None:
    """Edit one line, leave one out, add one, confirm."""
    agent = company.people["agent"]
    reason, done = summary.lines.get(section="reason"), summary.lines.filter(section="done")[0]
    summary_edit(line=reason, user=agent, text="I have been charged forty nine dollars three times.")
    summary_line_remove(line=done, user=agent)
    summary_line_add(summary=summary, user=agent, section="outcome", text="Customer is content")
    summary_confirm(summary=summary, user=agent)


def test_what_the_agent_makes_of_the_lines_is_counted(company: Company, summary: Summary) -> None:
    offered = summary.lines.count()
    worked_on(company, summary)
    row = Summary.objects.get()
    assert (row.offered, row.edited, row.left_out, row.added) == (offered, 1, 1, 1)
    assert row.accepted == offered - 2
    # One line left out counts as 1; of the edited one 5 of 12 words are others.
    assert row.distance == pytest.approx((1 + 5 / 12) / offered)
    (figure,) = summary_figures(user=company.people["supervisor"], days=7)
    assert (figure.summaries, figure.confirmed, figure.origin) == (1, 1, "extractive")
    assert figure.accepted_share == pytest.approx((offered - 2) / offered, abs=0.001)
    assert figure.unsupported_rate is None
    assert summary_figures(user=company.people["other_supervisor"], days=7) == []


def test_what_nobody_confirmed_counts_for_no_share(company: Company, summary: Summary) -> None:
    (figure,) = summary_figures(user=company.people["admin"], days=7)
    assert (figure.summaries, figure.confirmed, figure.accepted_share, figure.edit_distance) == (
        1,
        0,
        None,
        None,
    )


def test_coverage_is_of_utterances_in_which_a_moment_was_heard(
    company: Company, ended: Callable[..., Conversation]
) -> None:
    from tests.live_events import moment

    call = ended()
    said = list(call.utterances.order_by("sequence"))
    moment(call, said[1], "charged")
    moment(call, said[0], "thank you")
    row = summary_write(conversation_id=call.pk)
    assert row is not None
    row.refresh_from_db()
    assert (row.moments, row.covered) == (2, 1)
    (figure,) = summary_figures(user=company.people["admin"], days=7)
    assert figure.coverage == 0.5


def test_page_and_api_show_the_figures(company: Company, summary: Summary) -> None:
    worked_on(company, summary)
    client = company.client("supervisor")
    with query_budget("summary-figures"):
        page = client.get("/summaries/?days=7").content.decode()
    assert "Of the house" in page and "from the transcript" in page
    with query_budget("api-summary-figures"):
        (row,) = client.get("/api/v1/summary-figures/?days=7").json()
    assert (row["summaries"], row["edited"], row["left_out"], row["added"]) == (1, 1, 1, 1)
    assert client.get("/api/v1/summary-figures/?days=8").status_code == 400


# --- Evaluation cases -----------------------------------------------------------------------------------


def test_a_confirmed_summary_becomes_a_case_of_the_evaluation_set(company: Company, summary: Summary) -> None:
    with pytest.raises(Conflict):
        summary_case_make(summary=summary, actor=None)
    worked_on(company, summary)
    client = company.client("supervisor")
    made = client.post(f"/api/v1/summaries/{summary.pk}/evaluation-case/")
    assert made.status_code == 201, made.json()
    case = EvaluationCase.objects.get(pk=made.json()["case"])
    assert (case.task, case.active, made.json()["active"]) == ("summary", False, False)
    assert "2 customer: i have been charged" in case.variables["turns"]
    wanted = case.expectation["sections"]
    assert wanted["reason"] == ["I have been charged forty nine dollars three times."]
    assert wanted["done"] == [] and "Customer is content" in wanted["outcome"]
    good = Written.model_validate(
        {
            "lines": [
                {"section": key, "text": text, "turns": [1]}
                for key, texts in wanted.items()
                for text in texts
            ]
        }
    )
    assert SUMMARY.grade is not None
    assert SUMMARY.grade(good, case.expectation) == 1.0
    assert SUMMARY.grade(Written(lines=[]), case.expectation) < 0.5
    client.post(f"/conversations/{summary.conversation_id}/summary-case")
    assert EvaluationCase.objects.count() == SummaryCase.objects.count() == 1


def test_what_an_agent_corrects_becomes_a_draft_by_itself(
    company: Company, ended: Callable[..., Conversation]
) -> None:
    def corrected() -> Summary:
        row = summary_write(conversation_id=ended().pk)
        assert row is not None
        worked_on(company, row)
        return row

    first = corrected()
    job = OutboxJob.objects.get(task="summary.case")
    assert job_execute(job_id=job.pk)
    case = EvaluationCase.objects.get()
    assert (case.source, case.active, case.summary_case.conversation_id) == (
        "edits",
        False,
        first.conversation_id,
    )
    assert case.expectation["sections"]["reason"] == ["I have been charged forty nine dollars three times."]
    (row,) = company.client("admin").get("/api/v1/language-cases/?source=edits").json()["results"]
    assert (row["id"], row["source"]) == (str(case.pk), "edits")
    # Not again, and not the same words twice.
    summary_case_feed(first.conversation_id)
    other = corrected()
    summary_case_feed(other.conversation_id)
    assert list(EvaluationCase.objects.all()) == [case]

    # The oldest draft makes room for a new one; what is in use does not.
    settings = SummarySettings.objects.create(edits="use", cases_most=1)
    other.conversation.utterances.filter(sequence=2).update(text="nothing works any more")
    summary_case_feed(other.conversation_id)
    newer = EvaluationCase.objects.get()
    assert newer.active and newer.summary_case.conversation_id == other.conversation_id
    summary_case_feed(first.conversation_id)
    assert EvaluationCase.objects.get() == newer

    settings.edits = "off"
    settings.save()
    EvaluationCase.objects.all().delete()
    summary_case_feed(first.conversation_id)
    assert not EvaluationCase.objects.exists()


def test_what_nobody_corrected_is_no_case(company: Company, summary: Summary) -> None:
    summary_confirm(summary=summary, user=company.people["agent"])
    assert not OutboxJob.objects.filter(task="summary.case").exists()


def test_what_is_hidden_or_erased_later_reaches_the_case(company: Company, summary: Summary) -> None:
    worked_on(company, summary)
    summary_case_make(summary=Summary.objects.get(), actor=None)
    summary_case_change(summary.conversation_id, lambda text: text.replace("internet", "[HIDDEN]"))
    case = EvaluationCase.objects.get()
    assert "internet" not in str(case.variables) + str(case.expectation)
    assert "[HIDDEN]" in case.variables["turns"]
    words_erase(conversation_id=summary.conversation_id, reason="test")
    assert not EvaluationCase.objects.exists() and not SummaryCase.objects.exists()


def test_a_conversation_that_goes_as_a_whole_takes_its_case_along(company: Company, summary: Summary) -> None:
    worked_on(company, summary)
    summary_case_make(summary=Summary.objects.get(), actor=None)
    retention._WORK["metadata"](summary.conversation_id)
    assert not Conversation.objects.exists()
    assert not EvaluationCase.objects.exists()


def test_what_is_hidden_by_hand_is_hidden_in_the_case(company: Company, summary: Summary) -> None:
    from conversations.hiding import words_hide

    worked_on(company, summary)
    summary_case_make(summary=Summary.objects.get(), actor=None)
    said = summary.conversation.utterances.get(sequence=2)
    start = said.text.index("internet")
    words_hide(
        utterance_id=said.pk,
        start=start,
        end=start + len("internet"),
        type_name="NAME",
        actor=company.people["supervisor"],
    )
    case = EvaluationCase.objects.get()
    assert "internet" not in case.variables["turns"] and "[NAME]" in case.variables["turns"]


# --- So far ---------------------------------------------------------------------------------------------


def test_the_summary_so_far_is_reckoned_when_it_is_asked_for_and_kept_by_the_head(
    company: Company, ended: Callable[..., Conversation], django_assert_num_queries: Any
) -> None:
    cache.clear()
    call = ended(state="live")
    client = company.client("supervisor")
    with query_budget("api-live-summary"):
        shown = client.get(f"/api/v1/conversations/{call.pk}/live-summary/").json()
    assert (shown["way"], shown["fault"]) == ("extractive", "")
    assert [one["section"] for one in shown["lines"]][:2] == ["reason", "done"]
    assert all(one["evidence"] and one["at_ms"] is not None for one in shown["lines"])
    with django_assert_num_queries(2):
        again = live_summary(call)
    assert again["lines"] == shown["lines"]
    call.utterances.filter(sequence=3).update(text="i have cancelled your contract")
    from django.db import transaction

    with transaction.atomic():
        said = call.utterances.get(sequence=3)
        event_append(conversation_id=call.pk, kind="utterance", row=said)
    assert "I have cancelled your contract." in [one["text"] for one in live_summary(call)["lines"]]
    page = client.get(f"/conversations/{call.pk}/").content.decode()
    assert "I have cancelled your contract." in page and "so far" in page


def test_a_model_writes_it_only_when_asked(
    company: Company, peer: Peer, ended: Callable[..., Conversation]
) -> None:
    cache.clear()
    server_of(peer)
    call = ended(state="live")
    client = company.client("supervisor")
    address = f"/api/v1/conversations/{call.pk}/live-summary/"
    assert client.get(address).json()["way"] == "extractive" and peer.requests == []
    reason = {
        "section": "reason",
        "text": "Customer was charged $49 twice for their internet bill.",
        "turns": [2],
    }
    false = {"section": "done", "text": "Agent gave a discount.", "turns": [3]}
    peer.script.append(say({"lines": [reason, false]}))
    shown = client.get(f"{address}?by=model").json()
    assert (shown["way"], shown["model"], shown["dropped"]) == ("model", "ours-8b", 1)
    assert [one["text"] for one in shown["lines"]] == [reason["text"]]
    assert client.get(f"{address}?by=model").json() == shown and len(peer.requests) == 1
    cache.clear()
    peer.script.append("500")
    other = ended(state="live", lines=[("customer", "i want to cancel my contract")])
    failed = client.get(f"/api/v1/conversations/{other.pk}/live-summary/?by=model").json()
    assert failed["way"] == "extractive" and failed["fault"] and failed["lines"]


def test_who_takes_a_call_over_reads_its_first_lines(ended: Callable[..., Conversation]) -> None:
    brief = brief_drafted(ended(state="live"), most=3)
    assert len(brief) == 3 and brief[0]["section"] == "reason"
    assert all(set(one) == {"section", "text", "evidence"} and one["evidence"] for one in brief)


def test_a_promise_edited_has_its_day_anew(company: Company, ended: Callable[..., Conversation]) -> None:
    from datetime import UTC, datetime

    row = summary_write(conversation_id=ended(at=datetime(2026, 11, 23, 12, tzinfo=UTC)).pk)
    assert row is not None
    line = row.lines.get(section="promises")
    assert (line.who, line.due_on) == ("agent", date(2026, 11, 27))
    changed = summary_edit(line=line, user=company.people["agent"], text="We will send a letter tomorrow")
    assert changed.due_on == date(2026, 11, 24)
