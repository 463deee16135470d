"""How far the vectors of passages are, and text search in each collection's language.

The vectors' own table is made where a server for them is set (`knowledge.search.vectors`).
"""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import migrations, models
from django.db.models import F

import knowledge.models

# As they were on that day: a migration knows nothing of what the house has become since.
_CONFIGS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}


def _languages_follow(apps, schema_editor):
    chunks, collections = (apps.get_model("knowledge", name) for name in ("Chunk", "Collection"))
    for collection in collections.objects.all():
        language = collection.language.lower().replace("_", "-").split("-")[0]
        config = _CONFIGS.get(language, "simple")
        if config != "english":
            chunks.objects.filter(document__collection=collection).update(config=config)


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0004_cards"),
    ]

    operations = [
        migrations.CreateModel(
            name="VectorState",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("mark", models.TextField(blank=True, default="")),
                ("dimensions", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0, verbose_name="passages with a vector")),
                ("total", models.PositiveIntegerField(default=0, verbose_name="passages")),
                ("revisions", models.CharField(blank=True, default="", max_length=64)),
                ("complete_at", models.DateTimeField(blank=True, null=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                ("taken_until", models.DateTimeField(blank=True, null=True)),
                ("fault", models.CharField(blank=True, default="", max_length=20)),
                ("fault_number", models.PositiveIntegerField(default=0)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.RemoveIndex(model_name="chunk", name="chunk_search"),
        migrations.RemoveField(model_name="chunk", name="search"),
        migrations.AddField(
            model_name="chunk",
            name="config",
            field=knowledge.models.ConfigField(default="english", editable=False),
        ),
        migrations.RunPython(_languages_follow, migrations.RunPython.noop, elidable=True),
        migrations.AddField(
            model_name="chunk",
            name="search",
            field=models.GeneratedField(
                db_persist=True,
                expression=SearchVector("heading_path", weight="A", config=F("config"))
                + SearchVector("text", weight="B", config=F("config")),
                output_field=SearchVectorField(),
            ),
        ),
        migrations.AddIndex(model_name="chunk", index=GinIndex(fields=["search"], name="chunk_search")),
    ]
