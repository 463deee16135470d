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
from engines.redaction.tokens import Utterance
from engines.redaction.vocabulary import is_name

# Presidio's names of entities (its page "PII entities supported by Presidio") -> `vocabulary.TYPES`. A name that is
# not here is taken as it stands: a recogniser of the company's own may find a type of the company's own.
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
        "US_PASSPORT": "PASSPORT",
        "UK_PASSPORT": "PASSPORT",
        "IN_PASSPORT": "PASSPORT",
        "IT_PASSPORT": "PASSPORT",
        "US_DRIVER_LICENSE": "DRIVING_LICENCE",
        "IT_DRIVER_LICENSE": "DRIVING_LICENCE",
        **dict.fromkeys(
            (
                "US_ITIN",
                "US_MBI",
                "UK_NHS",
                "UK_NINO",
                "ES_NIF",
                "ES_NIE",
                "IT_FISCAL_CODE",
                "IT_VAT_CODE",
                "IT_IDENTITY_CARD",
                "PL_PESEL",
                "SG_NRIC_FIN",
                "SG_UEN",
                "AU_ABN",
                "AU_ACN",
                "AU_TFN",
                "AU_MEDICARE",
                "IN_PAN",
                "IN_AADHAAR",
                "IN_VOTER",
                "IN_VEHICLE_REGISTRATION",
                "FI_PERSONAL_IDENTITY_CODE",
                "KR_RRN",
                "TH_TNIN",
                "MEDICAL_LICENSE",
            ),
            "NATIONAL_ID",
        ),
    }
)
_LEAST_SCORE = 0.4


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


def installed_analyzer() -> Detector:
    """Return a detector over Presidio's analyser as installed. Raises ValueError if it is not, or cannot start."""
    try:
        package = import_module("presidio_analyzer")
        return PresidioDetector(package.AnalyzerEngine())
    except (ImportError, OSError) as error:
        raise ValueError("Presidio's analyser is not installed here") from error
