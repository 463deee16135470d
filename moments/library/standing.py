"""How things are: the customer's mood, and what is known of the call before a word is said."""

from __future__ import annotations

from moments.library.ready import Ready

STANDING: tuple[Ready, ...] = (
    Ready(
        "customer_upset",
        "Customer upset",
        "customer",
        kind="sentiment",
        mood="below",
        turns=2,
        limit=-0.3,
        heard=(
            "this is ridiculous i am fed up / your service is terrible",
            "i am really frustrated with this / nobody called back and it is still not working",
        ),
        unheard=(
            "this is ridiculous / oh thank you so much that is great",
            "there is a small problem with my bill / i would like to change my address",
        ),
    ),
    Ready(
        "mood_falling",
        "Mood getting worse",
        "customer",
        kind="sentiment",
        mood="falling",
        turns=2,
        limit=0.4,
        heard=(
            "hello thank you for taking my call / that is great / "
            "no that is terrible and unacceptable / this is awful i hate this",
        ),
        unheard=(
            "this is awful / i am angry / this is terrible / i am furious",
            "hello thank you / that is great / i would like to change my address / it is number nine",
        ),
    ),
    Ready(
        "mood_recovering",
        "Mood getting better",
        "customer",
        kind="sentiment",
        mood="rising",
        turns=2,
        limit=0.7,
        heard=(
            "this is ridiculous / i am so disappointed and angry / "
            "oh that is great thank you / perfect i really appreciate it",
        ),
        unheard=(
            "this is great / perfect thank you / that is lovely / brilliant thank you so much",
            "this is ridiculous / i am so disappointed / i see what you mean / it is number nine",
        ),
    ),
    Ready(
        "valued_customer",
        "Valued customer",
        "any",
        kind="metadata",
        field="customer.segment",
        test="is",
        values=("vip", "premium", "gold", "platinum", "priority", "enterprise", "key account"),
        heard=("customer.segment: VIP", "customer.segment: key  account"),
        unheard=("customer.segment: standard", "queue: vip"),
    ),
    Ready(
        "other_language",
        "Not in English",
        "any",
        kind="metadata",
        field="language",
        test="is_not",
        values=("en", "en-gb", "en-us", "en-au", "en-ca", "en-ie", "en-nz", "en-in", "en-za"),
        heard=("language: de", "language: fr-CA"),
        unheard=("language: en-GB", "language: EN"),
    ),
)
