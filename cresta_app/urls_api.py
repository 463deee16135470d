"""API v1: each room's view sets, and the OpenAPI pages."""

from typing import Any

from django.urls import include, path
from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated
from rest_framework.routers import SimpleRouter

from accounts.api.people import UserViewSet
from analytics.api.views import ReportViewSet
from coaching.api.alerts import AlertViewSet, ShiftViewSet, WhisperViewSet
from coaching.api.backtests import BacktestViewSet, TrialViewSet
from coaching.api.clips import ClipViewSet
from coaching.api.experiments import ExperimentViewSet
from coaching.api.next_steps import NextStepViewSet
from coaching.api.plans import CoachingPlanViewSet, TargetViewSet
from coaching.api.policies import PolicyViewSet
from coaching.api.sessions import CoachingSessionViewSet, CoachingStepViewSet
from coaching.api.skills import CoachingSkillViewSet
from coaching.api.views import GuidanceViewSet
from conversations.api.arrivals import CallEventViewSet, CallMetadataViewSet
from conversations.api.changes import ChangeViewSet
from conversations.api.completeness import CompletenessViewSet
from conversations.api.redaction import RedactionViewSet
from conversations.api.redaction_checks import CheckViewSet
from conversations.api.redaction_reviews import (
    ExampleViewSet,
    RedactionReportViewSet,
    ReviewViewSet,
    RunViewSet,
)
from conversations.api.redaction_types import OwnTypeViewSet
from conversations.api.retention import LegalHoldViewSet, RetentionRuleViewSet, RetentionRunViewSet
from conversations.api.summaries import SummaryFigureViewSet, SummaryTemplateViewSet
from conversations.api.views import ConversationViewSet, SummaryViewSet, UtteranceViewSet
from integrations.api import ConnectionViewSet
from integrations.chats.api import ChatViewSet
from integrations.documents.api import DocumentUploadViewSet
from integrations.documents.source_api import SourceViewSet
from integrations.uploads.api import UploadViewSet
from integrations.webhooks.api import DeliveryViewSet, EndpointViewSet
from knowledge.api.answers import KnowledgeAnswerViewSet
from knowledge.api.care import CoverageViewSet, FindingViewSet, GapViewSet, KnowledgeReviewViewSet
from knowledge.api.collections import CollectionViewSet
from knowledge.api.documents import KnowledgeViewSet
from knowledge.api.feedback import FeedbackViewSet
from knowledge.api.prepared import PreparedAnswerViewSet
from knowledge.api.search import SynonymsViewSet
from knowledge.api.tests import SearchTestRunViewSet, SearchTestViewSet
from moments.api.classifiers import ClassifierViewSet
from moments.api.definitions import DefinitionViewSet
from moments.api.library import MomentLibraryViewSet
from moments.api.names import NameViewSet
from moments.api.views import MomentViewSet
from providers.api.language import (
    EvaluationCaseViewSet,
    LanguageRouteViewSet,
    LanguageTaskViewSet,
    ModelBudgetViewSet,
    PromptRevisionViewSet,
)
from providers.api.views import ProviderViewSet
from qa.api.calibrations import CalibrationViewSet
from qa.api.reports import QualityReportViewSet
from qa.api.rescores import RescoreViewSet
from qa.api.scorecards import ScorecardViewSet
from qa.api.scores import ScoreViewSet
from qa.api.work import AssignmentViewSet, DisputeViewSet, PlanViewSet

