"""What customers say: they may leave, something is wrong, care is needed."""

from __future__ import annotations

from moments.library.ready import Ready

CUSTOMERS: tuple[Ready, ...] = (
    # --- What customers say: they may leave -------------------------------------------------------------
    Ready(
        "cancel_threat",
        "Cancel threat",
        "customer",
        phrases=(
            "(want|like|need|going|decided|ready|have) to (cancel*|close|terminate|end) ... "
            "(service|account|contract|subscription|plan|policy|membership|it|everything)",
            "(cancel*|close|terminate) (my|our|the|this) (whole|entire|) "
            "(service|account|contract|subscription|plan|policy|membership)",
            "(thinking|think) (of|about) (cancel*|leaving|switching)",
            "(take|taking) my business elsewhere",
            "(i am|we are) (leaving|switching) (you|to)",
        ),
        heard=(
            "i want to cancel my service today",
            "we are thinking about leaving",
            "I'll be taking my business elsewhere.",
            "please close my account",
        ),
        unheard=(
            "i am not going to cancel my service",
            "i had to cancel my dentist",
            "can you close the window for me",
        ),
    ),
    Ready(
        "competitor",
        "Competitor named",
        "customer",
        phrases=(
            "(your|a|another) competit*",
            "(another|other|different|new) (company|companies|provider|providers|carrier|supplier|bank|insurer)",
            "(switch|switching|moving|move|go|going) to (another|someone|somebody)",
            "(better|cheaper|lower) (deal|offer|price|quote|rate) (from|with|at) (another|someone|somebody|them)",
        ),
        heard=(
            "another company offered me half of that",
            "i got a better deal from someone else",
            "your competitor has it for less",
        ),
        unheard=("i run a company myself", "is there a different plan i could have"),
    ),
    Ready(
        "price_objection",
        "Price objection",
        "customer",
        phrases=(
            "(too|so|very|really|way too) (expensive|pricey|costly|dear|steep)",
            "(too|so) much (money|for|a month|per month|every month)",
            "(price|bill|cost|rate|fee|premium) ... (went|gone|going|goes|jumped|shot) up",
            "(more|higher) than (i|we) (want|wanted|expected|can pay|was told|were told|was quoted)",
            "(can|could) (you|i|we) ... (better|lower|cheaper) (price|rate|deal)",
            "over (my|our) budget",
        ),
        heard=(
            "that is way too expensive",
            "my bill has gone up again",
            "that is more than i was quoted",
            "can you do a better price",
        ),
        unheard=("it was not too expensive", "what is the price of the large one"),
    ),
    Ready(
        "escalation_request",
        "Escalation request",
        "customer",
        phrases=(
            "(speak|talk|speaking|talking|transfer me|put me through|get me) (to|with|) ... "
            "(manager|supervisor|superior|boss|team leader)",
            "(want|need|like|get) (a|your|the) (manager|supervisor)",
            "(someone|somebody|anyone) (else|higher up|senior|in charge|above you)",
            "(escalate|escalated|escalating) (this|it|my)",
            "where is your (manager|supervisor)",
        ),
        heard=(
            "let me speak to your manager",
            "i need a supervisor now",
            "is there someone in charge i can have",
            "i want this escalated, escalate it",
        ),
        unheard=(
            "i do not want to speak to your manager",
            "my manager at work said so",
        ),
    ),
    Ready(
        "repeat_contact",
        "Repeat contact",
        "customer",
        phrases=(
            "(second|third|fourth|fifth|sixth|tenth) time (i|we|that i|that we|calling|this)",
            "(already|previously) (called|spoke|spoken|told|explained|emailed|contacted|asked)",
            "(called|rang|phoned|spoke|emailed) ... (yesterday|last week|last month|twice|three times|before)",
            "(keep|kept) (calling|having to call|ringing|phoning)",
            "(again and again|over and over|time and time again)",
        ),
        heard=(
            "this is the third time i am calling",
            "i spoke to somebody last week",
            "i keep having to call about this",
            "I already told your colleague",
        ),
        unheard=("this is the first time for me", "i called my sister to ask"),
    ),
    Ready(
        "buying_signal",
        "Buying signal",
        "customer",
        phrases=(
            "(sign|signed|signing) me up",
            "(how|where) (do|can|could|would) (i|we) (order|buy|sign up|subscribe|upgrade)",
            "(let us|i will|we will) (go|do|go ahead|take) (with|it|that|for it|ahead)",
            "(i would|we would|i want|i will) like to (order|buy|upgrade|go ahead|sign up|add)",
            "(when|how soon) (can|could) ... (start|begin|install|deliver)",
        ),
        heard=(
            "okay sign me up",
            "how do i order that",
            "we'll go with that one",
            "how soon can you install it",
        ),
        unheard=("i would not like to order anything", "that is good to know"),
    ),
    # --- What customers say: something is wrong ---------------------------------------------------------
    Ready(
        "complaint",
        "Complaint",
        "customer",
        phrases=(
            "(make|file|raise|lodge|register|submit) (a|an|another|the) (formal|official|) complaint",
            "(i am|we are|want to|going to|have to|need to) complain*",
            "(unacceptable|disgraceful|appalling|ridiculous|outrageous)",
            "(terrible|awful|horrible|poor|bad|worst) (service|experience|company|support)",
        ),
        heard=(
            "i want to make a formal complaint",
            "this is completely unacceptable",
            "what a terrible service",
        ),
        unheard=("i have no complaint", "the weather here is bad"),
    ),
    Ready(
        "legal_threat",
        "Legal threat",
        "customer",
        phrases=(
            "(my|a|our) (lawyer|solicitor|attorney)",
            "(sue|suing) (you|your|the|this)",
            "(take|taking|legal) (legal action|you to court|this to court|proceedings)",
            "small claims",
            "(ombudsman|regulator|trading standards|attorney general|consumer protection)",
        ),
        heard=(
            "you will hear from my lawyer",
            "i will take this to court",
            "i am going to the ombudsman",
        ),
        unheard=("is it legal to park here", "i am not going to sue you"),
    ),
    Ready(
        "public_review_threat",
        "Threat of a public review",
        "customer",
        phrases=(
            "(leave|write|post|give) (you|) (a|an|another) (bad|terrible|negative|one star|honest) review",
            "(post|share|put) (this|it|that) (on|online|all over)",
            "(social media|trustpilot|local news|the press|the papers)",
        ),
        heard=("i will leave you a bad review", "i am going to post this on facebook"),
        unheard=("i read a good review of it", "it came by post this morning"),
    ),
    Ready(
        "refund_request",
        "Refund request",
        "customer",
        phrases=(
            "(want|need|like|get|have|asking for|request|expect) (a|my|the|full|for a|) (full|) refund",
            "(refund|reimburse) (me|my|us|the|it|this)",
            "money back",
        ),
        heard=("i would like a full refund", "can i get my money back", "please refund me"),
        unheard=("i do not want a refund", "he came back with the money"),
    ),
    Ready(
        "billing_dispute",
        "Billing dispute",
        "customer",
        phrases=(
            "(charged|billed|debited) (me|us|) (twice|double|again|wrong*|incorrect*|too much|for something)",
            "(double|over) (charged|billed)",
            "overcharged",
            "(never|did not|not) (authorised|authorized|authorise|authorize|agree|agreed|order|ordered|sign|signed) "
            "(this|that|it|to|up|any|anything|for)",
            "(wrong|incorrect) (amount|bill|charge|invoice)",
            "(do not|not) recognise (this|that|the|a) (charge|payment)",
            "(do not|not) recognize (this|that|the|a) (charge|payment)",
            "(what|why) is this charge",
        ),
        heard=(
            "you charged me twice this month",
            "i never agreed to that",
            "there is a wrong amount on my bill",
            "i do not recognise this charge",
        ),
        unheard=("my phone is charged now", "the bill is fine"),
    ),
    Ready(
        "fraud_report",
        "Fraud report",
        "customer",
        phrases=(
            "(fraud|fraudulent|scam|scammed|phishing|hacked)",
            "(someone|somebody) ... (used|using|stole|stolen|accessed|opened) ... "
            "(card|account|identity|name|details)",
            "(identity theft|stolen card)",
            "(card|identity|phone|details) (was|were|has been|have been|got) stolen",
        ),
        heard=(
            "i think somebody used my card",
            "i have been scammed",
            "my card was stolen yesterday",
        ),
        unheard=("somebody used my parking space", "it was not fraud i was just confused"),
    ),
    Ready(
        "technical_fault",
        "Technical fault",
        "customer",
        phrases=(
            "(not|never|stopped|stops) work*",
            "(keeps|kept|keep) (dropping|crashing|freezing|cutting|disconnecting|failing|restarting)",
            "(error|fault) (message|code)",
            "(no|lost|without) (signal|connection|internet|power|dial tone|service since)",
            "(broken|faulty|defective)",
            "(will not|does not|did not) (turn on|start|load|connect|open|charge)",
        ),
        heard=(
            "my router is not working",
            "the connection keeps dropping",
            "it won't turn on any more",
            "i have no internet",
        ),
        unheard=("it works fine now", "i work nights"),
    ),
    Ready(
        "delivery_problem",
        "Delivery problem",
        "customer",
        phrases=(
            "(where is|what happened to) (my|the|our) (order|package|parcel|delivery|card|item|refund)",
            "(not|never) (arrived|came|come|received|delivered|turned up|shown up)",
            "(did not|have not|never) (arrive|receive|get|got|received) (my|the|it|any|our)",
            "(late|lost|missing|wrong|damaged) (order|package|parcel|delivery|item)",
        ),
        heard=(
            "where is my order",
            "it still hasn't arrived",
            "i never received the parcel",
        ),
        unheard=("the parcel arrived this morning", "in which order should i do it"),
    ),
    Ready(
        "confusion",
        "Confusion",
        "customer",
        phrases=(
            "(do not|did not|not) (understand|follow|get it|get that|catch that)",
            "what (do|does|did) (you|that|it|this) mean",
            "(i am|this is|it is) (so|very|really|a bit|) (confused|confusing)",
            "(could|can) you (repeat|explain|say) (that|it|this)",
        ),
        heard=(
            "sorry i don't understand",
            "what does that mean",
            "could you repeat that please",
        ),
        unheard=("i understand thank you", "she means well"),
    ),
    # --- What customers say: care is needed --------------------------------------------------------------
    Ready(
        "payment_difficulty",
        "Payment difficulty",
        "customer",
        phrases=(
            "(can not|could not|not able to|unable to|struggling to|struggle to|hard to) (afford|pay|make)",
            "(lost|losing) my job",
            "(payment plan|payment arrangement|pay in instalments|pay in installments|more time to pay)",
            "(behind|late) (on|with) (my|the|our) (payment|payments|rent|bill|bills|mortgage)",
            "(debt|bankrupt*|redundant|unemployed)",
        ),
        heard=(
            "i can't afford it this month",
            "i have lost my job",
            "could i get a payment plan",
        ),
        unheard=("i can pay it now", "how do i pay by card"),
    ),
    Ready(
        "vulnerability",
        "Someone who needs special care",
        "customer",
        phrases=(
            "(passed away|bereave*|funeral|widow*)",
            "(my|the) (husband|wife|mother|father|mum|mom|dad|son|daughter|partner) (died|has died)",
            "(in|from|into) (the|) hospital",
            "(disabled|disability|wheelchair|hard of hearing|partially sighted|dementia|cancer)",
            "(power of attorney|my carer)",
        ),
        heard=(
            "my husband passed away in march",
            "i am just out from the hospital",
            "i am hard of hearing",
        ),
        unheard=("i am fine thank you", "the show was hospitable"),
    ),
    Ready(
        "stop_contact",
        "Wishes no more contact",
        "customer",
        phrases=(
            "(stop|quit) (calling|ringing|emailing|texting|contacting|phoning) (me|us|my)",
            "(take|remove|get) (me|us|my number|my name) (off|from) (your|the|this) (list|lists|database|system)",
            "(do not|never) (call|ring|contact|text|email) (me|us) (again|any more|anymore)",
            "unsubscribe me",
        ),
        heard=(
            "please stop calling me",
            "take me off your list",
            "do not call me again",
        ),
        unheard=("please call me again tomorrow", "it stopped when you called"),
    ),
    Ready(
        "satisfaction",
        "Customer is satisfied",
        "customer",
        phrases=(
            "thank you (so|very) much",
            "(you have|you were|you are) (been|) (so|very|really|most|incredibly|) (helpful|kind|great|wonderful)",
            "(that|it|this) is (perfect|great|wonderful|brilliant|excellent|exactly what i)",
            "(really|much|so) appreciate*",
        ),
        heard=(
            "thank you so much for that",
            "you've been very helpful",
            "that's perfect",
        ),
        unheard=("that is not great", "thank you for nothing"),
    ),
)
