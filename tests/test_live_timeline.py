"""What happened to a call beside its sound, by call time: what is heard, what is kept, and why not."""

from __future__ import annotations

import pytest

from conversations.live.coverage import Coverage
from conversations.live.ending import Gap, account_of
from conversations.live.timeline import AgentChange, Missing, Timeline


def phase(name: str, at_ms: int) -> dict[str, object]:
    return {"kind": "phase", "phase": name, "at_ms": at_ms}


def test_a_call_of_which_nothing_is_said_is_heard_and_kept():
    timeline = Timeline()
    assert (timeline.unheard(0), timeline.unrecorded(5_000)) == ("", "")


def test_menus_and_hold_are_not_heard_and_talk_is():
    timeline = Timeline()
    for mark in (
        phase("ivr", 0),
        phase("connected", 4_000),
        phase("hold", 9_000),
        phase("connected", 12_000),
    ):
        timeline.add(mark)
    heard = [timeline.unheard(at) for at in (0, 3_999, 4_000, 8_999, 9_000, 11_999, 12_000)]
    assert heard == ["ivr", "ivr", "", "", "hold", "hold", ""]
    # What is not transcribed cannot be redacted, so that it is not kept either.
    assert timeline.unrecorded(10_000) == "hold"


def test_a_company_may_ask_for_more():
    timeline = Timeline({"connected", "hold"})
    timeline.add(phase("hold", 0))
    assert timeline.unheard(10) == ""


def test_marks_count_by_their_time_whatever_their_order():
    timeline = Timeline()
    timeline.add(phase("connected", 5_000))
    timeline.add(phase("hold", 2_000))
    assert [timeline.unheard(at) for at in (2_000, 5_000)] == ["hold", ""]


def test_the_last_words_of_a_call_that_ended_are_heard():
    timeline = Timeline()
    timeline.add(phase("ended", 3_000))
    assert timeline.has_ended
    assert timeline.unheard(3_100) == ""


@pytest.mark.parametrize(
    ("purpose", "heard", "kept"), [("assist", "no consent", "no consent"), ("record", "", "no consent")]
)
def test_consent_that_is_withdrawn_counts_from_then(purpose, heard, kept):
    timeline = Timeline()
    timeline.add({"kind": "consent", "purpose": purpose, "allowed": False, "at_ms": 1_000})
    assert (timeline.unheard(999), timeline.unrecorded(999)) == ("", "")
    assert (timeline.unheard(1_000), timeline.unrecorded(1_000)) == (heard, kept)


def test_an_agent_is_given_back_and_a_gap_counts_once():
    timeline = Timeline()
    change = timeline.add({"kind": "agent", "agent_id": "a", "team_id": None, "at_ms": 7})
    assert change == AgentChange(7, "a", None)
    gap = {"kind": "gap", "from_ms": 100, "to_ms": 300, "cause": "discarded"}
    assert timeline.add(gap) is None
    timeline.add(gap)
    assert timeline.missing == [Missing(100, 300, "discarded")]


def test_every_millisecond_is_accounted_for():
    account = account_of(
        reason="stop",
        received_ms=10_000,
        coverage=[Coverage([(0, 10_000)]), Coverage([(0, 8_000)])],
        unheard={"hold": Coverage([(2_000, 5_000)])},
        recorded_ms=10_000,
        lost=[[6_000, 6_100]],
        missing=[Missing(7_000, 7_200, "discarded")],
    )
    assert account.transcribed_ms == [7_000, 5_000]
    assert set(account.gaps) == {
        *(Gap(channel, 2_000, 5_000, "hold") for channel in (0, 1)),
        *(Gap(channel, 6_000, 6_100, "audio lost") for channel in (0, 1)),
        *(Gap(channel, 7_000, 7_200, "discarded") for channel in (0, 1)),
        Gap(1, 8_000, 10_000, "not transcribed"),
    }
