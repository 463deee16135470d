"""Summaries: the conversation's own words in the right section, each with its utterances, or nothing."""

import json
import re
from pathlib import Path

import pytest

from engines.language import Line, summarise, supported
from engines.language.clauses import MAX_QUOTE, clauses_of
from engines.language.summary import MAX_LINES
from engines.rules import Heard, MomentEngine, MomentSpec

SCRIPTS = [
    path
    for path in sorted((Path(__file__).parents[2] / "demo" / "calls").glob("*.json"))
    if not path.name.endswith(".times.json")
]

REFUND = """
a thank you for calling my name is robert how can i help you today
c hi uh my name is [NAME] and i have been charged twice for my internet bill this month
a okay i am sorry to hear that can i have your phone number please
c yes it is [PHONE_NUMBER]
a thank you let me check that for you one moment please
a alright i can see two payments of forty nine dollars
c yeah and that is really annoying
a i have refunded the second payment to your card ending in [CREDIT_CARD]
a you will receive it within five business days
c okay that works for me thank you so much for your help
a is there anything else i can help you with today
c no that is all
a have a great day
c bye bye
"""

CANCEL = """
a Good morning, this is Acme. How can I help?
c Good morning. I want to cancel my service. The connection keeps dropping every evening.
a I'm sorry about that. Would you stay if I fixed the price?
c I don't know. Will it be cheaper?
a I can offer you twenty percent off for six months.
c That sounds good. I'll stay with you then.
a I've applied the discount to your account. I'll send you a confirmation by e-mail today.
a Our technician will call you tomorrow between nine and ten.
c Perfect, thank you.
"""


def dialogue(text):
    lines = []
    for number, line in enumerate(text.strip().splitlines()):
        speaker = {"a": "agent", "c": "customer"}[line[0]]
        start = number * 5_000
        lines.append(Line(number + 1, speaker, start, start + 3_000, line[2:]))
    return lines


def told(lines, section, **more):
    return [line.text for line in summarise(lines, **more).section(section)]


def assert_sound(lines):
    """Assert what holds of every summary: quotes of what is cited, in bounds, nothing twice."""
    draft = summarise(lines)
    said = {line.sequence: line.text for line in lines}
    assert draft.origin == "extractive"
    for line in draft.lines:
        cited = [said[sequence] for sequence in line.evidence]
        assert line.evidence == tuple(sorted(line.evidence))
        assert line.evidence
        assert supported(line.text, cited)
        plain = re.sub(r"[^\w\[\]]+", " ", line.text.rstrip("…")).strip().casefold()
        assert plain in re.sub(r"[^\w\[\]]+", " ", " ".join(cited)).casefold()
        assert len(line.text) <= MAX_QUOTE
        assert line.text[0] == line.text[0].upper()
    assert len({line.text for line in draft.lines}) == len(draft.lines)
    for section in ("reason", "done", "outcome", "next_steps"):
        assert len(draft.section(section)) <= MAX_LINES
    return draft


def test_a_call_without_punctuation():
    lines = dialogue(REFUND)
    assert_sound(lines)
    assert told(lines, "reason") == ["I have been charged twice for my internet bill this month."]
    assert (
        told(lines, "done")[-1] == "I have refunded the second payment to your card ending in [CREDIT_CARD]."
    )
    assert told(lines, "next_steps") == ["You will receive it within five business days."]
    assert "That works for me." in told(lines, "outcome")


def test_a_call_with_punctuation():
    lines = dialogue(CANCEL)
    assert_sound(lines)
    assert told(lines, "reason") == [
        "I want to cancel my service.",
        "The connection keeps dropping every evening.",
    ]
    assert "I've applied the discount to your account." in told(lines, "done")
    assert "I'll stay with you then." in told(lines, "outcome")
    assert told(lines, "next_steps") == [
        "I'll send you a confirmation by e-mail today.",
        "Our technician will call you tomorrow between nine and ten.",
    ]


def test_the_evidence_names_the_utterances():
    draft = summarise(dialogue(REFUND))
    assert [line.evidence for line in draft.section("reason")] == [(2,)]
    assert [line.evidence for line in draft.section("next_steps")] == [(9,)]


def test_a_sentence_cut_by_a_pause_is_joined_and_cites_both_utterances():
    lines = [
        Line(1, "customer", 0, 1_500, "so i want to"),
        Line(2, "customer", 2_000, 4_000, "cancel my contract"),
        Line(3, "agent", 5_000, 6_000, "okay"),
    ]
    (line,) = assert_sound(lines).section("reason")
    assert (line.text, line.evidence) == ("I want to cancel my contract.", (1, 2))


