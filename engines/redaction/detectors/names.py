"""Finds names of people after cues: "my name is ...", "am I speaking with ...", "mister ...".

Speech recognition writes lower case, so that a name shows itself by what stands before it alone. A name comes
after a cue, is one to three words long, and ends before the first word that everybody uses.
"""

from __future__ import annotations

from engines.redaction.context import Context
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance, words

# Words that everybody uses: they end a name, or say that none begins.
COMMON_WORDS = words(
    "a about account actually address after again ago all already alright also always am an and another "
    "any anyone anything are aren't around as ask asking at available away back bad bank be because been "
    "before behind being best better between bit both but buy by bye call called caller calling came can "
    "can't cancel card change charge check come confirm contact correct could couldn't customer day days "
    "deal department details did didn't different do does doesn't doing don't done down each early either "
    "else email end enough enquiring even ever every everyone everything fine first for from full gave get "
    "getting give go going gone good got great had happened happy has hasn't have haven't having he he'd "
    "he'll he's hear heard hello help helping her here hers hey hi high him his hold home how how's i i'd "
    "i'll i'm i've if in information inquiring instead into is isn't issue it it's its job just keep kind "
    "know last late later least left less let let's like line listed little live long look looking lot "
    "made make many matter may maybe me mean mhm middle might mind mine minute mister moment month more "
    "morning most move much must my myself name name's names need needed new next nice night no nobody "
    "none nor not nothing now number of off oh ok okay old on once one only open or order other our out "
    "over own paid part pay people perfect phone place please pleasure possible problem put question quick "
    "quite rather ready real really reason regarding registered right said same say saying security see "
    "send sent service set she she's should show sir so some somebody someone something soon sorry speak "
    "speaking spell spelled spelling spelt start still stuff such support sure surname system take talk "
    "talking team tell than thank thanks that that's the their them then there there's these they they'd "
    "they'll they're they've thing things think this those though through till time to today together "
    "tomorrow too took top tried try trying two type uh um under unfortunately until up upset us use used "
    "using very via wait want wanted was wasn't way we we'd we'll we're we've week well went were weren't "
    "what what's when where where's which while who who's whole whose why will with without won't work "
    "working works would wouldn't wrong yeah year yep yes yesterday yet you you'd you'll you're you've "
    "your yours yourself absolutely anyway basically certainly cool definitely excellent exactly fantastic "
    "frustrating interesting lovely ma'am madam nope ridiculous terrible unacceptable wonderful able "
    "afternoon evening assist assistance representative agent manager supervisor company office payment "
    "bill billing invoice refund delivery urgent important regarding concerning myself dot underscore dash "
    "confirmation booking reservation flight ticket waiting password username ssn email zip model total iam"
)
# What else has a name: "company name is ..." introduces nobody.
_NAMED_THINGS = words(
    "company firm business city town street road state country store shop website site domain product brand "
    "model user file project hotel school bank team plan department pet account's"
)
# (phrase, how many words at most). The name must follow at once.
_CUES: tuple[tuple[str, int], ...] = (
    ("my name is", 3),
    ("my name's", 3),
    ("my first name is", 2),
    ("my last name is", 2),
    ("my full name is", 3),
    ("name is", 3),
    ("first name is", 2),
    ("last name is", 2),
    ("last name's", 2),
    ("surname is", 2),
    ("maiden name is", 2),
    ("name on the card is", 3),
    ("name on the account is", 3),
    ("first name", 2),
    ("last name", 2),
    ("surname", 2),
    ("speaking with", 3),
    ("speaking to", 3),
    ("spoke with", 2),
    ("spoke to", 2),
    ("speak with", 2),
    ("talking to", 2),
    ("they call me", 2),
    ("you can call me", 2),
    ("i am called", 2),
    ("i'm called", 2),
    ("under the name of", 3),
    ("under the name", 3),
    ("in the name of", 3),
    ("account holder is", 3),
    ("addressed to", 3),
)
_TITLES = words("mr mister mrs missus missis ms dr professor")
_TITLES_IN_DOUBT = words("miss doctor")  # also plain words
# Said to somebody whose name one does not use ("sir flight is late"); a title of honour only before capitals.
_HONOURS = words("sir lady")
_NO_TITLE_BEFORE = words("i you we they don't to will would not the a my your his her our see that did never")
_INTRODUCTIONS = words("speaking calling here from with how at what can")
_CALLERS = words("calling from")
_GREETINGS = words("hi hello hey dear thanks thank regards cheers sincerely")
_ANSWER_LEAD = words(
    "yes yeah yep sure of course um uh er erm ok okay it's its it is that's that the my name first last "
    "full surname and i'm i am hi hello this so well right certainly absolutely be would will oh please no"
)

_GIVING = _TITLES | _TITLES_IN_DOUBT | _HONOURS | _GREETINGS | {"this", "i'm", "i"}
_BY_FIRST: dict[str, list[tuple[list[str], int]]] = {}
for _phrase, _most in sorted(_CUES, key=lambda cue: -len(cue[0].split())):
    _parts = _phrase.split()
    _BY_FIRST.setdefault(_parts[0], []).append((_parts, _most))
