"""Servers that search asks: vectors of texts, order of passages."""

import django.core.validators
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0003_chat_server"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchServer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("embeddings", "vectors of texts (OpenAI's /embeddings)"),
                            ("rerank", "order of passages (/rerank)"),
                        ],
                        default="embeddings",
                        max_length=12,
                        verbose_name="what it does",
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                (
                    "base_url",
                    models.CharField(
                        help_text="What comes before /embeddings or /rerank: with its /v1 for vLLM, Ollama, Infinity and hosted services.",
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
                    "dimensions",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="How many numbers the model's vectors have. Only for vectors of texts.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(4000),
                        ],
                        verbose_name="dimensions",
                    ),
                ),
                (
                    "shorten",
                    models.BooleanField(
                        default=False,
                        help_text="Tell the server how many numbers are wanted. Only models that can make them shorter take it.",
                        verbose_name="ask for so many",
                    ),
                ),
                (
                    "query_prefix",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text='What some models want to stand there, e.g. "query: ".',
                        max_length=200,
                        verbose_name="before a question",
                    ),
                ),
                (
                    "passage_prefix",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text='For example "passage: ".',
                        max_length=200,
                        verbose_name="before a passage",
                    ),
                ),
                (
                    "deadline_ms",
                    models.PositiveIntegerField(
                        default=150,
                        help_text="A search that has no answer by then goes on without it.",
                        validators=[
                            django.core.validators.MinValueValidator(20),
                            django.core.validators.MaxValueValidator(5000),
                        ],
                        verbose_name="deadline in ms",
                    ),
                ),
                (
                    "active",
                    models.BooleanField(
                        default=True, help_text="One server of each kind can be.", verbose_name="active"
                    ),
                ),
                ("secret_sealed", models.BinaryField(null=True)),
                ("secret_version", models.PositiveIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
            ],
            options={
                "verbose_name": "search server",
                "verbose_name_plural": "search servers",
                "ordering": ("name",),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("kind",),
                        name="search_server_active_once",
                        violation_error_message="Another server of this kind is active already.",
                    )
                ],
            },
        ),
    ]
