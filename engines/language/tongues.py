"""Whether a sentence is plainly in another language than it should be: by its letters and its commonest words.

Made to refuse, not to name: a short sentence, or one in a language that is not listed here, passes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_COMMON = {
    "en": "the and of to is was that with for not this did have were they it agent said asked",
    "de": "der die das und ist nicht mit dem den ein eine hat war für auf wurde sich kunde wird zu",
    "fr": "le la les et est une des dans pas pour avec que qui du sur cliente client au ses été",
    "es": "el los las y es una del por para con que no se su fue cliente al lo ha muy",
    "it": "il lo gli e è una del della per con che non si di sono cliente al ha stato ma",
    "pt": "o os as e é uma do da por para com que não se foi cliente ao seu ele mas",
    "nl": "de het een en is van niet met dat voor op te zijn heeft werd klant aan er wordt deze",
}
_WORDS = {name: frozenset(words.split()) for name, words in _COMMON.items()}
_SAID = re.compile(r"[^\W\d_]+")
# Fewer of another language's words are borrowed ones.
_LEAST = 3


def is_other(text: str, language: str, beside: str = "") -> bool:
    """Whether `text` is not in `language` (a code: "en", "de-AT"). `beside`: words that are in it, for its letters."""
    said = [one.lower() for one in _SAID.findall(text)]
    if beside and _script(text) and _script(beside) and _script(text) != _script(beside):
        return True
    own = _WORDS.get(language.lower().partition("-")[0])
    if own is None:
        return False
    hits = {name: sum(one in words for one in said) for name, words in _WORDS.items()}
    mine = sum(one in own for one in said)
    return max(hits.values()) >= _LEAST and max(hits.values()) > 2 * mine


def _script(text: str) -> str:
    """The alphabet of most of its letters: "LATIN", "CYRILLIC" …; "" without letters."""
    found = Counter(
        unicodedata.name(one, "").partition(" ")[0]
        for one in text[:2_000]
        if unicodedata.category(one)[0] == "L"
    )
    return found.most_common(1)[0][0] if found else ""