# A word that begins nothing is passed over.
_BEGINS = _GIVING | _BY_FIRST.keys()


class NameDetector:
    """Finds names by cues, by titles and as answers to the question for one."""

    name = "names"

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return the names found, in order, without overlaps."""
        found: list[tuple[int, int, float, str]] = []
        if context.asked == "NAME":
            found += self._answer(utterance)
        if not _BEGINS.isdisjoint(utterance.vocabulary):
            self._begun(utterance, context, found)
        return self._spans(utterance, found) if found else []

    def _begun(
        self, utterance: Utterance, context: Context, found: list[tuple[int, int, float, str]]
    ) -> None:
        """Add what follows cues, titles, introductions and greetings."""
        lows = utterance.lows
        for i, low in enumerate(lows):
            if low not in _BEGINS:
                continue
            for phrase, most in _BY_FIRST.get(low, ()):
                if low == "name" and utterance.low(i - 1) in _NAMED_THINGS:
                    break
                if lows[i : i + len(phrase)] == phrase:
                    end = self._take(utterance, i + len(phrase), most)
                    found.append((i + len(phrase), end, 0.85, "after a cue"))
                    break
            if low not in _GIVING:
                continue
            if low in _TITLES or (
                (
                    low in _TITLES_IN_DOUBT
                    or (low in _HONOURS and i + 1 < len(lows) and utterance.capitalised(i + 1))
                )
                and utterance.low(i - 1) not in _NO_TITLE_BEFORE
            ):
                found.append((i + 1, self._take(utterance, i + 1, 2), 0.8, "after a title"))
            elif low in ("this", "i'm") or (low == "i" and utterance.low(i + 1) == "am"):
                found += self._introduction(utterance, i, context)
            elif low in _GREETINGS:
                found += self._greeted(utterance, i)

    def _take(self, utterance: Utterance, first: int, most: int) -> int:
        """Return the token after the name that begins at `first` (`first` itself if none does)."""
        i, taken = first, 0
        lows = utterance.lows
        # Where the text is written with capitals, the first small word ends the name.
        capitals = first < len(lows) and utterance.capitalised(first)
        while i < len(lows):
            low = lows[i]
            gap = utterance.gap(i)
            if (
                (i > first and gap.strip(" -.'’"))
                or "\n" in gap
                or (i > first and ". " in gap and len(lows[i - 1]) > 2)
            ):
                break
            spelled = _is_letter(low) and (
                (i > first and _is_letter(lows[i - 1])) or (len(utterance.low(i + 1)) == 1)
            )
            if spelled:
                i += 1
                continue
            if taken == most or not low.replace("'", "").isalpha() or low in COMMON_WORDS:
                break
            if capitals and not utterance.surfaces[i][0].isupper():
                break
            i, taken = i + 1, taken + 1
        return i

    def _answer(self, utterance: Utterance) -> list[tuple[int, int, float, str]]:
        first = 0
        while utterance.low(first) in _ANSWER_LEAD and utterance.low(first):
            first += 1
        return [(first, self._take(utterance, first, 4), 0.7, "answers the question for a name")]

    def _introduction(
        self, utterance: Utterance, i: int, context: Context
    ) -> list[tuple[int, int, float, str]]:
        """Read "this is ..." and "i'm ...": a name if the words behind say so, or while they may still."""
        word = utterance.low(i)
        if word == "this" and utterance.low(i + 1) != "is":
            return []
        first = i + 1 if word == "i'm" else i + 2
        end = self._take(utterance, first, 3 if word == "this" else 2)
        if end == first:
            return []
        following = utterance.low(end)
        capitals = all(utterance.capitalised(k) for k in range(first, end))
        open_end = context.growing and end == len(utterance.lows)
        marks = _INTRODUCTIONS if word == "this" else _CALLERS
        if following in marks or open_end:
            return [(first, end, 0.75, "introduces itself")]
        if capitals and not utterance.text.isupper():
            return [(first, end, 0.65, "introduces itself, capitalised")]
        return []

    def _greeted(self, utterance: Utterance, i: int) -> list[tuple[int, int, float, str]]:
        """Read a capitalised name behind a greeting; in lower case nothing tells it from other words."""
        first = i + 2 if utterance.low(i) == "thank" and utterance.low(i + 1) == "you" else i + 1
        end = first
        while end < len(utterance.lows) and end - first < 3:
            low = utterance.low(end)
            if low in COMMON_WORDS or not low.isalpha() or not utterance.capitalised(end):
                break
            if utterance.gap(end).strip(" ,") or (end > first and utterance.gap(end).strip()):
                break
            end += 1
        return [(first, end, 0.6, "greeted or thanked by name")] if end > first else []

    def _spans(self, utterance: Utterance, found: list[tuple[int, int, float, str]]) -> list[Span]:
        spans: list[Span] = []
        starts, ends = utterance.starts, utterance.ends
        reached = 0
        for first, end, score, reason in sorted(found, key=lambda part: (part[0], -part[1])):
            first = max(first, reached)
            if first < end:
                spans.append(Span(starts[first], ends[end - 1], "NAME", score, self.name, reason))
                reached = end
        return spans


def _is_letter(low: str) -> bool:
    return len(low) == 1 and low.isalpha()
