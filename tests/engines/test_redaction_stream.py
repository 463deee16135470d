"""What a conversation gives away: numbers over several turns, partials, times, and state."""

from __future__ import annotations

import json

import pytest

from engines.redaction.redactor import RedactionConfig
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.redaction.vocabulary import PROFILES
from engines.speech.types import HeardWord
from tests.engines.redaction_calls import RULES, Call, leaks

STRICT = RedactionConfig(enabled_types=PROFILES["strict"])


def test_what_the_agent_asked_for_names_the_digits() -> None:
    call = Call()
    assert call.agent("can i take the long number on the front of the card") == (
        "can i take the long number on the front of the card"
    )
    assert call.customer("um sure it's four one") == "um sure it's [CREDIT_CARD]"
    assert call.agent("mm hmm") == "mm hmm"
    assert call.customer("oh") == "[CREDIT_CARD]"
    assert call.customer("let me see one") == "let me see [CREDIT_CARD]"
    assert call.agent("one one go on") == "[CREDIT_CARD] go on"
    assert call.customer("for") == "[CREDIT_CARD]"
    assert call.agent("one moment please") == "one moment please"
    assert call.agent("that'll be forty eight pounds") == "that'll be forty eight pounds"


@pytest.mark.parametrize(
    ("question", "type_name"),
    [
        ("what's the best number to reach you on", "PHONE"),
        ("and the security code on the back", "SECURITY_CODE"),
        ("can i have your account number", "ACCOUNT_NUMBER"),
        ("your social security number please", "SSN"),
        ("could you give me the order number", "ORDER_NUMBER"),
        ("and your date of birth", "DATE_OF_BIRTH"),
        ("and the expiry date please", "CREDIT_CARD"),
    ],
)
def test_the_question_gives_the_type(question: str, type_name: str) -> None:
    call = Call()
    call.agent(question)
    assert call.customer("yes it's four two") == f"yes it's [{type_name}]"


def test_without_a_question_the_rest_of_a_number_follows_its_beginning() -> None:
    call = Call()
    assert call.customer("right so four") == "right so [NUMBER]"
    assert call.agent("mm hmm") == "mm hmm"
    assert call.customer("one one") == "[NUMBER]"
    assert call.customer("um and seven please") == "um and [NUMBER] please"


def test_a_turn_that_is_nothing_but_a_year_may_begin_a_number() -> None:
    assert Call().customer("sorry 1956") == "sorry [NUMBER]"
    assert Call().customer("since 1956") == "since 1956"
    assert Call().agent("1956") == "1956"


def test_an_agents_number_stays_where_nothing_is_being_given() -> None:
    call = Call()
    assert call.agent("i can offer you two") == "i can offer you two"
    assert call.customer("i have three kids") == "i have three kids"
    assert call.agent("okay three") == "okay three"


def test_the_question_is_forgotten_after_its_time_and_its_turns() -> None:
    late = Call()
    late.agent("what is the card number")
    late.now_ms += 60_000
    assert late.customer("i bought four of them") == "i bought four of them"

    many = Call()
    many.agent("what is the card number")
    for _ in range(6):
        many.customer("i am still looking around for my purse")
    assert many.customer("i bought four of them") == "i bought four of them"

    backchannels = Call()
    backchannels.agent("what is the card number")
    for _ in range(12):
        backchannels.agent("okay")
    assert backchannels.customer("i have four here") == "i have [CREDIT_CARD] here"


def test_a_complete_number_lets_quantities_through_again() -> None:
    call = Call()
    call.agent("what is the card number")
    call.customer("four one one one one one one one one one one one one one one one")
    assert call.customer("and i have two kids in there") == "and i have two kids in there"
    assert call.agent("one one okay") == "[CREDIT_CARD] okay"


def test_a_read_back_does_not_complete_the_number() -> None:
    call = Call()
    call.agent("what is the card number")
    for _ in range(3):
        call.customer("four one one one")
        call.agent("four one one one")
    assert call.customer("and then i see one here") == "and then i see [CREDIT_CARD] here"


def test_a_name_that_was_asked_for() -> None:
    call = Call()
    call.agent("can i take your name please")
    assert call.customer("sure it's john smith") == "sure it's [NAME]"
    assert call.customer("brilliant service") == "brilliant service"
    call.agent("who am i speaking with")
    assert call.customer("why do you need that") == "why do you need that"


