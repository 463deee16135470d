"""What to listen for, where it was heard, and the classifiers that tell intents."""

from moments.models.classifiers import Classifier, ClassifierTally, IntentExample, StoredModel, TrainingSet
from moments.models.definitions import MomentDefinition, MomentOccurrence, MomentRevision, StoredMeaning
from moments.models.names import ListedName

__all__ = [
    "Classifier",
    "ClassifierTally",
    "IntentExample",
    "ListedName",
    "MomentDefinition",
    "MomentOccurrence",
    "MomentRevision",
    "StoredMeaning",
    "StoredModel",
    "TrainingSet",
]
