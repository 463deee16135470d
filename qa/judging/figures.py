"""The judge that goes by what can be measured: holds, silence, shares of the talk. Times in ms of the conversation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from qa.answers import NA, NO, YES
from qa.judging import Judged, Spec
from qa.judging.material import AGENT_SIDE, Material, Stretch, cut, merged, overlap
from qa.models import Criterion

Figure = Criterion.Figure
# Pauses shorter than this belong to talking.
PAUSE_MS = 3_000
# Two people begin at once all the time; only what comes further into the other's words is an interruption.
INTO_MS = 400


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure and where it comes from: the place to listen to."""

    value: float
    at_ms: int


def silences(material: Material) -> list[Stretch]:
    """The stretches in which nobody said anything for longer than a pause, on hold left out."""
    said = merged([(t.start_ms, t.end_ms) for t in material.turns] + list(material.holds))
    found: list[Stretch] = []
    for begin, stop in material.segments:
        at = begin
        for start, end in cut(said, [(begin, stop)]):
            if start - at > PAUSE_MS:
                found.append((at, start))
            at = max(at, end)
        if stop - at > PAUSE_MS:
            found.append((at, stop))
    return found


def _longest(stretches: Sequence[Stretch], otherwise: int) -> Stretch:
    return max(stretches, key=lambda one: one[1] - one[0], default=(otherwise, otherwise))


def _spoken_ms(material: Material, *, agent: bool) -> int:
    return sum(t.end_ms - t.start_ms for t in material.turns if (t.speaker in AGENT_SIDE) is agent)


def _hold_seconds(material: Material) -> Measured:
    held = overlap(material.holds, material.segments)
    return Measured(held / 1000, _longest(material.holds, material.start_ms)[0])


def _holds(material: Material) -> Measured:
    return Measured(len(material.holds), _longest(material.holds, material.start_ms)[0])


def _silence_seconds(material: Material) -> Measured:
    quiet = silences(material)
    return Measured(sum(end - start for start, end in quiet) / 1000, _longest(quiet, material.start_ms)[0])


def _silence_share(material: Material) -> Measured:
    quiet = silences(material)
    share = 100 * sum(end - start for start, end in quiet) / max(1, material.length_ms)
    return Measured(share, _longest(quiet, material.start_ms)[0])


def _longest_silence(material: Material) -> Measured:
    start, end = _longest(silences(material), material.start_ms)
    return Measured((end - start) / 1000, start)


def _agent_talk_share(material: Material) -> Measured | None:
    agent, other = _spoken_ms(material, agent=True), _spoken_ms(material, agent=False)
    return Measured(100 * agent / (agent + other), material.start_ms) if agent + other else None


def _interruptions(material: Material) -> Measured:
    customers = sorted((t.start_ms, t.end_ms) for t in material.turns if t.speaker == "customer")
    starts = [start for start, _end in customers]
    # Until when the customer speaks, of all that they have begun so far.
    until = list(accumulate((end for _start, end in customers), max))
    into = []
    for agent in material.turns:
        begun = bisect_left(starts, agent.start_ms) if agent.speaker in AGENT_SIDE else 0
        if begun and until[begun - 1] - agent.start_ms > INTO_MS:
            into.append(agent.start_ms)
    return Measured(len(into), into[0] if into else material.start_ms)


def _first_reply(material: Material) -> Measured | None:
    first = next((t for t in material.turns if t.speaker in AGENT_SIDE), None)
    return Measured(max(0, first.start_ms - material.start_ms) / 1000, first.start_ms) if first else None


def _talk_seconds(material: Material) -> Measured:
    return Measured(material.length_ms / 1000, material.start_ms)


MEASURES: Mapping[str, Callable[[Material], Measured | None]] = {
    Figure.HOLD_SECONDS: _hold_seconds,
    Figure.HOLDS: _holds,
    Figure.SILENCE_SECONDS: _silence_seconds,
    Figure.SILENCE_SHARE: _silence_share,
    Figure.LONGEST_SILENCE_SECONDS: _longest_silence,
    Figure.AGENT_TALK_SHARE: _agent_talk_share,
    Figure.INTERRUPTIONS: _interruptions,
    Figure.FIRST_REPLY_SECONDS: _first_reply,
    Figure.TALK_SECONDS: _talk_seconds,
}
# Of a written conversation nothing but this can be measured.
WRITTEN = frozenset({Figure.FIRST_REPLY_SECONDS, Figure.TALK_SECONDS})


class FigureJudge:
    """Answers yes/no criteria by a limit, and numbers with the figure itself. As sure as the sound is complete."""

    key = "figure"
    label = _("a figure of the call")
    kinds: tuple[str, ...] = ("yes_no", "number")
    revision = "figures 1"

    def complaints(self, criterion: Spec) -> list[str]:
        if criterion["figure"] not in MEASURES:
            return [_t("choose the figure that answers it.")]
        if criterion["kind"] == "yes_no" and criterion["limit"] is None:
            return [_t("say up to, or from, which limit of the figure the answer is yes.")]
        return []

    def answers(self, criteria: Sequence[Spec], material: Material) -> Mapping[str, Judged]:
        return {one["key"]: answer(one, material) for one in criteria}


def answer(criterion: Spec, material: Material) -> Judged:
    figure = Figure(criterion["figure"])
    if material.channel != "voice" and figure not in WRITTEN:
        return Judged(NA, [], 1.0)
    measured = MEASURES[figure](material)
    if measured is None:
        return Judged(NA, [], 1.0)
    missing = overlap(material.gaps, material.segments) / max(1, material.length_ms)
    value = round(measured.value, 1)
    evidence = [{"marked": f"{figure.label}: {value:g}", "at_ms": measured.at_ms}]
    if criterion["kind"] == "number":
        return Judged(f"{value:g}", evidence, 1.0 - missing)
    limit = criterion["limit"]
    met = value <= limit if criterion["figure_test"] == Criterion.Test.AT_MOST else value >= limit
    return Judged(YES if met else NO, evidence, 1.0 - missing)
