import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0008_redaction_policy"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *(
            migrations.AlterField(
                model_name=name,
                name="found_in",
                field=models.CharField(
                    choices=[
                        ("live", "live"),
                        ("second", "second"),
                        ("manual", "manual"),
                        ("again", "history read again"),
                    ],
                    **more,
                ),
            )
            for name, more in (
                ("redaction", {"max_length": 8, "default": "live"}),
                ("hiddenstretch", {"max_length": 8, "verbose_name": "found"}),
            )
        ),
        migrations.CreateModel(
            name="RedactionReview",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=40, verbose_name="type")),
                ("score", models.FloatField(verbose_name="score")),
                ("detector", models.CharField(max_length=40, verbose_name="detector")),
                (
                    "found_in",
                    models.CharField(
                        choices=[
                            ("live", "live"),
                            ("second", "second"),
                            ("manual", "manual"),
                            ("again", "history read again"),
                        ],
                        max_length=8,
                        verbose_name="found",
                    ),
                ),
                (
                    "because",
                    models.CharField(
                        choices=[
                            ("uncertain", "uncertain"),
                            ("second", "found only afterwards"),
                            ("disputed", "detectors disagree"),
                        ],
                        max_length=10,
                        verbose_name="why",
                    ),
                ),
                ("shape", models.CharField(blank=True, default="", max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "to look at"),
                            ("confirmed", "confirmed"),
                            ("false_alarm", "false alarm"),
                        ],
                        default="open",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="noted")),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="redaction_reviews",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "redaction",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="review",
                        to="conversations.redaction",
                    ),
                ),
                (
                    "utterance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.utterance",
                    ),
                ),
            ],
            options={
                "verbose_name": "redaction to review",
                "verbose_name_plural": "redactions to review",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="LabelledSpan",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=40, verbose_name="type")),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("confirmed", "confirmed"),
                            ("false_alarm", "false alarm"),
                            ("missed", "missed, hidden by hand"),
                        ],
                        max_length=12,
                        verbose_name="verdict",
                    ),
                ),
                ("speaker", models.CharField(max_length=12, verbose_name="speaker")),
                ("context", models.TextField(verbose_name="words around it")),
                ("start", models.PositiveIntegerField()),
                ("end", models.PositiveIntegerField()),
                ("shape", models.CharField(blank=True, default="", max_length=80, verbose_name="shape")),
                (
                    "surrogate",
                    models.CharField(blank=True, default="", max_length=120, verbose_name="surrogate"),
                ),
                (
                    "detector",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="detector"),
                ),
                ("score", models.FloatField(null=True, verbose_name="score")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="decided")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="labelled_spans",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "utterance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.utterance",
                    ),
                ),
                (
                    "review",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="example",
                        to="conversations.redactionreview",
                    ),
                ),
            ],
            options={
                "verbose_name": "labelled span",
                "verbose_name_plural": "labelled spans",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="RedactionRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("running", "under way"),
                            ("done", "done"),
                            ("cancelled", "cancelled"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="reason")),
                ("since", models.DateTimeField(blank=True, null=True, verbose_name="calls since")),
                ("until", models.DateTimeField(verbose_name="calls until")),
                ("policy", models.CharField(blank=True, default="", max_length=32, verbose_name="policy")),
                ("total", models.PositiveIntegerField(default=0, verbose_name="conversations")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="read")),
                ("found", models.PositiveIntegerField(default=0, verbose_name="found")),
                ("failed", models.PositiveIntegerField(default=0, verbose_name="not read")),
                ("cursor", models.UUIDField(blank=True, null=True)),
                ("is_open", models.BooleanField(default=True, editable=False)),
                (
                    "last_error",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="last error"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="asked")),
                ("seen_at", models.DateTimeField(blank=True, null=True, verbose_name="last step")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "re-redaction",
                "verbose_name_plural": "re-redactions",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="RedactionCheck",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "under way"), ("done", "done"), ("failed", "failed")],
                        default="running",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("utterances", models.PositiveIntegerField(default=0, verbose_name="utterances")),
                ("found", models.PositiveIntegerField(default=0, verbose_name="found")),
                ("took_ms", models.PositiveIntegerField(default=0, verbose_name="took (ms)")),
                ("policy", models.CharField(blank=True, default="", max_length=32, verbose_name="policy")),
                (
                    "last_error",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="last error"),
                ),
                ("begun_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                ("done_at", models.DateTimeField(blank=True, null=True, verbose_name="done")),
                ("alerted_at", models.DateTimeField(blank=True, null=True, verbose_name="alert raised")),
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="redaction_check",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "redaction check",
                "verbose_name_plural": "redaction checks",
                "ordering": ["-begun_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "done"), _negated=True),
                        fields=["begun_at"],
                        name="redaction_check_open",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="redactionreview",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["-id"], name="redaction_review_open"
            ),
        ),
        migrations.AddIndex(
            model_name="redactionreview",
            index=models.Index(fields=["decided_at"], name="redaction_review_decided"),
        ),
        migrations.AddConstraint(
            model_name="redactionrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_open", True)), fields=("is_open",), name="redaction_run_one_open"
            ),
        ),
    ]
