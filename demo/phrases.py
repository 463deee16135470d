"""What the demo's companies listen for: what is said, and what is missed when it is not.

Written to be sensible for any support line that keeps customers, takes payments and promises refunds. Phrases leave
out the subject where they can ("want to cancel", not "i want to cancel"): a recogniser without punctuation gives
"if the price does not go down i want to cancel", and the subject is what ends the reach of that "not".
"""

from __future__ import annotations

from dataclasses import dataclass

from moments.models import MomentDefinition

AGENT, CUSTOMER = MomentDefinition.Who.AGENT, MomentDefinition.Who.CUSTOMER


@dataclass(frozen=True)
class Spoken:
    """A moment that is heard."""

    key: str
    name: str
    speaker: str
    phrases: tuple[str, ...]
    reject_negated: bool = True


@dataclass(frozen=True)
class Missing:
    """A moment that is the lack of another, after a third or after the start."""

    key: str
    name: str
    expected: str
    within_seconds: int
    after: str | None = None


SPOKEN = (
    Spoken(
        "recording_notice",
        "Recording notice",
        AGENT,
        (
            "(is|may be|will be|being) recorded",
            "recorded for (training|quality)",
            "recording (this|the|our) call",
        ),
    ),
    Spoken(
        "greeting",
        "Greeting",
        AGENT,
        (
            "(my name is|you are speaking with|you are through to)",
            "how (can|may|could) i help",
            "what can i do for you",
        ),
    ),
    Spoken(
        "identity_check",
        "Identity check",
        AGENT,
        (
            "verify (your|the|who)",
            "confirm your (identity|name|address|account|details|date of birth)",
            "(have|tell me|take|get) ... (full|first|last) name",
            "your full name",
            "date of birth",
            "security (question|word|number)",
        ),
    ),
    Spoken(
        "empathy",
        "Sign of understanding",
        AGENT,
        (
            "(so|very|really|truly|am) sorry (to hear|about|for|that|you)",
            "understand (how|why)",
            "(must|can|would) be ... (frustrating|annoying|upsetting|worrying|stressful)",
            "feel the same",
            "apologi*",
        ),
    ),
    Spoken(
        "cancel_threat",
        "Threat to cancel",
        CUSTOMER,
        (
            "(want|going|like|need|decided|ready|will have) to cancel",
            "(want|going) to (leave you|leave your|close my|end my)",
            "(cancel|close|end) (my|our|this|the) (account|service|subscription|contract|plan|membership|line)",
            "will (cancel|leave you)",
            "(thinking|thought) (of|about) (leaving|cancel*|switching)",
            "(switch*|move*|moving|change|go) to (another|a different|the other) (company|provider)",
        ),
    ),
    Spoken(
        "escalation_request",
        "Asks for a manager",
        CUSTOMER,
        (
            "(speak|talk) (to|with) ... (manager|supervisor|boss)",
            "(get|give|put|connect) me ... (manager|supervisor)",
            "(make|file|raise) a (formal|) complaint",
        ),
    ),
    Spoken(
        "retention_offer",
        "Offer to stay",
        AGENT,
        (
            "(can|could|will|would like to) (also|) offer you",
            "(percent|dollars|pounds|euros) off",
            "discount of",
            "(give|offer|keep) you ... (old price|same price|lower price|discount|credit)",
            "(waive|drop) the ... (fee|charge)",
            "(free month|months free|free of charge)",
        ),
    ),
    Spoken(
        "refund_promise",
        "Promise of a refund",
        AGENT,
        (
            "(will|can|have|going to) ... refund*",
            "refund (is|will|of|for)",
            "return the ... (payment|money|charge)",
            "money is on (the|its) way",
        ),
    ),
    Spoken(
        "refund_date",
        "Date of a refund",
        AGENT,
        (
            "(business|working) days",
            "(by|within|before) the end of the (week|month)",
            "on your next (bill|statement|invoice)",
            "(by|on|next) (monday|tuesday|wednesday|thursday|friday)",
        ),
    ),
    Spoken(
        "recap",
        "Recap",
        AGENT,
        (
            "let me (quickly|just|) (go over|recap|repeat|summari*|sum up)",
            "(what|everything) we (have|) agreed",
            "to (recap|summari*|sum up)",
        ),
    ),
    Spoken(
        "anything_else",
        "Offer of further help",
        AGENT,
        ("anything else", "any other (question|questions|way)"),
    ),
    Spoken(
        "goodbye",
        "Friendly goodbye",
        AGENT,
        (
            "have a (great|good|nice|wonderful|lovely|pleasant) (day|evening|afternoon|weekend|one|rest)",
            "thank you for (being|your patience|your call)",
        ),
    ),
    Spoken(
        "card_request",
        "Asks for a card number aloud",
        AGENT,
        (
            "(read|tell|give) me ... (card|number on)",
            "(read|tell|give) me the ... number ... card",
            "what is (the|your) ... card number",
        ),
    ),
    Spoken("card_spoken", "Card number read aloud", CUSTOMER, ("[credit_card]",), reject_negated=False),
    Spoken(
        "repeat_contact",
        "Repeated contact",
        CUSTOMER,
        (
            "(second|third|fourth|fifth) time",
            "(called|told|explained|reported) ... (before|already|again|last week|yesterday)",
            "already (called|told|explained|reported|spoken|spoke)",
            "keep* (calling|explaining|happening)",
            "every time i call",
        ),
    ),
    Spoken(
        "competitor",
        "Another company's offer",
        CUSTOMER,
        (
            "(another|other|different) (company|provider|carrier)",
            "better (price|offer|deal) (from|at|somewhere|elsewhere)",
        ),
    ),
    Spoken(
        "disrespect",
        "Disrespectful words",
        AGENT,
        (
            "not my (problem|fault|job)",
            "shut up",
            "calm down",
            "your own fault",
            "(stupid|ridiculous) question",
        ),
        reject_negated=False,
    ),
)
MISSING = (
    Missing("no_recording_notice", "No recording notice", "recording_notice", 20),
    Missing("no_retention_offer", "No offer to stay", "retention_offer", 20, after="cancel_threat"),
)
