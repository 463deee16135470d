"""What somebody asks in what they say: the sentences that put a question, or say what is wanted or wrong.

The last words of a turn are seldom what it is about ("… and that was on Monday, yes"). Speech comes with and without
question marks, so that a sentence is known by how it begins, or by what is said to be the matter.
"""

from __future__ import annotations

import re

# Fewer words ask nothing that a document answers: "Why?", "Are you there?".
LEAST_WORDS = 4

_SENTENCE = re.compile(r"[^.!?…。？！]+[.!?…。？！]*")
_WORD = re.compile(r"[^\W_]+")

_ENGLISH = re.compile(
    r"""(?xi)\b(?:
    (?:how|what|why|when|where|which|who)(?:\ ?(?:'s|is|are|was|were|do|does|did|can|could|will|would|should|has|have|
      happens?|about|long|much|many|often|fast|soon|far|day|days|price|kind))\b
  | (?:can|could|may|must|should|do|does|did|will|would|is|are|am|was|have|has)\ (?:i|we|you|it|they|there|my|our|your|
      the|this|that|somebody|someone|anybody|anyone)\b
  | (?:tell|ask|know|wonder(?:ing)?|explain|understand)\b[^.?!]{0,30}\b(?:how|what|why|when|where|which|whether|if)\b
  | (?:i|we)(?:\ (?:just|also|really|only))?(?:'d|\ would)?\ (?:like|love|want|wanted|need|needed|wish|have)
      \ (?:to|a|an|my|the)\b
  | (?:i'm|i\ am|we're|we\ are)\ (?:trying|unable|not\ able|having|calling)\b
  | (?:does|do|did|is|are|was|has|have|will|would|can|could)(?:n't|\ not|not|\ never)\b
  | (?:is|are|was|were|been|got|went)\ (?:so\ |very\ |too\ |now\ )?(?:down|broken|lost|stolen|slow|missing|refused|
      declined|locked|blocked|late|wrong|charged|billed|cut|higher|gone|damaged|cancelled|canceled)\b
  | (?:charged|billed|paid|took|taken)\ (?:me\ |it\ )?(?:twice|double|two\ times|again)\b
  | (?:lost|broke|forgot|forgotten)\ my\b
    )"""
)
_OTHERS = {
    "de": re.compile(
        r"(?i)\b(?:wie|was|warum|wieso|weshalb|wann|wo|wer|welche[rsnm]?|ich (?:möchte|will|brauche|hätte)|"
        r"(?:kann|könnte|darf|muss|soll) (?:ich|man|wir)|(?:geht|funktioniert) nicht)\b"
    ),
    "fr": re.compile(
        r"(?i)(?:\b(?:comment|pourquoi|quand|où|combien|quels?|quelles?|est-ce|puis-je|peut-on|pouvez-vous)\b|"
        r"\bje (?:veux|voudrais|souhaite)\b|\bj'ai besoin\b|ne (?:marche|fonctionne) p)"
    ),
    "es": re.compile(
        r"(?i)(?:¿|\b(?:cómo|qué|por qué|cuándo|dónde|cuánto|cuál|puedo|podría|quiero|quisiera|necesito)\b|"
        r"\bno (?:funciona|puedo)\b)"
    ),
}


def sentences_in(text: str) -> list[str]:
    """A turn's sentences, as far as marks tell them apart."""
    return [found.strip() for found in _SENTENCE.findall(text) if _WORD.search(found)]


def asked_in(text: str, language: str = "en") -> str:
    """The sentences of a turn that ask, in their order; "" where none does. Any language's question marks count."""
    asks = _OTHERS.get(language.partition("-")[0].lower(), _ENGLISH)
    return " ".join(
        sentence
        for sentence in sentences_in(text)
        if len(_WORD.findall(sentence)) >= LEAST_WORDS
        and (sentence.endswith(("?", "？")) or asks.search(sentence.replace("\u2019", "'")))
    )
