import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ids

KINDS = [
    ("hint", "hint"),
    ("line", "script line"),
    ("check", "checklist item"),
    ("checklist", "checklist item"),
    ("step", "step of a playbook"),
    ("praise", "praise"),
    ("knowledge", "knowledge"),
]
STATES = [
    ("open", "open"),
    ("accepted", "accepted"),
    ("used", "used"),
    ("dismissed", "dismissed"),
    ("ticked", "done"),
    ("missed", "missed"),
    ("withdrawn", "withdrawn"),
    ("expired", "expired"),
    ("held", "held back"),
]
HELD = [
    ("", "not held back"),
    ("soon", "another came just before"),
    ("enough", "enough for this call"),
    ("muted", "muted by the agent"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("coaching", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="guidance", name="kind", field=models.CharField(choices=KINDS, max_length=10)
        ),
        migrations.AlterField(
            model_name="guidance",
            name="state",
            field=models.CharField(choices=STATES, default="open", max_length=10),
        ),
        migrations.AddField(model_name="guidance", name="optional", field=models.BooleanField(default=True)),
        migrations.AddField(
            model_name="guidance",
            name="playbook",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="guidance",
            name="step",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="guidance",
            name="held",
            field=models.CharField(
                blank=True, choices=HELD, default="", max_length=8, verbose_name="held back"
            ),
        ),
        migrations.AddField(
            model_name="guidance",
            name="used_at",
            field=models.DateTimeField(null=True, verbose_name="used"),
        ),
        migrations.AddField(
            model_name="guidance", name="used_ms", field=models.PositiveIntegerField(null=True)
        ),
        migrations.AddField(
            model_name="guidance",
            name="wrong_at",
            field=models.DateTimeField(null=True, verbose_name="marked wrong"),
        ),
        migrations.AddField(
            model_name="guidance",
            name="wrong_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="guidance",
            index=models.Index(
                condition=models.Q(("wrong_at__isnull", False)), fields=["rule_key"], name="guidance_wrong"
            ),
        ),
        migrations.CreateModel(
            name="GuidanceSettings",
            fields=[
                (
                    "only",
                    models.BooleanField(default=True, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "hint_every_seconds",
                    models.PositiveSmallIntegerField(
                        default=20,
                        help_text="0: no limit. Script lines, checklist items and steps are never held back.",
                        validators=[django.core.validators.MaxValueValidator(600)],
                        verbose_name="at most one new hint in seconds",
                    ),
                ),
                (
                    "hints_per_call",
                    models.PositiveSmallIntegerField(
                        default=6,
                        help_text="0: no limit.",
                        validators=[django.core.validators.MaxValueValidator(200)],
                        verbose_name="at most this many hints a call",
                    ),
                ),
                (
                    "shift_hours",
                    models.PositiveSmallIntegerField(
                        default=9,
                        help_text="What an agent mutes comes back after so long.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(24),
                        ],
                        verbose_name="a shift lasts hours",
                    ),
                ),
            ],
            options={
                "verbose_name": "guidance settings",
                "verbose_name_plural": "guidance settings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("only", True)), name="guidance_settings_only_row"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GuidanceMute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(blank=True, default="", max_length=10)),
                ("rule_key", models.CharField(blank=True, default="", max_length=40)),
                ("title", models.CharField(blank=True, default="", max_length=90)),
                ("until", models.DateTimeField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="guidance_mutes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "muted guidance",
                "verbose_name_plural": "muted guidance",
                "ordering": ["user", "-until"],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "kind", "rule_key"), name="guidance_mute_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", ""), models.Q(("rule_key", ""), _negated=True)),
                            models.Q(models.Q(("kind", ""), _negated=True), ("rule_key", "")),
                            _connector="OR",
                        ),
                        name="guidance_mute_kind_or_rule",
                    ),
                ],
            },
        ),
    ]
