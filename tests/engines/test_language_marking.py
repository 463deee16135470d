"""Text as HTML: nothing that somebody said or wrote becomes markup."""

from engines.language.marking import BEGIN, END, clean, headline_html, plain_words, spans_html, words_html


def test_markup_in_the_words_is_shown_as_text() -> None:
    said = '<script>alert("1")</script> & so on'
    assert "<script" not in words_html(said)
    assert words_html(said) == "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; so on"
    assert spans_html(said, [(0, 8)]).startswith("<mark>&lt;script&gt;</mark>alert")
    assert headline_html(f"<b>{BEGIN}<i>{END}") == "&lt;b&gt;<mark>&lt;i&gt;</mark>"


def test_overlapping_spans_become_one_mark_and_those_beyond_the_text_are_cut() -> None:
    assert spans_html("i will cancel it", [(7, 13), (2, 9), (14, 99), (50, 60), (3, 3)]) == (
        "i <mark>will cancel</mark> <mark>it</mark>"
    )
    assert spans_html("", [(0, 4)]) == ""


def test_a_redaction_is_a_chip_and_is_never_cut_in_two() -> None:
    html = spans_html("it is [CREDIT_CARD] thanks", [(8, 12)])
    assert html.count('class="redact"') == 1
    assert "<mark><span" in html and "card number</span></mark> thanks" in html
    # A company may have types of its own; in a document, capitals in brackets are none.
    assert ">badge number</span>" not in words_html("[BADGE_NUMBER]", own_types=False)
    assert "badge number</span>" in words_html("[BADGE_NUMBER]")
    assert "[not a type]" in words_html("[not a type]")


def test_a_chip_says_the_last_digits_and_the_beginning_of_a_hash() -> None:
    html = words_html("[CREDIT_CARD 1111] of [NAME #3fa9c1d2]")
    assert 'data-length="18"' in html and "</i>card number …1111</span>" in html
    assert 'data-length="16"' in html and "</i>name #3fa9</span>" in html
    assert plain_words("[CREDIT_CARD 1111] of [NAME #3fa9c1d2]") == "[card number …1111] of [name #3fa9]"
    assert spans_html("is [NAME #3fa9c1d2] in", [(5, 6)]).startswith("is <mark><span")
    assert plain_words("it is [CREDIT_CARD]") == "it is [card number]"


def test_marks_of_the_search_engine_must_pair() -> None:
    assert headline_html(f"a {END}b {BEGIN}c") == "a b c"
    assert headline_html(f"{BEGIN}a{END} {BEGIN}b{END}") == "<mark>a</mark> <mark>b</mark>"
    assert clean(f"a{BEGIN}b{END}") == "ab"
