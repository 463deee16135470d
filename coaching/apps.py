from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoachingConfig(AppConfig):
    name = "coaching"
    verbose_name = _("Guidance")

    def ready(self) -> None:
        from coaching import backtest_tasks  # noqa: F401 Celery finds its tasks by their being imported
        from coaching.alerts import alerts_close
        from coaching.clips.ending import clips_end, clips_made, clips_of_lines_end, clips_tidy, written_hide
        from coaching.escalation import ESCALATED, escalated_mail
        from coaching.events import register_own
        from coaching.hidden import evidence_move, quotes_remove
        from coaching.judging import BehaviourJudge
        from coaching.plans.ending import notes_end, notes_hide, notes_of_lines_end
        from coaching.tidings import marks_again
        from coaching.unchecked import unchecked_tell
        from conversations import erasure, news, outbox, retention
        from conversations import marks_again as untold
        from conversations.hiding import follow
        from conversations.live.anew import stays_where
        from conversations.redaction.second_pass import UNCHECKED
        from qa.judging import judge_add

        register_own()
        judge_add(BehaviourJudge())
        follow(evidence_move)
        follow(written_hide)
        follow(notes_hide)
        erasure.follow(quotes_remove)
        erasure.follow(clips_end, sound_alone=False)
        erasure.follow(notes_end, sound_alone=False)
        erasure.lines_follow(clips_of_lines_end)
        erasure.lines_follow(notes_of_lines_end)
        retention.also(clips_tidy)
        stays_where(clips_made)
        news.follow(alerts_close)
        untold.also(marks_again)
        outbox.subscribe(UNCHECKED, "coaching.alert_unchecked", unchecked_tell)
        outbox.subscribe(ESCALATED, "coaching.escalated_mail", escalated_mail)
