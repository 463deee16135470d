"""A judge by rules alone: what was done is held against the policy, and what was agreed against what was done.

Each rule is written from the policy's sentences, none from transcripts. An outcome passes where no rule of outcomes
speaks against it. A rule of the way there (whether a transfer was called for) says nothing about what became of the
bookings: what it finds is told, and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.qa_policy import Policy
from bench.qa_transcripts import WRITES, Act, Trial

_YES = re.compile(
    r"\b(?:yes|yeah|yep|sure|ok|okay|correct|confirm(?:ed)?|proceed|go ahead|go with|please do|do it|do that|let'?s|"
    r"sounds good|that works|perfect|absolutely|i agree|i'?d like|i would like|i want|please)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\b(?:confirm|proceed|go ahead|would you like (?:me )?to|shall i|should i|do you want)\b[^?]*(?:\?|\byes\b)|"
    r"please (?:confirm|reply|respond)",
    re.IGNORECASE,
)
_AGREES = re.compile(
    r"^\W*(?:yes|yeah|yep|sure|ok(?:ay)?|please (?:proceed|go ahead|do)|go ahead|i confirm|absolutely|correct)\b|"
    r"\b(?:please proceed|go ahead|i confirm|you can proceed)\b",
    re.IGNORECASE,
)
_CANCEL = re.compile(r"\bcancel(?:l?ing|l?ation)?\b", re.IGNORECASE)
_AIRLINE = re.compile(
    r"(?:airline|you(?: guys)?|they)\s+(?:has |have |had )?cancel|flights?[^.?!]{0,40}(?:was|were|been|got) cancel",
    re.IGNORECASE,
)
_HEALTH_WEATHER = re.compile(
    r"\b(?:sick|ill|illness|health|medical|doctor|hospital|surgery|injur\w+|unwell|covid|weather|storm|hurricane|snow)\b",
    re.IGNORECASE,
)
_COMPLAINS = {
    "cancelled": re.compile(r"\bcancel", re.IGNORECASE),
    "delayed": re.compile(r"\bdelay", re.IGNORECASE),
}
_COMPENSATION = re.compile(
    r"\b(?:compensat\w+|voucher|certificate|gesture|make (?:it )?up|refund|something for)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Found:
    """What speaks against an outcome: the rule's name, and the line that it was seen at."""

    rule: str
    line: int


Rule = Callable[[Policy, Trial], Iterator[Found]]


def judge(policy: Policy, trial: Trial) -> list[Found]:
    """All that speaks against a transcript's outcome; nothing: it passes."""
    return [found for rule in OUTCOME for found in rule(policy, trial)]


def noticed(policy: Policy, trial: Trial) -> list[Found]:
    """What was not as the policy says on the way there."""
    return [found for rule in WAY for found in rule(policy, trial)]


# --- What was done -----------------------------------------------------------------------------------------


def unconfirmed(policy: Policy, trial: Trial) -> Iterator[Found]:
    """Before anything is changed the customer says yes to it."""
    if policy.confirm:
        for act in trial.done():
            if act.name != "send_certificate" and not _YES.search(act.said):
                yield Found("unconfirmed", act.step)


def cancelled_against(policy: Policy, trial: Trial) -> Iterator[Found]:
    """Cancelling: within the hours, by the airline, business, or insured for a reason that insurance covers."""
    for act in trial.done("cancel_reservation"):
        if not _may_cancel(policy, act.before, trial.customer(act.step)):
            yield Found("cancelled_against", act.step)


def _may_cancel(policy: Policy, reservation: dict[str, Any], said: str) -> bool:
    if policy.whole_unflown and _flown(policy, reservation):
        return False
    if not policy.cancel_conditions:
        return True
    created = _when(reservation.get("created_at"))
    if policy.now and policy.cancel_within and created and policy.now - created <= policy.cancel_within:
        return True
    if reservation.get("cabin") == "business" or _AIRLINE.search(said):
        return True
    return reservation.get("insurance") == "yes" and _HEALTH_WEATHER.search(said) is not None


def _flown(policy: Policy, reservation: dict[str, Any]) -> bool:
    days = [str(one.get("date", "")) for one in reservation.get("flights", [])]
    return policy.now is not None and any(day and day < policy.now.date().isoformat() for day in days)


def flights_against(policy: Policy, trial: Trial) -> Iterator[Found]:
    """Changing flights: not of basic economy, and neither where it begins nor where it ends."""
    for act in trial.done("update_reservation_flights"):
        old, new = act.before, act.after
        changed = _flights(old) != _flights(new)
        if policy.basic_stays and old.get("cabin") == "basic_economy" and changed:
            yield Found("basic_economy_changed", act.step)
        if policy.same_route and changed and _route(old) != _route(new):
            yield Found("route_changed", act.step)
        paid = _payment_kind(trial, str(act.arguments.get("payment_id", "")))
        if policy.update_payments and paid and paid not in policy.update_payments:
            yield Found("payment_against", act.step)


def _flights(reservation: dict[str, Any]) -> set[tuple[str, str]]:
    return {(str(f.get("flight_number")), str(f.get("date"))) for f in reservation.get("flights", [])}


def _route(reservation: dict[str, Any]) -> tuple[Any, ...]:
    flights = reservation.get("flights", [])
    ends = (flights[0].get("origin"), flights[-1].get("destination")) if flights else ()
    return (*ends, reservation.get("origin"), reservation.get("destination"), reservation.get("flight_type"))


def passengers_against(policy: Policy, trial: Trial) -> Iterator[Found]:
    """So many passengers at most, and as many as before."""
    for act in trial.done("update_reservation_passengers"):
        before, after = act.before.get("passengers"), act.arguments.get("passengers")
        if policy.same_passengers and before and after and len(before) != len(after):
            yield Found("passengers_changed", act.step)
    for act in trial.done("book_reservation"):
        if policy.most_passengers and len(act.arguments.get("passengers", ())) > policy.most_passengers:
            yield Found("too_many_passengers", act.step)


