"""Texts as lexemes: the database's text search cuts and stems them, in the collection's language."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django.db import connection

from engines.retrieval.words import talk

# The database's configurations, by the code of the language.
CONFIGS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
_LEXEMES = """
    SELECT asked.number, word.lexeme, place
      FROM unnest(%s::text[]) WITH ORDINALITY asked(words, number),
           unnest(to_tsvector(%s::regconfig, asked.words)) word,
           unnest(word.positions) place
"""


def config_of(language: str) -> str:
    """The database's configuration for a language ("en", "de-CH"); "simple", which stems nothing, for others."""
    return CONFIGS.get(language.lower().replace("_", "-").split("-")[0], "simple")


def lexemes(texts: Sequence[str], config: str) -> list[dict[int, str]]:
    """The lexemes of each text by their places. One query."""
    found: list[dict[int, str]] = [{} for _text in texts]
    with connection.cursor() as cursor:
        cursor.execute(_LEXEMES, [list(texts), config])
        for number, lexeme, place in cursor.fetchall():
            found[number - 1][place] = lexeme
    return found


@lru_cache(maxsize=len(CONFIGS))
def talk_lexemes(language: str) -> frozenset[str]:
    """A language's words of talk as lexemes. One query, once."""
    words = talk(language)
    if not words:
        return frozenset()
    return frozenset(lexemes([" ".join(words)], config_of(language))[0].values())
