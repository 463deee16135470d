"""Names of languages as some recognisers give them ("english"), and the codes that the platform uses ("en")."""

from __future__ import annotations

# English names as the Whisper models know them (openai/whisper, tokenizer), the most spoken ones.
_NAMES = """
af afrikaans, ar arabic, eu basque, bn bengali, bg bulgarian, ca catalan, zh chinese, zh mandarin, hr croatian,
cs czech, da danish, nl dutch, en english, et estonian, fi finnish, fr french, gl galician, de german, el greek,
he hebrew, hi hindi, hu hungarian, is icelandic, id indonesian, it italian, ja japanese, ko korean, lv latvian,
lt lithuanian, mk macedonian, ms malay, no norwegian, fa persian, pl polish, pt portuguese, ro romanian, ru russian,
sr serbian, sk slovak, sl slovenian, es spanish, sw swahili, sv swedish, tl tagalog, ta tamil, te telugu, th thai,
tr turkish, uk ukrainian, ur urdu, vi vietnamese, cy welsh, sq albanian
"""
CODES = {name: code for code, name in (pair.split() for pair in _NAMES.split(","))}


def code_of(name: str) -> str:
    """The code of a language given by name or by code; "" for what is neither."""
    lowered = name.strip().lower()
    if lowered in CODES:
        return CODES[lowered]
    code = lowered.partition("-")[0]
    return code if len(code) in (2, 3) and code.isalpha() else ""