def bags_against(policy: Policy, trial: Trial) -> Iterator[Found]:
    """Bags are added, not removed; those beyond what is free are paid, and no others."""
    for act in trial.done("update_reservation_baggages", "book_reservation"):
        total = int(act.arguments.get("total_baggages") or 0)
        if policy.bags_stay and act.before and total < int(act.before.get("total_baggages") or 0):
            yield Found("bags_removed", act.step)
        cabin = str(act.arguments.get("cabin") or act.before.get("cabin") or "")
        free = policy.free_bags.get((str(trial.profile.get("membership", "")), cabin))
        passengers = act.arguments.get("passengers") or act.before.get("passengers") or ()
        if free is not None and passengers:
            due = max(0, total - free * len(passengers))
            if int(act.arguments.get("nonfree_baggages") or 0) != due:
                yield Found("bags_charged_wrongly", act.step)


def payments_against(policy: Policy, trial: Trial) -> Iterator[Found]:
    """So many of each kind at most, all of them of the customer's own."""
    own = trial.profile.get("payment_methods") or {}
    for act in trial.done("book_reservation"):
        ids = [str(one.get("payment_id", "")) for one in act.arguments.get("payment_methods", ())]
        kinds = [_payment_kind(trial, one) for one in ids]
        if any(kinds.count(kind) > most for kind, most in policy.payments.items()):
            yield Found("too_many_payments", act.step)
        if policy.own_payments and own and any(one not in own for one in ids):
            yield Found("payment_of_another", act.step)
        if policy.insurance_asked and not re.search("insurance", _heard(trial, act.step), re.IGNORECASE):
            yield Found("insurance_not_asked", act.step)


def _payment_kind(trial: Trial, ident: str) -> str:
    known = (trial.profile.get("payment_methods") or {}).get(ident) or {}
    return str(known.get("source") or re.sub(r"_\d+$", "", ident))


def _heard(trial: Trial, until: int) -> str:
    return "\n".join(words for who, words in trial.lines[:until] if who != "system")


def certificate_against(policy: Policy, trial: Trial) -> Iterator[Found]:
    """A gesture is for those who are entitled, who complained and asked, and of the policy's amount."""
    if not policy.gestures:
        return
    for act in trial.done("send_certificate"):
        said = trial.customer(act.step)
        complaints = [kind for kind, pattern in _COMPLAINS.items() if pattern.search(said)]
        amounts = {
            policy.gestures[kind] * len(one.get("passengers", ()))
            for kind in complaints
            if kind in policy.gestures
            for one in trial.seen.values()
            if _entitled(trial, one)
        }
        if not _COMPENSATION.search(said):
            yield Found("gesture_unasked", act.step)
        elif float(act.arguments.get("amount") or 0) not in amounts:
            yield Found("gesture_against", act.step)


def _entitled(trial: Trial, reservation: dict[str, Any]) -> bool:
    return (
        trial.profile.get("membership") in {"silver", "gold"}
        or reservation.get("insurance") == "yes"
        or reservation.get("cabin") == "business"
    )


# --- What was not done -------------------------------------------------------------------------------------


def left_failed(policy: Policy, trial: Trial) -> Iterator[Found]:
    """What failed is tried in another way, or is not done."""
    for act in trial.acts:
        later = [one for one in trial.done(act.name) if one.step > act.step]
        if act.failed and not any(_same_thing(act, one) for one in later):
            yield Found("left_failed", act.step)
            return


def _same_thing(one: Act, other: Act) -> bool:
    return one.arguments.get("reservation_id") == other.arguments.get("reservation_id")


def agreed_not_done(policy: Policy, trial: Trial) -> Iterator[Found]:
    """What the agent asked for a yes to, and got it, is done; a transfer may be what it was about."""
    for at, (who, words) in enumerate(trial.lines):
        if who != "customer" or not _AGREES.search(words):
            continue
        before = [told for speaker, told in trial.lines[:at] if speaker == "agent" and not _is_call(told)]
        if not before or not _ASKS.search(before[-1]):
            continue
        handed_on = trial.transferred is not None and trial.transferred > at
        if not handed_on and not any(one.step > at for one in trial.done()):
            yield Found("agreed_not_done", at)
            return


def _is_call(words: str) -> bool:
    name, _space, rest = words.partition(" ")
    return rest.startswith("{") and (name in WRITES or "_" in name or name in {"think", "calculate"})


def cancel_refused(policy: Policy, trial: Trial) -> Iterator[Found]:
    """Who asks to cancel what the policy lets be cancelled is not sent away."""
    said = trial.customer()
    if not policy.cancel_conditions or not _CANCEL.search(said) or any(trial.done()):
        return
    for ident, reservation in trial.seen.items():
        if ident in said and _may_cancel(policy, reservation, said):
            yield Found("cancel_refused", len(trial.lines) - 1)
            return


def transferred_against(policy: Policy, trial: Trial) -> Iterator[Found]:
    """A transfer is for what the agent's own actions cannot do: a trip that is partly flown."""
    if not policy.transfer_only_if or trial.transferred is None:
        return
    if not any(_flown(policy, one) for one in trial.seen.values()):
        yield Found("transferred_against", trial.transferred)


def _when(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


OUTCOME: tuple[Rule, ...] = (
    unconfirmed,
    cancelled_against,
    flights_against,
    passengers_against,
    bags_against,
    payments_against,
    certificate_against,
    left_failed,
    agreed_not_done,
    cancel_refused,
)
WAY: tuple[Rule, ...] = (transferred_against,)
