"""The detectors by rule, in the order in which they run, beside the one for digits."""

from __future__ import annotations

from engines.redaction.context import Detector
from engines.redaction.detectors.answers import AddressAnswerDetector
from engines.redaction.detectors.emails import EmailDetector
from engines.redaction.detectors.names import NameDetector
from engines.redaction.detectors.patterns import PatternDetector
from engines.redaction.detectors.secrets import SecretDetector
from engines.redaction.detectors.spelled import SpelledDetector
from engines.redaction.detectors.spoken import SpokenAddressDetector

RULES: tuple[Detector, ...] = (
    EmailDetector(),
    NameDetector(),
    PatternDetector(),
    SpokenAddressDetector(),
    SpelledDetector(),
    SecretDetector(),
    AddressAnswerDetector(),
)
