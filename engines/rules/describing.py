"""A rule, a behaviour or a playbook as plain sentences, for the person who edits it."""

from __future__ import annotations

from collections.abc import Mapping

from engines.rules import spec
from engines.rules.clauses import field_is, listed, local_time, measured, name_of, span
from engines.rules.spec import Action, Behaviour, Condition, Playbook, Rule

_PRESENT = (
    (" had ", " has "),
    (" spoke ", " speaks "),
    (" took ", " takes "),
    (" were ", " are "),
    (" was ", " is "),
    (" changed ", " changes "),
)
_MAX_PHRASES = 3


def describe(what: Rule | Behaviour | Playbook, names: Mapping[str, str]) -> str:
    """Return what it does, as a sentence or several. `names`: the moments' display names by key."""
    if isinstance(what, Rule):
        return _rule(what, names)
    return _behaviour(what, names) if isinstance(what, Behaviour) else _playbook(what, names)


def ask(condition: Condition, names: Mapping[str, str]) -> str:
    """Return a condition as half a sentence: "the customer says “cancel*”"."""
    return _ask(condition, names, inside=False)


def _ask(condition: Condition, names: Mapping[str, str], *, inside: bool) -> str:
    if isinstance(condition, spec.AllOf | spec.AnyOf):
        parts = [_ask(part, names, inside=True) for part in condition.parts]
        word = "and" if isinstance(condition, spec.AllOf) else "or"
        joined = f" {word} ".join(parts)
        return f"({joined})" if inside and len(parts) > 1 else joined
    if isinstance(condition, spec.Not):
        return _not(condition.part, names)
    return _leaf(condition, names)


def _leaf(leaf: spec.Leaf, names: Mapping[str, str]) -> str:
    if isinstance(leaf, spec.MomentHeard):
        whose = "" if leaf.speaker == "any" else f" from the {leaf.speaker}"
        return f"“{names.get(leaf.key) or leaf.key.replace('_', ' ')}” comes up{whose}{_times(leaf)}"
    if isinstance(leaf, spec.WordsSaid):
        who = "someone says" if leaf.speaker == "any" else f"the {leaf.speaker} says"
        denied = " (even when denied)" if leaf.even_denied else ""
        if leaf.pattern is not None:
            return f"{who} what matches “{leaf.pattern}”{denied}{_times(leaf)}"
        more = len(leaf.phrases) - _MAX_PHRASES
        words = [f"“{phrase}”" for phrase in leaf.phrases[:_MAX_PHRASES]]
        words += [f"{more} more"] if more > 0 else []
        return f"{who} {listed(words, 'or')}{denied}{_times(leaf)}"
    if isinstance(leaf, spec.Missing):
        return _missing(leaf, names)
    if isinstance(leaf, spec.InOrder):
        parts = " and then ".join(_ask(part, names, inside=True) for part in leaf.parts)
        return parts + (f" within {span(leaf.within_ms)}" if leaf.within_ms else "")
    if isinstance(leaf, spec.Measured):
        return _now(measured(leaf))
    return field_is(leaf) if isinstance(leaf, spec.FieldIs) else f"it is {local_time(leaf)}"


def _now(sentence: str) -> str:
    for past, present in _PRESENT:
        if past in sentence:
            return sentence.replace(past, present, 1)
    return sentence


def _times(leaf: spec.MomentHeard | spec.WordsSaid) -> str:
    said = "" if leaf.nth is None else f" for the {ordinal(leaf.nth)} time"
    return said + ("" if leaf.for_ms is None else f" (of account for {span(leaf.for_ms)})")


