"""What a text is about: one of the intents that were learned from labelled examples, or none of them.

Learned by linear models on words, pairs of words and pieces of words; guessing is one sparse product. How sure a
guess is, is calibrated on texts that were not learned from, and what is below the threshold is refused. Pure Python
and numpy; scikit-learn only where something is learned (`training`).
"""

from engines.intents.drift import BINS, Drift, DriftFigures, bin_of, drift
from engines.intents.examples import (
    MAX_BYTES,
    OUT_OF_SCOPE,
    Complaint,
    Example,
    Examples,
    UnusableFile,
    check_examples,
    read_examples,
)
from engines.intents.model import Guess, IntentModel, UnusableModel

__all__ = [
    "BINS",
    "MAX_BYTES",
    "OUT_OF_SCOPE",
    "Complaint",
    "Drift",
    "DriftFigures",
    "Example",
    "Examples",
    "Guess",
    "IntentModel",
    "UnusableFile",
    "UnusableModel",
    "bin_of",
    "check_examples",
    "drift",
    "read_examples",
]
