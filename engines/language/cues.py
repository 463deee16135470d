"""The turns of phrase by which a summary tells what an utterance does, written as `rules.phrases` has it.

Each cue has a weight: 3 says it outright, 2 suggests it, 1 is taken where nothing better is found.
"""

from __future__ import annotations

from engines.rules.phrases import PhraseTrie, parse
from engines.rules.text import Words, negated

_DONE_VERBS = (
    "(refund*|updat*|cancelled|canceled|changed|process*|applied|issued|credited|revers*|"
    "ordered|order|reset|booked|"
    "removed|escalated|opened|created|transferred|transfer|scheduled|noted|waived|added|sent|"
    "fixed|resolved|corrected|"
    "replaced|activated|blocked|upgraded|downgraded|adjusted|raised|logged|submitted|confirmed|"
    "switched|extended|"
    "unlocked|closed|moved|taken off|set up|put through|emailed|e-mailed|placed|registered|"
    "restarted|verified)"
)
_DOING = (
    "(refunding|updating|cancelling|canceling|processing|applying|issuing|crediting|reversing|"
    "ordering|sending|"
    "resetting|removing|escalating|opening|adding|waiving|booking)"
)

REASON: tuple[tuple[float, str], ...] = (
    (3, "i (am|was) calling (to|about|because|regarding|for|in)"),
    (3, "the reason ... calling"),
    (3, "i have been (charged|billed|overcharged|waiting|trying|told|without|locked)"),
    (3, "i (was|got) (charged|billed|overcharged|told|promised)"),
    (3, "(you|you have|they|they have) (charged|billed|overcharged) me"),
    (3, "(charged|billed) (me|) ... twice"),
    (3, "(want|like|need|going) to (cancel|leave|complain|dispute|return)"),
    (3, "i (|just|recently) lost"),
    (3, "i (have not|never|did not) (receive*|get|got)"),
    (3, "(has|have|did) not (arriv*|work*|turned|come|been)"),
    (3, "i am (|still) having (|some|a) (trouble|problem*|issue*|difficult*)"),
    (3, "(is|are|was) not (work*|load*|show*|connect*|respond*|charg*|turning|right|correct)"),
    (3, "(does|do) not (work*|load*|turn|connect|recogni*|match)"),
    (
        2.5,
        "i (|really) (want|would like|wanted|need|am trying|tried|am looking|was hoping|am hoping|"
        "was wondering) to",
    ),
    (
        2.5,
        "i (|just|have) (have|noticed|got|had) (a|an|another|two|some) ... (problem|issue|question|"
        "charge*|bill|fee)",
    ),
    (2.5, "(stopped|stops|keeps|kept) (work*|drop*|cutting|going|disconnect*|freez*|crash*|saying|failing)"),
    (
        2,
        "my ... (is|are|was|went|has been) (broken|down|wrong|missing|late|locked|gone|slow|too|"
        "damaged|stolen)",
    ),
    (2, "there (is|was) (a|an|no|another|some) ... (problem|issue|error|charge|mistake|signal|fee|service)"),
    (2, "i can not (|seem to) (log|get|access|see|find|connect|use|make|pay|open|afford)"),
    (2, "i need (a|an|my|the|some|help)"),
    (2, "i would like (a|an|my|the|some)"),
    (2, "(went|gone) up"),
    (2.5, "i am (|really) running into"),
    (
        2.5,
        "i am (getting|seeing|experiencing|facing) (|a|an|some|this|these) ... (error*|message*|problem*|issue*)",
    ),
    (2.5, "i need help"),
    (2, "(keep|keeps|kept) (getting|happening|asking)"),
    (1, "(can|could) (you|i) (|please) (send|cancel|change|refund|help|get|have|speak|make|move|tell)"),
    (1, "i (need|want)"),
)
DONE: tuple[tuple[float, str], ...] = (
    (3, f"i have ... {_DONE_VERBS}"),
    (3, f"(has|have) been ... {_DONE_VERBS}"),
    (3, f"(i|we) (|just|already) {_DONE_VERBS}"),
    (
        2.5,
        "your ... (is|are) (now|all) (active|cancelled|canceled|updated|set|back|confirmed|unlocked|booked)",
    ),
    (2.5, f"i am (|just|now|going ahead and) {_DOING}"),
    (2, "(that is|it is) (|all|now) (done|taken care of|sorted|in place|gone through)"),
    (1.5, "(i can|i could|we can) (|also) (offer|give|take|apply|waive)"),
    (1, "your ... (balance|total|bill|order|appointment) is"),
    # What the agent had the customer try: told where nothing stronger is.
    (1.5, "let us (|also|now) (try|check|start|restart|run|look|test)"),
    (1.5, "(please|now|then) (try|click|check|restart|open|press|unplug|plug|run|test|update|reconnect)"),
    (1.5, "you can (|also) (try|do|enable|update|check|restart)"),
    (1.5, "i (recommend|suggest|would recommend|would suggest)"),
    (
        2,
        "your (payment|order|request|refund) ... (was|is|went) (successful|complete|through|confirmed)",
    ),
    (2, "(refund|payment|credit|replacement|order|technician) is on (the|its) way"),
    (1.5, "i have ... found (the|your|that|a|an)"),
    (1, "i (|can) (see|found|checked) (that|the|a|an|two|where|here)"),
)
NEXT_AGENT: tuple[tuple[float, str], ...] = (
    (
        3,
        "(i|we) (will|am going to|are going to) ... (send|call|email|e-mail|mail|follow|ship|"
        "arrange|contact|let)",
    ),
    (2.5, "you (will|should) (|be able to) (receive|get|hear|expect|be charged)"),
    (2, "you should be able to (receive|see|get|log|use)"),
    (1, "you (will|should) (see|have|find)"),
    (3, "(someone|technician|engineer|team|specialist|manager|department|colleague) will"),
    (3, "will (arrive|be with you|reach you|be delivered|show up|take effect|appear|be on your|call you)"),
    (
        2,
        "(please|you will need to|you need to|make sure you|remember to) (|also|then|just) (call|send|"
        "return|check|keep|bring|pay)",
    ),
    (
        2,
        "(i|we) will (refund|credit|cancel|process|apply|waive|escalate|open|raise|book|schedule|"
        "order|replace|remove)",
    ),
    (1.5, "(within|in) ... (days|hours|weeks|business days|working days)"),
)
NEXT_CUSTOMER: tuple[tuple[float, str], ...] = (
    (2, "i will (call|wait|send|check|try|bring|pay|think|look|keep an eye|get back|let you)"),
    (1.5, "i (can|will have to) ... later"),
)
AT_ONCE: tuple[str, ...] = (
    "will (|just|quickly) (check|look|pull|be|need|have a look|help|put you|do my best|take a look|bring up)",
    "(will|am going to) (now|right now)",
    "will not be (a moment|long)",
    "will go ahead and (check|look|pull)",
    "will (|just) get (that|this|you) (sorted|right|through)",
    "let me",
    "(on|for) hold",
    "(a|one) (moment|second|minute)",
)
OUTCOME_ANY: tuple[tuple[float, str], ...] = (
    (3, "(is|are) (|all) (working|fixed|resolved|sorted|back) (now|again|out|)"),
    (2.5, "(all set|all sorted|good to go|back up)"),
)
OUTCOME_CUSTOMER: tuple[tuple[float, str], ...] = (
    (
        3,
        "(i will|i would|happy to|i can) (|then) (stay|accept|keep my|keep the|keep it|take it|take that)",
    ),
    (3, "(still|just|definitely) (want|going|like) to (cancel|leave|complain)"),
    (3, "still (not|the same|broken|happening|waiting|does|is)"),
    (
        2.5,
        "that (|really|would|will|does) (works|work|helps|help|solves|fixed|sorts|is fair|is "
        "acceptable|sounds good)",
    ),
    (
        2.5,
        "that (is|sounds|would be) (|really|very|much|just|a) (great|perfect|good|fine|better|"
        "wonderful|fair|relief)",
    ),
    (2.5, "(not good enough|not acceptable|not happy|not satisfied|unacceptable)"),
    (2.5, "(speak|talk) (to|with) (a|your|the) (manager|supervisor)"),
    (2, "(let us do|go ahead|i agree|i accept|sounds good|that is a deal)"),
    (2, "that is (all|everything|it|what) (|i|that i) (needed|wanted|for today|)"),
    (1.5, "thank* (you|) ... (help*|sorting|fixing|much)"),
    (1, "i appreciate"),
)
OUTCOME_AGENT: tuple[tuple[float, str], ...] = (
    (2, "i am (unable|not able|afraid) ... (to|can not|not)"),
    (1.5, "(glad|happy|pleased) (i|we|that|to) ... (sort*|resolv*|stay*|keep)"),
)
INTRODUCTION: tuple[str, ...] = (
    "(my|the|full) name (is|on)",
    "(number|address|code|birth|password|email|e-mail|pin) is",
    "(speaking|this is) (with|to|[name]|[person])",
)
TIME_WORDS: tuple[str, ...] = (
    "(today|tomorrow|tonight|monday|tuesday|wednesday|thursday|friday|saturday|sunday)",
    "(minutes|hours|days|weeks|months|week|month|end of)",
    "(next|this|by|within) (week|month|bill|billing|invoice|morning|afternoon)",
)


class Cues:
    """One index over weighted cues."""

    def __init__(self, cues: tuple[tuple[float, str], ...]) -> None:
        self._trie = PhraseTrie()
        self._weights = [weight for weight, _ in cues]
        for owner, (_, phrase) in enumerate(cues):
            self._trie.add(owner, parse(phrase))

    def best(self, text: str, words: Words) -> tuple[float, int]:
        """Return the highest weight of a cue not denied in `words`, and its first word; (0, 0) if none."""
        weight, first_word = 0.0, 0
        for owner, first, last, own in self._trie.find(words.norms):
            if self._weights[owner] > weight and not negated(text, words, first, last, own):
                weight, first_word = self._weights[owner], first
        return weight, first_word


def unweighted(phrases: tuple[str, ...]) -> Cues:
    """Return an index of cues that all weigh 1."""
    return Cues(tuple((1.0, phrase) for phrase in phrases))
