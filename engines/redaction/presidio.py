"""Microsoft Presidio's analysers as a detector, where a company has them. The package is no dependency.

Its spans are added to the house's own and settled with them, so that it can find more and never undo anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol

from engines.redaction.context import Context, Detector
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance, words
from engines.redaction.vocabulary import is_name

# Numbers of persons, companies and vehicles that an authority gives.
_NATIONAL = words(
    "AU_ABN AU_ACN AU_MEDICARE AU_TFN CA_SIN DE_BSNR DE_HANDELSREGISTER DE_HEALTH_INSURANCE DE_ID_CARD DE_KFZ DE_LANR "
    "DE_SOCIAL_SECURITY DE_TAX_ID DE_TAX_NUMBER DE_VAT_ID ES_NIE ES_NIF FI_PERSONAL_IDENTITY_CODE ID IN_AADHAAR "
    "IN_GSTIN IN_PAN IN_VEHICLE_REGISTRATION IN_VOTER IT_FISCAL_CODE IT_IDENTITY_CARD IT_VAT_CODE KR_BRN KR_FRN KR_RRN "
    "MEDICAL_LICENSE NG_NIN NG_VEHICLE_REGISTRATION PH_TIN PH_UMID PL_PESEL SE_ORGANISATIONSNUMMER SE_PERSONNUMMER "
    "SG_NRIC_FIN SG_UEN TH_TNIN TR_LICENSE_PLATE TR_NATIONAL_ID UK_NHS UK_NINO UK_VEHICLE_REGISTRATION US_ITIN US_MBI "
    "US_NPI US_PROVIDER_TAX_ID ZA_COMPANY_REGISTRATION ZA_ID_NUMBER ZA_INCOME_TAX_NUMBER ZA_LICENSE_PLATE "
    "ZA_TRAFFIC_REGISTER_NUMBER ZA_VAT_NUMBER"
)
_PASSPORTS = ("US", "UK", "DE", "ES", "IN", "IT", "KR", "PH", "ZA")
_LICENCES = words(
    "DE_FUEHRERSCHEIN IT_DRIVER_LICENSE KR_DRIVER_LICENSE UK_DRIVING_LICENCE US_DRIVER_LICENSE ZA_DRIVER_LICENSE"
)

# Presidio's names of entities (version 2.2.366, and its page "PII entities supported by Presidio") ->
# `vocabulary.TYPES`. A name that is not here is taken as it stands: a recogniser of the company's own may find a type
# of the company's own.
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "PERSON": "NAME",
        "EMAIL_ADDRESS": "EMAIL",
        "PHONE_NUMBER": "PHONE",
        "CREDIT_CARD": "CREDIT_CARD",
        "IBAN_CODE": "IBAN",
        "IP_ADDRESS": "IP_ADDRESS",
        "MAC_ADDRESS": "IP_ADDRESS",
        "URL": "URL",
        "DOMAIN_NAME": "URL",
        "DATE_TIME": "DATE",
        "NRP": "NATIONALITY",
        "LOCATION": "LOCATION",
        "GPE": "LOCATION",
        "ORGANIZATION": "ORGANISATION",
        "STREET_ADDRESS": "ADDRESS",
        "ZIP_CODE": "POSTCODE",
        "AGE": "AGE",
        "TITLE": "TITLE",
        "CRYPTO": "ACCOUNT_NUMBER",
        "US_SSN": "SSN",
        "US_BANK_NUMBER": "ACCOUNT_NUMBER",
        "ABA_ROUTING_NUMBER": "ACCOUNT_NUMBER",
        "UUID": "ACCOUNT_NUMBER",
        "EMAIL": "EMAIL",
        "ZA_MOBILE_NUMBER": "PHONE",
        "ZA_TELEPHONE_NUMBER": "PHONE",
        "CA_POSTAL_CODE": "POSTCODE",
        "DE_PLZ": "POSTCODE",
        "UK_POSTCODE": "POSTCODE",
        "US_CLAIM_NUMBER": "CLAIM_NUMBER",
        "US_PRIOR_AUTHORIZATION_NUMBER": "CLAIM_NUMBER",
        "US_REFERRAL_NUMBER": "CLAIM_NUMBER",
        "US_HEALTH_INSURANCE_MEMBER_ID": "POLICY_NUMBER",
        "US_PRESCRIPTION_NUMBER": "ORDER_NUMBER",
        **{f"{country}_PASSPORT": "PASSPORT" for country in _PASSPORTS},
        **dict.fromkeys(_LICENCES, "DRIVING_LICENCE"),
        **dict.fromkeys(_NATIONAL, "NATIONAL_ID"),
    }
)
_LEAST_SCORE = 0.4
LANGUAGE_MODEL = "en_core_web_lg"


class Result(Protocol):
    """What an analyser returns: `presidio_analyzer.RecognizerResult`."""

    entity_type: str
    start: int
    end: int
    score: float


class PresidioDetector:
    """Asks an `AnalyzerEngine`, or single recognisers, for what they find in a text.

    `least_score` (0..1) drops what Presidio itself doubts. Recognisers that need an NLP engine's artefacts belong into
    an `AnalyzerEngine`; single ones are called without.
    """

    name = "presidio"

    def __init__(
        self,
        analyzer: Any = None,
        *,
        recognizers: Sequence[Any] = (),
        language: str = "en",
        least_score: float = _LEAST_SCORE,
        labels: Mapping[str, str] = LABELS,
    ) -> None:
        if analyzer is None and not recognizers:
            raise ValueError("neither an analyser nor a recogniser")
        self._analyzer = analyzer
        self._recognizers = tuple(recognizers)
        self._language = language
        self._least_score = least_score
        self._labels = dict(labels)

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return what Presidio finds. Its analysers see the text alone."""
        spans: list[Span] = []
        length = len(utterance.text)
        for result in self._results(utterance.text):
            kind = self._labels.get(result.entity_type, result.entity_type)
            start, end = max(0, result.start), min(length, result.end)
            if result.score < self._least_score or start >= end or not is_name(kind):
                continue
            score = min(1.0, float(result.score))
            spans.append(Span(start, end, kind, score, self.name, "found by a plug-in"))
        return spans

    def _results(self, text: str) -> Iterable[Result]:
        if self._analyzer is not None:
            yield from self._analyzer.analyze(text=text, language=self._language)
        for one in self._recognizers:
            yield from one.analyze(text=text, entities=list(one.supported_entities), nlp_artifacts=None) or ()


def analyzer_made() -> tuple[Any, str]:
    """Return Presidio's `AnalyzerEngine` over what is installed here, and the name of its language model ("": none).

    With spaCy's `LANGUAGE_MODEL` it is as shipped. Without, Presidio by itself would download that model: so it has its
    pattern recognisers alone, over a pipeline that cuts words and knows no names. Raises ImportError without the
    package.
    """
    package = import_module("presidio_analyzer")
    spacy = import_module("spacy")
    if spacy.util.is_package(LANGUAGE_MODEL):
        return package.AnalyzerEngine(), LANGUAGE_MODEL
    nlp = import_module("presidio_analyzer.nlp_engine").SpacyNlpEngine()
    nlp.nlp = {"en": spacy.blank("en")}
    registry = package.RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    return package.AnalyzerEngine(registry=registry, nlp_engine=nlp), ""


def installed_analyzer() -> Detector:
    """Return a detector over Presidio's analyser as installed. Raises ValueError if it is not, or cannot start."""
    try:
        return PresidioDetector(analyzer_made()[0])
    except (ImportError, OSError) as error:
        raise ValueError("Presidio's analyser is not installed here, or does not start") from error
