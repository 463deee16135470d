"""A company's chat server, whose key is sealed and whom somebody vouches for."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0002_accounts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChatServer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                (
                    "base_url",
                    models.CharField(
                        help_text="Of a server that speaks OpenAI's API, e.g. vLLM or Ollama, with its /v1.",
                        max_length=300,
                        verbose_name="address",
                    ),
                ),
                (
                    "model",
                    models.CharField(
                        help_text="The name by which the server knows it.",
                        max_length=200,
                        verbose_name="model",
                    ),
                ),
                (
                    "characters",
                    models.PositiveIntegerField(
                        default=5000,
                        help_text="Of a call in one request; longer calls go in several. 5,000 need a context of 4,096 tokens, which the server must really have.",
                        validators=[
                            django.core.validators.MinValueValidator(1000),
                            django.core.validators.MaxValueValidator(100000),
                        ],
                        verbose_name="characters at once",
                    ),
                ),
                (
                    "active",
                    models.BooleanField(
                        default=True,
                        help_text="Reads every call again when it is over. One server can.",
                        verbose_name="active",
                    ),
                ),
                ("inside_url", models.CharField(blank=True, default="", editable=False, max_length=300)),
                ("inside_at", models.DateTimeField(editable=False, null=True, verbose_name="inside since")),
                ("secret_sealed", models.BinaryField(null=True)),
                ("secret_version", models.PositiveIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "inside_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="said by",
                    ),
                ),
            ],
            options={
                "verbose_name": "chat server",
                "verbose_name_plural": "chat servers",
                "ordering": ("name",),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("active",),
                        name="chat_server_active_once",
                        violation_error_message="Another server is active already.",
                    )
                ],
            },
        ),
    ]
