"""Passages with what they say and what they do not: for the check of support. All made up here."""

from __future__ import annotations

REFUNDS = """Refunds go back to the card that paid. They take three to five working days.

When a customer was charged twice, check that both payments have settled, then refund the second payment
in full.

A refund above £500 must be approved by a supervisor. Gift cards cannot be refunded."""
LATE = """A late fee of £12 is charged when a payment is more than 10 days overdue. It may be waived once a year if
the customer has paid on time for the last six months. Business accounts are not eligible for a waiver."""
PLANS = """| Plan | Monthly price | Data limit |
|---|---|---|
| Basic | £10 | 5 GB |
| Plus | £25 | 20 GB |
| Premium | £40 | unlimited |

Plus includes roaming in Europe. Basic does not include roaming."""
CARD = """If a card is lost:

1. Freeze the card at once.
2. Order a replacement by courier. It arrives within two working days.
3. Do not close the account.

The old card stays blocked. Replacement costs $15, except for Premium members, who pay nothing."""
HOURS = """The branch in Leeds is open Monday to Friday from 9:00 to 17:00. On 24 December it closes at 12:00. The
branch in York is closed on Mondays. Deposits made after 4 pm are booked on the next working day."""
CANCEL = """You can cancel within 14 days after delivery without giving a reason. Return the goods before 30 June
2026. The deposit of 20% is non-refundable. Only the account holder may cancel the contract."""
LIMITS = """The daily limit for cash withdrawals is $500. It can be raised to $1,000 for up to 30 days. Customers
under 18 may withdraw at most $100 per day. International transfers above $10,000 require identification."""
GERMAN = """Die Mahngebühr beträgt 5 Euro und wird einmal im Jahr erlassen. Gutscheine werden nicht erstattet. Die
Frist beträgt vierzehn Tage ab Lieferung."""

