"""Words that are hidden like all others and handed over beside the text, to be sealed: which, and which never."""

from __future__ import annotations

import pytest

from engines.redaction.actions import Action
from engines.redaction.redactor import RedactionConfig
from engines.redaction.resolve import settle
from engines.redaction.stream import RedactedUtterance, StreamRedactor
from engines.redaction.text import RawText, Span
from engines.speech.types import HeardWord

CARD = "4111 1111 1111 1111"


def heard(text: str, *kinds: str, asked: str = "", words: bool = True, **more: object) -> RedactedUtterance:
    config = RedactionConfig(apart=frozenset(kinds), model=False, **more)  # type: ignore[arg-type]
    call = StreamRedactor(config)
    if asked:
        call.redact_final("agent", RawText(asked), (), 0, 900)
    timed = [
        HeardWord(RawText(one), 1000 + i * 300, 1300 + i * 300, 0.9) for i, one in enumerate(text.split())
    ]
    return call.redact_final("customer", RawText(text), timed if words else (), 1000, 9000)


def apart(said: RedactedUtterance) -> list[tuple[str, str]]:
    return [(one.span.type, one.words.reveal()) for one in said.apart]


def test_words_are_handed_over_beside_a_text_that_shows_none_of_them() -> None:
    said = heard(f"my name is john smith and my card is {CARD}", "NAME")
    assert said.redacted.text == "my name is [NAME] and my card is [CREDIT_CARD]"
    assert apart(said) == [("NAME", "john smith")]
    (one,) = said.apart
    assert said.redacted.text[one.span.start : one.span.end] == "[NAME]"
    assert "john" not in repr(said) and not said.redacted.kept
    assert "smith" not in " ".join(word.text for word in said.words)
    # Its sound is a tone, as that of all that is hidden.
    name = next(word for word in said.words if word.text == "[NAME]")
    assert any(start <= name.start_ms and name.end_ms <= end for start, end in said.audio_intervals)


def test_nothing_is_handed_over_where_it_is_not_asked_for() -> None:
    assert heard("my name is john smith").apart == ()
    assert heard("my name is john smith", "EMAIL").apart == ()
    # What stays in the text is not hidden, so that there is nothing to hand over.
    assert heard("my name is john smith", "NAME", actions=(("NAME", Action.KEEP),)).apart == ()


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (f"it is {CARD}", "what is your account number"),
        ("four one one one", ""),
        ("12345678", ""),
    ],
)
def test_what_may_be_a_card_is_never_handed_over(text: str, asked: str) -> None:
    said = heard(text, "ACCOUNT_NUMBER", "NUMBER", "PHONE", asked=asked)
    assert said.redacted.spans and said.apart == ()


def test_a_number_that_was_asked_for_is() -> None:
    assert apart(heard("it is 12345", "NUMBER", asked="what is your ticket number")) == [("NUMBER", "12345")]
    said = heard("12345678", "ACCOUNT_NUMBER", asked="what is your account number")
    assert apart(said) == [("ACCOUNT_NUMBER", "12345678")]


def test_what_took_another_finding_in_goes_only_if_that_may_go_too() -> None:
    spans = [Span(0, 10, "SSN", 0.9, "a", ""), Span(6, 14, "PASSWORD", 0.9, "b", "")]
    (both,) = settle(spans)
    assert (both.type, both.beside) == ("SSN", {"PASSWORD"})
    assert settle(spans[:1])[0].beside == frozenset()
    (three,) = settle([*spans, Span(12, 20, "NAME", 0.5, "c", "")])
    assert three.beside == {"PASSWORD", "NAME"}
    # A web address within an e-mail address is a part of it, a secret is a part of nothing.
    email = Span(0, 20, "EMAIL", 0.9, "a", "")
    assert settle([email, Span(8, 20, "URL", 0.9, "a", "")])[0].beside == frozenset()
    assert settle([email, Span(8, 22, "URL", 0.9, "a", "")])[0].beside == {"URL"}
    iban = Span(0, 20, "IBAN", 0.9, "a", "")
    assert settle([iban, Span(8, 20, "SECURITY_CODE", 0.9, "a", "")])[0].beside == {"SECURITY_CODE"}


def test_an_email_that_holds_a_name_said_before_is_one() -> None:
    call = StreamRedactor(RedactionConfig(apart=frozenset({"EMAIL"})))
    call.redact_final("customer", RawText("my name is siobhan macgregor"), (), 0, 900)
    said = call.redact_final("customer", RawText("my email is siobhan at example dot org"), (), 1000, 5000)
    assert said.redacted.text == "my email is [EMAIL]"
    assert apart(said) == [("EMAIL", "siobhan at example dot org")]


def test_a_whole_utterance_that_is_hidden_for_its_words_is_not_handed_over() -> None:
    """The words as timed differ from the text: all of the text is hidden, but nobody knows where in it the name is."""
    call = StreamRedactor(RedactionConfig(apart=frozenset({"EMAIL"}), model=False))
    words = [HeardWord(RawText("jo@example.com"), 0, 500, 0.9)]
    said = call.redact_final("customer", RawText("that would be jo"), words, 0, 500)
    assert said.redacted.text == "[EMAIL]" and said.apart == ()


def test_types_must_be_known() -> None:
    with pytest.raises(ValueError, match="SHOE_SIZE"):
        RedactionConfig(apart=frozenset({"SHOE_SIZE"}))
