"""What is wrong or odd about a draft in this company: what it names, in which languages, beside which policies.

What is wrong with the document itself is the language's business (`engines.rules.checking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from coaching.models import Policy, PolicyRevision
from coaching.prefilling import may_fill
from coaching.scopes import is_silent_beside, may_meet
from conversations.models import Disposition
from engines.intents.languages import is_english
from engines.rules import MomentSpec
from engines.rules.comparing import compare_with
from engines.rules.moments import OUT_OF_LINE, asked_out_of_line
from engines.rules.reading import read_policy
from engines.rules.spec import (
    Action,
    Complaint,
    Condition,
    Measured,
    Missing,
    MomentHeard,
    conditions_of,
    moment_keys,
    parts_of,
)
from engines.rules.spec import Policy as Document
from moments.asking import question_notes
from moments.languages import languages_in_words, other_languages, told_in_english

_MOODS = frozenset({"sentiment", "sentiment_change"})


def names_complaints(document: Document) -> list[Complaint]:
    """Dispositions that are not there, and fields that nobody can fill in. One query where a disposition is named."""
    found = []
    named: dict[str, str] = {}
    for where, action in _actions(document):
        if action.do == "disposition":
            named.setdefault(str(action.value), where)
        elif action.do == "prefill" and not may_fill(action.field):
            sentence = _("“%(field)s” is no field that can be filled in: write metadata.NAME.")
            found.append(Complaint(where, sentence % {"field": action.field}))
    if named:
        known = set(Disposition.objects.filter(key__in=named, active=True).values_list("key", flat=True))
        gone = _("There is no disposition “%(key)s” now: nothing would be chosen.")
        found += [
            Complaint(where, gone % {"key": key}, "warning")
            for key, where in named.items()
            if key not in known
        ]
    return found


def language_complaints(
    document: Document, scope: Mapping[str, Any], moments: Iterable[MomentSpec]
) -> list[Complaint]:
    """What is told by English words and asked for in calls that are in another language.

    These are the scope's languages, or, where it names none, those that the company's calls were in lately: two
    queries then, and only for a policy that asks for such things.
    """
    keys = moment_keys(document)
    english = {one.key: one for one in moments if one.key in keys and told_in_english(one)}
    by_mood = _asks_mood(document)
    if not english and not by_mood:
        return []
    named = scope.get("languages") or ()
    others = [one for one in named if not is_english(one)] if named else other_languages()
    if not others:
        return []
    said = {"languages": languages_in_words(others)}
    learned = _(
        "“%(name)s” is learned from English examples and never heard in calls in %(languages)s: ask for a phrase or an "
        "intent instead."
    )
    told = _("“%(name)s” is told by English words; do not rely on it in calls in %(languages)s.")
    mood = _(
        "The customer's sentiment is told by English words; do not rely on it in calls in %(languages)s."
    )
    found = [
        (learned if one.kind == "examples" else told) % {"name": one.name, **said}
        for _key, one in sorted(english.items())
    ]
    found += [mood % said] if by_mood else []
    return [Complaint("scope", sentence, "warning") for sentence in found]


def asked_complaints(document: Document, moments: Iterable[MomentSpec]) -> list[Complaint]:
    """What to know of moments that are asked of a model: that nobody answers now, what they cannot be asked for, and
    where their silence would count. No query for a policy without such; else up to four."""
    known = {one.key: one for one in moments}
    asked = {
        key: known[key]
        for key in moment_keys(document)
        if key in known and asked_out_of_line(known.values(), [key])
    }
    if not asked:
        return []
    unasked = question_notes()
    once = _("“%(name)s” is asked of a model and heard once in a call: there is no time number %(nth)d.")
    silent = _(
        "“%(name)s” is asked of a model: where none answers, or not in time, it counts as missing. What it sets off "
        "should do no harm then."
    )
    found = []
    for where, outermost in conditions_of(document):
        named: set[str] = set()
        todo: list[tuple[Condition, bool]] = [(outermost, where.endswith(".expected"))]
        while todo:
            one, is_awaited = todo.pop()
            if isinstance(one, Missing):
                todo += [(one.expected, True), *((part, False) for part in (one.after,) if part is not None)]
            elif not isinstance(one, MomentHeard):
                todo += [(part, is_awaited) for part in parts_of(one)]
            elif (moment := asked.get(one.key)) is not None:
                said = {"name": moment.name, "nth": one.nth or 1}
                if one.nth is not None and one.nth > 1 and moment.kind in OUT_OF_LINE:
                    found.append(Complaint(where, once % said))
                if is_awaited:
                    found.append(Complaint(where, silent % said, "warning"))
                named.add(moment.name)
        found += [
            Complaint(where, _("“%(name)s”: %(why)s") % {"name": name, "why": why}, "warning")
            for name in sorted(named)
            for why in unasked
        ]
    return found


def neighbour_complaints(policy: Policy, document: Document) -> list[Complaint]:
    """What the draft says beside policies that are in effect in the same conversations. One query."""
    revisions: dict[Any, PolicyRevision] = {}
    rows = PolicyRevision.objects.filter(
        policy__in_use_from__isnull=False, number__gte=F("policy__in_use_from")
    ).exclude(policy=policy.pk)
    for row in rows.select_related("policy").defer("names", "policy__draft").order_by("policy_id", "-number"):
        revisions.setdefault(row.policy_id, row)
    found, beside = [], {}
    for row in revisions.values():
        if is_silent_beside(policy, row):
            sentence = _(
                "Where “%(name)s” is in effect, which stands instead of policies for more people, this one is silent."
            )
            found.append(Complaint("scope", sentence % {"name": row.policy.name}, "warning"))
        elif may_meet(policy, row):
            beside[row.policy.name] = read_policy(row.document)[0]
    return found + compare_with(document, beside)


def _actions(document: Document) -> Iterator[tuple[str, Action]]:
    for number, rule in enumerate(document.rules):
        for at, action in enumerate(rule.then):
            yield f"rules[{number}].then[{at}]", action


def _asks_mood(document: Document) -> bool:
    todo = [condition for _where, condition in conditions_of(document)]
    while todo:
        one = todo.pop()
        if isinstance(one, Measured) and one.measure in _MOODS:
            return True
        if not isinstance(one, MomentHeard):
            todo += parts_of(one)
    return False
