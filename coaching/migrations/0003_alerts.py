"""Alerts: one a call and kind, with who has it since when; settings of teams, shifts, whispers."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Count, F

import accounts.ids

BATCH = 500
ENDED = ["wrap_up", "completed", "incomplete"]


def merge(apps: Any, schema_editor: Any) -> None:
    """One alert a call and kind: the first stays and counts the others. May be run again from any point."""
    Alert = apps.get_model("coaching", "Alert")
    while True:
        twice = list(
            Alert.objects.order_by()
            .values("conversation_id", "rule_key")
            .annotate(times=Count("pk"))
            .filter(times__gt=1)[:BATCH]
        )
        if not twice:
            break
        for found in twice:
            rows = list(
                Alert.objects.filter(
                    conversation_id=found["conversation_id"], rule_key=found["rule_key"]
                ).order_by("at_ms", "pk")
            )
            first, others = rows[0], rows[1:]
            # Open if any of them is: nobody has seen to that one.
            kept = next((row for row in rows if row.state == "open"), rows[-1])
            for name in ("state", "assignee_id", "resolved_at", "resolved_by_id"):
                setattr(first, name, getattr(kept, name))
            first.severity = "bad" if any(row.severity == "bad" for row in rows) else first.severity
            first.count = sum(row.count for row in rows)
            first.last_at_ms = max(row.at_ms for row in rows)
            first.save()
            Alert.objects.filter(pk__in=[row.pk for row in others]).delete()
    Alert.objects.filter(last_at_ms=0).update(last_at_ms=F("at_ms"))
    Alert.objects.filter(assignee__isnull=False, claimed_at__isnull=True).update(
        claimed_at=F("raised_at"), first_claimed_at=F("raised_at")
    )
    # What is open in a call that is over was closed with it, had it been known then.
    Alert.objects.filter(state="open", conversation__state__in=ENDED).exclude(
        rule_key="redaction.check"
    ).update(state="closed", closed_at=F("raised_at"))
    # Nobody is called out now for what was raised before there was anybody to call.
    Alert.objects.filter(state="open", assignee__isnull=True, waiting_since__isnull=True).update(
        waiting_since=F("raised_at"), escalated_at=F("raised_at")
    )
    # What was changed above has checks pending, which the changes of the table below do not wait for.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


def person(**options: Any) -> Any:
    return models.ForeignKey(
        blank=True,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
        **options,
    )


def key() -> Any:
    return models.UUIDField(default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    dependencies = [
        ("coaching", "0002_guidance_answers"),
        ("conversations", "0011_hidden_reach"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="rule_key",
            field=models.CharField(max_length=40, verbose_name="kind"),
        ),
        migrations.AlterField(
            model_name="alert",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "open"),
                    ("resolved", "resolved"),
                    ("closed", "closed with the call"),
                    ("quiet", "not for this team"),
                ],
                default="open",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="count",
            field=models.PositiveIntegerField(default=1, verbose_name="times"),
        ),
        migrations.AddField(
            model_name="alert", name="last_at_ms", field=models.PositiveIntegerField(default=0)
        ),
        *(
            migrations.AddField(
                model_name="alert", name=name, field=models.DateTimeField(blank=True, null=True)
            )
            for name in (
                "waiting_since",
                "claimed_at",
                "first_claimed_at",
                "escalated_at",
                "mailed_at",
                "closed_at",
            )
        ),
        migrations.AddField(
            model_name="alert", name="reaches_others", field=models.BooleanField(default=False)
        ),
        migrations.RunPython(merge, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                fields=("conversation", "rule_key"), name="alert_once_a_call_and_kind"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(
                    ("escalated_at__isnull", True), ("state", "open"), ("waiting_since__isnull", False)
                ),
                fields=["waiting_since"],
                name="alert_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="alert", index=models.Index(fields=["raised_at"], name="alert_raised")
        ),
        migrations.CreateModel(
            name="TeamAlerts",
            fields=[
                ("id", key()),
                (
                    "least",
                    models.CharField(
                        choices=[("warn", "look at it"), ("bad", "act now")],
                        default="warn",
                        help_text="“act now” leaves out alerts that are only to be looked at.",
                        max_length=4,
                        verbose_name="from",
                    ),
                ),
                (
                    "hands",
                    models.BooleanField(
                        default=True, help_text="Agents may ask for somebody.", verbose_name="raised hands"
                    ),
                ),
                (
                    "silenced",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="They still count in the figures.",
                        verbose_name="not these rules",
                    ),
                ),
                (
                    "escalate_seconds",
                    models.PositiveIntegerField(
                        default=60,
                        help_text="Then it goes further; at once where nobody is on shift. 0: it never does.",
                        verbose_name="nobody takes it within seconds",
                    ),
                ),
                (
                    "escalate_to_others",
                    models.BooleanField(
                        default=True,
                        help_text="Those of other teams see it on their floor.",
                        verbose_name="to the other supervisors",
                    ),
                ),
                (
                    "emails",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="One address a line.",
                        verbose_name="by e-mail to",
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                (
                    "team",
                    models.OneToOneField(
                        blank=True,
                        help_text="Empty: every team without settings of its own.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_settings",
                        to="accounts.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "alerts of a team",
                "verbose_name_plural": "alerts of teams",
                "ordering": ["team__name"],
                "constraints": [
                    models.UniqueConstraint(fields=("team",), name="team_alerts_once", nulls_distinct=False)
                ],
            },
        ),
        migrations.CreateModel(
            name="ShiftMark",
            fields=[
                ("id", key()),
                ("on", models.BooleanField(verbose_name="on shift")),
                ("since", models.DateTimeField(verbose_name="since")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shift_mark",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name": "shift", "verbose_name_plural": "shifts"},
        ),
        migrations.CreateModel(
            name="Whisper",
            fields=[
                ("id", key()),
                ("text", models.CharField(max_length=240)),
                ("at_ms", models.PositiveIntegerField()),
                ("sent_at", models.DateTimeField()),
                ("shown_at", models.DateTimeField(blank=True, null=True)),
                (
                    "answer",
                    models.CharField(
                        blank=True, choices=[("thanks", "Thanks"), ("ok", "OK")], default="", max_length=6
                    ),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("author", person()),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="whispers",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "whisper",
                "verbose_name_plural": "whispers",
                "ordering": ["sent_at", "id"],
                "indexes": [models.Index(fields=["conversation"], name="whisper_conversation")],
            },
        ),
    ]
