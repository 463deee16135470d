"""What a language's words say about a question or a title, apart from what they are about.

Three lists, each of plain words as people write them; the caller makes lexemes of the first.

- Talk: how people talk to a service, whatever it is about. "I just want to know if somebody could help me" has no word
  to search by, and a document that chats most would be found first. The database's own stop words are only a language's
  articles, pronouns and the like.
- For the house: how a title says that a document is written for those who answer, not for customers. Whoever asks here
  answers customers, so of two documents on one thing the procedure comes before the article about it.
- Overview: how a title says that a document tells what a thing is. A question that names a thing and asks no more of it
  is answered there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENGLISH_TALK = """
say says said saying tell tells told ask asks asked asking want wants wanted wish need needs needed like liked know
knows knew known think thought guess believe hope feel feels see saw seen look looks looking looked hear heard get gets
got getting gotten go goes going gone went come comes came coming take takes took make makes made making give gives gave
given let lets put keep keeps kept try tries tried trying use used using do does did done find found help helps helped
thing things something anything everything nothing someone anyone everyone people person way ways lot lots bit kind sort
stuff case reason yes no not okay ok sure right well actually really just also still even ever never always maybe
perhaps probably quite very much many more most less least enough too already again back now then here there today
yesterday tomorrow day days week weeks month months year years time times moment minute hour ago since soon later
recently currently please thank thanks hello hi hey sorry bye goodbye great good nice perfect fine cool awesome
wonderful appreciate welcome excuse agent agents customer customers caller callers representative representatives call
calls calling called conversation conversations chat talk talking speak speaking respond response reply answer answers
question questions mention mentions mentioned explain explains explained confirm confirms confirmed provide provides
provided follow follows following lead start starts started begin end ends ended stop finish continue name names phone
email address birth dob date number numbers zip street avenue city mr mrs ms sir madam would could should might may must
can cannot will shall wont dont cant didnt doesnt isnt im ive id youre theyre one two three four five six seven eight
nine ten first second third next last another other others both each every any some same different own such able exactly
happy glad frustrated frustrating upset angry confused worried understand understood clear clearly specific specifically
detail details information info situation problem issue matter role play character goal user behave behavior naturally
example step steps
"""
_GERMAN_TALK = """
sagen sagt sagte gesagt fragen frage fragt gefragt wissen weiß möchte möchten will wollen wollte brauche brauchen
braucht hätte gern gerne bitte danke dank hallo guten tag morgen abend tschüss wiederhören entschuldigung ja nein doch
okay genau gut super prima toll schön klar natürlich eigentlich wirklich einfach schon noch immer nie jetzt dann heute
gestern morgen später bald wieder mal halt eben ding dinge sache sachen etwas nichts alles jemand niemand leute mensch
machen macht gemacht tun getan gehen geht ging kommen kommt kam nehmen geben gibt gab sehen schauen hören helfen hilfe
kunde kunden kundin agent mitarbeiter mitarbeiterin anruf anrufen angerufen gespräch sprechen antwort antworten frage
fragen problem situation information name telefon nummer adresse geburtsdatum datum jahr monat woche tag stunde minute
zeit eins zwei drei vier fünf sechs sieben acht neun zehn erste zweite dritte nächste letzte können könnte sollte müsste
darf soll muss kann verstehen verstanden erklären bestätigen nennen beispiel schritt
"""
_FRENCH_TALK = """
dire dit demander demande vouloir veux voudrais souhaite besoin savoir sais penser crois aller vais venir prendre faire
fait donner mettre voir regarder entendre aider aide chose choses quelque rien tout quelqu'un gens personne oui non
d'accord bien bon vraiment juste aussi encore jamais toujours peut-être beaucoup très plus moins assez déjà maintenant
alors ici là aujourd'hui hier demain jour semaine mois année heure minute fois merci bonjour bonsoir salut désolé pardon
excusez parfait super client clients agent conseiller appel appeler parler réponse répondre question expliquer confirmer
nom téléphone numéro adresse naissance date pouvoir peux pourrais devoir dois comprendre compris problème situation
information exemple étape un deux trois quatre cinq six sept huit neuf dix premier deuxième dernier prochain
"""
_SPANISH_TALK = """
decir dice dijo preguntar pregunta querer quiero quisiera necesito necesitar saber sé pensar creo ir voy venir tomar
hacer hecho dar poner ver mirar oír ayudar ayuda cosa cosas algo nada todo alguien gente persona sí no vale bien bueno
realmente solo también todavía nunca siempre quizás mucho muy más menos bastante ya ahora entonces aquí allí hoy ayer
mañana día semana mes año hora minuto vez gracias hola buenos buenas tardes adiós perdón disculpe perfecto cliente
clientes agente llamada llamar hablar respuesta responder explicar confirmar nombre teléfono número dirección nacimiento
fecha poder puedo podría deber debo entender entendido problema situación información ejemplo paso uno dos tres cuatro
cinco seis siete ocho nueve diez primero segundo último próximo
"""
_TALK = {"en": _ENGLISH_TALK, "de": _GERMAN_TALK, "fr": _FRENCH_TALK, "es": _SPANISH_TALK}

_HOUSE = {
    "en": r"internal|agents? only|staff only|for agents|runbook|playbook",
    "de": r"intern|nur für mitarbeiter\w*|arbeitsanweisung",
    "fr": r"interne|réservé aux (?:agents|conseillers)|procédure interne",
    "es": r"interno|interna|solo para agentes|procedimiento interno",
}
_OVERVIEW = {
    "en": r"at a glance|summary|overview|introduction|basics|get(?:ting)? started|guide|apply(?:ing)?",
    "de": r"überblick|übersicht|zusammenfassung|einführung|grundlagen|erste schritte|leitfaden|auf einen blick",
    "fr": r"aperçu|résumé|vue d'ensemble|introduction|premiers pas|guide|en bref",
    "es": r"resumen|introducción|visión general|primeros pasos|guía|de un vistazo",
}


@dataclass(frozen=True, slots=True)
class TitleSays:
    """What a title says about its document."""

    for_the_house: bool
    overview: bool


def talk(language: str) -> list[str]:
    """The words of talk of a language, by its code ("en", "de-CH"); none where the house has no list."""
    return _TALK.get(_short(language), "").split()


def title_says(title: str, language: str) -> TitleSays:
    """Read a title."""
    short, lower = _short(language), title.casefold()

    def says(lists: dict[str, str]) -> bool:
        return short in lists and re.search(rf"\b(?:{lists[short]})\b", lower) is not None

    return TitleSays(says(_HOUSE), says(_OVERVIEW))


def _short(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]
