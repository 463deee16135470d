"""What is told by English words alone, and which other languages a company's calls are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.utils.text import get_text_list
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from conversations.models import Conversation
from engines.intents.languages import is_english
from engines.rules import MomentSpec
from tenants.models import Tenant
from tenants.scope import current_schema

# Of so many of the last conversations; what fewer than this share of them are in is passed over.
LATELY, LEAST_SHARE = 200, 0.05
WHOLLY = frozenset({"examples", "sentiment"})
SPOKEN_FORMS = frozenset({"amount", "date"})
WORDED = frozenset({"phrase", "pattern"})


def told_in_english(moment: MomentSpec) -> bool:
    """Whether a moment is told by English words that nobody has written down for it."""
    return moment.kind in WHOLLY or (moment.kind == "entity" and moment.entity in SPOKEN_FORMS)


def other_languages() -> list[str]:
    """Codes of the languages other than English that the company is set up for, or that its last calls were in.

    The most frequent first. Two queries.
    """
    named = Tenant.objects.filter(schema_name=current_schema()).values_list("languages", flat=True).first()
    lately = Counter(
        one.replace("_", "-").split("-")[0].lower()
        for one in Conversation.objects.order_by("-pk").values_list("language", flat=True)[:LATELY]
    )
    least = LEAST_SHARE * lately.total()
    spoken = [code for code, count in lately.most_common() if count >= least]
    written = [str(one) for one in named or () if one] if isinstance(named, list) else []
    return [one for one in dict.fromkeys([*written, *spoken]) if not is_english(one)]


def languages_in_words(codes: Iterable[str]) -> str:
    """Names of languages by their codes: "German or Spanish"; a code that nobody knows stays as it is."""
    return get_text_list(list(dict.fromkeys(map(_name, codes))), _("or"))


def _name(code: str) -> str:
    try:
        return str(get_language_info(code.replace("_", "-").lower())["name_translated"])
    except KeyError:
        return code


def notes_for(kind: str, entity: str, others: Iterable[str]) -> list[str]:
    """What a moment of a kind cannot do in other languages than English, in sentences for who writes it."""
    languages = languages_in_words(others)
    if not languages:
        return []
    said = {"languages": languages}
    if kind == "examples":
        return [
            _(
                "Meaning is learned from English examples: in calls in %(languages)s this moment is silent. For them "
                "listen for phrases, or for an intent."
            )
            % said
        ]
    if kind == "sentiment":
        return [_("Moods are told by English words; do not rely on them in calls in %(languages)s.") % said]
    if kind == "entity" and entity in SPOKEN_FORMS:
        return [
            _("Spoken amounts and dates are heard in English; in calls in %(languages)s only figures are.")
            % said
        ]
    if kind in WORDED:
        return [
            _(
                "Short forms (“don't”) and denials (“not going to cancel”) are understood in English. In calls in "
                "%(languages)s phrases are heard as they are written, denied or not: write out each form, or its "
                "beginning, as in kündig*."
            )
            % said
        ]
    return []
