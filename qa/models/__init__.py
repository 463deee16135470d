"""Scorecards, and how conversations were judged by them. One module a subject; all models are imported from here."""

from qa.models.calibration import (
    CalibrationCall,
    CalibrationReference,
    CalibrationSession,
    CriterionDecision,
)
from qa.models.evaluations import Answer, Evaluation, QualitySettings
from qa.models.rescores import Rescore, RescorePiece
from qa.models.scorecards import Asked, Criterion, ScorecardRevision, ScorecardTemplate
from qa.models.work import Assignment, Dispute, SamplingPlan

__all__ = [
    "Answer",
    "Asked",
    "Assignment",
    "CalibrationCall",
    "CalibrationReference",
    "CalibrationSession",
    "Criterion",
    "CriterionDecision",
    "Dispute",
    "Evaluation",
    "QualitySettings",
    "Rescore",
    "RescorePiece",
    "SamplingPlan",
    "ScorecardRevision",
    "ScorecardTemplate",
]
