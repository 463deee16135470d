from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QaConfig(AppConfig):
    name = "qa"
    verbose_name = _("Quality")

    def ready(self) -> None:
        from conversations import outbox
        from conversations.filters import scores_hidden_by
        from conversations.hiding import follow
        from conversations.live.anew import stays_where
        from conversations.redaction.second_pass import CHECKED
        from conversations.review import scores_shown_by
        from qa.access import scores_of
        from qa.blind import blind_to
        from qa.events import register_own
        from qa.hidden import evidence_move
        from qa.judging import judge_add
        from qa.judging.figures import FigureJudge
        from qa.judging.intents import IntentJudge
        from qa.judging.model import ModelJudge
        from qa.judging.moments import MomentJudge
        from qa.scoring import conversation_score_job
        from qa.selectors import judged_by_people

        register_own()
        judge_add(MomentJudge())
        judge_add(FigureJudge())
        judge_add(IntentJudge())
        judge_add(ModelJudge())
        scores_shown_by(scores_of)
        scores_hidden_by(blind_to)
        follow(evidence_move)
        stays_where(judged_by_people)
        outbox.subscribe(CHECKED, "qa.score", conversation_score_job)
