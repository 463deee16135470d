"""Accounts with vendors, several routes for a task and language, the company's own words. Rows that exist stay."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "vendor",
                    models.CharField(
                        choices=[
                            ("deepgram", "Deepgram"),
                            ("openai_audio", "OpenAI-compatible transcription server"),
                            ("whisper", "Whisper, in our own processes"),
                        ],
                        max_length=20,
                        verbose_name="vendor",
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                (
                    "base_url",
                    models.CharField(
                        blank=True,
                        help_text="Of a server that is not the vendor's own, e.g. a self-hosted Deepgram. Empty: the vendor's.",
                        max_length=300,
                        verbose_name="address",
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='For example {"model": "nova-3"}; docs/speech.md names them for each vendor.',
                        verbose_name="options",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("secret_sealed", models.BinaryField(null=True)),
                ("secret_version", models.PositiveIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
            ],
            options={
                "verbose_name": "provider account",
                "verbose_name_plural": "provider accounts",
                "ordering": ("name",),
            },
        ),
        migrations.AlterModelOptions(
            name="route",
            options={
                "ordering": ("task", "language", "position"),
                "verbose_name": "provider route",
                "verbose_name_plural": "provider routes",
            },
        ),
        migrations.AddField(
            model_name="route",
            name="language",
            field=models.CharField(
                blank=True,
                help_text="Like en or en-GB. Empty: every language.",
                max_length=15,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$",
                        "A language is like en or en-GB.",
                    )
                ],
                verbose_name="language",
            ),
        ),
        migrations.AddField(
            model_name="route",
            name="position",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="1 is asked first; the next when it fails.", verbose_name="position"
            ),
        ),
        migrations.AlterField(
            model_name="route",
            name="provider",
            field=models.CharField(
                blank=True,
                choices=[
                    ("pocketsphinx", "pocketsphinx, embedded (English)"),
                    ("default", "the installation's default"),
                ],
                help_text="What needs no account. As the last position it is the last resort.",
                max_length=40,
                verbose_name="without an account",
            ),
        ),
        migrations.AlterField(
            model_name="route",
            name="task",
            field=models.CharField(
                choices=[
                    ("speech_live", "live speech to text"),
                    ("speech_upload", "speech to text of uploads"),
                ],
                max_length=20,
                verbose_name="task",
            ),
        ),
        migrations.CreateModel(
            name="Keyterm",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("term", models.CharField(max_length=100, verbose_name="word or name")),
                (
                    "language",
                    models.CharField(
                        blank=True,
                        help_text="Like en or en-GB. Empty: every language.",
                        max_length=15,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$",
                                "A language is like en or en-GB.",
                            )
                        ],
                        verbose_name="language",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "verbose_name": "keyterm",
                "verbose_name_plural": "keyterms",
                "ordering": ("term",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("term", "language"),
                        name="keyterm_once",
                        violation_error_message="This word is there already.",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="route",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="routes",
                to="providers.provideraccount",
                verbose_name="account",
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(
                fields=("task", "language", "position"),
                name="route_position_once",
                violation_error_message="Another route for this task and language has this position.",
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.CheckConstraint(
                condition=models.Q(("account__isnull", True), ("provider", ""), _connector="XOR"),
                name="route_account_or_provider",
                violation_error_message="Choose an account, or what needs none: one of them.",
            ),
        ),
    ]