def test_a_sentence_cut_by_the_other_speaker_or_a_long_pause_is_not_joined():
    lines = [
        Line(1, "customer", 0, 1_500, "so i want to"),
        Line(2, "customer", 60_000, 62_000, "cancel my contract"),
    ]
    assert all(len(line.evidence) == 1 for line in assert_sound(lines).lines)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a hello\nc hi\na okay\nc bye",
        "a how can i help you today\nc uh\na are you there\nc mm hmm",
        "c hello\na hi\nc did you say i will stay with you\nc will i still want to cancel then",
        "a have you refunded it\na did i send the letter\na will you receive it tomorrow",
        "c [noise]\nc [laughter]\na ...",
        "a let me check that\na i will just have a look\na one moment please",
    ],
)
def test_where_nothing_fits_nothing_is_said(text):
    assert summarise(dialogue(text)).lines == ()


def test_what_was_not_done_is_not_told_as_done():
    lines = dialogue("c i want to cancel my plan\na i have not cancelled it\na i can't apply the discount")
    assert told(lines, "done") == []


def test_a_condition_stays_with_its_consequence():
    lines = dialogue("c hello there\nc if the price does not go down i am going to cancel my account")
    (text,) = told(lines, "reason")
    assert text == "If the price does not go down I am going to cancel my account."


def test_a_reason_without_a_cue_is_the_customers_first_statement():
    lines = dialogue(
        "a how can i help\nc hello\nc the router in our office shows a red light since monday\n"
        "a okay\nc yes it does\na right so it is red\nc it is red\na fine"
    )
    assert told(lines, "reason") == ["The router in our office shows a red light since monday."]


def test_a_long_sentence_is_cut_behind_a_word():
    lines = dialogue("c i want to cancel " + "the contract and everything about it " * 8)
    (text,) = told(lines, "reason")
    assert len(text) <= MAX_QUOTE
    assert text.endswith("…")
    assert text.rstrip("…").split()[-1] in {"the", "contract", "and", "everything", "about", "it"}


def test_moments_lift_what_they_were_found_in():
    wishes = ("see the map", "read a letter", "move house", "print forms", "pause my plan")
    texts = [f"i want to {wish}" for wish in wishes]
    lines = [
        Line(number, "customer", number * 9_000, number * 9_000 + 1, text)
        for number, text in enumerate(texts)
    ]
    engine = MomentEngine([MomentSpec("pause", "Pause", "r", "phrase", "customer", ("pause",))])
    moments = [one for line in lines for one in engine.hear(Heard(*vars_of(line)))]
    assert "I want to pause my plan." not in told(lines, "reason")
    assert "I want to pause my plan." in told(lines, "reason", moments=moments)


def vars_of(line):
    return line.sequence, line.speaker, line.start_ms, line.end_ms, line.text


def test_the_same_conversation_gives_the_same_summary_in_any_order_of_its_rows():
    lines = dialogue(REFUND)
    assert summarise(lines) == summarise(lines[::-1])


def test_questions_are_known_without_their_mark():
    clauses = clauses_of(
        dialogue("a okay so can you read me the number\nc i can do that\na what is your name")
    )
    assert [clause.question for clause in clauses] == [True, False, True]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("bare", [False, True], ids=["written", "as heard"])
def test_the_demo_calls_give_a_full_summary(path, bare):
    script = json.loads(path.read_text())
    lines = []
    for number, one in enumerate(script["lines"]):
        text = re.sub(r"[.,?!]", "", one["text"]).lower() if bare else one["text"]
        lines.append(Line(number, one["speaker"], number * 6_000, number * 6_000 + 5_000, text))
    draft = assert_sound(lines)
    for section in ("reason", "done", "outcome", "next_steps"):
        assert draft.section(section), f"nothing under {section}"


@pytest.mark.parametrize(
    ("line", "texts", "expected"),
    [
        ("I have refunded the payment.", ["okay i have refunded the second payment today"], True),
        ("The customer asked for a refund.", ["i want you to refund it"], True),
        ("The agent refunded 49 dollars.", ["i have refunded 39 dollars"], False),
        (
            "I refunded the second payment of 49 dollars",
            ["i refunded the second payment of 39 dollars"],
            False,
        ),
        ("The agent cancelled the insurance.", ["i have refunded the payment"], False),
        (
            "Cancelled the plan, booked a technician.",
            ["i cancelled the plan", "a technician is booked"],
            True,
        ),
        ("The customer called.", ["anything"], False),
        ("", ["anything"], False),
        ("Refund.", [], False),
    ],
)
def test_a_line_is_supported_by_what_was_said_or_not(line, texts, expected):
    assert supported(line, texts) is expected


def test_a_recording_notice_is_no_next_step() -> None:
    """ "Please note that this call is recorded" names a call, and asks nobody to make one."""
    draft = summarise(
        [
            Line(1, "agent", 0, 5000, "my name is [NAME] please note that this call is being recorded today"),
            Line(2, "customer", 6000, 9000, "my internet has been down since monday"),
            Line(3, "agent", 10000, 14000, "please return the old router within ten days"),
        ]
    )
    assert [line.evidence for line in draft.section("next_steps")] == [(3,)]