router = SimpleRouter(use_regex_path=False)
router.register("conversations", ConversationViewSet, basename="api-conversation")
router.register("call-metadata", CallMetadataViewSet, basename="api-call-metadata")
router.register("call-events", CallEventViewSet, basename="api-call-event")
router.register("changes", ChangeViewSet, basename="api-change")
router.register("completeness", CompletenessViewSet, basename="api-completeness")
router.register("redaction", RedactionViewSet, basename="api-redaction")
router.register("redaction-types", OwnTypeViewSet, basename="api-redaction-type")
router.register("redaction-checks", CheckViewSet, basename="api-redaction-check")
router.register("retention-rules", RetentionRuleViewSet, basename="api-retention-rule")
router.register("retention-runs", RetentionRunViewSet, basename="api-retention-run")
router.register("legal-holds", LegalHoldViewSet, basename="api-legal-hold")
router.register("utterances", UtteranceViewSet, basename="api-utterance")
router.register("summaries", SummaryViewSet, basename="api-summary")
router.register("summary-templates", SummaryTemplateViewSet, basename="api-summary-template")
router.register("summary-figures", SummaryFigureViewSet, basename="api-summary-figure")
router.register("redaction-reviews", ReviewViewSet, basename="api-redaction-review")
router.register("redaction-report", RedactionReportViewSet, basename="api-redaction-report")
router.register("redaction-examples", ExampleViewSet, basename="api-redaction-example")
router.register("redaction-runs", RunViewSet, basename="api-redaction-run")
router.register("moments", MomentViewSet, basename="api-moment")
router.register("moment-library", MomentLibraryViewSet, basename="api-moment-library")
router.register("moment-definitions", DefinitionViewSet, basename="api-moment-definition")
router.register("moment-names", NameViewSet, basename="api-moment-name")
router.register("classifiers", ClassifierViewSet, basename="api-classifier")
router.register("guidance", GuidanceViewSet, basename="api-guidance")
router.register("alerts", AlertViewSet, basename="api-alert")
router.register("policies", PolicyViewSet, basename="api-policy")
router.register("shifts", ShiftViewSet, basename="api-shift")
router.register("whispers", WhisperViewSet, basename="api-whisper")
router.register("policy-trials", TrialViewSet, basename="api-policy-trial")
router.register("backtests", BacktestViewSet, basename="api-backtest")
router.register("experiments", ExperimentViewSet, basename="api-experiment")
router.register("coaching/clips", ClipViewSet, basename="api-clip")
router.register("next-steps", NextStepViewSet, basename="api-next-step")
router.register("coaching/plans", CoachingPlanViewSet, basename="api-coaching-plan")
router.register("coaching/sessions", CoachingSessionViewSet, basename="api-coaching-session")
router.register("coaching/next-steps", CoachingStepViewSet, basename="api-coaching-step")
router.register("coaching/targets", TargetViewSet, basename="api-coaching-target")
router.register("scores", ScoreViewSet, basename="api-score")
router.register("scorecards", ScorecardViewSet, basename="api-scorecard")
router.register("assignments", AssignmentViewSet, basename="api-assignment")
router.register("calibrations", CalibrationViewSet, basename="api-calibration")
router.register("disputes", DisputeViewSet, basename="api-dispute")
router.register("sampling-plans", PlanViewSet, basename="api-sampling-plan")
router.register("coaching", CoachingSkillViewSet, basename="api-coaching")
router.register("quality-reports", QualityReportViewSet, basename="api-quality-report")
router.register("rescores", RescoreViewSet, basename="api-rescore")
router.register("knowledge", KnowledgeViewSet, basename="api-knowledge")
router.register("knowledge-answers", KnowledgeAnswerViewSet, basename="api-knowledge-answer")
router.register("prepared-answers", PreparedAnswerViewSet, basename="api-prepared-answer")
router.register("synonyms", SynonymsViewSet, basename="api-synonyms")
router.register("knowledge-collections", CollectionViewSet, basename="api-knowledge-collection")
router.register("knowledge-tests", SearchTestViewSet, basename="api-knowledge-test")
router.register("knowledge-test-runs", SearchTestRunViewSet, basename="api-knowledge-test-run")
router.register("knowledge-feedback", FeedbackViewSet, basename="api-knowledge-feedback")
router.register("knowledge-reviews", KnowledgeReviewViewSet, basename="api-knowledge-review")
router.register("knowledge-findings", FindingViewSet, basename="api-knowledge-finding")
router.register("knowledge-gaps", GapViewSet, basename="api-knowledge-gap")
router.register("knowledge-coverage", CoverageViewSet, basename="api-knowledge-coverage")
router.register("knowledge-uploads", DocumentUploadViewSet, basename="api-knowledge-upload")
router.register("knowledge-sources", SourceViewSet, basename="api-knowledge-source")
router.register("reports", ReportViewSet, basename="api-report")
router.register("chats", ChatViewSet, basename="api-chat")
router.register("uploads", UploadViewSet, basename="api-upload")
router.register("providers", ProviderViewSet, basename="api-provider")
router.register("language-tasks", LanguageTaskViewSet, basename="api-language-task")
router.register("language-routes", LanguageRouteViewSet, basename="api-language-route")
router.register("language-budgets", ModelBudgetViewSet, basename="api-language-budget")
router.register("language-cases", EvaluationCaseViewSet, basename="api-language-case")
router.register("language-prompts", PromptRevisionViewSet, basename="api-language-prompt")
router.register("telephony-connections", ConnectionViewSet, basename="api-telephony-connection")
router.register("webhook-endpoints", EndpointViewSet, basename="api-webhook-endpoint")
router.register("webhook-deliveries", DeliveryViewSet, basename="api-webhook-delivery")
router.register("users", UserViewSet, basename="api-user")


class OnceGenerator(SchemaGenerator):
    """Makes the schema once a process and language: it is the code's, and takes seconds of a processor."""

    _made: dict[str | None, dict[str, Any]] = {}

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        language = get_language()
        if language not in self._made:
            self._made[language] = super().get_schema(None, public=True)
        return self._made[language]


# Both show the same to everybody, so that being signed in, or a key, is all they ask for. The page keeps its script
# in a response of its own.
schema = extend_schema(exclude=True)(SpectacularAPIView).as_view(
    permission_classes=[IsAuthenticated], generator_class=OnceGenerator
)
pages = SpectacularSwaggerSplitView.as_view(url_name="api-schema", permission_classes=[IsAuthenticated])

urlpatterns = [
    path("", include("accounts.api.urls")),
    path("schema/", schema, name="api-schema"),
    path("docs/", pages, name="api-docs"),
    *router.urls,
]