def ordinal(number: int) -> str:
    """Return "1st", "2nd", "11th"."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _missing(leaf: spec.Missing, names: Mapping[str, str]) -> str:
    what = name_of(leaf.expected, names)
    limit = _limit(leaf.within_ms, leaf.within_turns)
    if leaf.after is None:
        return f"no {what} is given {f'in the first {limit}' if limit else 'before the call ends'}"
    follows = f"within {limit}" if limit else "before the call ends"
    return f"{_ask(leaf.after, names, inside=True)} and no {what} follows {follows}"


def _limit(within_ms: int | None, within_turns: int | None) -> str:
    if within_turns is not None:
        return f"{within_turns} turn{'' if within_turns == 1 else 's'}"
    return "" if within_ms is None else span(within_ms)


def _not(part: Condition, names: Mapping[str, str]) -> str:
    if isinstance(part, spec.MomentHeard | spec.WordsSaid):
        return f"no {name_of(part, names)} has come up" + (
            f" in the last {span(part.for_ms)}" if part.for_ms else ""
        )
    if isinstance(part, spec.LocalTime):
        return f"it is not {local_time(part)}"
    return f"not ({_ask(part, names, inside=False)})"


def action(one: Action, names_of_playbooks: Mapping[str, str] | None = None) -> str:
    """Return what an action does, as half a sentence: "show the agent “Offer a discount” (Say)"."""
    words = {
        "hint": f"show the agent “{one.title}” ({one.label})",
        "line": f"have the agent read “{one.say}”",
        "check": f"mark “{one.title}” as missed" if one.missed else f"tick “{one.title}”",
        "step": f"go to “{one.step}” of the playbook “{(names_of_playbooks or {}).get(one.playbook, one.playbook)}”",
        "knowledge": f"look up “{one.query}”",
        "prefill": f"fill in {one.field} with “{one.value}”",
        "tag": f"tag the call “{one.tag}”",
        "disposition": f"set the disposition “{one.value}”",
        "alert": f"alert the supervisor: “{one.title}” ({'urgent' if one.severity == 'bad' else 'warning'})",
        "webhook": "call the webhook" + (f" ({one.note})" if one.note else ""),
        "praise": f"praise the agent: “{one.title}”",
    }
    return words[one.do]


def _rule(rule: Rule, names: Mapping[str, str]) -> str:
    limits = ["once per call"] if rule.once else []
    if rule.most is not None and not rule.once:
        limits.append(f"at most {rule.most} times per call")
    if rule.cooldown_ms and not rule.once:
        limits.append(f"at most every {span(rule.cooldown_ms)}")
    if any(one.do in spec.SHOWN for one in rule.then):
        if rule.expires_ms:
            limits.append(f"for {span(rule.expires_ms)}")
        if rule.withdraw_when is not None:
            limits.append(f"until {ask(rule.withdraw_when, names)}")
    if rule.quiet:
        limits.append("once the customer has finished speaking")
    if rule.on_partials:
        limits.append("already while the words are being said")
    actions = listed([action(one) for one in rule.then], "and")
    return f"When {ask(rule.when, names)}, {'; '.join([actions, *limits])}."


def _behaviour(behaviour: Behaviour, names: Mapping[str, str]) -> str:
    limit = _limit(behaviour.within_ms, behaviour.within_turns)
    expected = name_of(behaviour.expected, names)
    said = f"When {ask(behaviour.situation, names)}, {expected} is expected "
    said += f"within {limit}" if limit else "before the call ends"
    follows = [f"if it comes, praise the agent: “{behaviour.praise}”"] if behaviour.praise else []
    if behaviour.missed is not None:
        follows.append(f"if not, {action(behaviour.missed)}")
    return "; ".join([said, *follows]) + "."


def _playbook(playbook: Playbook, names: Mapping[str, str]) -> str:
    titles = {step.id: step.title for step in playbook.steps}
    begins = "by hand" if playbook.start is None else f"when {ask(playbook.start, names)}"
    sentences = [f"It begins {begins} with “{playbook.steps[0].title}”."]
    for step in playbook.steps:
        said = f"“{step.title}”"
        if step.done is not None:
            said += f" is done when {ask(step.done, names)}"
        ways = [
            f"{'then' if way.when is None else f'if {ask(way.when, names)},'} “{titles.get(way.to, way.to)}”"
            for way in step.next
        ]
        if ways:
            said += f"{': ' if step.done is not None else ' leads on: '}{'; '.join(ways)}"
        elif step.done is None:
            said += " is the end"
        sentences.append(f"{said}.")
    return " ".join(sentences)
