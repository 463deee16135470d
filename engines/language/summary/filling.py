"""A summary by a template, without a model: each section filled by the source that it names, or left empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from engines.language import sentiment
from engines.language.clauses import Clause, Line, clauses_of
from engines.language.evidence import content
from engines.language.summary.acts import Act, acts_of
from engines.language.summary.extracting import Draft, SummaryLine, best_clauses
from engines.language.summary.figures import Amount, amounts_in
from engines.language.summary.neutral import neutral_lines
from engines.language.summary.resolution import Resolution, resolution_of
from engines.language.summary.template import AMOUNT, DEFAULT, LINES, MOST_LINES, NO, YES, Section, words_for

# Of the sections that quote, in the order in which a clause that fits two is given.
_QUOTED = ("reason", "done", "outcome", "promises", "next_steps")
# How a customer sounds in the second half: the mean of what says anything, and what is neither.
_NEUTRAL = 0.2


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation to be summed up. `day`: when it was, in the company's time. `language`: "en-GB", "" unknown.

    `transferred`: telephony passed it on. `marked`: sequences of utterances in which something was listened for.
    """

    lines: Sequence[Line]
    language: str = "en"
    day: date | None = None
    transferred: bool = False
    marked: Collection[int] = ()

    @property
    def is_english(self) -> bool:
        """Whether the patterns hold. A conversation whose language nobody named is taken for English."""
        return not self.language or self.language.lower().split("-")[0] in {"en", "eng"}


def fill(talk: Talk, template: Sequence[Section] = DEFAULT) -> Draft:
    """The summary of a conversation by a template, in the template's order. Deterministic."""
    found = _Found(talk, template)
    lines: list[SummaryLine] = []
    for section in template:
        lines += [
            SummaryLine(section.key, one.text, one.evidence, one.who, one.due)
            for one in found.of(section)[: section.room]
        ]
    return Draft(tuple(lines))


class _Found:
    """What was found in a conversation, by source; each is looked for once, and only where a section wants it."""

    def __init__(self, talk: Talk, template: Sequence[Section]) -> None:
        self._talk = talk
        wanted = {section.source for section in template}
        self._clauses: list[Clause] = []
        self._acts: list[Act] = []
        quoted: list[SummaryLine] = []
        if talk.is_english:
            self._clauses = clauses_of(talk.lines)
            self._acts = acts_of(self._clauses)
            rooms = {
                source: max(section.room for section in template if section.source == source)
                for source in wanted.intersection(_QUOTED)
            }
            if wanted & {"promised_by", "follow_up"}:
                rooms["promises"] = max(rooms.get("promises", 0), MOST_LINES)
            if "follow_up" in wanted:
                rooms.setdefault("next_steps", 1)
            quoted = best_clauses(self._clauses, self._acts, rooms, marked=talk.marked, day=talk.day)
        else:
            quoted = [SummaryLine(source, text, seen) for source, text, seen in neutral_lines(talk.lines)]
        self._quoted = quoted

    def of(self, section: Section) -> list[SummaryLine]:
        """The lines that a section's source gives."""
        if section.source in _QUOTED:
            return [one for one in self._quoted if one.section == section.source]
        if section.source == "amounts":
            return self._amounts(section)
        if section.source == "feeling":
            return self._feeling()
        if not self._talk.is_english:
            return []
        return {
            "questions": self._questions,
            "promised_by": self._promised_by,
            "resolution": lambda: self._resolution(plain=True),
            "resolved": lambda: self._resolution(plain=False),
            "follow_up": self._follow_up,
        }.get(section.source, list)()

    def _amounts(self, section: Section) -> list[SummaryLine]:
        """Each amount once, quoted; of a field the one that is named most, the later of equals."""
        said: list[tuple[Amount, str, tuple[int, ...]]] = []
        if self._talk.is_english:
            for clause in self._clauses:
                said += [(one, clause.quote(), clause.evidence) for one in amounts_in(clause.text)]
        else:
            for line in self._talk.lines:
                said += [
                    (one, " ".join(line.text.split())[:140], (line.sequence,))
                    for one in amounts_in(line.text, english=False)
                ]
        times = Counter(one.text for one, _quote, _seen in said)
        if section.kind == LINES:
            first: dict[str, SummaryLine] = {}
            for one, quote, seen in said:
                first.setdefault(one.text, SummaryLine("amounts", quote, seen))
            # A clause that names two of them is quoted once.
            return list({line.text: line for line in first.values()}.values())
        if not said:
            return []
        at = max(range(len(said)), key=lambda number: (times[said[number][0].text], number))
        amount, _quote, seen = said[at]
        text = words_for(section, amount.text if section.kind == AMOUNT else str(amount.value))
        return [SummaryLine("amounts", text, seen)] if text else []

    def _feeling(self) -> list[SummaryLine]:
        """How the customer sounded at the end, from their words. English alone; others are not judged."""
        if not self._talk.is_english:
            return []
        theirs = sorted(
            (one for one in self._talk.lines if one.speaker == "customer"), key=lambda one: one.sequence
        )
        last = theirs[len(theirs) // 2 :]
        if not last:
            return []
        scores = [sentiment.score(one.text) for one in last]
        told = [score for score in scores if score]
        mean = sum(told) / len(told) if told else 0.0
        value = "neutral" if abs(mean) < _NEUTRAL else "positive" if mean > 0 else "negative"
        telling = [one for one, score in zip(last, scores, strict=True) if score * mean > 0] or last[-1:]
        return [SummaryLine("feeling", value, tuple(one.sequence for one in telling))]

    def _questions(self) -> list[SummaryLine]:
        asked = [
            SummaryLine(
                "questions",
                clause.quote().rstrip(".") + ("" if clause.quote().endswith("?") else "?"),
                clause.evidence,
            )
            for clause, act in zip(self._clauses, self._acts, strict=True)
            if clause.speaker == "customer"
            and act == "question"
            and content(clause.text)
            and len(clause.words.norms) > 2
        ]
        return list({line.text: line for line in asked}.values())

    def _promises(self) -> list[SummaryLine]:
        return [one for one in self._quoted if one.section == "promises"]

    def _promised_by(self) -> list[SummaryLine]:
        """The earliest day by which something is promised."""
        dated = [one for one in self._promises() if one.due is not None]
        first = min(dated, key=lambda one: one.due or date.max, default=None)
        if first is None or first.due is None:
            return []
        return [SummaryLine("promised_by", first.due.isoformat(), first.evidence, first.who, first.due)]

    def _ended(self) -> Resolution | None:
        return resolution_of(self._clauses, self._acts, transferred=self._talk.transferred)

    def _resolution(self, *, plain: bool) -> list[SummaryLine]:
        ended = self._ended()
        if ended is None:
            return []
        if plain:
            return [SummaryLine("resolution", ended.value, ended.evidence)]
        if ended.value == "transferred":
            return []
        return [SummaryLine("resolved", YES if ended.value == "resolved" else NO, ended.evidence)]

    def _follow_up(self) -> list[SummaryLine]:
        """Whether something is still to be done: yes where it was said, else nothing is claimed."""
        ahead = [one for one in self._quoted if one.section in {"promises", "next_steps"}]
        return [SummaryLine("follow_up", YES, ahead[0].evidence)] if ahead else []
