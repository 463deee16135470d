"""National ids by their written form: what has a checksum is checked by `python-stdnum`, one module per id.

A form is written with `A` for a letter and `9` for a digit. An id that is nothing but digits in a row is not here: its
checksum alone says too little, so it takes a cue (`cues.py`), and without one it is hidden as a number.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from stdnum.au import tfn
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cn import ric
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.ie import pps
from stdnum.in_ import aadhaar, pan
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import itin

# Letters that a National Insurance number may begin with, and the pairs never given out (HMRC, NIM39110).
_NINO_FIRST = frozenset("ABCEGHJKLMNOPRSTWXYZ")
_NINO_SECOND = frozenset("ABCEGHJKLMNPRSTWXYZ")
_NINO_NEVER = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})

_Check = Callable[[str], bool]


def is_nino(text: str) -> bool:
    """Say whether `text` (capitals, no spaces) is a British National Insurance number. It has no checksum."""
    return (
        len(text) == 9
        and text[0] in _NINO_FIRST
        and text[1] in _NINO_SECOND
        and text[:2] not in _NINO_NEVER
        and text[2:8].isdecimal()
        and text[8] in "ABCD"
    )


def _any(*checks: _Check) -> _Check:
    return lambda text: any(check(text) for check in checks)


# Form without spaces -> check. Letters and digits in one word.
_SOLID: MappingProxyType[str, tuple[str, _Check]] = MappingProxyType(
    {
        "AA999999A": ("British National Insurance number", is_nino),
        "99999999A": ("Spanish DNI", dni.is_valid),
        "A9999999A": ("Spanish NIE", nie.is_valid),
        "AAAAAA99A99A999A": ("Italian codice fiscale", codicefiscale.is_valid),
        "AAAAA9999A": ("Indian PAN", pan.is_valid),
        "AAAA999999AAAAAA99": ("Mexican CURP", curp.is_valid),
        "AAAA999999AAAAAAA9": ("Mexican CURP", curp.is_valid),
        "9999999A": ("Irish PPS number", pps.is_valid),
        "9999999AA": ("Irish PPS number", pps.is_valid),
        "99999999999999999A": ("Chinese resident id", ric.is_valid),
        "999999A999A": ("Finnish HETU", hetu.is_valid),
    }
)
# Form with its separators -> check. These groups are the id's own.
_GROUPED: MappingProxyType[str, tuple[str, _Check]] = MappingProxyType(
    {
        "999-999-999": ("Canadian SIN", sin.is_valid),
        "999 999 999": ("Canadian SIN or Australian TFN", _any(sin.is_valid, tfn.is_valid)),
        "999 999 9999": ("NHS number", nhs.is_valid),
        "9999 9999 9999": ("Aadhaar", aadhaar.is_valid),
        "999.999.999-99": ("Brazilian CPF", cpf.is_valid),
        "999.9999.9999.99": ("Swiss AHV number", ahv.is_valid),
        "99.99.99-999.99": ("Belgian national number", nn.is_valid),
        "999999-9999": ("Swedish or Danish personal number", _any(personnummer.is_valid, cpr.is_valid)),
        "99999999-9999": ("Swedish personal number", personnummer.is_valid),
        "999999-9999999": ("Korean resident number", rrn.is_valid),
        "999-99-9999": ("American ITIN", itin.is_valid),
        "9 99 99 99 999 999 99": ("French NIR", nir.is_valid),
    }
)
# Digits alone: only where the id's name stands in the text.
_NAMED: MappingProxyType[str, tuple[str, frozenset[str], _Check]] = MappingProxyType(
    {
        "99999999999": ("Polish PESEL", frozenset({"pesel"}), pesel.is_valid),
        "999999999999999": ("French NIR", frozenset({"nir", "sécu", "sociale"}), nir.is_valid),
        "9999999999": ("NHS number", frozenset({"nhs"}), nhs.is_valid),
        "999999999999": ("Aadhaar", frozenset({"aadhaar", "aadhar"}), aadhaar.is_valid),
    }
)


def form(text: str) -> str:
    """Return the form of `text`: letters as `A`, decimal digits as `9`, the rest as it is."""
    return "".join("9" if c.isdecimal() else "A" if c.isalpha() else c for c in text)


def solid_id(text: str, shape: str) -> str | None:
    """Return the name of the national id that `text`, letters and digits of form `shape`, is; None for no id."""
    known = _SOLID.get(shape)
    return known[0] if known is not None and known[1](text.upper()) else None


def grouped_id(text: str, shape: str, words: frozenset[str]) -> str | None:
    """Return the name of the national id that `text`, digits and separators of form `shape`, is.

    The forms of phone numbers count only where `words`, those of the whole text, name the id.
    """
    known = _GROUPED.get(shape)
    if known is None:
        named = _NAMED.get(shape)
        if named is None or named[1].isdisjoint(words) or not named[2](text):
            return None
        return named[0]
    if known[0] == "NHS number" and words.isdisjoint(("nhs", "health", "patient", "gp")):
        return None
    return known[0] if known[1](text) else None