def test_a_partial_hides_what_may_still_become_a_finding() -> None:
    call = Call()
    partial = call.redactor.redact_partial
    assert partial("customer", RawText("i have two")).text == "i have [NUMBER]"
    assert partial("customer", RawText("i have two kids")).text == "i have two kids"
    assert partial("customer", RawText("oh")).text == ""
    assert partial("customer", RawText("this is john")).text == "this is [NAME]"
    call.agent("and your email address")
    assert partial("customer", RawText("sure it's john smith")).text == "sure it's [EMAIL]"
    assert call.customer("sure it's john smith at gmail dot com") == "sure it's [EMAIL]"


def test_a_partial_shows_nothing_after_a_number() -> None:
    """As recognised from a card and a phone number that were read aloud; the finals were right."""
    call = Call()
    partial = call.redactor.redact_partial
    call.agent("can you please read me the number of the credit card")
    for heard in (
        "five one zero fight",
        "five one zero fight one's a",
        "five ones",
        "five one zero five will",
    ):
        shown = partial("customer", RawText(f"yes my card number is {heard}")).text
        assert shown == "yes my card number is [CREDIT_CARD]"
    call = Call()
    partial = call.redactor.redact_partial
    for heard in ("seven one day", "seven one eight fight fight fight little one", "seven one eight like my"):
        shown = partial("customer", RawText(f"my name is andrew miller the phone number is {heard}")).text
        assert shown == "my name is [NAME] the phone number is [PHONE]"
    assert call.customer("i have two kids and one day off") == "i have two kids and one day off"


def test_a_partial_changes_no_state() -> None:
    call = Call()
    call.agent("what is the card number")
    before = call.redactor.state()
    call.redactor.redact_partial("customer", RawText("my phone number is four one one"))
    assert call.redactor.state() == before


def test_words_of_a_finding_become_one_and_are_beeped() -> None:
    final = Call().say("customer", "so it's four one one one okay then")
    assert [word.text for word in final.words] == ["so", "it's", "[NUMBER]", "okay", "then"]
    hidden = final.words[2]
    assert (hidden.start_ms, hidden.end_ms, hidden.confidence) == (600, 1800, 0.9)
    assert final.audio_intervals == ((450, 1950),)


def test_beeps_that_touch_are_one_and_none_begins_before_the_call() -> None:
    final = Call().say("customer", "4111 okay yes a@b.com now four one one one")
    assert final.audio_intervals == ((0, 450), (750, 2850))


def test_without_word_times_the_whole_utterance_is_beeped() -> None:
    redactor = StreamRedactor(RULES)
    bare = redactor.redact_final("customer", RawText("it's four one one one"), (), 5000, 7000)
    assert bare.redacted.text == "it's [NUMBER]" and bare.words == ()
    assert bare.audio_intervals == ((4850, 7150),)
    untimed = [HeardWord(RawText(word), 0, 0, 0.5) for word in ["it's", "four", "one", "one", "one"]]
    final = StreamRedactor(RULES).redact_final(
        "customer", RawText("it's four one one one"), untimed, 5000, 7000
    )
    assert final.audio_intervals == ((4850, 7150),)
    assert StreamRedactor(RULES).redact_final("customer", RawText("hello"), (), 0, 900).audio_intervals == ()


def test_words_that_differ_from_the_text_are_redacted_by_themselves() -> None:
    heard = [
        HeardWord(RawText(word), 300 * i, 300 * i + 300, 0.9)
        for i, word in enumerate(["it's", "four", "one", "one", "one"])
    ]
    final = StreamRedactor(RULES).redact_final("customer", RawText("It's 4111."), heard, 0, 1500)
    assert final.redacted.text == "It's [NUMBER]."
    assert [word.text for word in final.words] == ["it's", "[NUMBER]"]
    assert final.audio_intervals == ((150, 1650),)

    lost = StreamRedactor(RULES).redact_final("customer", RawText("It's for her."), heard, 0, 1500)
    assert not leaks(lost.redacted.text + " ".join(word.text for word in lost.words))
    assert lost.redacted.spans and lost.audio_intervals == ((0, 1650),)


def test_state_is_json_and_going_on_from_it_changes_nothing() -> None:
    turns = [
        ("agent", "what is the card number"),
        ("customer", "four one"),
        ("agent", "four one go on"),
        ("customer", "i need my glasses for that"),
        ("customer", "one one one one seven"),
        ("agent", "and your name please"),
        ("customer", "john smith"),
        ("customer", "it was two"),
    ]
    whole, resumed = Call(), Call()
    for speaker, text in turns:
        state = json.loads(json.dumps(resumed.redactor.state()))
        resumed.redactor = StreamRedactor.restore(state, RULES)
        assert resumed.say(speaker, text) == whole.say(speaker, text)
        assert resumed.redactor.state() == whole.redactor.state()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"version": 99},
        {"version": 1},
        {"version": 1, "given": {"type": "X"}, "asked": None},
        {"version": 1, "given": None, "asked": {"type": "SHOE_SIZE", "speaker": "a", "at_ms": 0, "turns": 0}},
    ],
)
def test_a_state_that_is_none_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="redaction state"):
        StreamRedactor.restore(state)


