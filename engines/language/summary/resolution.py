"""How a conversation ended, by what was said towards its end and by what telephony told. English patterns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engines.language import cues
from engines.language.clauses import Clause
from engines.language.summary.acts import Act, is_promise

_FROM = 0.5
_RESOLVED = cues.Cues(
    (
        (3.0, "(is|are) (|all) (working|fixed|resolved|sorted|back) (now|again|out|)"),
        (3.0, "(it|that) (|all) (worked|works) (|now|perfectly|fine|again)"),
        (
            3.0,
            "(successfully|has been) (reset|resolved|fixed|refunded|cancelled|canceled|updated|processed|applied)",
        ),
        (2.5, "(all set|all sorted|good to go|back up)"),
        (
            2.0,
            "i have (refunded|cancelled|canceled|updated|changed|applied|credited|processed|booked|fixed|reset)",
        ),
        (0.5, "that is (all|everything) (i|that i|) (|needed|wanted)"),
        (1.0, "that (|was|is) all i needed"),
        (1.5, "(that works|sounds good|problem solved|that solves|that fixed)"),
        (1.0, "(glad|happy) (i|we|to|that) ... (help*|sort*|resolv*)"),
    )
)
_UNRESOLVED = cues.Cues(
    (
        (3.0, "(still|does|is|are|do) not (work|working|fixed|resolved|sorted|happening|help)"),
        (3.0, "still (broken|waiting|happening|the same|down)"),
        (2.5, "(not good enough|not acceptable|unacceptable|not happy|not satisfied)"),
        (
            2.5,
            "(i|we) (can not|are unable to|am unable to|am not able to|are not able to) "
            "(|help|refund|do|find|fix|resolve)",
        ),
        (2.0, "(going|want) to (complain|cancel|leave)"),
        (
            2.0,
            "(escalate|escalated|escalating|create|created|open|opened|raised) (|the|this|it|a|an) ... "
            "(ticket|case|issue|team)",
        ),
        (2.0, "(speak|talk) (to|with) (a|your|the) (manager|supervisor)"),
    )
)
_TRANSFER = cues.unweighted(
    (
        "(transfer|transferring|put|putting|pass|passing|connect|connecting) you (|over|through|on) to",
        "(transfer|put|pass) you (through|over)",
    )
)
_CALL_BACK = cues.unweighted(
    (
        "(call|ring|phone) you (|right) back",
        "(give|gives) you a (call|ring)",
        "(i|we|someone|somebody|they|manager|colleague|technician) will (|then) (call|ring|phone|contact) you",
        "(get|come) back to you",
    )
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """One of `template.RESOLUTIONS`, and the utterances it is taken from (none where telephony told)."""

    value: str
    evidence: tuple[int, ...]


def resolution_of(
    clauses: Sequence[Clause], acts: Sequence[Act], *, transferred: bool = False
) -> Resolution | None:
    """How it ended, or None where nothing tells.

    A call that was passed on is transferred. Else the strongest cue in its second half, later ones a little stronger;
    a promise to call back stands where nothing says that it is resolved.
    """
    best: tuple[float, Resolution] | None = None
    back: Resolution | None = None
    for clause, act in zip(clauses, acts, strict=True):
        if clause.place < _FROM or clause.question:
            continue
        text, words = clause.text, clause.words
        if clause.speaker != "customer" and act != "offer" and _TRANSFER.best(text, words)[0]:
            return Resolution("transferred", clause.evidence)
        if clause.speaker != "customer" and is_promise(clause) and _CALL_BACK.best(text, words)[0]:
            back = Resolution("call back", clause.evidence)
        for index, value in ((_RESOLVED, "resolved"), (_UNRESOLVED, "not resolved")):
            weight = index.best(text, words)[0]
            if weight and (best is None or weight + clause.place >= best[0]):
                best = weight + clause.place, Resolution(value, clause.evidence)
    if transferred:
        return Resolution("transferred", ())
    if best is not None and (back is None or best[1].value == "resolved"):
        return best[1]
    return back