# passage, context, what it says
TRUE: list[tuple[str, str, str]] = [
    (REFUNDS, "Refunds", "Refunds go back to the card that paid."),
    (REFUNDS, "Refunds", "A refund takes three to five working days."),
    (REFUNDS, "Refunds", "Refunds take 3 to 5 business days."),
    (REFUNDS, "Refunds", "If a customer was charged twice, the second payment is refunded in full."),
    (REFUNDS, "Refunds", "Gift cards can't be refunded."),
    (REFUNDS, "Refunds", "Refunds above £500 must be approved by a supervisor."),
    (REFUNDS, "Refunds", "A supervisor must approve a refund above £500."),
    (REFUNDS, "Refunds", "Check that both payments have settled and refund the second payment."),
    (LATE, "Late fees", "The late fee is £12."),
    (LATE, "Late fees", "A late fee of £12 is charged when the payment is more than ten days overdue."),
    (
        LATE,
        "Late fees",
        "The fee may be waived once a year if the customer has paid on time for the last six months.",
    ),
    (LATE, "Late fees", "Business accounts are not eligible for a waiver."),
    (LATE, "Late fees", "Business accounts aren't eligible for a waiver of the fee."),
    (PLANS, "Plans", "The Plus plan has a monthly price of £25."),
    (PLANS, "Plans", "Basic has a data limit of 5 GB."),
    (PLANS, "Plans", "The Premium plan has unlimited data and a monthly price of £40."),
    (PLANS, "Plans", "Plus includes roaming in Europe."),
    (PLANS, "Plans", "Roaming is not included in Basic."),
    (CARD, "Lost cards", "Freeze the card at once."),
    (CARD, "Lost cards", "When a card is lost, freeze it at once and order a replacement by courier."),
    (CARD, "Lost cards", "The replacement arrives within two working days."),
    (CARD, "Lost cards", "Don't close the account."),
    (CARD, "Lost cards", "A replacement costs $15, except for Premium members."),
    (CARD, "Lost cards", "Premium members pay nothing for the replacement."),
    (HOURS, "Opening hours", "The Leeds branch is open Monday to Friday from 9:00 to 17:00."),
    (HOURS, "Opening hours", "The Leeds branch is open from 9 am to 5 pm, Monday to Friday."),
    (HOURS, "Opening hours", "On 24 December it closes at 12:00."),
    (HOURS, "Opening hours", "The branch in York is closed on Mondays."),
    (HOURS, "Opening hours", "Deposits after 4 pm are booked the next working day."),
    (CANCEL, "Cancelling", "You can cancel within 14 days after delivery."),
    (
        CANCEL,
        "Cancelling",
        "The customer can cancel within fourteen days after delivery without giving a reason.",
    ),
    (CANCEL, "Cancelling", "The goods must be returned before 30 June 2026."),
    (CANCEL, "Cancelling", "The 20% deposit is non-refundable."),
    (CANCEL, "Cancelling", "The deposit of 20 percent is not refundable."),
    (CANCEL, "Cancelling", "Only the account holder may cancel the contract."),
    (LIMITS, "Cash limits", "The daily limit for cash withdrawals is $500."),
    (LIMITS, "Cash limits", "The limit can be raised to $1,000 for up to 30 days."),
    (LIMITS, "Cash limits", "Customers under 18 may withdraw at most $100 per day."),
    (LIMITS, "Cash limits", "International transfers above $10,000 require identification."),
    (GERMAN, "Gebühren", "Die Mahngebühr beträgt 5 €."),
    (GERMAN, "Gebühren", "Gutscheine werden nicht erstattet."),
    (GERMAN, "Gebühren", "Die Frist beträgt 14 Tage ab Lieferung."),
]
# passage, context, what it does not say, what is wrong with it
FALSE: list[tuple[str, str, str, str]] = [
    (REFUNDS, "Refunds", "Refunds take three to seven working days.", "number"),
    (REFUNDS, "Refunds", "Refunds take three to five weeks.", "unit"),
    (REFUNDS, "Refunds", "Refunds take three to five days.", "unit"),
    (REFUNDS, "Refunds", "Gift cards can be refunded.", "negation"),
    (REFUNDS, "Refunds", "Gift cards are refunded within three to five working days.", "merged"),
    (REFUNDS, "Refunds", "A refund above £50 must be approved by a supervisor.", "number"),
    (REFUNDS, "Refunds", "Refunds above €500 must be approved by a supervisor.", "currency"),
    (REFUNDS, "Refunds", "Refunds above £500 must be approved by a director.", "name"),
    (REFUNDS, "Refunds", "A refund below £500 must be approved by a supervisor.", "bound"),
    (REFUNDS, "Refunds", "Refunds do not go back to the card that paid.", "negation"),
    (REFUNDS, "Refunds", "If a customer was charged twice, both payments are refunded in full.", "merged"),
    (REFUNDS, "Refunds", "Refunds are paid in bitcoin.", "unrelated"),
    (REFUNDS, "Refunds", "The CEO grants every refund personally.", "unrelated"),
    (LATE, "Late fees", "The late fee is £21.", "number"),
    (LATE, "Late fees", "A late fee of $12 is charged.", "currency"),
    (LATE, "Late fees", "A late fee of £12 is charged when a payment is at least 10 days overdue.", "bound"),
    (LATE, "Late fees", "The fee is charged when a payment is less than 10 days overdue.", "bound"),
    (LATE, "Late fees", "The fee may be waived twice a year.", "number"),
    (LATE, "Late fees", "The fee may be waived once a month.", "unit"),
    (LATE, "Late fees", "The fee must be waived once a year if the customer has paid on time.", "duty"),
    (LATE, "Late fees", "The fee may not be waived.", "negation"),
    (LATE, "Late fees", "Business accounts are eligible for a waiver.", "negation"),
    (LATE, "Late fees", "Business accounts are charged a late fee of £12 once a year.", "merged"),
    (LATE, "Late fees", "The waiver costs £12.", "merged"),
    (PLANS, "Plans", "The Plus plan has a monthly price of £10.", "table"),
    (PLANS, "Plans", "Basic has a data limit of 20 GB.", "table"),
    (PLANS, "Plans", "Premium has a monthly price of £25.", "table"),
    (PLANS, "Plans", "Basic includes roaming in Europe.", "negation"),
    (PLANS, "Plans", "Plus includes roaming in America.", "name"),
    (PLANS, "Plans", "Plus does not include roaming.", "negation"),
    (PLANS, "Plans", "The Basic plan has unlimited data.", "table"),
    (CARD, "Lost cards", "The replacement arrives within two days.", "unit"),
    (CARD, "Lost cards", "The replacement arrives within five working days.", "number"),
    (CARD, "Lost cards", "Close the account.", "negation"),
    (CARD, "Lost cards", "Do not freeze the card.", "negation"),
    (CARD, "Lost cards", "A replacement costs $15.", "condition"),
    (CARD, "Lost cards", "A replacement costs $50, except for Premium members.", "number"),
    (CARD, "Lost cards", "Premium members pay $15.", "merged"),
    (CARD, "Lost cards", "Order a replacement by e-mail.", "word"),
    (CARD, "Lost cards", "Unfreeze the card at once.", "opposite"),
    (HOURS, "Opening hours", "The Leeds branch is open Monday to Friday from 9:00 to 18:00.", "time"),
    (HOURS, "Opening hours", "The York branch is open Monday to Friday from 9:00 to 17:00.", "name"),
    (HOURS, "Opening hours", "On 25 December it closes at 12:00.", "date"),
    (HOURS, "Opening hours", "On 24 December it opens at 12:00.", "opposite"),
    (HOURS, "Opening hours", "The branch in Leeds is closed on Mondays.", "name"),
    (HOURS, "Opening hours", "Deposits made before 4 pm are booked on the next working day.", "opposite"),
    (HOURS, "Opening hours", "Deposits made after 4 am are booked on the next working day.", "time"),
    (CANCEL, "Cancelling", "You can cancel within 40 days after delivery.", "number"),
    (CANCEL, "Cancelling", "You can cancel within 14 days before delivery.", "opposite"),
    (CANCEL, "Cancelling", "You cannot cancel within 14 days after delivery.", "negation"),
    (CANCEL, "Cancelling", "The goods must be returned before 30 June 2027.", "date"),
    (CANCEL, "Cancelling", "The goods must be returned after 30 June 2026.", "opposite"),
    (CANCEL, "Cancelling", "The deposit of 20% is refundable.", "negation"),
    (CANCEL, "Cancelling", "The deposit of 25% is non-refundable.", "number"),
    (CANCEL, "Cancelling", "Anyone may cancel the contract.", "condition"),
    (CANCEL, "Cancelling", "The contract may be cancelled.", "condition"),
    (LIMITS, "Cash limits", "The daily limit for cash withdrawals is $1,000.", "number"),
    (LIMITS, "Cash limits", "The daily limit for cash deposits is $500.", "word"),
    (LIMITS, "Cash limits", "The limit can be raised to $1,000 for at least 30 days.", "bound"),
    (LIMITS, "Cash limits", "Customers under 21 may withdraw at most $100 per day.", "number"),
    (LIMITS, "Cash limits", "Customers under 18 may withdraw at least $100 per day.", "bound"),
    (
        LIMITS,
        "Cash limits",
        "International transfers above $10,000 do not require identification.",
        "negation",
    ),
    (LIMITS, "Cash limits", "International transfers above $1,000 require identification.", "number"),
    (LIMITS, "Cash limits", "Domestic transfers above $10,000 require identification.", "opposite"),
    (GERMAN, "Gebühren", "Die Mahngebühr beträgt 15 Euro.", "number"),
    (GERMAN, "Gebühren", "Gutscheine werden erstattet.", "negation"),
    (GERMAN, "Gebühren", "Die Frist beträgt vier Tage ab Lieferung.", "number"),
]