def test_types_turned_off_stay_also_in_a_stream() -> None:
    redactor = StreamRedactor(RedactionConfig(enabled_types=frozenset({"EMAIL"})))
    final = redactor.redact_final("customer", RawText("a@b.com four one one one"), (), 0, 1000)
    assert final.redacted.text == "[EMAIL] four one one one"


def test_a_number_is_open_from_its_question_until_nothing_more_is_waited_for() -> None:
    redactor, at = StreamRedactor(RULES), 0

    def say(speaker: str, text: str) -> None:
        nonlocal at
        redactor.redact_final(speaker, RawText(text), (), at, at + 2_000)
        at += 3_000

    say("agent", "good morning how can i help")
    assert redactor.open_number(at) is None
    say("agent", "can i have your card number please")
    number = redactor.open_number(at)
    assert number is not None and (number.since_ms, number.speaker, number.is_partial) == (3_000, "", False)
    say("customer", "four one one one")
    number = redactor.open_number(at)
    assert number is not None and (number.since_ms, number.speaker, number.is_partial) == (
        3_000,
        "customer",
        True,
    )
    # It outlives the process, and one stored before there was a beginning opens at its last digits.
    again = StreamRedactor.restore(redactor.state())
    assert again.open_number(at) == number
    old = redactor.state()
    del old["given"]["since_ms"]
    assert StreamRedactor.restore(old).open_number(at).since_ms == 8_000  # type: ignore[union-attr]
    say("customer", "one one one one one one one one one one one one")
    number = redactor.open_number(at)
    assert number is not None and not number.is_partial
    assert redactor.open_number(at + 120_000) is None
    # A new question is for a new number.
    asked_at = at
    say("agent", "and what is your date of birth")
    number = redactor.open_number(at)
    assert number is not None and number.since_ms == asked_at


# What is said before, by whom, and what then comes word by word.
_GROWING = (
    ((), "customer", "hi my name is siobhan kelly from galway and i live at twelve baker street in dublin"),
    (
        (("agent", "can i have the card number please"),),
        "customer",
        "sure it is four one um one one expires may",
    ),
    ((("customer", "this is gerald foster"),), "agent", "thank you gerald oh i see you are at gmail dot com"),
    (
        (("agent", "what is your address"),),
        "customer",
        "Yes, it's 5 Oak Lane. I pay 20 dollars, oh and 1234 5678",
    ),
    (
        (("agent", "your password please"),),
        "customer",
        "it is blue horse, my mail is ann dot miles at gmail dot com",
    ),
)


@pytest.mark.parametrize(("before", "speaker", "words"), _GROWING)
def test_a_partial_is_what_it_would_be_from_scratch(
    before: tuple[tuple[str, str], ...], speaker: str, words: str
) -> None:
    def stream() -> StreamRedactor:
        made, at = StreamRedactor(STRICT), 0
        for who, said in before:
            made.redact_final(who, RawText(said), [], at, at + 2000)
            at += 2500
        return made

    whole = words.split(" ")
    grown = [" ".join(whole[:count]) for count in range(1, len(whole) + 1)]
    # Recognition also says the same twice, writes words anew, and begins again.
    heard = [text for partial in grown for text in (partial, partial)]
    heard += [partial.upper() for partial in grown] + grown[::-3] + [f"so {partial}" for partial in grown]
    lasting = stream()
    for text in heard:
        other = "agent" if speaker == "customer" else "customer"
        lasting.redact_partial(other, RawText(f"okay {text}"))
        assert lasting.redact_partial(speaker, RawText(text)) == stream().redact_partial(
            speaker, RawText(text)
        )


def test_the_same_partial_after_a_final_is_read_anew() -> None:
    lasting = StreamRedactor(RULES)
    partial = RawText("one two")
    before = lasting.redact_partial("agent", partial)
    lasting.redact_final("customer", RawText("my name is wilhelmina"), [], 0, 1000)
    assert lasting.redact_partial("agent", RawText("thanks wilhelmina")).text == "thanks [NAME]"
    assert lasting.redact_partial("agent", partial) == before
    lasting.redact_final("customer", RawText("i am called thaddeus"), [], 2000, 3000)
    assert lasting.redact_partial("agent", RawText("thanks thaddeus")).text == "thanks [NAME]"
