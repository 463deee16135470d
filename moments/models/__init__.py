"""What to listen for, where it was heard, and the classifiers that tell intents."""

from moments.models.classifiers import Classifier, ClassifierTally, IntentExample, StoredModel, TrainingSet
from moments.models.definitions import MomentDefinition, MomentOccurrence, MomentRevision, StoredMeaning

__all__ = [
    "Classifier",
    "ClassifierTally",
    "IntentExample",
    "MomentDefinition",
    "MomentOccurrence",
    "MomentRevision",
    "StoredMeaning",
    "StoredModel",
    "TrainingSet",
]