# A second set, written before the check was tried on it.
TRANSFER = """## Moving a balance

A balance can be moved from a store card to the Silver card within 60 days of opening it. The fee is 3%
of the amount, and at least $5. Balances are never moved between two cards of the same customer.

To move a balance the agent must:

- verify the customer's identity
- read the disclosure aloud
- record the consent

The move usually takes 7 to 10 business days, but may take up to 21."""
BAGGAGE = """Economy passengers may check one bag of up to 23 kg free of charge. Business passengers may check two
bags of 32 kg each. A third bag costs €80 per flight. Bags heavier than 32 kg are not accepted. Musical
instruments travel as cabin baggage if they are shorter than 115 cm."""
WARRANTY = """The warranty covers defects in material for 24 months from the date of purchase. It does not cover damage
by water. Send the device in its original packaging to the Dublin repair centre. Repairs are free during
the warranty; after it they cost between £35 and £90. A loan device is provided on request unless the
repair takes less than three days."""
ROUTER = """1. Hold the reset button for ten seconds.
2. Wait until the light turns green.
3. Log in with the password on the label.

If the light stays red, call technical support at extension 4410. Never reset the router during an
update. Updates run every Tuesday between 2:00 and 4:00."""
SEPA = """Direct debits can be returned within eight weeks without giving a reason. Unauthorised debits can be
returned within 13 months. The branch on Hill Street does not handle returns; use the app or call us.
Returned debits appear as pending for one day."""
SECOND_TRUE: list[tuple[str, str, str]] = [
    (TRANSFER, "Balance transfers", "The fee is 3% of the amount and at least $5."),
    (
        TRANSFER,
        "Balance transfers",
        "A balance can be moved to the Silver card within 60 days of opening it.",
    ),
    (TRANSFER, "Balance transfers", "Balances are never moved between two cards of the same customer."),
    (TRANSFER, "Balance transfers", "Before moving a balance, verify the customer's identity."),
    (TRANSFER, "Balance transfers", "The agent must read the disclosure aloud."),
    (TRANSFER, "Balance transfers", "The move usually takes seven to ten business days."),
    (BAGGAGE, "Baggage", "Economy passengers may check one bag of up to 23 kg for free."),
    (BAGGAGE, "Baggage", "A third bag costs €80 per flight."),
    (BAGGAGE, "Baggage", "Bags heavier than 32 kg are not accepted."),
    (BAGGAGE, "Baggage", "Business passengers may check two bags of 32 kg each."),
    (BAGGAGE, "Baggage", "Musical instruments shorter than 115 cm travel as cabin baggage."),
    (
        WARRANTY,
        "Warranty",
        "The warranty covers defects in material for 24 months from the date of purchase.",
    ),
    (WARRANTY, "Warranty", "Damage by water is not covered."),
    (WARRANTY, "Warranty", "Repairs are free during the warranty."),
    (WARRANTY, "Warranty", "After the warranty, repairs cost between £35 and £90."),
    (WARRANTY, "Warranty", "Send the device to the Dublin repair centre in its original packaging."),
    (ROUTER, "Router", "Hold the reset button for 10 seconds."),
    (ROUTER, "Router", "Wait until the light turns green and log in with the password on the label."),
    (ROUTER, "Router", "Do not reset the router during an update."),
    (ROUTER, "Router", "Updates run every Tuesday between 2:00 and 4:00."),
    (ROUTER, "Router", "If the light stays red, call technical support at extension 4410."),
    (SEPA, "Returns", "Direct debits can be returned within eight weeks."),
    (SEPA, "Returns", "Unauthorised debits can be returned within thirteen months."),
    (SEPA, "Returns", "The Hill Street branch doesn't handle returns."),
    (SEPA, "Returns", "Returned debits are pending for one day."),
]
SECOND_FALSE: list[tuple[str, str, str, str]] = [
    (TRANSFER, "Balance transfers", "The fee is 5% of the amount.", "number"),
    (TRANSFER, "Balance transfers", "The fee is 3% of the amount and at most $5.", "bound"),
    (
        TRANSFER,
        "Balance transfers",
        "A balance can be moved to the Gold card within 60 days of opening it.",
        "name",
    ),
    (
        TRANSFER,
        "Balance transfers",
        "A balance can be moved from the Silver card to a store card.",
        "direction",
    ),
    (TRANSFER, "Balance transfers", "Balances are moved between two cards of the same customer.", "negation"),
    (TRANSFER, "Balance transfers", "The move usually takes 21 business days.", "number"),
    (TRANSFER, "Balance transfers", "The move always takes 7 to 10 business days.", "each"),
    (TRANSFER, "Balance transfers", "The agent may skip the disclosure.", "unrelated"),
    (TRANSFER, "Balance transfers", "The agent must not record the consent.", "negation"),
    (BAGGAGE, "Baggage", "Economy passengers may check two bags of 32 kg each.", "merged"),
    (BAGGAGE, "Baggage", "Economy passengers may check one bag of up to 32 kg free of charge.", "number"),
    (BAGGAGE, "Baggage", "A second bag costs €80 per flight.", "ordinal"),
    (BAGGAGE, "Baggage", "Bags heavier than 32 kg are accepted.", "negation"),
    (BAGGAGE, "Baggage", "Bags heavier than 23 kg are not accepted.", "number"),
    (BAGGAGE, "Baggage", "Musical instruments longer than 115 cm travel as cabin baggage.", "opposite"),
    (BAGGAGE, "Baggage", "A third bag costs $80 per flight.", "currency"),
    (WARRANTY, "Warranty", "The warranty covers damage by water.", "negation"),
    (WARRANTY, "Warranty", "The warranty covers defects in material for 24 days.", "unit"),
    (
        WARRANTY,
        "Warranty",
        "The warranty covers defects in material for 42 months from the date of purchase.",
        "number",
    ),
    (WARRANTY, "Warranty", "Repairs are free after the warranty.", "opposite"),
    (WARRANTY, "Warranty", "Send the device to the London repair centre in its original packaging.", "name"),
    (WARRANTY, "Warranty", "A loan device is provided on request.", "condition"),
    (WARRANTY, "Warranty", "The warranty does not cover defects in material.", "negation"),
    (ROUTER, "Router", "Hold the reset button for thirty seconds.", "number"),
    (ROUTER, "Router", "Wait until the light turns red.", "word"),
    (ROUTER, "Router", "Reset the router during an update.", "negation"),
    (ROUTER, "Router", "Updates run every Thursday between 2:00 and 4:00.", "name"),
    (ROUTER, "Router", "If the light stays green, call technical support at extension 4410.", "word"),
    (ROUTER, "Router", "Call technical support at extension 4401.", "number"),
    (ROUTER, "Router", "Log in with the password sent by e-mail.", "unrelated"),
    (SEPA, "Returns", "Direct debits can be returned within 13 months.", "merged"),
    (SEPA, "Returns", "Unauthorised debits can be returned within eight weeks.", "merged"),
    (SEPA, "Returns", "Direct debits cannot be returned.", "negation"),
    (SEPA, "Returns", "The Hill Street branch handles returns.", "negation"),
    (SEPA, "Returns", "Direct debits can be returned within eight days.", "unit"),
    (SEPA, "Returns", "Returned debits appear as pending for one week.", "unit"),
]
