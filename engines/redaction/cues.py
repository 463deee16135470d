"""Phrases after which something private is due: "card number", "who am I speaking with"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engines.redaction.tokens import Utterance


# Not frozen: that would make each of them three times as dear.
@dataclass(slots=True)
class Cue:
    """One phrase found: tokens `first` to `last`, and the type that it announces (or `ANY`)."""

    first: int
    last: int
    type: str


# A phrase that announces digits without saying which: they belong to what was asked for before, if anything
# was.
ANY = ""

_PHRASES: dict[str, str] = {
    "CREDIT_CARD": (
        "card number|card numbers|card's number|card no|card is|card details|long number|long card|sixteen digit|"
        "sixteen digits|16 digit|16 digits|sixteen numbers|number on the card|number on your card|"
        "number on the front|number on it|numbers on the front|numbers across the front|front of the card|"
        "front of your card|card ending|ending in|ends in|ending with|ends with|expiry|expiry date|"
        "expiration|expiration date|expires|visa number|read me the card|read out the card|start date"
    ),
    "SECURITY_CODE": (
        "security code|security number|cvv|cvc|cvv2|c v v|c v c|back of the card|back of your card|"
        "on the back|pin|pin number|pin code|passcode|pass code|verification code|verification number|"
        "authentication code|authorisation code|authorization code|one time code|one time passcode|"
        "one time password|one time pin|otp|access code|three digit|three digits|six digit code|"
        "code we sent|code i sent|code you received|code i received|code i got|code that was sent|telephone pin"
    ),
    "PHONE": (
        "phone number|phone no|telephone number|mobile number|cell number|cell phone number|contact number|"
        "callback number|call back number|number to reach|number to call|best number|number i can reach|"
        "reach you on|reach you at|reach me on|reach me at|call you back on|call you back at|call me on|"
        "call me at|text me at|text me on|ring me on|ring me at|get me on|call you on|call you at|"
        "mobile is|phone is|cell is|telephone is|landline|phone's|whatsapp number|fax number|"
        "home number|work number|number you're calling from|number you are calling from"
    ),
    "SSN": (
        "social security number|social security|ssn|s s n|social is|your social|my social|ssn number|"
        "ssn no|your social security number|my social security number"
    ),
    "ACCOUNT_NUMBER": (
        "account number|account no|account id|account is|account ending|sort code|routing number|bank account|"
        "account's number|ac no|ac number|acct number|acct|member number|member id|membership number|"
        "membership id|customer number|customer id|client number|client id|subscriber number|subscriber id|"
        "loyalty number|frequent flyer number|rewards number"
    ),
    "IBAN": "iban|i ban|iban number|international bank account number",
    "NATIONAL_ID": (
        "national insurance number|national insurance|n i number|ni number|nino|national id|"
        "national id number|national identity number|identity number|identity card number|identity card|"
        "id card number|id number|tax id|tax number|tax id number|tax identification number|tax reference|"
        "taxpayer number|itin|i t i n|nhs number|n h s number|aadhaar|aadhaar number|aadhar|aadhar number|"
        "pan number|pan card number|social insurance number|tax file number|medicare number|bsn|"
        "codice fiscale|steuer id|personal identification number|citizen number|resident number"
    ),
    "PASSPORT": "passport number|passport no|passport is|passport's number|number on your passport|passport id",
    "DRIVING_LICENCE": (
        "driving licence number|driving license number|driver's license number|drivers license number|"
        "driver license number|driver's licence number|drivers licence number|driving licence is|"
        "driver's license is|drivers license is|license number|licence number|driving licence no"
    ),
    "POLICY_NUMBER": "policy number|policy no|policy id|policy reference|policy num|insurance number",
    "CLAIM_NUMBER": "claim number|claim no|claim id|claim reference|claims number|claim num",
    "BOOKING_REFERENCE": (
        "booking reference|booking reference number|booking number|booking confirmation|"
        "booking confirmation number|booking id|booking code|booking ref|confirmation number|"
        "confirmation code|confirmation no|confirmation id|reservation number|reservation code|"
        "reservation id|record locator|pnr|p n r|e ticket number"
    ),
    "ORDER_NUMBER": (
        "order number|order no|order id|order reference|tracking number|tracking id|"
        "tracking code|invoice number|invoice no|purchase order|shipment number"
    ),
    "DATE_OF_BIRTH": (
        "date of birth|d o b|dob|born on|born in|were you born|birthday|birth date|birthdate|i was born|"
        "was born on"
    ),
    "NUMBER": (
        "reference number|reference is|reference|reference no|ticket number|case number|case id|ticket id|"
        "serial number|employee number|employee id|registration number|meter number|student id|"
        "student number|patient number|medical record number|patient id|vin number"
    ),
    ANY: (
        "my number|your number|the number is|number is|code is|last four|last 4|last two|first four|"
        "first six|next four|the digits|four digits|four digit|4 digits|4 digit"
    ),
    "EMAIL": (
        "email address|e mail address|mail address|email is|e mail is|email it's|your email|your e mail|"
        "my email|my e mail|email for you|mail id|email id|e mail id|mail is|email's"
    ),
    "URL": (
        "web address|website is|website address|web site is|web page is|our website at|website at|"
        "homepage is|url is|url|your website|link is"
    ),
    "PASSWORD": (
        "password|pass word|passphrase|pass phrase|secret word|memorable word|memorable answer|security word|"
        "security answer|secret answer|code word|safe word"
    ),
    "USERNAME": (
        "username|user name|user id|user is|login id|login name|login is|log in id|log in name|screen name|"
        "account name|account username|usernames"
    ),
    "POSTCODE": (
        "zip code|zipcode|zip|postcode|post code|postal code|postcode is|zip code is|zip is|pin code of"
    ),
    "ADDRESS": (
        "your address|my address|home address|mailing address|billing address|shipping address|"
        "delivery address|street address|postal address|full address|current address|new address|"
        "address is|address please|address on file|first line of your address|where do you live|i live at|"
        "where you live|house number"
    ),
    "NAME": (
        "your name|your full name|your first name|your last name|your surname|the name please|name please|"
        "who am i speaking|who i am speaking|who i'm speaking|who's calling|who is calling|name on the card|"
        "name on the account|name on your|spell that|spell it|spell your|spell the|and your name|maiden name"
    ),
}
# Those that ask for words: what the other says next is the answer, whatever it is made of.
ASKED_TYPES = frozenset({"NAME", "EMAIL", "URL", "PASSWORD", "USERNAME", "ADDRESS"})

_END = ""
_TREE: dict[str, Any] = {}
for _type, _phrases in _PHRASES.items():
    for _phrase in _phrases.split("|"):
        _node = _TREE
        for _word in _phrase.split():
            _node = _node.setdefault(_word, {})
        _node[_END] = _type


def find_cues(utterance: Utterance) -> list[Cue]:
    """Return the cues of `utterance` in order, none overlapping: the first wins, then the longest."""
    known: list[Cue] | None = utterance.__dict__.get("cues")
    if known is None:
        # Kept beside the tokens, as every detector asks for them.
        known = utterance.__dict__["cues"] = _find(utterance.lows)
    return known


def _find(lows: list[str]) -> list[Cue]:
    found: list[Cue] = []
    free, count = 0, len(lows)
    for i, tree in enumerate(map(_TREE.get, lows)):
        if tree is None or i < free:
            continue
        node, k, type_name, last = tree, i + 1, None, i
        while True:
            if _END in node:
                type_name, last = node[_END], k - 1
            if k == count or (following := node.get(lows[k])) is None:
                break
            node, k = following, k + 1
        if type_name is not None:
            found.append(Cue(i, last, type_name))
            free = last + 1
    return found
