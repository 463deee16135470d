"""The second reading of a conversation that is over: what it finds, what it hides, what happens when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail

from coaching.models import Alert
from conversations import outbox
from conversations.models import (
    HiddenStretch,
    LabelledSpan,
    Note,
    OutboxJob,
    Redaction,
    RedactionCheck,
    RedactionReview,
    Summary,
    Utterance,
)
from conversations.redaction import second_pass
from conversations.redaction.second_pass import CHECKED, UNCHECKED, conversation_read, redaction_check
from engines.redaction.hindsight import Find, Line, RuleReader, together
from engines.redaction.redactor import RedactionConfig
from engines.redaction.text import Span
from tests.conftest import Company

CARD_PARTS = ["four one one one one one one one", "one one one one one one one one"]


def lines(*said: tuple[str, str]) -> list[Line]:
    return [Line(who, text, 5000 * n, 5000 * n + 4000) for n, (who, text) in enumerate(said)]


def found(*said: tuple[str, str], **config: Any) -> set[tuple[int, str, str]]:
    read = lines(*said)
    return {
        (one.line, read[one.line].text[one.span.start : one.span.end], one.span.type)
        for one in RuleReader().read(read, RedactionConfig(**config))
    }


def test_parts_of_a_card_that_only_together_pass_the_checksum() -> None:
    said = [
        ("customer", CARD_PARTS[0]),
        ("agent", "okay"),
        ("customer", f"then {CARD_PARTS[1]} and that is all"),
    ]
    hidden = found(*said)
    assert {(line, kind) for line, _words, kind in hidden} == {(0, "CREDIT_CARD"), (2, "CREDIT_CARD")}
    assert all(part in " ".join(words for _l, words, _k in hidden) for part in CARD_PARTS)


def test_what_it_was_is_said_afterwards() -> None:
    said = [("customer", "it is eight seven two four five"), ("agent", "so that was your account number")]
    assert (0, "eight seven two four five", "ACCOUNT_NUMBER") in found(*said)
    # A question for the next number says nothing of the last one.
    amount = [
        ("customer", "i paid 95 dollars"),
        ("agent", "thank you for that and your account number please"),
    ]
    assert not [one for one in found(*amount) if one[2] == "ACCOUNT_NUMBER"]


def test_a_question_that_was_recognised_after_its_answer() -> None:
    late = [
        Line("agent", "what is the security code on the back", 0, 3000),
        Line("customer", "three nine two", 3100, 4000),
    ]
    [one] = RuleReader().read(late, RedactionConfig())
    assert (one.line, one.span.type) == (1, "SECURITY_CODE")


def test_digits_beside_a_hidden_number() -> None:
    assert (1, "1111", "CREDIT_CARD") in found(("customer", "it is [CREDIT_CARD]"), ("customer", "1111"))
    assert not found(("customer", "it is [NAME]"), ("customer", "that is all"))


def test_a_value_whose_hash_stands_elsewhere() -> None:
    from engines.redaction.actions import Action, hashed

    key = b"k" * 32
    stands = hashed(key, "ORGANISATION", "wetherby mills")
    config = {
        "hash_key": key,
        "enabled_types": frozenset({"ORGANISATION"}),
        "actions": (("ORGANISATION", Action.HASH),),
        "model": False,
    }
    said = [("customer", "we at wetherby mills ordered"), ("agent", f"so [ORGANISATION #{stands}] is open")]
    assert (0, "wetherby mills", "ORGANISATION") in found(*said, **config)


def test_reading_again_finds_nothing_more() -> None:
    said = [("customer", f"my card is {' '.join(CARD_PARTS)}"), ("agent", "thank you")]
    read = lines(*said)
    for one in RuleReader().read(read, RedactionConfig()):
        line = read[one.line]
        text = line.text[: one.span.start] + f"[{one.span.type}]" + line.text[one.span.end :]
        read[one.line] = Line(line.speaker, text, line.start_ms, line.end_ms)
    assert RuleReader().read(read, RedactionConfig()) == []


def test_readers_that_disagree_are_noted() -> None:
    read = lines(("customer", "mills called"))
    one = Find(0, Span(0, 5, "NAME", 0.8, "a", "x"))
    other = Find(0, Span(0, 5, "ORGANISATION", 0.7, "b", "y"))
    assert [(each.span.type, each.disputed) for each in together(read, [one, other])] == [("NAME", True)]
    assert [each.disputed for each in together(read, [one, one])] == [False]


# --- What is hidden, and what follows -------------------------------------------------------------------


@pytest.fixture
def split_card(northwind: Company, make_conversation: Callable[..., Any]) -> Any:
    return make_conversation(
        agent=northwind.people["agent"],
        lines=[
            ("agent", "how can i help"),
            ("customer", f"it is {CARD_PARTS[0]}"),
            ("agent", "mm hmm"),
            ("customer", CARD_PARTS[1]),
        ],
    )


def jobs(event: str) -> list[str]:
    return sorted(OutboxJob.objects.filter(event=event).values_list("task", flat=True))


def test_what_is_found_goes_from_text_words_sound_and_notes(northwind: Company, split_card: Any) -> None:
    row = Utterance.objects.get(conversation=split_card, sequence=4)
    row.words = [[word, 15000 + 100 * n, 15100 + 100 * n, 0.9] for n, word in enumerate(row.text.split())]
    row.save()
    Note.objects.create(conversation=split_card, text=f"card ends {CARD_PARTS[1]} ok")
    redaction_check(split_card.pk)

    texts = list(Utterance.objects.filter(conversation=split_card).values_list("text", "words"))
    assert not [text for text, _words in texts if "one one" in text]
    assert texts[3] == ("[CREDIT_CARD]", [["[CREDIT_CARD]", 15000, 15800, 0.9]])
    hidden = HiddenStretch.objects.filter(conversation=split_card).order_by("start_ms")
    assert [(one.channel, one.found_in) for one in hidden] == [(1, "second"), (1, "second")]
    assert hidden[1].start_ms <= 14850 < 15950 <= hidden[1].end_ms <= 16300
    assert "one one" not in Note.objects.get(conversation=split_card).text
    assert {one.found_in for one in Redaction.objects.filter(utterance__conversation=split_card)} == {
        "second"
    }

    check = RedactionCheck.objects.get(conversation=split_card)
    assert (check.state, check.found, check.utterances, check.attempts) == ("done", 2, 4, 1)
    assert check.policy
    assert check.done_at is not None
    # One job for the sound, however many stretches there are.
    assert OutboxJob.objects.filter(task="recording.hide").count() == 1
    reviews = RedactionReview.objects.filter(conversation=split_card)
    assert {(one.type, one.because, one.state) for one in reviews} <= {
        ("CREDIT_CARD", "second", "open"),
        ("CREDIT_CARD", "disputed", "open"),
    }
    assert {one.shape for one in reviews} == {
        "aaaa aaa aaa aaa aaa aaa aaa aaa",
        "aaa aaa aaa aaa aaa aaa aaa aaa",
    }


def test_nothing_is_made_of_words_before_they_were_read(northwind: Company, split_card: Any) -> None:
    outbox.jobs_announce(event=outbox.ENDED, conversation_id=split_card.pk)
    first = jobs(outbox.ENDED)
    assert "redaction.check" in first
    assert not {"summary.write", "qa.score"} & set(first)
    assert jobs(CHECKED) == []
    assert outbox.job_execute(job_id=OutboxJob.objects.get(task="redaction.check").pk)
    assert jobs(CHECKED) == ["qa.score", "summary.write"]
    assert outbox.job_execute(job_id=OutboxJob.objects.get(task="summary.write").pk)
    assert Summary.objects.filter(conversation=split_card).exists()


def test_twice_is_once(northwind: Company, split_card: Any) -> None:
    redaction_check(split_card.pk)
    before = list(Utterance.objects.filter(conversation=split_card).values_list("text", "revision"))
    redaction_check(split_card.pk)
    assert conversation_read(split_card.pk, found_in=Redaction.Pass.AGAIN) == 0
    assert list(Utterance.objects.filter(conversation=split_card).values_list("text", "revision")) == before
    assert RedactionCheck.objects.get().attempts == 1
    assert OutboxJob.objects.filter(event=CHECKED).count() == 2


def test_a_close_call_of_the_live_way_comes_on_the_list(
    northwind: Company, make_conversation: Callable[..., Any]
) -> None:
    call = make_conversation(lines=[("customer", "i am [NAME] and [NAME] is here")])
    row = Utterance.objects.get(conversation=call)
    sure = {"utterance": row, "type": "NAME", "detector": "sequence", "reason": "x"}
    Redaction.objects.create(start=5, end=11, score=0.52, **sure)
    Redaction.objects.create(start=16, end=22, score=0.97, **sure)
    redaction_check(call.pk)
    [one] = RedactionReview.objects.all()
    assert (one.because, one.score, one.redaction.start) == ("uncertain", 0.52, 5)


class Broken:
    name = "broken"

    def read(self, lines: Any, config: Any) -> list[Find]:
        raise RuntimeError("it said four one one one")


def test_what_cannot_be_read_raises_an_alert_and_holds_the_summary_up(
    northwind: Company, split_card: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ON_CALL_EMAIL = ["duty@northwind.test"]
    monkeypatch.setattr(second_pass, "_READERS", [Broken()])
    outbox.jobs_announce(event=outbox.ENDED, conversation_id=split_card.pk)
    job = OutboxJob.objects.get(task="redaction.check")
    for attempt in range(1, outbox.MAX_ATTEMPTS + 1):
        assert not outbox.job_execute(job_id=job.pk)
        check = RedactionCheck.objects.get()
        assert check.attempts == attempt
        assert bool(check.alerted_at) == (attempt >= second_pass.ALERT_AFTER)
    assert check.state == RedactionCheck.State.FAILED
    assert "RuntimeError" in check.last_error
    assert "four" not in check.last_error
    assert jobs(CHECKED) == []
    assert jobs(UNCHECKED) == ["coaching.alert_unchecked", "redaction.on_call"]
    for one in OutboxJob.objects.filter(event=UNCHECKED):
        assert outbox.job_execute(job_id=one.pk)
    alert = Alert.objects.get(conversation=split_card)
    assert (alert.rule_key, alert.severity, alert.state) == ("redaction.check", "bad", "open")
    [letter] = mail.outbox
    assert letter.to == ["duty@northwind.test"]
    assert str(split_card.pk) in letter.body
    assert "one one" not in letter.body

    # Mended and started again by hand, it goes on as if nothing had been.
    monkeypatch.setattr(second_pass, "_READERS", [RuleReader()])
    OutboxJob.objects.filter(pk=job.pk).update(attempts=0)
    assert outbox.job_execute(job_id=job.pk)
    assert RedactionCheck.objects.get().state == RedactionCheck.State.DONE
    assert jobs(CHECKED) == ["qa.score", "summary.write"]


def test_a_check_that_its_worker_died_of_is_noticed(northwind: Company, split_card: Any) -> None:
    outbox.jobs_announce(event=outbox.ENDED, conversation_id=split_card.pk)
    assert second_pass.checks_given_up() == 0
    job = OutboxJob.objects.get(task="redaction.check")
    OutboxJob.objects.filter(pk=job.pk).update(attempts=outbox.MAX_ATTEMPTS)
    assert second_pass.checks_given_up() == 1
    assert second_pass.checks_given_up() == 0
    check = RedactionCheck.objects.get()
    assert (check.state, bool(check.alerted_at)) == ("failed", True)
    assert jobs(UNCHECKED) == ["coaching.alert_unchecked", "redaction.on_call"]


def test_a_live_call_is_left_alone(northwind: Company, make_conversation: Callable[..., Any]) -> None:
    call = make_conversation(state="live", lines=[("customer", f"card {' '.join(CARD_PARTS)}")])
    redaction_check(call.pk)
    assert not RedactionCheck.objects.exists()
    assert LabelledSpan.objects.count() == 0
