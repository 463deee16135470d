"""English words in one form for what is the same word: "did" and "does" meet, and so do "cards" and "card".

Contractions are written out, forms that no rule gives are listed, and the commonest endings are cut off. A form need
not be a word ("charge" and "charged" both become "charg"); what counts is that the same word gets the same form. Of
the speaker only that it is he who is meant is kept ("I", "me", "my"). Words without an entry that are short stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_NEGATED = "do does did have has had is are was were could would should might must need"
_WRITTEN_OUT: Mapping[str, tuple[str, ...]] = {
    **{f"{word}nt": (word, "not") for word in _NEGATED.split()},
    **{
        short: tuple(words.split())
        for short, words in {
            "cant": "can not",
            "cannot": "can not",
            "wont": "will not",
            "im": "i am",
            "ive": "i have",
            "id": "i would",
            "whats": "what is",
            "wheres": "where is",
            "hows": "how is",
            "theres": "there is",
            "thats": "that is",
            "its": "it is",
            "youre": "you are",
            "youve": "you have",
            "theyre": "they are",
            "topup": "top up",
            "topups": "top up",
            "pls": "please",
            "plz": "please",
            "u": "you",
            "ur": "your",
            "acct": "account",
        }.items()
    },
}
_LISTED: Mapping[str, str] = {
    form: base
    for base, forms in {
        "be": "am is are was were been being",
        "have": "has had",
        "do": "does did done",
        "can": "could",
        "will": "would",
        "shall": "should",
        "i": "me my",
        "a": "an",
        "go": "went gone",
        "get": "got gotten",
        "make": "made",
        "take": "took taken",
        "come": "came",
        "see": "saw seen",
        "give": "gave given",
        "find": "found",
        "tell": "told",
        "pay": "paid",
        "send": "sent",
        "buy": "bought",
        "steal": "stole stolen",
        "lose": "lost",
        "choose": "chosen",
        "withdraw": "withdrew withdrawn",
        "forget": "forgot forgotten",
        "break": "broke broken",
        "hold": "held",
        "say": "said",
        "know": "knew known",
        "think": "thought",
        "keep": "kept",
        "bring": "brought",
        "write": "wrote written",
        "speak": "spoke spoken",
        "begin": "began begun",
        "run": "ran",
        "drive": "drove driven",
        "fly": "flew flown",
        "eat": "ate eaten",
        "sell": "sold",
        "spend": "spent",
        "feel": "felt",
        "meet": "met",
        "hear": "heard",
        "fall": "fell fallen",
        "win": "won",
        "understand": "understood",
        "show": "shown",
        "mean": "meant",
        "become": "became",
        "lend": "lent",
        "child": "children",
    }.items()
    for form in forms.split()
}
_SHORT = 3
_VOWELS = frozenset("aeiouy")
# No more are kept, so that an unending stream of new words cannot fill the memory.
_KEPT = 50_000
_found: dict[str, tuple[str, ...]] = {}


def english_forms(words: Iterable[str]) -> list[str]:
    """The words of a text, as `words_of` gives them, each in the one form that stands for all of its own."""
    forms: list[str] = []
    for word in words:
        found = _found.get(word)
        if found is None:
            found = tuple(_form(part) for part in _WRITTEN_OUT.get(word, (word,)))
            if len(_found) < _KEPT:
                _found[word] = found
        forms += found
    return forms


def _form(word: str) -> str:
    listed = _LISTED.get(word)
    if listed is not None:
        return listed
    if len(word) <= _SHORT or word.startswith("["):
        return word
    if word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending):
            word = _without(word, ending)
            break
    return word[:-1] if len(word) > _SHORT + 1 and word.endswith("e") else word


def _without(word: str, ending: str) -> str:
    rest = word[: -len(ending)]
    if len(rest) < _SHORT or _VOWELS.isdisjoint(rest):
        return word
    doubled = len(rest) > _SHORT and rest[-1] == rest[-2] and rest[-1] not in "lsz"
    return rest[:-1] if doubled else rest
