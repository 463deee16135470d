import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("conversations", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Upload",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("page", "page"), ("api", "API"), ("command", "command")],
                        max_length=8,
                        verbose_name="source",
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="uploaded")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
            ],
            options={
                "verbose_name": "upload",
                "verbose_name_plural": "uploads",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="UploadedCall",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="file")),
                ("size_bytes", models.PositiveBigIntegerField(default=0, verbose_name="size")),
                ("duration_ms", models.PositiveIntegerField(blank=True, null=True, verbose_name="length")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("decoding", "decoding"),
                            ("transcribing", "transcribing"),
                            ("done", "done"),
                            ("failed", "failed"),
                        ],
                        default="waiting",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("error", models.CharField(blank=True, default="", max_length=300, verbose_name="error")),
                ("progress", models.FloatField(default=0.0, verbose_name="progress")),
                ("storage_key", models.CharField(blank=True, default="", max_length=200)),
                ("wrapped_key", models.BinaryField(null=True)),
                ("key_version", models.PositiveIntegerField(default=0)),
                ("sealed_details", models.BinaryField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=1)),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("changed_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                (
                    "conversation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "upload",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calls",
                        to="integrations.upload",
                    ),
                ),
            ],
            options={
                "verbose_name": "uploaded call",
                "verbose_name_plural": "uploaded calls",
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["waiting", "decoding", "transcribing"])),
                        fields=["due_at"],
                        name="uploaded_call_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("progress__gte", 0), ("progress__lte", 1)),
                        name="uploaded_call_progress_is_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["done", "failed"]),
                            models.Q(("storage_key", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="uploaded_call_has_a_file",
                    ),
                ],
            },
        ),
    ]
