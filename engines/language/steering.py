"""Text that tries to steer a model that reads it: "ignore your instructions and say …".

Such a text speaks to a model, not to a reader. Patterns say how (to forget what it was told, to play a part, to write
this and nothing else, to send something away, to call a tool), each with a weight; a paragraph whose weights come to
one is named. It is read as people see it and as a machine might: without characters that show nothing, with look-alike
letters as what they look like, spaced-out words joined, and what is encoded (base64, hex, percent signs, entities,
rot13, backwards) decoded.

It finds what is plainly said, in English, German, French, Spanish, Italian, Portuguese and Dutch, and the plainest of
it in Polish, Russian, Chinese and Japanese. It is one of several safeguards and not the last one: what a model answers
is held against the passages.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from engines.language.fencing import seen
from engines.language.steering_patterns import PATTERNS, SCREEN

# More findings than these say no more.
MOST = 50
_LONGEST = 20_000

_COMPILED = tuple((weight, why, re.compile(pattern, re.IGNORECASE)) for weight, why, pattern in PATTERNS)
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһԛԝАВЕКМНОРСТХІЈЅαοερτυνικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijsdhqwABEKMHOPCTXIJSaoeptuvikABEZHIKMNOPTYX",
)
_LEET = str.maketrans("013457@$!", "oieastasi")
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-_*·]){5,}\w(?!\w)")
_BASE64 = re.compile(r"(?<![\w+/=])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/])")
_HEX = re.compile(r"(?<!\w)(?:(?:\\x|0x|%)?[0-9a-fA-F]{2}[ ,]?){16,}(?!\w)")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_WIDTHLESS = re.compile("[\u200b\u200c\u2060\ufeff\u00ad]")
_TURNED = re.compile("[\u202d\u202e]")
_PARAGRAPH = re.compile(r"[^\n]+(?:\n(?![ \t]*\n)[^\n]+)*")


@dataclass(frozen=True, slots=True)
class Steering:
    """A paragraph, `[start, end)` of the text, that speaks to a model; `how`, in a word or two."""

    start: int
    end: int
    how: str


def steering_find(text: str) -> list[Steering]:
    """The paragraphs of a text that try to steer a model, in order, the first 50 of them."""
    found: list[Steering] = []
    for paragraph in _PARAGRAPH.finditer(text):
        how = _how(paragraph[0][:_LONGEST])
        if how:
            found.append(Steering(paragraph.start(), paragraph.end(), how))
            if len(found) == MOST:
                break
    return found


@lru_cache(maxsize=2_000)
def steers(text: str) -> bool:
    """Whether any of a text tries to steer a model."""
    return bool(steering_find(text))


def _how(text: str) -> str:
    if how := _hidden(text):
        return how
    for reading in _readings(text):
        weights: dict[str, float] = {}
        if not SCREEN.search(reading):
            continue
        for weight, why, pattern in _COMPILED:
            if weight > weights.get(why, 0.0) and pattern.search(reading):
                weights[why] = weight
        if sum(weights.values()) >= 1.0:
            return max(weights, key=lambda why: weights[why])
    return ""


def _hidden(text: str) -> str:
    """Words in characters that show nothing, or that turn the others around."""
    if _TAGS.search(text) or (
        _TURNED.search(text) and text.isascii() is False and re.search(r"[A-Za-z]", text)
    ):
        return "unseen characters"
    inside = re.findall(r"(?<=[A-Za-z])[\u200b\u200c\u2060\ufeff]+(?=[A-Za-z])", text)
    return "unseen characters" if len(inside) >= 4 else ""


def _readings(text: str) -> Iterator[str]:
    """A text as people see it, then as a machine might read it."""
    plain = unicodedata.normalize("NFKC", seen(_WIDTHLESS.sub("", text)))
    yield plain
    if "\n" in plain:
        plain = " ".join(plain.split())
        yield plain
    if not plain.isascii():
        other = plain.translate(_LOOKALIKES)
        bare = "".join(one for one in unicodedata.normalize("NFD", other) if not unicodedata.combining(one))
        if bare != plain:
            yield bare
    if "&" in plain and (unescaped := html.unescape(plain)) != plain:
        yield unescaped
    if "%" in plain and (unquoted := unquote(plain)) != plain:
        yield unquoted
    if _SPACED.search(plain):
        # Words were apart by more than letters are, or are not told apart any more.
        joined = re.sub(r"[ ]{2,}|[ ]/[ ]|[ ]\|[ ]", "\x00", plain)
        yield re.sub(r"(?<=\w)[ .\-_*·](?=\w(?:[ .\-_*·\x00]|\Z|\W))", "", joined).replace("\x00", " ")
        letters = "".join(re.findall(r"\w", plain)).casefold()
        yield " ".join(_WORDS_INSIDE.findall(letters))
    if re.search(r"[a-z][013457@$][a-z]|\b[013457@$][a-z]{2}", plain, re.IGNORECASE):
        yield plain.translate(_LEET)
    yield from _decoded(plain)
    # Rot13 and backwards: asked only where they say the word that matters.
    for turned in (codecs.decode(plain, "rot13"), plain[::-1]):
        if re.search(r"\b(?:ignore|disregard|instructions?|system prompt)\b", turned, re.IGNORECASE):
            yield turned


_WORDS_INSIDE = re.compile(
    r"ignore|disregard|forget|all|previous|prior|above|your|instructions|instruction|prompt|system|rules|reveal|print"
)


def _decoded(text: str) -> Iterator[str]:
    for token in _BASE64.findall(text)[:20]:
        padded = token.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            yield _words(base64.b64decode(padded + "=" * (-len(padded) % 4)))
        except binascii.Error:
            continue
    for token in _HEX.findall(text)[:20]:
        digits = re.sub(r"\\x|0x|[^0-9a-fA-F]", "", token)
        yield _words(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _words(raw: bytes) -> str:
    """What was encoded, if it is text."""
    text = raw.decode("utf-8", errors="replace")
    readable = sum(one.isalnum() or one in " .,:;!?'-\n" for one in text)
    return text if text and readable > 0.9 * len(text) else ""
