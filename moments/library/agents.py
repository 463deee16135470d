"""What agents say, and what anyone names."""

from __future__ import annotations

from moments.library.ready import Ready

AGENTS: tuple[Ready, ...] = (
    # --- What agents say ---------------------------------------------------------------------------------
    Ready(
        "greeting",
        "Greeting",
        "agent",
        phrases=(
            "(thank you|thanks) for (calling|contacting|getting in touch|reaching out)",
            "(how|what) (can|may|could) i (help|do|assist)",
            "(good morning|good afternoon|good evening|welcome to)",
            "(my name is|you are speaking with|you are through to)",
        ),
        heard=("thank you for calling how can i help", "good morning my name is ana"),
        unheard=("thank you for your patience", "i can help with that"),
    ),
    Ready(
        "recording_notice",
        "Recording notice",
        "agent",
        phrases=(
            "(call|calls|line|conversation|chat) (is|are|may be|will be|might be|is being|are being) "
            "(recorded|monitored)",
            "(recording|monitoring) (this|the|all|our) (call|calls|line|conversation)",
            "(recorded|monitored) (line|call)",
        ),
        heard=(
            "this call is recorded for training",
            "please note that calls may be monitored",
            "you are on a recorded line",
        ),
        unheard=("the payment is recorded in our books", "this call is not recorded"),
    ),
    Ready(
        "identity_check",
        "Identity check",
        "agent",
        phrases=(
            "(verify|confirm|check) (your|some|a few) (identity|name|account|address|postcode|zip|date of birth|"
            "details|security|information|phone number|email)",
            "(security|verification) (question|questions|code|check)",
            "(can|could|may) i (have|get|take|ask for) (your|the) (full name|name|date of birth|postcode|zip code|"
            "account number|last four)",
            "for security (purposes|reasons)",
        ),
        heard=(
            "could i have your date of birth please",
            "let me verify your identity first",
            "i have some security questions",
        ),
        unheard=("i have checked your order", "can i have a look at it"),
    ),
    Ready(
        "empathy",
        "Empathy",
        "agent",
        phrases=(
            "(understand|see|imagine|appreciate) (how|why|that|your|the) ... "
            "(frustrat*|upset*|annoy*|worr*|feel|difficult|hard|disappoint*|concern*)",
            "(sorry|sad) (to hear|about that|for the|for any|that you|this happened|you had)",
            "(that|this|it) must (be|have been|feel)",
            "(i|we) apologi*",
        ),
        heard=(
            "i understand how frustrating that is",
            "i'm sorry to hear that",
            "that must have been difficult",
            "we apologise for the delay",
        ),
        unheard=("sorry what was the number", "i understand the question"),
    ),
    Ready(
        "hold_request",
        "Hold request",
        "agent",
        phrases=(
            "(put|place|have|pop) (you|) (on|onto) (a|) (brief|short|quick|) hold",
            "(bear|hold) (with me|the line|on|please)",
            "(one|just a|give me a|a) (moment|minute|second) (please|while|and|to)",
            "(mind|okay|ok|alright) (holding|to hold|waiting|if i put you)",
        ),
        heard=(
            "may i put you on a brief hold",
            "just a moment while i look",
            "would you mind holding",
        ),
        unheard=("thank you for holding", "you hold three shares"),
    ),
    Ready(
        "callback_promise",
        "Promise to call back",
        "agent",
        phrases=(
            "(will|shall|going to|can) (call|ring|phone|email) you (back|again|tomorrow|later|within)",
            "(will|shall|going to) (get back to|follow up with|be in touch with) you",
            "(expect|get|receive) a (call|callback) (back|) (from|by|within|tomorrow)",
        ),
        heard=(
            "i'll call you back tomorrow",
            "someone will get back to you",
            "you can expect a call from us",
        ),
        unheard=("thank you for calling back", "will you call us back"),
    ),
    Ready(
        "retention_offer",
        "Retention offer",
        "agent",
        phrases=(
            "(offer|give|apply) (you|) (a|an|our|) ... (discount|credit|deal|rate|months|upgrade)",
            "(loyalty|special|retention) (discount|offer|rate|deal)",
            "(waive|waiving|reduce|lower) (the|your|that|this) (fee|charge|bill|price|rate|cost)",
        ),
        heard=(
            "i can offer you a discount of ten percent",
            "there is a special offer for you",
            "let me waive that fee",
        ),
        unheard=("i cannot offer you a discount", "did they offer you help"),
    ),
    Ready(
        "payment_data_request",
        "Asks for payment data",
        "agent",
        phrases=(
            "(card|account|routing|sort) (number|code|details) (please|for me|now)",
            "(long|sixteen digit) (card|) number",
            "(can|could|may) i (have|get|take) (your|the) (card|payment|bank|account|security code|cvv|expiry)",
            "(expiry|expiration) date",
        ),
        heard=("could i take your card number please", "and what is the expiry date"),
        unheard=("your card is in the post", "i have your order number"),
    ),
    Ready(
        "next_steps",
        "Next steps named",
        "agent",
        phrases=(
            "what happens next",
            "(you|we) (will|should) (receive|get|see|send) ... "
            "(email|confirmation|letter|text|refund|it|within|by|tomorrow)",
            "(within|in) ... (business|working) (days|hours)",
            "within ... (days|hours|weeks)",
        ),
        heard=(
            "you will receive a confirmation email",
            "so what happens next is this",
            "in two working days",
        ),
        unheard=("did you receive it", "who is next"),
    ),
    Ready(
        "further_help",
        "Offer of further help",
        "agent",
        phrases=(
            "(anything|something) else (i|we|you|that|today|for)",
            "(any|further|other) (questions|concerns) (for me|today|at all|i can|before)",
            "(all|everything) (sorted|taken care of|i can do)",
        ),
        heard=("is there anything else i can help you with", "any questions for me today"),
        unheard=("nothing else happened", "somebody else called"),
    ),
    # --- What anyone names -------------------------------------------------------------------------------
    Ready(
        "amount_named",
        "Amount of money",
        "any",
        kind="entity",
        entity="amount",
        heard=("it costs $45.50 a month", "that is twenty five dollars", "fifty pounds", "€1,200 in total"),
        unheard=("i have two cats", "the number is forty"),
    ),
    Ready(
        "date_named",
        "Date or day",
        "any",
        kind="entity",
        entity="date",
        heard=("on march the fifth", "next tuesday", "by 12/05/2026", "the day after tomorrow"),
        unheard=("i may do that", "one day maybe", "march on"),
    ),
    Ready(
        "competitor_by_name",
        "Competitor by name",
        "customer",
        kind="entity",
        entity="competitor",
        heard=("i have an offer from {name}", "{name} is half of that"),
        unheard=("another company has it for less", "i have an offer in writing"),
    ),
    Ready(
        "product_by_name",
        "Product by name",
        "any",
        kind="entity",
        entity="product",
        heard=("i am calling about {name}", "does {name} come with it"),
        unheard=("what does it come with", "i have had it for a year"),
    ),
)
