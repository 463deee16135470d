"""Names, places and streets of many countries to fill templates with, out of Faker and phonenumbers.

Faker is MIT, phonenumbers (its names of telephone areas) Apache-2.0. Only scripts written in Latin letters are taken.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engines.redaction.training.words import listed

PERSON_LOCALES = listed("person_locales")
ADDRESS_LOCALES = listed("address_locales")
_LATIN = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ][A-Za-zÀ-ɏḀ-ỿ' .’-]{1,28}")
_PLACES = ("cities", "city_names", "towns", "municipalities", "real_city_names", "concelhos", "communes")
# Areas of telephone numbers that are countries, states or services rather than towns.
_NO_TOWN = re.compile(r"\b(mobile|service|district|region|province|county|states?|island|services)\b", re.I)


@dataclass(frozen=True)
class People:
    """Names of one country."""

    first: tuple[str, ...]
    last: tuple[str, ...]


def _values(provider: Any, wanted: str) -> list[str]:
    found: list[str] = []
    for attribute in sorted(dir(provider)):
        if wanted in attribute and not attribute.startswith("_"):
            values = getattr(provider, attribute)
            if isinstance(values, (tuple, list, dict)):
                found += [value for value in values if isinstance(value, str)]
    return sorted({value for value in found if _LATIN.fullmatch(value)})


def _provider(kind: str, locale: str) -> Any:
    return importlib.import_module(f"faker.providers.{kind}.{locale}").Provider


@lru_cache(maxsize=1)
def people() -> tuple[People, ...]:
    """Return the names of each country, sorted."""
    found = []
    for locale in PERSON_LOCALES:
        provider = _provider("person", locale)
        first, last = _values(provider, "first_name"), _values(provider, "last_name")
        if first and last:
            found.append(People(tuple(first), tuple(last)))
    return tuple(found)


@lru_cache(maxsize=1)
def cities() -> tuple[str, ...]:
    """Return names of towns, sorted."""
    found: set[str] = set()
    for locale in ADDRESS_LOCALES:
        provider = _provider("address", locale)
        names: list[str] = []
        for attribute in _PLACES:
            values = getattr(provider, attribute, ())
            names += [value for value in values if isinstance(value, str)]
        # Some lists are long (every Italian commune): take every nth, so that no country outweighs the others.
        step = max(1, len(names) // 900)
        found |= set(sorted(names)[::step])
    from phonenumbers.geodata import GEOCODE_DATA

    for key in sorted(GEOCODE_DATA):
        name = GEOCODE_DATA[key].get("en")
        if name and key[:1] in ("1", "4", "3", "9", "6", "2", "5"):
            town = name.split(",")[0].split("/")[0].split(" - ")[0].strip()
            if not _NO_TOWN.search(town):
                found.add(town)
    return tuple(sorted(name for name in found if _LATIN.fullmatch(name) and len(name.split()) <= 4))


@lru_cache(maxsize=1)
def countries() -> tuple[str, ...]:
    """Return English names of countries, without the long official ones."""
    names = _provider("address", "en_US").countries
    return tuple(sorted({name for name in names if "(" not in name and "," not in name and len(name) < 24}))


@lru_cache(maxsize=1)
def states() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return American states: names, abbreviations."""
    provider = _provider("address", "en_US")
    return tuple(provider.states), tuple(provider.states_abbr)


@lru_cache(maxsize=1)
def english_street_words() -> tuple[str, ...]:
    """Return what English streets end with."""
    return tuple(sorted(set(_provider("address", "en_US").street_suffixes)))


@lru_cache(maxsize=1)
def whole_streets() -> tuple[str, ...]:
    """Return names of streets that Faker lists as they are."""
    found: set[str] = set()
    for locale in ("da_DK", "pl_PL", "cs_CZ", "sk_SK", "sl_SI", "hr_HR", "zu_ZA", "id_ID"):
        provider = _provider("address", locale)
        for attribute in ("street_names", "streets"):
            values = sorted(value for value in getattr(provider, attribute, ()) if isinstance(value, str))
            found |= set(values[:: max(1, len(values) // 250)])
    return tuple(sorted(name for name in found if _LATIN.fullmatch(name)))


@lru_cache(maxsize=1)
def everyday_words() -> frozenset[str]:
    """Return a thousand everyday English words."""
    from faker.providers.lorem.en_US import Provider

    return frozenset(word.lower() for word in Provider.word_list)
